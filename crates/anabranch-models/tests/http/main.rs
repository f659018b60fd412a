//! What goes over real sockets on loopback, through the public API.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "anthropic")]
mod anthropic;
mod compatible;
mod connections;
#[cfg(any(feature = "gemini", feature = "ollama"))]
mod double;
mod faults;
#[cfg(feature = "gemini")]
mod gemini;
#[cfg(feature = "gemini")]
mod gemini_round_trip;
#[cfg(feature = "gemini")]
mod gemini_vertex;
#[cfg(feature = "ollama")]
mod ollama;
#[cfg(feature = "ollama")]
mod ollama_round_trip;
mod proxy;
mod reader;
mod requests;
mod responses;
mod runtimes;
mod secrets;
mod server;
#[cfg(any(feature = "gemini", feature = "ollama"))]
mod strange;
mod tls;
mod tokens;
mod transport;
