use super::*;
use crate::scripted::ScriptedModel;

fn name(backend: Result<Arc<dyn ChatBackend>>) -> String {
    match backend {
        Ok(backend) => backend.name().to_string(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            error.to_string()
        }
    }
}

/// What `from_env` and `from_env_or_offline` give where these are set.
fn from(set: &[(&str, &str)]) -> (String, String) {
    let environment = |variable: &str| set.iter().find(|(key, _)| *key == variable).map(|(_, value)| value.to_string());
    let offline = || Arc::new(ScriptedModel::offline()) as Arc<dyn ChatBackend>;
    (name(from_env(&environment)), name(from_env_or(&environment, offline)))
}

#[test]
fn names_that_are_none_say_what_there_is() {
    let found = |wanted| name(by_name(wanted, &|_| None));
    assert!(found("gpt-4o-mini").contains("known providers: openai, "));
    assert!(found("nobody:gpt").contains("no provider `nobody`"));
    assert!(found("openai").contains("such as `openai:gpt-4o-mini`"));
    assert!(found("openai:").contains("names no model"));
    assert!(found("").contains("provider:model"));
}

/// A name reaches no model whose answers are made up.
#[test]
fn the_offline_model_has_no_name() {
    let found = |wanted| name(by_name(wanted, &|_| None));
    assert!(found("scripted").contains("provider:model"));
    assert!(found("offline").contains("from_env_or_offline"));
    for offline in ["offline", " offline "] {
        let (plain, or_offline) = from(&[("ANABRANCH_MODEL", offline)]);
        assert!(plain.contains("ANABRANCH_MODEL") && plain.contains("from_env_or_offline"), "{plain}");
        assert_eq!(or_offline, "offline");
    }
    let (plain, or_offline) = from(&[("ANABRANCH_MODEL", "scripted")]);
    assert_eq!(plain, or_offline);
    assert!(plain.contains("provider:model"), "{plain}");
}

#[test]
#[cfg(not(feature = "openai"))]
fn a_provider_that_is_not_compiled_in_names_its_feature() {
    let error = name(by_name("openai:gpt-4o-mini", &|_| None));
    assert!(error.contains("enable the feature \"openai\""), "{error}");
    let (error, or_offline) = from(&[]);
    let is_any_on = PROVIDERS.iter().any(|provider| provider.build.is_some());
    let expected = "enable a provider's feature: \"openai\" and set OPENAI_API_KEY or OPENAI_BASE_URL, or \"";
    assert!(is_any_on || error.contains(expected), "{error}");
    assert_eq!(or_offline, "offline");
    let (error, or_offline) = from(&[("OPENAI_API_KEY", "key")]);
    let expected = "configuration: no model is configured: enable the feature \"openai\": OPENAI_API_KEY is set, \
                    but provider `openai` is not compiled in";
    assert_eq!((error.as_str(), or_offline.as_str()), (expected, "offline"));
}

#[test]
#[cfg(feature = "openai")]
fn the_environment_chooses() {
    let both = |name: &str| (name.to_string(), name.to_string());
    let local = ("OPENAI_BASE_URL", "http://localhost:1/v1");
    let (error, or_offline) = from(&[]);
    let nothing = "configuration: no model is configured: set OPENAI_API_KEY or OPENAI_BASE_URL, or ";
    assert!(error.starts_with(nothing) && error.ends_with(", or ANABRANCH_MODEL=provider:model"), "{error}");
    assert_eq!(or_offline, "offline");
    assert_eq!(from(&[local]), both("openai:gpt-4o-mini"));
    assert_eq!(from(&[local, ("ANABRANCH_MODEL", "openai:tiny")]), both("openai:tiny"));
    let (error, or_offline) = from(&[("ANABRANCH_MODEL", "openai:tiny")]);
    assert!(error.contains("ANABRANCH_MODEL") && error.contains("OPENAI_API_KEY"), "{error}");
    assert_eq!(error, or_offline);
}

#[test]
#[cfg(all(feature = "anthropic", feature = "ollama"))]
fn others_are_found_by_name_and_by_environment() {
    let key = [("ANTHROPIC_API_KEY", "key")];
    let find = |variable: &str| (variable == key[0].0).then(|| key[0].1.to_string());
    assert_eq!(name(by_name("anthropic:claude-x", &find)), "anthropic:claude-x");
    assert_eq!(from(&key).0, "anthropic:claude-haiku-4-5");
    // A server of one's own needs no key, and is asked only where something says that there is one.
    assert_eq!(name(by_name("ollama:qwen3:4b", &|_| None)), "ollama:qwen3:4b");
    assert_eq!(from(&[("OLLAMA_HOST", "box")]).0, "ollama:llama3.2");
    assert!(from(&[]).0.contains("ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN or ANTHROPIC_BASE_URL"));
}
