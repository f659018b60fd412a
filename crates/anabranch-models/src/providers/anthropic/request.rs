//! To the wire: what is asked.

use anabranch_core::{Error, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, Message, TextPart, ToolMessage};
use serde_json::{Map, Value, json};

use super::dialect::AnthropicDialect;
use super::response::BLOCKS;
use crate::answer::Warning;
use crate::backend::ChatRequest;

mod media;
mod options;

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
}

/// The document that is posted, and what could not be put into it.
pub(super) fn document(
    request: ChatRequest,
    model: &str,
    dialect: &AnthropicDialect,
    streamed: bool,
) -> Result<Written> {
    let mut writer = Writer { dialect, warnings: Vec::new(), betas: Vec::new() };
    let (system, messages) = writer.messages(request.messages)?;
    if messages.is_empty() {
        return Err(Error::invalid_input("there are no messages to answer: a system message alone is none"));
    }
    let mut document = Map::new();
    document.insert("model".into(), model.into());
    document.insert("messages".into(), messages.into());
    if !system.is_empty() {
        document.insert("system".into(), plain(system));
    }
    writer.options(&mut document, &request.options)?;
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
            // Results of tools come before everything else.
            blocks.sort_by_key(|block| block["type"] != "tool_result");
            json!({"role": role, "content": plain(blocks)})
        };
        self.0.into_iter().filter(|(_, blocks)| !blocks.is_empty()).map(message).collect()
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
                Message::Ai(answer) => turns.add("assistant", self.assistant(answer)),
                Message::Tool(result) => turns.add("user", vec![self.tool_result(result)?]),
            }
        }
        Ok((system, turns.into_messages()))
    }

    fn content(&mut self, content: Content) -> Result<Vec<Value>> {
        let blocks = content.into_parts().into_iter().map(|part| match part {
            ContentPart::Text(text) => Ok(text_block(&text)),
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

    /// What the model answered before: its thoughts as they were, then its text, then its calls; or as it was, where
    /// that is known.
    fn assistant(&mut self, answer: AiMessage) -> Vec<Value> {
        let calls = self.calls(&answer);
        let text = answer.text().into_owned();
        let besides = answer.metadata().clone();
        let (mut thoughts, mut rest) = (Vec::new(), Vec::new());
        for part in answer.into_content().into_parts() {
            match part {
                ContentPart::Reasoning(thought) => thoughts.push(self.thought(&thought)),
                ContentPart::Text(text) | ContentPart::Refusal(text) => rest.extend(text_block(&text)),
                ContentPart::ToolCall(_) => {}
                _ => self.warn("assistant message", "images, audio and files in it were not sent: the API takes none"),
            }
        }
        match besides.get(BLOCKS).and_then(Value::as_array) {
            None => {}
            Some(blocks) => match in_order(blocks, &text, &thoughts, &calls) {
                Some(blocks) => return blocks,
                None => self.warn(
                    "assistant message",
                    "the provider's own tools and citations in it were not sent: the message was changed since",
                ),
            },
        }
        thoughts.into_iter().flatten().chain(rest).chain(calls).collect()
    }

    /// `None` for a thought that the server would refuse.
    fn thought(&mut self, thought: &anabranch_messages::Reasoning) -> Option<Value> {
        match (thought.signature(), thought.encrypted()) {
            // Anthropic's have no names.
            _ if thought.id().is_some() => {}
            (Some(signature), _) => {
                return Some(json!({"type": "thinking", "thinking": thought.text(), "signature": signature}));
            }
            (None, Some(data)) => return Some(json!({"type": "redacted_thinking", "data": data})),
            (None, None) if self.dialect.unsigned_thinking => {
                return Some(json!({"type": "thinking", "thinking": thought.text(), "signature": ""}));
            }
            _ => {}
        }
        self.warn("assistant message", "a thought in it was not sent: it is not signed, or another provider's");
        None
    }

    fn calls(&mut self, answer: &AiMessage) -> Vec<Value> {
        let call = |call: &anabranch_messages::ToolCall| {
            let input = call.arguments().unwrap_or_else(|_| {
                self.warn("assistant message", "a call that broke off was sent with its input as text in an object");
                json!({"invalid_json": call.raw_arguments()})
            });
            let block = json!({"type": "tool_use", "id": safe_id(call.id()), "name": call.name(), "input": input});
            with_extras(block, call.cache_control(), call.provider_options("anthropic"))
        };
        answer.tool_calls().iter().map(call).collect()
    }
}

/// The blocks as they came. `None` where the message does not hold what they name: somebody changed it.
fn in_order(blocks: &[Value], text: &str, thoughts: &[Option<Value>], calls: &[Value]) -> Option<Vec<Value>> {
    let (mut text, mut thoughts, mut calls) = (text, thoughts.iter(), calls.iter());
    let mut written = Vec::new();
    for block in blocks {
        match block["type"].as_str()? {
            "text" => {
                let (this, rest) = text.split_at_checked(usize::try_from(block["bytes"].as_u64()?).ok()?)?;
                text = rest;
                if !this.is_empty() {
                    let mut value = json!({"type": "text", "text": this});
                    if let Some(citations) = block.get("citations") {
                        value["citations"] = citations.clone();
                    }
                    written.push(value);
                }
            }
            "thinking" | "redacted_thinking" => written.extend(thoughts.next()?.clone()),
            "tool_use" => written.push(calls.next()?.clone()),
            _ => written.push(block.clone()),
        }
    }
    let all_used = text.is_empty() && thoughts.next().is_none() && calls.next().is_none();
    all_used.then_some(written)
}

/// Empty text is refused.
fn text_block(text: &TextPart) -> Option<Value> {
    let block = || json!({"type": "text", "text": text.text()});
    (!text.text().is_empty()).then(|| with_extras(block(), text.cache_control(), text.provider_options("anthropic")))
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
