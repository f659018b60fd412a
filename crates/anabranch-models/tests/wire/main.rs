//! The recorded traffic of many servers, over real sockets: what a correct client reads from it.
//!
//! The bodies lie outside of the project (their licences are their own): in the folder that `ANABRANCH_WIRE_FIXTURES`
//! names, or in `../shared/wire/fixtures` beside the workspace. Each is served cut in pieces of several sizes, and
//! everything that its expectation lists is compared. What is judged differently on purpose stands in the provider's
//! file, with the reason.
//!
//! A provider joins in with a file of its own and a line in [`PROVIDERS`].
#![cfg(feature = "_http")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "anthropic")]
mod anthropic_messages;
mod compare;
mod fixture;
#[cfg(feature = "gemini")]
mod gemini;
#[cfg(feature = "ollama")]
mod ollama_chat;
#[cfg(feature = "openai")]
mod openai_chat;
#[cfg(feature = "openai")]
mod openai_responses;
#[cfg(any(feature = "anthropic", feature = "gemini", feature = "ollama", feature = "openai"))]
mod requests;
mod server;
#[cfg(feature = "testing")]
mod sse;

use std::collections::BTreeSet;
use std::io::Write;

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::{AiMessage, Usage};
use anabranch_models::ChatModel;
use futures::StreamExt as _;
use serde_json::Value;

use fixture::Fixture;

/// How a provider takes part.
pub(crate) struct Provider {
    /// As in the manifest.
    pub(crate) api: &'static str,
    /// The model of a server at this address, such as `http://127.0.0.1:4711`.
    pub(crate) model: fn(&str) -> Result<ChatModel>,
    /// What was used, in the provider's own definitions: `input`, `output`, `total`, `cached_input`, `cache_write`,
    /// `reasoning`.
    pub(crate) usage: fn(&Usage) -> Value,
    /// Further members of an expectation that this provider's messages hold, such as `grounding`.
    pub(crate) more: fn(&AiMessage) -> Vec<(&'static str, Value)>,
    /// What is judged differently on purpose: the end of a fixture's name, the beginning of the difference, the reason.
    pub(crate) deviations: &'static [(&'static str, &'static str, &'static str)],
}

const PROVIDERS: &[&Provider] = &[
    #[cfg(feature = "openai")]
    &openai_chat::PROVIDER,
    #[cfg(feature = "anthropic")]
    &anthropic_messages::PROVIDER,
    #[cfg(feature = "openai")]
    &openai_responses::PROVIDER,
    #[cfg(feature = "gemini")]
    &gemini::PROVIDER,
    #[cfg(feature = "ollama")]
    &ollama_chat::PROVIDER,
];

/// Shows a line that the test harness does not swallow.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What came, and how it ended.
pub(crate) struct Reading {
    pub(crate) message: AiMessage,
    pub(crate) end: Result<()>,
}

/// Reads an answer in the way users do.
async fn read(llm: &ChatModel, streamed: bool) -> Reading {
    if !streamed {
        return match llm.invoke("Hi").await {
            Ok(message) => Reading { message, end: Ok(()) },
            Err(error) => Reading { message: AiMessage::default(), end: Err(error) },
        };
    }
    let mut whole = AiMessage::merge().collector();
    let mut chunks = llm.stream("Hi");
    let mut end = Ok(());
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => {
                assert!(!chunk.is_empty(), "a chunk without anything");
                whole.push(chunk).unwrap();
            }
            Err(error) => end = Err(error),
        }
    }
    let message = whole.finish().unwrap();
    if let Err(error) = &end {
        // What was handed out before is what the error keeps.
        let kept = error.partial::<AiMessage>().map(|kept| kept.text().into_owned()).unwrap_or_default();
        assert_eq!(kept, message.text(), "the error keeps something else than was handed out");
    }
    Reading { message, end }
}

