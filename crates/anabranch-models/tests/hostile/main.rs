//! What a server can do to a client on purpose: every case ends in an answer or in an error of a kind, in bounded memory
//! and in bounded time, for every provider, whole and streamed.
//!
//! Memory is counted, not guessed: the allocator of this target counts what the thread of the client holds at most. The
//! servers are threads of their own.
#![cfg(all(feature = "anthropic", feature = "gemini", feature = "ollama", feature = "openai"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod apis;
mod bodies;
mod harness;
mod lists;
mod network;
