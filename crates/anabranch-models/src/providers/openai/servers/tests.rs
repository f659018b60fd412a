use std::collections::BTreeMap;

use anabranch_core::ErrorKind;

use super::*;

fn built(name: &str, variables: &[(&str, &str)]) -> Result<Arc<dyn ChatBackend>> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    crate::providers::by_name(name, &|variable| variables.get(variable).map(ToString::to_string))
}

#[test]
fn every_server_is_built_by_its_name() {
    for server in SERVERS {
        let KnownServer { name, key_variable, base_variable, .. } = server;
        let key = (*key_variable, "key");
        let base = (*base_variable, "http://localhost:1");
        let built_by =
            |variables: &[(&str, &str)]| built(&format!("{name}:m:free"), variables).map(|it| it.name().to_string());
        assert_eq!(built_by(&[key, base]).unwrap(), format!("{name}:m:free"));
        assert_eq!(built(&format!("{name}-responses:m"), &[key, base]).unwrap().name(), format!("{name}-responses:m"));
        // What is missing is said in the words of the server.
        match (server.needs_key, built_by(&[])) {
            (false, built) => assert!(built.is_ok(), "{name}"),
            (true, built) => {
                let error = built.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Configuration);
                let variable = if server.is_azure() { base_variable } else { key_variable };
                assert!(error.to_string().contains(variable) && error.to_string().contains(server.title), "{error}");
            }
        }
        assert_eq!(built(name, &[]).err().unwrap().kind(), ErrorKind::Configuration);
    }
    let error =
        built("azure:m", &[("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")]).err().unwrap().to_string();
    assert!(error.contains("AZURE_OPENAI_API_KEY") && error.contains("credentials"), "{error}");
}

#[test]
fn every_server_is_known_by_its_host_and_has_its_own_name() {
    let names: Vec<_> = SERVERS.iter().map(|server| server.name).collect();
    assert_eq!(names, crate::providers::COMPATIBLE);
    for server in KnownServer::all() {
        let dialect = server.dialect();
        assert_eq!(dialect.provider, server.name);
        for host in server.hosts {
            assert_eq!(OpenAiDialect::of_host(&format!("api.{host}")), dialect);
            assert_ne!(OpenAiDialect::of_host(&format!("not{host}")), dialect);
        }
        // Where it is by default is one of its hosts, or this machine.
        let Some(base) = server.base_url else { continue };
        let host = Url::parse(base).unwrap().host_str().unwrap().to_string();
        assert!(host == "localhost" || OpenAiDialect::of_host(&host) == dialect, "{base}");
    }
}

#[test]
fn azure_has_an_address_for_each_of_its_apis() {
    let endpoints =
        ["https://me.openai.azure.com", "https://me.openai.azure.com/", "https://me.openai.azure.com/openai/v1/"];
    for endpoint in endpoints {
        let base = |version, is_chat| azure_base(endpoint, "my gpt", version, is_chat);
        assert_eq!(base(None, true), "https://me.openai.azure.com/openai/v1");
        assert_eq!(base(Some("preview"), false), "https://me.openai.azure.com/openai/v1?api-version=preview");
        let dated = "https://me.openai.azure.com/openai/deployments/my%20gpt?api-version=2024-10-21";
        assert_eq!(base(Some("2024-10-21"), true), dated);
        let responses = "https://me.openai.azure.com/openai?api-version=2025-03-01-preview";
        assert_eq!(base(Some("2025-03-01-preview"), false), responses);
    }
    assert_eq!(azure_base("https://gate/a/openai", "m", None, true), "https://gate/a/openai/v1");
    assert_eq!(azure_base("nowhere", "m", None, true), "nowhere");
}

/// The table in the documentation is this one.
#[test]
fn the_documentation_lists_the_servers() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers/compatible.md");
    // A packaged crate has no pages.
    let Ok(page) = std::fs::read_to_string(page) else { return };
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).take(SERVERS.len()).collect();
    let expected: Vec<_> = SERVERS
        .iter()
        .map(|server| {
            let base = server.base_url.map_or("your endpoint".to_string(), |base| format!("`{base}`"));
            let key = if server.needs_key { "" } else { ", if it wants one" };
            let KnownServer { name, title, base_variable, key_variable, .. } = server;
            format!("| `{name}:…` | {title} | {base} | `{key_variable}`{key} | `{base_variable}` |")
        })
        .collect();
    assert_eq!(rows, expected);
}
