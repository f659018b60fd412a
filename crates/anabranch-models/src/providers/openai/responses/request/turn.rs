//! What the model answered before.
//!
//! An answer is a list of items: thoughts, texts, calls, calls of the provider's own tools. Their order counts, a thought
//! is refused without what followed it, and each is known by its id. Parts that this provider gave go back as the items
//! they came as; of other parts goes back what they say.

use anabranch_messages::{
    AiMessage, Citation, ContentPart, Media, OtherPart, Reasoning, ServerToolResult, TextPart, ToolCall,
};
use serde_json::{Map, Value, json};

use super::Writer;
use crate::providers::openai::citation;
use crate::providers::openai::responses::{Arguments, ITEM, ServerTool};

const SUBJECT: &str = "assistant message";

/// A text or a refusal of a message that is not written yet.
struct Said {
    text: TextPart,
    is_refusal: bool,
}

impl Writer<'_> {
    pub(super) fn turn(&mut self, answer: AiMessage) {
        let mut said = Vec::new();
        for part in answer.into_content().into_parts() {
            let part = match part {
                ContentPart::Text(text) => Ok(Said { text, is_refusal: false }),
                ContentPart::Refusal(text) => Ok(Said { text, is_refusal: true }),
                other => Err(other),
            };
            match part {
                Ok(part) => {
                    let item = self.item(part.text.provider_data(self.provider));
                    said.push(part);
                    if let Some(item) = item {
                        self.message(item, std::mem::take(&mut said));
                    }
                }
                Err(other) => {
                    self.short_message(std::mem::take(&mut said));
                    self.part(other);
                }
            }
        }
        self.short_message(said);
    }

    fn part(&mut self, part: ContentPart) {
        match part {
            ContentPart::Reasoning(thought) => self.thought(&thought),
            ContentPart::ToolCall(call) => self.call(&call),
            ContentPart::ServerToolCall(call) => self.server_call(&call),
            ContentPart::ServerToolResult(result) => self.server_result(&result),
            ContentPart::Image(image) => self.image(&image),
            ContentPart::Other(part) => self.other(&part),
            ContentPart::Citation(_) => self.warn(SUBJECT, "sources in it were not sent: another provider gave them"),
            _ => self.warn(SUBJECT, "audio and files in it were not sent: there is no place for them"),
        }
    }

    /// What goes back of a part's item, where this provider gave it.
    fn item(&self, data: &Map<String, Value>) -> Option<Map<String, Value>> {
        data.get(ITEM)?.as_object().cloned()
    }

    /// A message as it came. Text that stands before its own is another message.
    fn message(&mut self, mut item: Map<String, Value>, mut said: Vec<Said>) {
        let word = |part: &Value| ["text", "refusal"].into_iter().find(|word| part[*word].is_u64());
        let mut content = match item.shift_remove("content") {
            Some(Value::Array(content)) => content,
            _ => Vec::new(),
        };
        let texts = content.iter().filter(|part| word(part).is_some()).count();
        let own = said.split_off(said.len().saturating_sub(texts.max(1)));
        self.short_message(said);
        let mut own = own.into_iter();
        for part in &mut content {
            let Some(word) = word(part) else { continue };
            if let Some(said) = own.next() {
                part[word] = said.text.text().into();
                if word == "text" {
                    part["annotations"] = self.annotations(&said.text);
                }
            }
        }
        // What was put in since.
        content.extend(own.filter(|said| !said.text.text().is_empty()).map(|said| self.text(&said)));
        for (name, value) in [("type", "message"), ("role", "assistant")] {
            if !item.contains_key(name) {
                item.insert(name.into(), value.into());
            }
        }
        item.insert("content".into(), content.into());
        self.input.push(item.into());
    }

    /// A message in the short form, which all servers take; llama.cpp wants its type.
    fn short_message(&mut self, mut said: Vec<Said>) {
        said.retain(|said| !said.text.text().is_empty());
        if said.is_empty() {
            return;
        }
        let is_cited = |citation: &Citation| citation::written(citation, self.provider).is_none();
        if said.iter().any(|said| said.text.citations().iter().any(is_cited)) {
            self.warn(SUBJECT, "sources in it were not sent: another provider gave them");
        }
        let content: Value = match said.iter().any(|said| said.is_refusal || !said.text.citations().is_empty()) {
            true => said.iter().map(|said| self.text(said)).collect(),
            false => said.iter().map(|said| said.text.text()).collect::<String>().into(),
        };
        self.input.push(json!({"type": "message", "role": "assistant", "content": content}));
    }

    fn text(&self, said: &Said) -> Value {
        match said.is_refusal {
            true => json!({"type": "refusal", "refusal": said.text.text()}),
            false => {
                json!({"type": "output_text", "text": said.text.text(), "annotations": self.annotations(&said.text)})
            }
        }
    }

    fn annotations(&self, text: &TextPart) -> Value {
        let citations = text.citations().iter().filter_map(|one| citation::written(one, self.provider));
        citations.chain(text.annotations().iter().cloned()).collect()
    }

    /// As it came. Without its seal it says nothing to a provider that keeps no answers.
    fn thought(&mut self, thought: &Reasoning) {
        let Some(mut item) = self.item(thought.provider_data(self.provider)) else {
            if !thought.text().is_empty() || thought.encrypted().is_some() {
                self.warn(SUBJECT, "a thought in it was not sent: this provider has no way to know it again");
            }
            return;
        };
        let shows_all = matches!(item.get("content"), Some(Value::Array(content)) if !content.is_empty());
        if thought.encrypted().is_none() && !self.is_stored && !shows_all {
            self.warn(SUBJECT, "a thought in it was not sent: it is not sealed, and the provider keeps no answers");
            return;
        }
        for list in ["summary", "content"] {
            if let Some(Value::Array(paragraphs)) = item.get_mut(list) {
                put_paragraphs(paragraphs, thought.text());
            }
        }
        if let Some(sealed) = thought.encrypted() {
            item.insert("encrypted_content".into(), sealed.into());
        }
        self.input.push(item.into());
    }

    fn call(&mut self, call: &ToolCall) {
        let mut item = self.item(call.provider_data(self.provider)).unwrap_or_default();
        let type_ = if call.is_free_form() { "custom_tool_call" } else { "function_call" };
        item.insert("type".into(), type_.into());
        item.insert("call_id".into(), call.id().into());
        item.insert("name".into(), call.name().into());
        if call.is_free_form() {
            self.custom.insert(call.id().to_string());
            item.insert("input".into(), call.raw_arguments().into());
        } else {
            let arguments = match call.raw_arguments().trim_ascii() {
                "" | "null" => "{}",
                arguments => arguments,
            };
            item.insert("arguments".into(), arguments.into());
        }
        self.input.push(item.into());
    }

    /// What the provider's own tool did, as it came.
    fn server_call(&mut self, call: &ToolCall) {
        let Some(mut item) = self.item(call.provider_data(self.provider)) else {
            return self.warn(SUBJECT, "calls of another provider's own tools in it were not sent");
        };
        let tool = item.get("type").and_then(Value::as_str).and_then(ServerTool::of_type);
        let (text, arguments) = (call.raw_arguments(), serde_json::from_str::<Value>(call.raw_arguments()).ok());
        match (tool.map(|tool| tool.arguments), arguments) {
            // As it came, whether it is JSON or not.
            (Some(Arguments::Text(name)), _) if !text.is_empty() => _ = item.insert(name.into(), text.into()),
            (Some(Arguments::One(name)), Some(arguments)) => _ = item.insert(name.into(), arguments),
            (Some(Arguments::Several(_)), Some(Value::Object(arguments))) => item.extend(arguments),
            _ => {}
        }
        self.server_calls.insert(call.id().to_string(), self.input.len());
        self.input.push(item.into());
    }

    /// The item of a tool of the provider's that was written before.
    fn server_item(&mut self, id: &str) -> Option<&mut Value> {
        let place = *self.server_calls.get(id)?;
        self.input.get_mut(place)
    }

    fn server_result(&mut self, result: &ServerToolResult) {
        if let Some(item) = self.server_item(result.tool_call_id()) {
            let tool = item["type"].as_str().and_then(ServerTool::of_type);
            if let Some(name) = tool.and_then(|tool| tool.result) {
                item[name] = result.output().clone();
                return;
            }
        }
        self.warn(SUBJECT, "results of another provider's own tools in it were not sent");
    }

    /// An image that the provider's own tool made.
    fn image(&mut self, image: &Media) {
        let made = image.base64().or_else(|| {
            let url = image.to_url()?;
            Some(match url.split_once(";base64,") {
                Some((head, data)) if head.starts_with("data:") => data.to_string(),
                _ => url,
            })
        });
        let item = image.id().and_then(|id| self.server_item(id));
        match (item.filter(|item| item["type"] == "image_generation_call"), made) {
            (Some(item), Some(made)) => item["result"] = made.into(),
            _ => self.warn(SUBJECT, "images in it were not sent: there is no place for them"),
        }
    }

    fn other(&mut self, part: &OtherPart) {
        match part.provider() == Some(self.provider) {
            true => self.input.push(part.value().clone().into()),
            false => self.warn(SUBJECT, "what only another provider knows was not sent"),
        }
    }
}

/// Puts a thought into its paragraphs, which say how many bytes of it are theirs. Where that is not so, somebody changed
/// it: then the first has all of it.
fn put_paragraphs(paragraphs: &mut Vec<Value>, thought: &str) {
    if paragraphs.iter().all(|paragraph| !paragraph["text"].is_u64()) {
        return;
    }
    let length = |paragraph: &Value| paragraph["text"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
    let mut rest = Some(thought);
    let mut texts = Vec::new();
    for (place, paragraph) in paragraphs.iter().enumerate() {
        let after = if place == 0 { rest } else { rest.and_then(|rest| rest.strip_prefix("\n\n")) };
        let split = after.and_then(|after| after.split_at_checked(length(paragraph)?));
        texts.extend(split.map(|(text, _)| text));
        rest = split.map(|(_, rest)| rest);
    }
    if rest != Some("") {
        paragraphs.truncate(1);
        texts = vec![thought];
    }
    for (paragraph, text) in paragraphs.iter_mut().zip(texts) {
        paragraph["text"] = text.into();
    }
}
