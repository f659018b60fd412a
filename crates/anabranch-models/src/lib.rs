//! Chat models: [`ChatModel`], what users hold; [`ChatBackend`], what adapters implement; [`ScriptedModel`], which
//! needs neither key nor network; and the providers, each behind a feature of its own.
//!
//! Programs use this crate through the crate `anabranch`. Without a provider's feature there is no HTTP and no TLS in
//! the tree.
//!
//! | to | use |
//! |---|---|
//! | choose a model by name | [`ChatModel::new`]: `openai:gpt-4o-mini` |
//! | let the environment choose | [`ChatModel::from_env`] |
//! | have an example run without a key | [`ChatModel::from_env_or_offline`] |
//! | say where the server is and what the key is | `OpenAi` (feature `openai`) |
//! | test without a network | [`ScriptedModel`] |
//! | bring a provider of your own | [`ChatBackend`], [`ChatModel::from_backend`] |

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod backend;
mod chat_model;
mod options;
mod providers;
mod scripted;
#[cfg(feature = "_http")]
mod transport;

pub use backend::{ChatBackend, ChatCall, ChatRequest};
pub use chat_model::ChatModel;
pub use options::ChatOptions;
#[cfg(feature = "openai")]
pub use providers::openai::OpenAi;
pub use scripted::{Pieces, Reply, ScriptedModel};
#[cfg(feature = "_http")]
pub use transport::Secret;
