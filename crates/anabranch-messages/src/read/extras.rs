//! What is said of a part besides what it says.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use crate::by_provider::ByProvider;
use crate::extras::{Extra, Extras};

/// Fields of other libraries that have no place here, and whose they are.
const FOREIGN: &[(&str, &str)] = &[
    ("caller", "anthropic"),
    ("server_name", "anthropic"),
    ("extras", "langchain"),
    ("metadata", "langchain"),
    ("logprobs", "openai"),
    ("phase", "openai"),
    ("status", "openai"),
];

/// Fields of other libraries that are said to a provider.
const FOREIGN_OPTIONS: &[(&str, &str)] = &[("context", "anthropic"), ("title", "anthropic")];

/// What any part may have.
pub(super) fn extra(fields: &mut Fields) -> Read<Extra> {
    // It says where the part stands, and there it stands.
    fields.take("index");
    let (mut options, mut data) = by_providers(fields)?;
    for (names, entries) in [(FOREIGN, &mut data), (FOREIGN_OPTIONS, &mut options)] {
        for (name, provider) in names {
            for (name, value) in fields.besides(&[name]) {
                entries.insert(*provider, name, value);
            }
        }
    }
    Ok(Extra {
        id: fields.text("id")?,
        signature: fields.text("signature")?,
        cache_control: fields.take("cache_control"),
        options,
        data,
        ..Extra::default()
    })
}

/// [`extra`], of a part that has nothing more.
pub(super) fn extras(fields: &mut Fields) -> Read<Extras> {
    extra(fields).map(Extras::from)
}

/// What a message may have: its metadata, and what it says to providers or they to it.
pub(super) fn of_message(fields: &mut Fields, metadata: Map<String, Value>) -> Read<Extras> {
    let (options, data) = by_providers(fields)?;
    Ok(Extra { options, data, metadata, ..Extra::default() }.into())
}

fn by_providers(fields: &mut Fields) -> Read<(ByProvider, ByProvider)> {
    Ok((by_provider(fields, "provider_options")?, by_provider(fields, "provider_data")?))
}

fn by_provider(fields: &mut Fields, key: &str) -> Read<ByProvider> {
    let entries = fields.object(key)?;
    match entries.values().find(|value| !value.is_object()) {
        None => Ok(ByProvider::from(entries)),
        Some(other) => Err(Unreadable::new(format!(
            "`{key}` of {} has {} where the name of a provider should have an object",
            fields.what(),
            kind(other)
        ))),
    }
}
