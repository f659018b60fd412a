//! What goes over real sockets on loopback, through the public API.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod compatible;
mod faults;
#[cfg(feature = "gemini")]
mod gemini;
mod reader;
mod requests;
mod responses;
mod secrets;
mod server;
mod tls;
mod transport;
