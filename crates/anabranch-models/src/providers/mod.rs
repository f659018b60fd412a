//! The providers: which there are, which is meant, and what they read from the environment.

#[cfg(feature = "openai")]
pub(crate) mod openai;

use std::sync::{Arc, Once};

use anabranch_core::{Error, ErrorKind, Result};

use crate::backend::ChatBackend;
use crate::scripted::ScriptedModel;

/// What a provider's folder says about itself.
struct Provider {
    /// As it stands in names, and the name of its feature.
    name: &'static str,
    /// `None` where its feature is off.
    build: Option<Build>,
    /// It is configured when one of these variables is set.
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

/// In the order in which the environment is searched for them.
const PROVIDERS: &[Provider] = &[Provider {
    name: "openai",
    #[cfg(feature = "openai")]
    build: Some(openai::from_environment),
    #[cfg(not(feature = "openai"))]
    build: None,
    configured_by: &["OPENAI_API_KEY", "OPENAI_BASE_URL"],
    default_model: "gpt-4o-mini",
}];

/// The name of the model that needs no provider.
const SCRIPTED: &str = "scripted";

/// The model with a name.
pub(crate) fn by_name(name: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    let name = name.trim();
    if name == SCRIPTED {
        return Ok(Arc::new(ScriptedModel::offline()));
    }
    let unknown = |message: String| {
        let known: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).chain([SCRIPTED]).collect();
        Err(Error::new(ErrorKind::Configuration, format!("{message}; known providers: {}", known.join(", "))))
    };
    let (wanted, model) = name.split_once(':').unwrap_or((name, ""));
    let Some(provider) = PROVIDERS.iter().find(|provider| provider.name == wanted) else {
        return match model {
            "" => unknown("a model is named `provider:model`, such as `openai:gpt-4o-mini`".into()),
            _ => unknown(format!("there is no provider `{wanted}`")),
        };
    };
    if model.is_empty() {
        return unknown(format!("`{wanted}` names no model: say which, such as `{wanted}:{}`", provider.default_model));
    }
    match provider.build {
        Some(build) => build(model, environment),
        None => Err(Error::new(
            ErrorKind::Configuration,
            format!("provider `{wanted}` is not compiled in: enable the feature \"{wanted}\""),
        )),
    }
}

/// The model that the environment asks for.
pub(crate) fn from_env(environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    if let Some(name) = environment("ANABRANCH_MODEL") {
        return by_name(&name, environment).map_err(|error| error.at("ANABRANCH_MODEL"));
    }
    let is_set = |variable: &&str| environment(variable).is_some();
    for provider in PROVIDERS.iter().filter(|provider| provider.configured_by.iter().any(is_set)) {
        if let Some(build) = provider.build {
            return build(provider.default_model, environment);
        }
    }
    say_that_it_is_offline();
    Ok(Arc::new(ScriptedModel::offline()))
}

/// Once for each process: a program may ask for its model many times.
#[expect(clippy::print_stderr, reason = "whoever runs an example must learn that no model was asked")]
fn say_that_it_is_offline() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        eprintln!(
            "anabranch: no model is configured, so the answers are scripted; for real ones enable a provider's feature \
             (`--features openai`) and set OPENAI_API_KEY, or ANABRANCH_MODEL=provider:model"
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(backend: Result<Arc<dyn ChatBackend>>) -> String {
        match backend {
            Ok(backend) => backend.name().to_string(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                error.to_string()
            }
        }
    }

    #[test]
    fn names_that_are_none_say_what_there_is() {
        let found = |wanted| name(by_name(wanted, &|_| None));
        assert_eq!(found("scripted"), "scripted");
        assert!(found("gpt-4o-mini").ends_with("known providers: openai, scripted"));
        assert!(found("nobody:gpt").contains("no provider `nobody`"));
        assert!(found("openai").contains("such as `openai:gpt-4o-mini`"));
        assert!(found("openai:").contains("names no model"));
        assert!(found("").contains("provider:model"));
    }

    #[test]
    #[cfg(not(feature = "openai"))]
    fn a_provider_that_is_not_compiled_in_names_its_feature() {
        let error = name(by_name("openai:gpt-4o-mini", &|_| None));
        assert!(error.contains("enable the feature \"openai\""), "{error}");
        assert_eq!(name(from_env(&|variable| (variable == "OPENAI_API_KEY").then(|| "key".into()))), "scripted");
    }

    #[test]
    #[cfg(feature = "openai")]
    fn the_environment_chooses() {
        let from = |set: &[(&str, &str)]| {
            let set: Vec<_> = set.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            name(from_env(&move |variable| set.iter().find(|(key, _)| key == variable).map(|(_, value)| value.clone())))
        };
        let local = ("OPENAI_BASE_URL", "http://localhost:1/v1");
        assert_eq!(from(&[]), "scripted");
        assert_eq!(from(&[local]), "openai:gpt-4o-mini");
        assert_eq!(from(&[local, ("ANABRANCH_MODEL", "openai:tiny")]), "openai:tiny");
        assert_eq!(from(&[local, ("ANABRANCH_MODEL", "scripted")]), "scripted");
        let error = from(&[("ANABRANCH_MODEL", "openai:tiny")]);
        assert!(error.contains("ANABRANCH_MODEL") && error.contains("OPENAI_API_KEY"), "{error}");
    }
}
