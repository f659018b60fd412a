//! The providers: which there are, which is meant, and what they read from the environment.

#[cfg(feature = "anthropic")]
pub(crate) mod anthropic;
#[cfg(any(feature = "gemini", feature = "ollama", feature = "openai"))]
pub(crate) mod embeddings;
#[cfg(feature = "gemini")]
pub(crate) mod gemini;
#[cfg(feature = "ollama")]
pub(crate) mod ollama;
#[cfg(feature = "openai")]
pub(crate) mod openai;
#[cfg(feature = "openai")]
pub(crate) mod warnings;

use std::sync::{Arc, Once};

use anabranch_core::{Error, ErrorKind, Result};
#[cfg(any(feature = "gemini", feature = "openai"))]
use serde_json::{Map, Value};

use crate::backend::ChatBackend;

/// What a provider's folder says about itself.
struct Provider {
    /// As it stands in names. Up to a dash it is the name of its feature.
    name: &'static str,
    /// `None` where its feature is off.
    build: Option<Build>,
    /// It is configured when one of these variables is set. Without any it is reached by its name only.
    configured_by: &'static [&'static str],
    /// The model where the environment names none.
    default_model: &'static str,
}

type Build = fn(&str, Environment<'_>) -> Result<Arc<dyn ChatBackend>>;

/// Looks a variable up; one that is empty counts as not set.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of the process.
pub(crate) fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

/// Puts fields of the user's into a request, where they win, member by member; null takes a member out.
#[cfg(any(feature = "gemini", feature = "openai"))]
pub(crate) fn merge(document: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (document.get_mut(key), value) {
            (_, Value::Null) => _ = document.shift_remove(key),
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more),
            (_, value) => _ = document.insert(key.clone(), value.clone()),
        }
    }
}

/// In the order in which the environment is searched for them.
const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        #[cfg(feature = "openai")]
        build: Some(openai::from_environment),
        #[cfg(not(feature = "openai"))]
        build: None,
        configured_by: &["OPENAI_API_KEY", "OPENAI_BASE_URL"],
        default_model: "gpt-4o-mini",
    },
    Provider {
        name: "anthropic",
        #[cfg(feature = "anthropic")]
        build: Some(anthropic::from_environment),
        #[cfg(not(feature = "anthropic"))]
        build: None,
        configured_by: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"],
        default_model: "claude-haiku-4-5",
    },
    Provider {
        name: "openai-responses",
        #[cfg(feature = "openai")]
        build: Some(openai::responses_from_environment),
        #[cfg(not(feature = "openai"))]
        build: None,
        configured_by: &[],
        default_model: "gpt-5-mini",
    },
    Provider {
        name: "gemini",
        #[cfg(feature = "gemini")]
        build: Some(gemini::from_environment),
        #[cfg(not(feature = "gemini"))]
        build: None,
        configured_by: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        default_model: "gemini-2.5-flash",
    },
    Provider {
        name: "ollama",
        #[cfg(feature = "ollama")]
        build: Some(ollama::from_environment),
        #[cfg(not(feature = "ollama"))]
        build: None,
        configured_by: &["OLLAMA_HOST"],
        default_model: "llama3.2",
    },
];

/// Servers that speak the language of OpenAI's APIs, which its feature knows by name.
const COMPATIBLE: &[&str] = &[
    "azure",
    "openrouter",
    "groq",
    "mistral",
    "deepseek",
    "xai",
    "together",
    "perplexity",
    "vllm",
    "llamacpp",
    "lmstudio",
];

/// Whether the name is one of those, or of their Responses API.
fn is_compatible(name: &str) -> bool {
    COMPATIBLE.contains(&name.strip_suffix("-responses").unwrap_or(name))
}

/// The variable that names the model.
const MODEL: &str = "ANABRANCH_MODEL";

/// What [`MODEL`] says where the offline model is wanted.
const OFFLINE: &str = "offline";

fn misconfigured(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

/// The model with a name.
pub(crate) fn by_name(name: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    let name = name.trim();
    let unknown = |message: String| {
        let known: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).chain(COMPATIBLE.iter().copied()).collect();
        Err(misconfigured(format!("{message}; known providers: {}", known.join(", "))))
    };
    let (wanted, model) = name.split_once(':').unwrap_or((name, ""));
    let off = |feature: &str| {
        Err(misconfigured(format!("provider `{wanted}` is not compiled in: enable the feature \"{feature}\"")))
    };
    if is_compatible(wanted) {
        if model.is_empty() {
            return unknown(format!("`{wanted}` names no model: say which, such as `{wanted}:its-name`"));
        }
        #[cfg(feature = "openai")]
        if let Some(backend) = openai::by_name(wanted, model, environment) {
            return backend;
        }
        return off("openai");
    }
    let Some(provider) = PROVIDERS.iter().find(|provider| provider.name == wanted) else {
        return match (wanted, model) {
            (OFFLINE, "") => unknown("only `ChatModel::from_env_or_offline` gives the offline model".into()),
            (_, "") => unknown("a model is named `provider:model`, such as `openai:gpt-4o-mini`".into()),
            _ => unknown(format!("there is no provider `{wanted}`")),
        };
    };
    if model.is_empty() {
        return unknown(format!("`{wanted}` names no model: say which, such as `{wanted}:{}`", provider.default_model));
    }
    match provider.build {
        Some(build) => build(model, environment),
        None => off(provider.feature()),
    }
}

