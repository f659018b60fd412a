//! What goes over real sockets on loopback, through the public API.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
#[cfg(feature = "gemini")]
mod gemini;
#[cfg(feature = "gemini")]
mod gemini_round_trip;
#[cfg(feature = "ollama")]
mod ollama;
mod reader;
mod requests;
mod responses;
mod secrets;
mod server;
mod tls;
mod transport;
