//! [`JsonEvents`]: what happens to a document while it is written.

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;
use futures_util::stream::unfold;
use serde_json::Value;

use crate::answer::Answer;
use crate::json::event::JsonEvent;
use crate::json::json_path::JsonPath;
use crate::json::scanner::Scanner;
use crate::json_output::parser::JsonOutputParser;
use crate::json_output::reading;
use crate::json_output::settings::JsonSettings;

/// See [`JsonOutputParser::events`].
#[derive(Clone)]
pub struct JsonEvents {
    settings: JsonSettings,
}

impl JsonOutputParser {
    /// Gives what happens to the document instead of the document: for a list of events, one after the other, as its
    /// text is written. Each costs what is new in it, however large the document is.
    ///
    /// ```
    /// use anabranch_core::{Chunks, RunnableExt};
    /// use anabranch_messages::AiMessage;
    /// use anabranch_parsers::{JsonEvent, JsonOutputParser};
    /// use serde_json::Value;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let pieces = ["{\"name\": \"We", "ser\", \"km", "\": 452}"];
    /// let answer = Chunks::from_values(pieces.map(AiMessage::new), AiMessage::merge());
    /// let parser = JsonOutputParser::new().events();
    /// let mut events = parser.transform(answer);
    ///
    /// let (mut river, mut complete) = (Value::Null, Vec::new());
    /// while let Some(next) = events.next().await {
    ///     for event in next? {
    ///         event.apply(&mut river);
    ///         if event.is_complete() {
    ///             complete.push((event.path().to_string(), event.path().get(&river).cloned()));
    ///         }
    ///     }
    /// }
    /// assert_eq!(complete[0], ("/name".to_string(), Some("Weser".into())));
    /// assert_eq!(complete[1], ("/km".to_string(), Some(452.into())));
    /// # Ok(()) }
    /// ```
    ///
    /// Events come of what the answer begins with and of what stands in a fence. Where it turns out that another document
    /// counts (there may be several fences, and a thought may end), that one begins anew, with a
    /// [`Began`](JsonEvent::Began) at the root. As with snapshots, an answer that turns out to be no JSON ends in an
    /// error.
    #[must_use]
    #[doc(alias = "diff")]
    pub fn events(self) -> JsonEvents {
        JsonEvents { settings: self.settings }
    }
}

struct Watching<'a> {
    settings: &'a JsonSettings,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    scanner: Scanner,
}

impl Watching<'_> {
    /// What is left to be told at the end.
    fn last(mut self) -> Result<Vec<JsonEvent>> {
        let followed = self.scanner.followed_number();
        let mut events = self.scanner.take_events();
        let read = reading::conclude(self.settings, self.scanner, &Answer::of(&self.whole)?)?;
        let document = read.document;
        if document.number == 0 || document.number != followed || !read.repairs.is_empty() {
            events = events_of(&document.value);
        }
        Ok(events)
    }
}

/// The events of a document that came at once.
fn events_of(value: &Value) -> Vec<JsonEvent> {
    let mut scanner = Scanner::new(crate::json::MAX_DEPTH).watching();
    scanner.push(&value.to_string());
    match scanner.take_events() {
        events if events.is_empty() => vec![JsonEvent::Value { path: JsonPath::default(), value: value.clone() }],
        events => events,
    }
}

impl Runnable for JsonEvents {
    type Input = AiMessage;
    type Output = Vec<JsonEvent>;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<Vec<JsonEvent>> {
        let document = reading::document(&self.settings, &Answer::of(&answer)?)?.document;
        Ok(events_of(&document.value))
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, config: &'a RunConfig) -> Chunks<'a, Vec<JsonEvent>> {
        Chunks::deferred(async move {
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                let whole = async move { self.call(answer.collect().await?, config).await };
                return Ok(Chunks::new(futures_util::stream::once(whole), Merge::extend()));
            }
            let watching = Watching {
                settings: &self.settings,
                answer,
                whole: AiMessage::default(),
                scanner: Scanner::new(self.settings.max_depth).watching(),
            };
            let events = unfold(Some(watching), |watching| async move {
                let mut watching = watching?;
                loop {
                    match watching.answer.next().await {
                        Some(Ok(piece)) => {
                            watching.scanner.push(&piece.text());
                            watching.whole.append(piece);
                            let events = watching.scanner.take_events();
                            if !events.is_empty() {
                                return Some((Ok(events), Some(watching)));
                            }
                        }
                        Some(Err(error)) => return Some((Err(error), None)),
                        None => {
                            let last = watching.last();
                            return (!matches!(&last, Ok(events) if events.is_empty())).then_some((last, None));
                        }
                    }
                }
            });
            Ok(Chunks::new(events, Merge::extend()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "JsonEvents"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "JsonEvents")
    }
}

impl std::fmt::Debug for JsonEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JsonEvents")
    }
}

pipe_operator!(impl for JsonEvents);