/// The embedding model with a name.
pub(crate) fn embeddings_by_name(
    name: &str,
    environment: Environment<'_>,
) -> Result<Arc<dyn crate::embedding_backend::EmbeddingBackend>> {
    let (provider, model) = name.trim().split_once(':').unwrap_or((name, ""));
    let _ = environment;
    match (provider, model) {
        (_, "") => Err(misconfigured(
            "an embedding model is named `provider:model`, such as `openai:text-embedding-3-small`".into(),
        )),
        #[cfg(feature = "openai")]
        ("openai", _) => openai::embeddings_from_environment(model, environment),
        #[cfg(feature = "gemini")]
        ("gemini", _) => gemini::embeddings_from_environment(model, environment),
        #[cfg(feature = "ollama")]
        ("ollama", _) => ollama::embeddings_from_environment(model, environment),
        (known, _) if ["openai", "gemini", "ollama"].contains(&known) => {
            Err(misconfigured(format!("provider `{known}` is not compiled in: enable the feature \"{known}\"")))
        }
        _ => Err(misconfigured(format!(
            "there is no provider `{provider}` of embeddings; known providers: openai, gemini, ollama"
        ))),
    }
}

/// The model that the environment asks for.
pub(crate) fn from_env(environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    configured(environment)?
        .ok_or_else(|| misconfigured(format!("no model is configured: {}", what_to_do(environment))))
}

/// The model that the environment asks for, or this one.
pub(crate) fn from_env_or(
    environment: Environment<'_>,
    offline: impl FnOnce() -> Arc<dyn ChatBackend>,
) -> Result<Arc<dyn ChatBackend>> {
    if environment(MODEL).is_some_and(|name| name.trim() == OFFLINE) {
        say_that_it_is_offline("`ANABRANCH_MODEL` is `offline`");
    } else if let Some(model) = configured(environment)? {
        return Ok(model);
    } else {
        say_that_it_is_offline(&format!("no model is configured; for real ones, {}", what_to_do(environment)));
    }
    Ok(offline())
}

/// The model that the environment asks for, if it asks for one.
fn configured(environment: Environment<'_>) -> Result<Option<Arc<dyn ChatBackend>>> {
    if let Some(name) = environment(MODEL) {
        return by_name(&name, environment).map(Some).map_err(|error| error.at(MODEL));
    }
    PROVIDERS
        .iter()
        .filter(|provider| provider.variable_set(environment).is_some())
        .find_map(|provider| provider.build.map(|build| build(provider.default_model, environment)))
        .transpose()
}

/// What to set where nothing is configured, or which feature to enable.
#[cold]
fn what_to_do(environment: Environment<'_>) -> String {
    // Somebody did set something.
    let by_variable = || PROVIDERS.iter().filter(|provider| !provider.configured_by.is_empty());
    let off = by_variable().filter(|provider| provider.build.is_none());
    if let Some((variable, Provider { name, .. })) =
        off.clone().find_map(|provider| Some((provider.variable_set(environment)?, provider)))
    {
        return format!("enable the feature \"{name}\": {variable} is set, but provider `{name}` is not compiled in");
    }
    let variables = |provider: &Provider| provider.configured_by.join(" or ");
    let on: Vec<_> = by_variable().filter(|provider| provider.build.is_some()).map(variables).collect();
    if on.is_empty() {
        let all: Vec<_> =
            off.map(|provider| format!("\"{}\" and set {}", provider.name, variables(provider))).collect();
        return format!("enable a provider's feature: {}", all.join(", or "));
    }
    format!("set {}, or {MODEL}=provider:model", on.join(", or "))
}

impl Provider {
    fn feature(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(family, _)| family)
    }

    /// The variable by which it is configured.
    fn variable_set(&self, environment: Environment<'_>) -> Option<&'static str> {
        self.configured_by.iter().copied().find(|variable| environment(variable).is_some())
    }
}

/// Once for each process: a program may ask for its model many times.
#[expect(clippy::print_stderr, reason = "whoever runs an example must learn that no model was asked")]
fn say_that_it_is_offline(why: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| eprintln!("anabranch: the answers are made up, because {why}"));
}

#[cfg(test)]
mod tests;