/// What is wrong with one fixture, and which deviations it used.
async fn check(provider: &Provider, fixture: &Fixture) -> (Vec<String>, Vec<usize>) {
    let (mut wrong, mut used) = (Vec::new(), Vec::new());
    for size in [1, 2, 7, 1000, usize::MAX] {
        let llm = server::serve(provider, fixture, &fixture.body, size).await;
        let reading = read(&llm, fixture.streamed).await;
        let mut found = compare::differences(provider, fixture, &reading);
        found.retain(|difference| {
            let place = compare::deliberate(provider, fixture, difference);
            used.extend(place);
            place.is_none()
        });
        if !found.is_empty() {
            wrong.push(format!("{} in pieces of {size}:\n    {}", fixture.name, found.join("\n    ")));
        }
    }
    (wrong, used)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recording_is_read_as_it_should_be() {
    let Some(fixtures) = fixture::all() else { return };
    let mut wrong = Vec::new();
    for provider in PROVIDERS {
        let own: Vec<_> = fixtures.iter().filter(|fixture| fixture.api == provider.api).collect();
        let checks = own.iter().map(|fixture| check(provider, fixture));
        let checks: Vec<_> = futures::stream::iter(checks).buffer_unordered(8).collect().await;
        let used: BTreeSet<_> = checks.iter().flat_map(|(_, used)| used).collect();
        let unused = (0..provider.deviations.len()).filter(|place| !used.contains(place));
        wrong.extend(unused.map(|place| format!("this is no deviation: {:?}", provider.deviations[place])));
        wrong.extend(checks.iter().flat_map(|(wrong, _)| wrong.clone()));
        let count = |what: &dyn Fn(&Fixture) -> bool| own.iter().filter(|fixture| what(fixture)).count();
        say(&format!(
            "wire: {}: {} documents, {} streams, {} failures, each in five cuts; {} judged differently",
            provider.api,
            count(&|fixture| fixture.status == 200 && !fixture.streamed),
            count(&|fixture| fixture.status == 200 && fixture.streamed),
            count(&|fixture| fixture.status != 200),
            provider.deviations.len(),
        ));
    }
    let is_built = |api: &str| PROVIDERS.iter().any(|provider| provider.api == api);
    let apis = fixtures.iter().map(|fixture| fixture.api.as_str());
    let silent: BTreeSet<_> = apis.filter(|api| !is_built(api)).collect();
    if !silent.is_empty() {
        say(&format!("wire: not built, so not read: {silent:?}"));
    }
    assert!(wrong.is_empty(), "{} readings are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A stream that is cut after each of its frames, or after so many of them where it is long.
async fn check_cuts(provider: &Provider, fixture: &Fixture) {
    let whole = read(&server::serve(provider, fixture, &fixture.body, usize::MAX).await, true).await.message;
    let cuts = fixture.ends_of_frames();
    for cut in cuts.iter().copied().step_by(1 + cuts.len() / 40) {
        let body = &fixture.body[..cut];
        let part = read(&server::serve(provider, fixture, body, 1000).await, true).await;
        let name = &fixture.name;
        match &part.end {
            Ok(()) => {
                let is_marked = body.ends_with(b"[DONE]\n\n");
                assert!(part.message.finish_reason().is_some() || is_marked, "{name} {cut}");
            }
            Err(error) => {
                let kept = error.partial::<AiMessage>().cloned().unwrap_or_default();
                assert!(kept.finish_reason().is_none(), "{name} {cut}");
            }
        }
        assert!(whole.text().starts_with(&*part.message.text()), "{name} {cut}");
        for (call, whole) in part.message.tool_calls().iter().zip(whole.tool_calls()) {
            let same = call.arguments().ok() == whole.arguments().ok();
            assert!(!call.has_valid_arguments() || same, "{name} {cut}");
        }
    }
}

/// Whatever is cut off after whichever event: the same beginning, and either an end or an error that says there is
/// none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_after_any_event_is_never_taken_for_whole() {
    let Some(fixtures) = fixture::all() else { return };
    for provider in PROVIDERS {
        let streams = fixtures.iter().filter(|fixture| fixture.api == provider.api);
        let streams = streams.filter(|fixture| fixture.streamed && fixture.status == 200);
        let checks: Vec<_> = streams.map(|fixture| check_cuts(provider, fixture)).collect();
        futures::stream::iter(checks).buffer_unordered(8).collect::<Vec<_>>().await;
    }
}
