//! Every recorded stream, cut after every event, and the small ones after every byte: never a panic, never a complete
//! answer that was not, never an error for one that was, never half of a tool call that would run.
//!
//! The bodies are those of the target `wire`, and the bytes take no network: a [`Transport`] of its own hands them out.
#![cfg(all(feature = "anthropic", feature = "gemini", feature = "ollama", feature = "openai"))]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../wire/fixture.rs"]
#[allow(dead_code, reason = "the other target needs all of it")]
mod fixture;
mod frames;
mod read;

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use anabranch_core::ErrorKind;
use anabranch_messages::AiMessage;
use futures::StreamExt as _;

use fixture::Fixture;
use frames::{Frames, frames};
use read::{Reading, read};

/// Bodies that are cut after every byte.
const SMALL: usize = 900;

/// Shows a line that the test harness does not swallow.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What a cut leaves, beside the whole.
struct Cut<'a> {
    fixture: &'a Fixture,
    frames: &'a Frames,
    whole: &'a Reading,
}

impl Cut<'_> {
    /// What is wrong with the body cut here.
    async fn check(&self, at: usize) -> Option<String> {
        let part = read(self.fixture, self.fixture.body[..at].to_vec()).await;
        self.wrong(at, &part).map(|what| format!("{} cut at {at}: {what}", self.fixture.name))
    }

    fn wrong(&self, at: usize, part: &Reading) -> Option<String> {
        let message = match &part.end {
            Ok(()) => &part.message,
            Err(error) => &error.partial::<AiMessage>().cloned().unwrap_or_default(),
        };
        let text = part.message.text();
        if message.text() != text {
            return Some("the error keeps something else than was handed out".into());
        }
        if !self.whole.message.text().starts_with(&*text) {
            return Some("another text than the whole".into());
        }
        let all = self.whole.calls();
        for (place, call) in message.tool_calls().iter().enumerate() {
            let same = all.get(place).is_some_and(|whole| whole.arguments().ok() == call.arguments().ok());
            if call.has_valid_arguments() && !same {
                return Some(format!("a call that would run with {}", call.raw_arguments()));
            }
        }
        self.wrong_end(at, part, message)
    }

    fn wrong_end(&self, at: usize, part: &Reading, message: &AiMessage) -> Option<String> {
        let complete = self.frames.complete.is_some_and(|complete| at >= complete);
        match &part.end {
            Ok(()) if self.frames.is_regular && !complete => Some("complete before its end".into()),
            Ok(()) if message.finish_reason().is_none() && !self.frames.marked(at) => {
                Some("complete without finish reason and without end mark".into())
            }
            Ok(()) => None,
            Err(_) if message.finish_reason().is_some() => Some("an error with a finish reason".into()),
            // What the provider reports may come after everything else.
            Err(_) if self.whole.end.is_err() => None,
            Err(error) if self.frames.is_regular && complete => Some(format!("was complete: {error}")),
            Err(error) if (error.kind(), error.is_retryable()) != (ErrorKind::IncompleteStream, true) => {
                Some(format!("not incomplete, but {error}"))
            }
            Err(_) => None,
        }
    }
}

/// A stream, and where it is cut.
struct Stream {
    fixture: Fixture,
    frames: Frames,
    whole: Reading,
    places: Vec<usize>,
}

async fn stream(fixture: Fixture) -> Stream {
    let (whole, frames) = (read(&fixture, fixture.body.clone()).await, frames(&fixture));
    let places = match fixture.body.len() {
        0..=SMALL => (0..=fixture.body.len()).collect(),
        _ => frames.ends.clone(),
    };
    Stream { fixture, frames, whole, places }
}

/// The first thing that is wrong with some of the cuts.
async fn check(stream: Arc<Stream>, places: Range<usize>) -> Option<String> {
    let cut = Cut { fixture: &stream.fixture, frames: &stream.frames, whole: &stream.whole };
    for at in &stream.places[places] {
        if let Some(wrong) = cut.check(*at).await {
            return Some(wrong);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_cut_after_every_event() {
    let Some(fixtures) = fixture::all() else { return };
    let fixtures = fixtures.into_iter().filter(|one| one.streamed && one.status == 200 && read::is_known(one));
    let streams: Vec<_> = futures::stream::iter(fixtures).then(stream).map(Arc::new).collect().await;
    let cuts: usize = streams.iter().map(|stream| stream.places.len()).sum();
    let regular = streams.iter().filter(|stream| stream.frames.is_regular).count();
    // One of them has most of the events: no worker has it alone.
    let jobs = streams.iter().flat_map(|stream| {
        let all = stream.places.len();
        (0..all).step_by(100).map(move |from| (stream.clone(), from..all.min(from + 100)))
    });
    let checks = jobs.map(|(stream, places)| tokio::spawn(check(stream, places)));
    let checks: Vec<_> = futures::stream::iter(checks).buffer_unordered(2).map(Result::unwrap).collect().await;
    say(&format!(
        "cuts: {} streams, {cuts} cuts; where {regular} of them are complete is known exactly",
        streams.len()
    ));
    let wrong: Vec<_> = checks.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_cut_after_every_byte() {
    let Some(fixtures) = fixture::all() else { return };
    let (mut documents, mut cuts, mut wrong) = (0, 0, Vec::new());
    for one in fixtures.iter().filter(|one| !one.streamed && one.status == 200 && read::is_known(one)) {
        let end = one.body.trim_ascii_end().len();
        if one.body.len() > SMALL || read(one, one.body.clone()).await.end.is_err() {
            continue;
        }
        documents += 1;
        for at in 0..end {
            cuts += 1;
            let error = read(one, one.body[..at].to_vec()).await.end.unwrap_err();
            if (error.kind(), error.is_retryable()) != (ErrorKind::IncompleteStream, true) {
                wrong.push(format!("{} cut at {at}: {error}", one.name));
                break;
            }
        }
        assert!(read(one, one.body[..end].to_vec()).await.end.is_ok(), "{}", one.name);
    }
    say(&format!("cuts: {documents} documents, {cuts} cuts"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
