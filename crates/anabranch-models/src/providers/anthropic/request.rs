//! To the wire: what is asked.

use anabranch_core::{Error, Result};
use anabranch_messages::{Content, ContentPart, Message, OtherPart, TextPart, ToolMessage};
use serde_json::{Map, Value, json};

use super::dialect::AnthropicDialect;
use super::response::PROVIDER;
use super::{Address, VERTEX_VERSION};
use crate::answer::Warning;
use crate::backend::ChatRequest;

mod media;
mod options;
mod turn;

/// What is posted, and what belongs to it.
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    /// What could not be put into it.
    pub(super) warnings: Vec<Warning>,
    /// What the request needs of what is not for everybody yet.
    pub(super) betas: Vec<&'static str>,
}

/// What is being written.
struct Writer<'a> {
    dialect: &'a AnthropicDialect,
    warnings: Vec<Warning>,
    betas: Vec<&'static str>,
    /// Where the provider's code waits for what comes next.
    container: Option<Value>,
}

/// The document that is posted, and what could not be put into it.
pub(super) fn document(
    request: ChatRequest,
    model: &str,
    dialect: &AnthropicDialect,
    streamed: bool,
    address: Address,
) -> Result<Written> {
    let mut writer = Writer { dialect, warnings: Vec::new(), betas: Vec::new(), container: None };
    let (system, messages) = writer.messages(request.messages)?;
    if messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer: a system message alone is none"));
    }
    let mut document = Map::new();
    match address {
        Address::Own => document.insert("model".into(), model.into()),
        Address::Vertex => document.insert("anthropic_version".into(), VERTEX_VERSION.into()),
    };
    document.insert("messages".into(), messages.into());
    if !system.is_empty() {
        document.insert("system".into(), plain(system));
    }
    writer.options(&mut document, &request.options)?;
    if let Some(container) = writer.container {
        document.insert("container".into(), container);
    }
    if streamed {
        document.insert("stream".into(), true.into());
    }
    for (key, value) in &request.options.extra {
        match value {
            Value::Null => _ = document.shift_remove(key),
            value => _ = document.insert(key.clone(), value.clone()),
        }
    }
    let body = serde_json::to_vec(&Value::Object(document))?;
    Ok(Written { body, warnings: writer.warnings, betas: writer.betas })
}

/// The list of messages as it grows: neighbours of the same role are one.
#[derive(Default)]
struct Turns(Vec<(&'static str, Vec<Value>)>);

impl Turns {
    fn add(&mut self, role: &'static str, blocks: Vec<Value>) {
        match self.0.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, there)) if *last == role => there.extend(blocks),
            _ => self.0.push((role, blocks)),
        }
    }

    fn into_messages(mut self) -> Vec<Value> {
        // A beginning of the answer, which may not end in blanks.
        if let Some(("assistant", blocks)) = self.0.last_mut() {
            if let Some(Value::String(text)) = blocks.last_mut().and_then(|last| last.get_mut("text")) {
                text.truncate(text.trim_end().len());
                if text.is_empty() {
                    blocks.pop();
                }
            }
        }
        let message = |(role, mut blocks): (&str, Vec<Value>)| {
            // Blank text alone is refused.
            let says = |block: &Value| block["text"].as_str().is_some_and(|text| !text.trim().is_empty());
            if !blocks.iter().any(says) {
                blocks.retain(|block| block["type"] != "text");
            }
            // Results of tools come before everything else.
            blocks.sort_by_key(|block| block["type"] != "tool_result");
            json!({"role": role, "content": plain(blocks)})
        };
        self.0.into_iter().map(message).filter(|message| message["content"] != json!([])).collect()
    }
}

/// Text alone is text.
fn plain(mut blocks: Vec<Value>) -> Value {
    match &mut blocks[..] {
        [Value::Object(block)] if block.len() == 2 && block["type"] == "text" => block["text"].take(),
        _ => blocks.into(),
    }
}

