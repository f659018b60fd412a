//! From the wire: an answer in chunks, a document on each line.

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::AiMessage;

use super::response::{self, Document};
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Framing, Lists, Standing};

/// What the lines of an answer say that counts once.
#[derive(Default)]
pub(super) struct Chat {
    lists: Lists,
    /// Kept for an answer that breaks off.
    model: Option<String>,
    end: Option<AiMessage>,
}

impl Decode for Chat {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        loop {
            let mut document = Document::default();
            match documents.read(&mut document) {
                Ok(true) => {
                    document.content(&mut self.lists, out)?;
                    if document.is_done() {
                        self.end = Some(document.end());
                        return Ok(Flow::End);
                    }
                    if self.model.is_none() {
                        self.model = document.model.into_string();
                    }
                }
                Ok(false) => return Ok(Flow::More),
                Err(_) => {
                    return Err(out.errors().error(ErrorKind::Parse, "sent a line that is no chunk of an answer"));
                }
            }
        }
    }

    fn standing(&self) -> Standing {
        Standing::Open
    }

    fn last(&mut self, _complete: bool, _out: &mut Assembly) -> AiMessage {
        let broken_off = || match self.model.take() {
            Some(model) => AiMessage::default().with_model(model),
            None => AiMessage::default(),
        };
        let last = self.end.take().unwrap_or_else(broken_off);
        response::with_lists(last, std::mem::take(&mut self.lists))
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        response::answer(&reader::text(body), out)
    }
}
