//! The requests that were recorded, beside those that the adapters build from the same conversations.
//!
//! A provider says how its requests are read ([`Asked::ask`]) and which of their forms mean the same
//! ([`Asked::normal`]); everything else must be equal. What differs on purpose is listed with the reason.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_messages::Messages;
use anabranch_models::ChatModel;
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use serde_json::{Map, Value};

use crate::fixture::Fixture;
use crate::{fixture, say};

/// How a provider takes part.
pub(crate) struct Asked {
    /// As in the manifest.
    pub(crate) api: &'static str,
    /// A model of this name behind a transport.
    pub(crate) model: fn(&str, Recorder) -> Result<ChatModel>,
    /// The settings and the conversation of a request. What it takes out of the request, it has set; the rest is sent
    /// as it is.
    pub(crate) ask: fn(ChatModel, &mut Map<String, Value>) -> (ChatModel, Messages),
    /// A request in the form in which equal meaning is equality.
    pub(crate) normal: fn(Value) -> Value,
    /// What is different on purpose: the end of a fixture's name, the beginning of the difference, the reason.
    pub(crate) deviations: &'static [(&'static str, &'static str, &'static str)],
}

const ASKED: &[&Asked] = &[
    #[cfg(feature = "anthropic")]
    &crate::anthropic_messages::ASKED,
    #[cfg(feature = "ollama")]
    &crate::ollama_chat::ASKED,
    #[cfg(feature = "gemini")]
    &crate::gemini::ASKED,
    #[cfg(feature = "openai")]
    &crate::openai_responses::ASKED,
];

/// Keeps the request and answers nothing.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Option<Bytes>>>);

impl Recorder {
    /// What was sent last.
    #[cfg(feature = "openai")]
    pub(crate) fn body(&self) -> Value {
        serde_json::from_slice(&self.0.lock().unwrap().take().unwrap()).unwrap()
    }
}

#[async_trait::async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        *self.0.lock().unwrap() = Some(request.into_body());
        Err(Error::new(ErrorKind::Connection, "it was enough to see the request"))
    }
}

/// What the adapter sends.
pub(crate) async fn sent(
    asked: &Asked,
    model: &str,
    ask: impl FnOnce(ChatModel) -> (ChatModel, Messages),
    streamed: bool,
) -> Value {
    let recorder = Recorder::default();
    let (llm, messages) = ask((asked.model)(model, recorder.clone()).unwrap());
    let error = match streamed {
        true => llm.stream(messages).next().await.unwrap().unwrap_err(),
        false => llm.invoke(messages).await.unwrap_err(),
    };
    let body = recorder.0.lock().unwrap().take();
    serde_json::from_slice(&body.unwrap_or_else(|| panic!("nothing was sent: {error}"))).unwrap()
}

/// What the adapter sends for the conversation of a recorded request.
async fn sent_again(asked: &Asked, fixture: &Fixture, recorded: &Value) -> Value {
    let mut rest = recorded.as_object().unwrap().clone();
    let streamed = rest.shift_remove("stream").is_some_and(|stream| stream == true);
    let model = rest.shift_remove("model");
    // It may stand in the address: whoever answered was asked.
    let model = model.as_ref().and_then(Value::as_str).or(fixture.expect["model"].as_str()).unwrap_or("unknown");
    let ask = |llm| {
        let (llm, messages) = (asked.ask)(llm, &mut rest);
        (rest.into_iter().fold(llm, |llm, (key, value)| llm.option(key, value)), messages)
    };
    sent(asked, model, ask, streamed).await
}

/// Where two values differ.
fn compare(path: &str, expected: &Value, sent: &Value, found: &mut Vec<String>) {
    match (expected, sent) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
                let (one, other) = (one.get(key), other.get(key));
                match (one, other) {
                    (Some(one), Some(other)) => compare(&format!("{path}/{key}"), one, other, found),
                    _ => found.push(format!("{path}/{key}: recorded {one:?}, sent {other:?}")),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{place}"), one, other, found);
            }
        }
        _ if expected == sent => {}
        _ => found.push(format!("{path}: recorded {expected}, sent {sent}")),
    }
}

#[tokio::test]
async fn the_same_conversation_makes_the_same_request() {
    let Some(folder) = fixture::folder() else { return };
    let fixtures = fixture::all().unwrap();
    let mut wrong = Vec::new();
    for asked in ASKED {
        let (mut count, mut used) = (0, BTreeSet::new());
        for fixture in fixtures.iter().filter(|fixture| fixture.api == asked.api) {
            let Ok(recorded) = std::fs::read(folder.join(format!("{}.request.json", fixture.name))) else { continue };
            let recorded: Value = serde_json::from_slice(&recorded).unwrap();
            let sent = sent_again(asked, fixture, &recorded).await;
            let mut found = Vec::new();
            compare("", &(asked.normal)(recorded), &(asked.normal)(sent), &mut found);
            found.retain(|difference| {
                let is_this =
                    |(name, what, _): &(&str, &str, &str)| fixture.name.ends_with(name) && difference.starts_with(what);
                let place = asked.deviations.iter().position(is_this);
                used.extend(place);
                place.is_none()
            });
            count += 1;
            if !found.is_empty() {
                wrong.push(format!("{}:\n    {}", fixture.name, found.join("\n    ")));
            }
        }
        let unused = (0..asked.deviations.len()).filter(|place| !used.contains(place));
        wrong.extend(unused.map(|place| format!("this is no deviation: {:?}", asked.deviations[place])));
        let deviations = asked.deviations.len();
        say(&format!("wire: {}: {count} requests compared, {deviations} differ on purpose", asked.api));
    }
    assert!(wrong.is_empty(), "{} requests are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