impl Writer<'_> {
    fn warn(&mut self, subject: &'static str, message: &'static str) {
        let warning = Warning::new(subject, message);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn beta(&mut self, name: &'static str) {
        if !self.betas.contains(&name) {
            self.betas.push(name);
        }
    }

    /// The blocks of the system prompt, and the conversation.
    fn messages(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(Vec<Value>, Vec<Value>)> {
        let (mut system, mut turns) = (Vec::new(), Turns::default());
        for message in messages {
            match message {
                Message::System(message) => {
                    if !turns.0.is_empty() {
                        self.warn("system message", "one that stood further down was moved to the front of all");
                    }
                    if message.content().parts().iter().any(|part| !matches!(part, ContentPart::Text(_))) {
                        self.warn("system message", "only its text was sent: this API takes nothing else in it");
                    }
                    system.extend(message.into_content().into_parts().into_iter().filter_map(|part| match part {
                        ContentPart::Text(text) => text_block(&text),
                        _ => None,
                    }));
                }
                Message::User(message) => {
                    turns.add("user", self.content(message.into_content())?);
                }
                Message::Ai(answer) => turns.add("assistant", self.turn(answer)),
                Message::Tool(result) => turns.add("user", vec![self.tool_result(result)?]),
            }
        }
        Ok((system, turns.into_messages()))
    }

    fn content(&mut self, content: Content) -> Result<Vec<Value>> {
        let blocks = content.into_parts().into_iter().map(|part| match part {
            ContentPart::Text(text) => Ok(text_block(&text)),
            // Results of a search of one's own, for instance.
            ContentPart::Other(part) if part.provider() == Some(PROVIDER) => Ok(Some(other_block(&part))),
            // What a model said or thought before is no part of what is asked.
            ContentPart::Reasoning(_) | ContentPart::Refusal(_) => {
                self.warn("message", "a thought or refusal in it was not sent: it is nobody's but a model's");
                Ok(None)
            }
            part => self.medium(part).map(Some),
        });
        blocks.filter_map(Result::transpose).collect()
    }

    fn tool_result(&mut self, result: ToolMessage) -> Result<Value> {
        let mut block = json!({"type": "tool_result", "tool_use_id": safe_id(result.tool_call_id())});
        if result.is_error() {
            block["is_error"] = true.into();
        }
        let mark = result.cache_control().cloned();
        let mut content = self.content(result.into_content())?;
        // A mark for the cache stands on the result, and not inside of it.
        for inner in content.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(mark) = inner.shift_remove("cache_control") {
                block["cache_control"] = mark;
            }
        }
        if let Some(mark) = mark {
            block["cache_control"] = mark;
        }
        if !content.is_empty() {
            block["content"] = plain(content);
        }
        Ok(block)
    }
}

/// Empty text is refused.
fn text_block(text: &TextPart) -> Option<Value> {
    let block = || json!({"type": "text", "text": text.text()});
    (!text.text().is_empty()).then(|| with_extras(block(), text.cache_control(), text.provider_options(PROVIDER)))
}

/// What nobody knows here, as it came.
fn other_block(part: &OtherPart) -> Value {
    with_extras(part.value().clone().into(), None, part.provider_options(PROVIDER))
}

/// A mark for the cache, and what else is said to Anthropic of a part, such as `title` and `citations` of a document.
fn with_extras(mut block: Value, mark: Option<&Value>, options: &Map<String, Value>) -> Value {
    let marks = mark.map(|mark| ("cache_control", mark));
    for (key, value) in options.iter().map(|(key, value)| (key.as_str(), value)).chain(marks) {
        block[key] = value.clone();
    }
    block
}

/// Ids of other providers may hold what this API refuses.
fn safe_id(id: &str) -> String {
    id.chars().map(|one| if one.is_ascii_alphanumeric() || one == '_' || one == '-' { one } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
