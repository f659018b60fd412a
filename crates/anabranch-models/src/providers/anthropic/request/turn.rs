//! What the model answered before: the parts of the answer in their order, each as the block it came as.

use anabranch_messages::{
    AiMessage, Citation, ContentPart, FinishKind, Reasoning, ServerToolResult, TextPart, ToolCall,
};
use serde_json::{Map, Value, json};

use super::{Writer, other_block, safe_id, text_block, with_extras};
use crate::providers::anthropic::response::{CONTINUES, PROVIDER, title_key};

const ANSWER: &str = "assistant message";

impl Writer<'_> {
    pub(super) fn turn(&mut self, answer: AiMessage) -> Vec<Value> {
        self.container = container(&answer);
        let mut blocks = Vec::new();
        for part in answer.into_content().into_parts() {
            match part {
                ContentPart::Text(text) => self.text(&text, &mut blocks),
                ContentPart::Refusal(text) => blocks.extend(text_block(&text)),
                ContentPart::Reasoning(thought) => blocks.extend(self.thought(&thought)),
                ContentPart::ToolCall(call) => blocks.push(self.call(&call)),
                ContentPart::ServerToolCall(call) => blocks.extend(self.server_call(&call)),
                ContentPart::ServerToolResult(result) => blocks.extend(self.server_result(&result)),
                ContentPart::Other(part) if part.provider() == Some(PROVIDER) => blocks.push(other_block(&part)),
                ContentPart::Other(_) => self.warn(ANSWER, "what only another provider knows in it was not sent"),
                ContentPart::Citation(_) => {
                    self.warn(ANSWER, "sources beside its text were not sent: the API takes none")
                }
                _ => self.warn(ANSWER, "images, audio and files in it were not sent: the API takes none"),
            }
        }
        blocks
    }

    fn text(&mut self, text: &TextPart, blocks: &mut Vec<Value>) {
        let citations: Vec<Value> = text.citations().iter().filter_map(citation).collect();
        if citations.len() < text.citations().len() {
            self.warn(ANSWER, "sources of its text were not sent: they are another provider's");
        }
        let mut data = text.provider_data(PROVIDER).clone();
        // Its sources came when the beginning of it was given out: they are one block.
        if data.shift_remove(CONTINUES).is_some() {
            if let Some(last) = blocks.last_mut().filter(|last| last["type"] == "text") {
                let begun = last["text"].as_str().unwrap_or_default();
                last["text"] = format!("{begun}{}", text.text()).into();
                last["citations"] = citations.into();
                return;
            }
        }
        let Some(block) = text_block(text) else { return };
        let mut block = with_extras(block, None, &data);
        if !citations.is_empty() {
            block["citations"] = citations.into();
        }
        blocks.push(block);
    }

    /// `None` for a thought that the server would refuse.
    fn thought(&mut self, thought: &Reasoning) -> Option<Value> {
        let data = thought.provider_data(PROVIDER);
        let seals = (thought.signature(), thought.encrypted());
        let mut block = data.clone();
        match seals {
            // Who marks nothing as Anthropic's is somebody else.
            _ if data.is_empty() => {
                self.warn(ANSWER, "a thought in it was not sent: it is another provider's");
                return None;
            }
            (None, Some(sealed)) => _ = block.insert("data".into(), sealed.into()),
            (None, None) if !self.dialect.unsigned_thinking => {
                self.warn(ANSWER, "a thought in it was not sent: it is not signed, and the API takes none that is not");
                return None;
            }
            (signature, _) => {
                block.insert("thinking".into(), thought.text().into());
                block.insert("signature".into(), signature.unwrap_or_default().into());
            }
        }
        Some(with_extras(block.into(), None, thought.provider_options(PROVIDER)))
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        let input = match call.arguments() {
            Ok(input) => input,
            Err(_) if call.raw_arguments().trim_ascii().is_empty() => json!({}),
            Err(_) => {
                self.warn(ANSWER, "a call that broke off was sent with its input as text in an object");
                json!({"invalid_json": call.raw_arguments()})
            }
        };
        let block = json!({"type": "tool_use", "id": safe_id(call.id()), "name": call.name(), "input": input});
        let block = with_extras(block, None, call.provider_data(PROVIDER));
        with_extras(block, call.cache_control(), call.provider_options(PROVIDER))
    }

    /// A call of a tool that Anthropic ran.
    fn server_call(&mut self, call: &ToolCall) -> Option<Value> {
        let mut block = self.own(call.provider_data(PROVIDER))?;
        let input = match call.raw_arguments().trim_ascii() {
            "" => json!({}),
            // Of these, any JSON goes back as it came, and what broke off as the text it is.
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        for (name, value) in [("id", call.id().into()), ("name", call.name().into()), ("input", input)] {
            block[name] = value;
        }
        Some(with_extras(block, call.cache_control(), call.provider_options(PROVIDER)))
    }

    /// What such a tool gave.
    fn server_result(&mut self, result: &ServerToolResult) -> Option<Value> {
        let mut block = self.own(result.provider_data(PROVIDER))?;
        block["tool_use_id"] = result.tool_call_id().into();
        if !result.output().is_null() {
            block["content"] = result.output().clone();
        }
        Some(with_extras(block, result.cache_control(), result.provider_options(PROVIDER)))
    }

    /// The block of a part that says what Anthropic calls it.
    fn own(&mut self, data: &Map<String, Value>) -> Option<Value> {
        if data.contains_key("type") {
            return Some(data.clone().into());
        }
        self.warn(ANSWER, "another provider's own tools in it, and what they gave, were not sent");
        None
    }
}

/// Where code of the provider's waits: a turn that was paused goes on there, and so do calls that the code asked for.
fn container(answer: &AiMessage) -> Option<Value> {
    let id = answer.provider_data(PROVIDER).get("container")?.get("id")?;
    let is_paused = answer.finish_reason().is_some_and(|reason| *reason == FinishKind::Pause);
    let is_asked = || answer.tool_calls().iter().any(|call| call.provider_data(PROVIDER).contains_key("caller"));
    (is_paused || is_asked()).then(|| id.clone())
}

/// A source as it came. `None` for another provider's.
fn citation(citation: &Citation) -> Option<Value> {
    let mut block = citation.provider_data(PROVIDER).clone();
    let title = title_key(block.get("type")?.as_str()?);
    let members = [("url", citation.url()), (title, citation.title()), ("cited_text", citation.cited_text())];
    for (name, said) in members {
        if let Some(said) = said {
            block.insert(name.into(), said.into());
        }
    }
    Some(block.into())
}
