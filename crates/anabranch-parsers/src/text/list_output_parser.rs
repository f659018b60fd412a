//! [`ListOutputParser`]: lists as people write them.

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;
use futures_util::stream::unfold;

use crate::answer::Answer;
use crate::answer::thinking::{EndWithoutBegin, Thoughts, without_thoughts};
use crate::output_parser::OutputParser;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::text::items::{Items, Style};

/// Takes a list out of an answer, and streams its items, each as it is complete.
///
/// ```
/// use anabranch_parsers::ListOutputParser;
///
/// let items = ListOutputParser::comma_separated().parse("Weser, \"Aller, the\", Leine")?;
/// assert_eq!(items, ["Weser", "Aller, the", "Leine"]);
///
/// let items = ListOutputParser::numbered().parse("Two rivers:\n\n1. Weser\n2) Aller\n\nThat is all.")?;
/// assert_eq!(items, ["Weser", "Aller"]);
///
/// let items = ListOutputParser::markdown().parse("- Weser - the long one\n* Aller")?;
/// assert_eq!(items, ["Weser - the long one", "Aller"]);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// An item of a numbered or a Markdown list goes on in the lines after it that are indented deeper than its mark; a line
/// break in it is a space, as it is in Markdown.
///
/// Words without an item are the empty list; an answer without words is an error. So is one that was cut off, after the
/// items that were complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "CommaSeparatedListOutputParser")]
#[doc(alias = "NumberedListOutputParser")]
#[doc(alias = "MarkdownListOutputParser")]
pub struct ListOutputParser {
    style: Style,
}

impl ListOutputParser {
    /// Items with commas or line breaks between them. One in double quotes may hold commas; a quote in it stands twice.
    #[must_use]
    pub const fn comma_separated() -> Self {
        Self { style: Style::Commas }
    }

    /// Lines that begin with a number and a point or a parenthesis. Other lines are no part of the list, unless an item
    /// goes on in them.
    #[must_use]
    pub const fn numbered() -> Self {
        Self { style: Style::Numbers }
    }

    /// Lines that begin with a dash, a star, a plus or a bullet (`•`). Other lines are no part of the list, unless an item
    /// goes on in them.
    #[must_use]
    pub const fn markdown() -> Self {
        Self { style: Style::Dashes }
    }

    /// The items in a text.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](anabranch_core::ErrorKind::Parse) where there are no words, or a quote is not closed.
    pub fn parse(&self, text: &str) -> Result<Vec<String>> {
        self.read(Answer::text(text))
    }

    fn read(&self, answer: Answer<'_>) -> Result<Vec<String>> {
        let answer = answer.whole()?;
        let mut items = Items::new(self.style);
        // How deep the first line is indented matters, too.
        answer.words()?;
        let mut list = items.push(&without_thoughts(answer.text.to_string()));
        list.extend(items.finish().map_err(|error| error.with_text(&answer.text))?);
        Ok(list)
    }
}

struct Listing<'a> {
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    thoughts: Thoughts,
    items: Items,
}

impl Listing<'_> {
    fn push(&mut self, piece: AiMessage) -> Result<Vec<String>> {
        let text = self.thoughts.push(piece.text().into_owned());
        self.whole.append(piece);
        match text {
            Ok(text) => Ok(self.items.push(&text)),
            Err(EndWithoutBegin) => {
                let error = ParseError::new(ParseErrorKind::Thought, "a thought ended that did not begin");
                Err(error.with_text(&self.whole.text()))
            }
        }
    }

    fn last(mut self) -> Result<Vec<String>> {
        let answer = Answer::of(&self.whole)?.whole()?;
        answer.words()?;
        self.items.finish().map_err(|error| error.with_text(&answer.text))
    }
}

impl Runnable for ListOutputParser {
    type Input = AiMessage;
    type Output = Vec<String>;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<Vec<String>> {
        self.parse_answer(&answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, Vec<String>> {
        Chunks::deferred(async move {
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                let whole = async move { self.parse_answer(&answer.collect().await?) };
                return Ok(Chunks::new(futures_util::stream::once(whole), Merge::extend()));
            }
            let (items, thoughts) = (Items::new(self.style), Thoughts::new());
            let listing = Listing { answer, whole: AiMessage::default(), thoughts, items };
            let lists = unfold(Some(listing), |listing| async move {
                let mut listing = listing?;
                loop {
                    let (items, is_last) = match listing.answer.next().await {
                        Some(piece) => (piece.and_then(|piece| listing.push(piece)), false),
                        None => {
                            let last = listing.last();
                            return (!matches!(&last, Ok(last) if last.is_empty())).then_some((each(last), None));
                        }
                    };
                    match items {
                        Ok(items) if items.is_empty() => {}
                        Ok(items) => return Some((each(Ok(items)), (!is_last).then_some(listing))),
                        Err(error) => return Some((each(Err(error)), None)),
                    }
                }
            });
            let items = futures_util::StreamExt::flat_map(lists, futures_util::stream::iter);
            Ok(Chunks::new(items, Merge::extend()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "ListOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "ListOutputParser")
    }
}

/// A list for each item.
fn each(items: Result<Vec<String>>) -> Vec<Result<Vec<String>>> {
    match items {
        Ok(items) => items.into_iter().map(|item| Ok(vec![item])).collect(),
        Err(error) => vec![Err(error)],
    }
}

impl OutputParser for ListOutputParser {
    fn format_instructions(&self) -> String {
        let instructions = match self.style {
            Style::Commas => {
                "Answer with a list with commas between its items and nothing else, such as: foo, bar, baz"
            }
            Style::Numbers => "Answer with a numbered list, an item on each line, such as:\n1. foo\n2. bar",
            Style::Dashes => "Answer with a Markdown list, an item on each line, such as:\n- foo\n- bar",
        };
        instructions.to_string()
    }

    fn parse_answer(&self, answer: &AiMessage) -> Result<Vec<String>> {
        self.read(Answer::of(answer)?)
    }
}

pipe_operator!(impl for ListOutputParser);
