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
#[cfg(not(any(feature = "openai", feature = "gemini")))]
fn a_provider_that_is_not_compiled_in_names_its_feature() {
    let error = name(by_name("openai:gpt-4o-mini", &|_| None));
    assert!(error.contains("enable the feature \"openai\""), "{error}");
    let error = name(by_name("openai-responses:gpt-5", &|_| None));
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
    assert_eq!(from(&[local, ("ANABRANCH_MODEL", "openai-responses:tiny")]), both("openai-responses:tiny"));
    let (error, or_offline) = from(&[("ANABRANCH_MODEL", "openai:tiny")]);
    assert!(error.contains("ANABRANCH_MODEL") && error.contains("OPENAI_API_KEY"), "{error}");
    assert_eq!(error, or_offline);
}

#[test]
#[cfg(feature = "gemini")]
fn either_key_of_googles_chooses_gemini() {
    for variable in ["GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        assert_eq!(from(&[(variable, "key")]).0, "gemini:gemini-2.5-flash");
    }
}
