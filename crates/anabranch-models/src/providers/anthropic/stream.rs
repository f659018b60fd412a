//! From the wire: an answer in chunks.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::AiMessage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::response::{Answer, Delta, Message, Piece};
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Standing, Text, in_place};
use crate::transport::is_error;

/// What reads an answer.
#[derive(Default)]
pub(super) struct Chat {
    answer: Answer,
}

in_place! {
    /// An event. Its type stands in the data, too, and is what counts.
    struct Event<'a> {
        message: Option<&'a RawValue>,
        content_block: Option<&'a RawValue>,
        usage: Option<&'a RawValue>,
        context_management: Option<&'a RawValue>,
        error: Option<&'a RawValue>,
    } in place {
        type_ as "type": Text<'a>,
        index: Text<'a>,
        delta: Option<Delta<'a>>,
    }
}

impl Decode for Chat {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        if frame.event == "error" {
            let text = documents.rest();
            let error = reader::reported(text).unwrap_or_else(|| Value::String(text.to_string()));
            return Err(out.errors().document(error));
        }
        // Some servers lose the blank line between two events.
        loop {
            // OpenRouter ends as everybody else does, too.
            if documents.take("[DONE]") {
                continue;
            }
            let text = documents.rest();
            let mut event = Event::default();
            match documents.read(&mut event) {
                Ok(true) => {
                    if self.event(&mut event, &frame.event, text, out)? == Flow::End {
                        return Ok(Flow::End);
                    }
                }
                Ok(false) => return Ok(Flow::More),
                Err(_) if is_known(&frame.event) => return Err(no_event(out)),
                // Of somebody who has more to say than this knows.
                Err(_) => return Ok(Flow::More),
            }
        }
    }

    fn standing(&self) -> Standing {
        self.answer.standing()
    }

    fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage {
        self.answer.last(complete, out)
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        self.answer.document(&reader::text(body), out)
    }
}

impl Chat {
    fn event(&mut self, event: &mut Event<'_>, name: &str, text: &str, out: &mut Assembly) -> Result<Flow> {
        let error = event.error.and_then(|error| reader::reported(error.get())).filter(is_error);
        if let Some(error) = error {
            return Err(out.errors().inside(error));
        }
        let index = event.index.0.as_deref().and_then(|index| index.parse().ok()).unwrap_or(0);
        match event.type_.0.as_deref().unwrap_or(name) {
            // What most events are.
            "content_block_delta" => {
                if let Some(piece) = event.delta.as_mut().and_then(|delta| piece(delta, text)) {
                    self.answer.piece(index, piece, out)?;
                }
            }
            "message_start" => {
                if let Some(message) = event.message {
                    let message = serde_json::from_str(message.get()).map_err(|_| no_event(out))?;
                    self.answer.begin(message, out)?;
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.answer.start(index, block, out)?;
                }
            }
            "content_block_stop" => self.answer.piece(index, Piece::Stop, out)?,
            "message_delta" => {
                let mut end = Message { usage: event.usage, ..Message::default() };
                end.context_management = event.context_management;
                if let Some(delta) = event.delta.take() {
                    (end.stop_reason, end.stop_sequence) = (delta.stop_reason, delta.stop_sequence);
                    (end.stop_details, end.container) = (delta.stop_details, delta.container);
                }
                self.answer.note(&end, out)?;
            }
            "message_stop" => return Ok(Flow::End),
            "error" => return Err(out.errors().inside(true.into())),
            _ => {}
        }
        Ok(Flow::More)
    }
}

/// What a delta adds. `text` is the event, which says more of one that is not known.
fn piece(delta: &mut Delta<'_>, text: &str) -> Option<Piece> {
    #[derive(Deserialize)]
    struct AsItCame<'a> {
        #[serde(borrow)]
        delta: Option<&'a RawValue>,
    }
    let text_of = |said: &mut Text<'_>| std::mem::take(said).into_string();
    match delta.type_.0.as_deref()? {
        "text_delta" => text_of(&mut delta.text).map(Piece::Text),
        "thinking_delta" => text_of(&mut delta.thinking).map(Piece::Thinking),
        "signature_delta" => text_of(&mut delta.signature).map(Piece::Signature),
        "citations_delta" => delta.citation.map(|citation| Piece::Citation(citation.get().to_string())),
        "input_json_delta" => text_of(&mut delta.partial_json).map(Piece::Input),
        _ => {
            let event: AsItCame<'_> = serde_json::Deserializer::from_str(text).into_iter().next()?.ok()?;
            event.delta.map(|delta| Piece::Unknown(delta.get().to_string()))
        }
    }
}

fn is_known(event: &str) -> bool {
    event.starts_with("message") || event.starts_with("content_block") || event == "data"
}

pub(super) fn no_event(out: &Assembly) -> Error {
    out.errors().error(ErrorKind::Parse, "sent an event that is none of an answer")
}
