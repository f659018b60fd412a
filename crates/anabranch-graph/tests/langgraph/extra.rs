//! Extra cases.
