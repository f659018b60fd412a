//! What is in the log of a run is not done again, wherever the log ends.

mod graphs;
mod prefixes;
mod threads;
