//! [`JsonElements`]: the elements of a list, each as it is complete.

use std::fmt;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Error, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;
use futures_util::stream::unfold;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::json::found::{Document, Missing};
use crate::json::path::{Segment, segments_of, shown};
use crate::json::scanner::Scanner;
use crate::json::tree::elements;
use crate::json_output::parser::JsonOutputParser;
use crate::json_output::reading;
use crate::json_output::settings::JsonSettings;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::typed;
use crate::typed::type_words::type_words;

/// See [`JsonOutputParser::elements`].
pub struct JsonElements<T> {
    settings: JsonSettings,
    path: Vec<String>,
    output: PhantomData<fn() -> T>,
}

impl JsonOutputParser {
    /// A parser that gives the elements of a list, each as soon as it is complete: the third can be worked on while the
    /// fourth is being written. Invoked, it gives the whole list.
    ///
    /// ```
    /// use anabranch_core::{Chunks, RunnableExt};
    /// use anabranch_messages::AiMessage;
    /// use anabranch_parsers::JsonOutputParser;
    /// use futures::TryStreamExt;
    ///
    /// #[derive(serde::Deserialize, Debug, PartialEq)]
    /// struct River { name: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let pieces = ["{\"rivers\": [{\"name\": \"We", "ser\"}, {\"name\"", ": \"Aller\"}]}"];
    /// let answer = Chunks::from_values(pieces.map(AiMessage::new), AiMessage::merge());
    /// let parser = JsonOutputParser::elements::<River>().within("/rivers");
    /// let rivers: Vec<Vec<River>> = parser.transform(answer).try_collect().await?;
    /// assert_eq!(rivers, [[River { name: "Weser".into() }], [River { name: "Aller".into() }]]);
    /// # Ok(()) }
    /// ```
    ///
    /// What was given cannot be taken back, so elements come early only from a document that the answer begins with, be
    /// it in a fence or not; of any other answer they come at the end. An element that does not fit, or an answer that
    /// turns out to be no JSON, ends in an error after those before it.
    #[must_use]
    pub const fn elements<T: DeserializeOwned + Send + 'static>() -> JsonElements<T> {
        JsonElements {
            settings: JsonSettings::wanting(typed::wants_list::<Vec<T>>),
            path: Vec::new(),
            output: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> JsonElements<T> {
    /// The list stands at this place in the document, a JSON pointer such as `/rivers`. Without it, the document is the
    /// list.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        self.path = segments_of(pointer);
        self
    }

    fn typed(&self, values: &[Value], from: usize, answer: &Answer<'_>) -> Result<Vec<T>> {
        let path = shown(self.path.iter().map(|key| Segment::Key(key)));
        let element = |(index, value): (usize, &Value)| {
            typed::from_value(value, &format!("{path}[{}]", from + index))
                .map_err(|error| typed::with_text::<T>(error, answer, None))
        };
        values.iter().enumerate().map(element).collect()
    }

    fn list_of<'v>(&self, document: &'v Document, answer: &Answer<'_>) -> Result<&'v [Value]> {
        elements(&document.value, &self.path).ok_or_else(|| {
            let path = shown(self.path.iter().map(|key| Segment::Key(key)));
            let message = format!("the JSON in the answer has no list of {}", type_words::<T>());
            ParseError::new(ParseErrorKind::Type, message).in_path(path).with_text(&answer.text)
        })
    }

    fn whole(&self, answer: &AiMessage) -> Result<Vec<T>> {
        let answer = Answer::of(answer)?;
        let document = reading::document(&self.settings, &answer)?.document;
        self.typed(self.list_of(&document, &answer)?, 0, &answer)
    }
}

struct Following<'a, T> {
    parser: &'a JsonElements<T>,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    scanner: Scanner,
    /// How many elements were given, of which document.
    given: usize,
    given_of: usize,
}

impl<T: DeserializeOwned> Following<'_, T> {
    fn push(&mut self, piece: AiMessage) -> Result<Vec<T>> {
        self.scanner.push(&piece.text());
        self.whole.append(piece);
        let Some(list) = self.scanner.list_at(&self.parser.path) else { return Ok(Vec::new()) };
        let of = self.scanner.followed_number();
        if list.len() <= self.given || (self.given > 0 && of != self.given_of) {
            return Ok(Vec::new());
        }
        let text = || Answer::text("");
        let elements = self.parser.typed(&list[self.given..], self.given, &text());
        self.given = list.len();
        self.given_of = of;
        elements.map_err(|error| self.with_what_came(error))
    }

    /// The text as far as it came, which is looked for only where there is an error.
    #[cold]
    fn with_what_came(&self, error: Error) -> Error {
        error.with_partial(self.whole.text().into_owned())
    }

    fn last(self) -> Result<Vec<T>> {
        let answer = Answer::of(&self.whole)?;
        let document = reading::conclude(&self.parser.settings, self.scanner, &answer)?.document;
        if self.given > 0 && document.number != self.given_of {
            return Err(reading::missing(&answer, &Missing::Several(2)));
        }
        let list = self.parser.list_of(&document, &answer)?;
        self.parser.typed(list.get(self.given..).unwrap_or_default(), self.given, &answer)
    }
}

impl<T: DeserializeOwned + Send + 'static> Runnable for JsonElements<T> {
    type Input = AiMessage;
    type Output = Vec<T>;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<Vec<T>> {
        self.whole(&answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, Vec<T>> {
        Chunks::deferred(async move {
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                let whole = async move { self.whole(&answer.collect().await?) };
                return Ok(Chunks::new(futures_util::stream::once(whole), Merge::extend()));
            }
            let following = Following {
                parser: self,
                answer,
                whole: AiMessage::default(),
                scanner: Scanner::new(self.settings.max_depth),
                given: 0,
                given_of: 0,
            };
            let elements = unfold(Some(following), |following| async move {
                let mut following = following?;
                loop {
                    let elements = match following.answer.next().await {
                        Some(Ok(piece)) => following.push(piece),
                        Some(Err(error)) => Err(error),
                        None => {
                            let last = following.last();
                            return (!matches!(&last, Ok(last) if last.is_empty())).then_some((last, None));
                        }
                    };
                    match elements {
                        Ok(elements) if elements.is_empty() => {}
                        Ok(elements) => return Some((Ok(elements), Some(following))),
                        Err(error) => return Some((Err(error), None)),
                    }
                }
            });
            Ok(Chunks::new(elements, Merge::extend()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "JsonElements"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "JsonElements")
    }
}

impl<T> Clone for JsonElements<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), path: self.path.clone(), output: PhantomData }
    }
}

impl<T> fmt::Debug for JsonElements<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonElements<{}>", type_words::<T>())
    }
}

pipe_operator!(impl<T> for JsonElements<T> where T: DeserializeOwned + Send + 'static);
