//! From the wire: what the provider's own tools did.
//!
//! Calls of tools that the provider runs become a call, and what it gave. Of other kinds, some of which the program has
//! to answer itself, each item is kept as it came.

use anabranch_core::Result;
use anabranch_messages::{AiMessage, ContentPart, Media, ServerToolResult, ToolCall};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::item::{Items, rest};
use crate::providers::openai::responses::{Arguments, ITEM, ServerTool, no_event};
use crate::reader::{self, Assembly, Text};

/// An image that was made.
#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output_format: Text<'a>,
}

impl Items {
    pub(super) fn of_a_server_tool(&mut self, type_: &str, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        if type_ == "image_generation_call" {
            return self.image(raw, out);
        }
        if !self.has_room(reader::weight_apart(raw.get()), out) {
            return Ok(());
        }
        let Some(mut item) = reader::value::<Map<String, Value>>(raw.get()) else { return Err(no_event(out)) };
        let Some(tool) = ServerTool::of_type(type_) else { return self.other(item, out) };
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_string();
        let name = item.get("name").and_then(Value::as_str).unwrap_or(tool.name).to_string();
        // What says nothing, or is something else than it should be, stays where it came.
        let mut take = |name: &str, is_it: fn(&Value) -> bool| match item.get(name) {
            Some(value) if is_it(value) => item.shift_remove(name),
            _ => None,
        };
        let arguments = match tool.arguments {
            Arguments::One(name) => take(name, Value::is_object),
            Arguments::Text(name) => take(name, |value| value.as_str().is_some_and(|text| !text.is_empty())),
            Arguments::Several(names) => {
                let taken = names.iter().filter_map(|name| Some(((*name).to_string(), take(name, is_said)?)));
                Some(taken.collect::<Map<_, _>>()).filter(|taken| !taken.is_empty()).map(Value::Object)
            }
        };
        let result = tool.result.and_then(|name| take(name, is_said));
        let failed = item.get("error").is_some_and(|error| !error.is_null());
        let call = ToolCall::new(id.as_str(), name.as_str(), arguments.unwrap_or_default());
        let call = call.with_provider_data(self.provider.as_ref(), ITEM, item);
        out.push(AiMessage::new(ContentPart::ServerToolCall(call)))?;
        let Some(result) = result else { return Ok(()) };
        let result = ServerToolResult::new(id, result).with_name(name);
        out.push(AiMessage::new(ContentPart::from(if failed { result.with_error() } else { result })))
    }

    fn image(&mut self, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let image: Image<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        let id = image.id.into_string().unwrap_or_default();
        let mut call = ToolCall::new(id.as_str(), "image_generation", Value::Null);
        if let Some(rest) = rest(raw, &[("result", image.result)]).and_then(|rest| self.kept(rest, out)) {
            call = call.with_provider_data(self.provider.as_ref(), ITEM, rest);
        }
        out.push(AiMessage::new(ContentPart::ServerToolCall(call)))?;
        let Some(made) = image.result.and_then(|result| serde_json::from_str::<Text<'_>>(result.get()).ok()?.0) else {
            return Ok(());
        };
        let media_type = format!("image/{}", image.output_format.0.as_deref().unwrap_or("png"));
        let media = match BASE64_STANDARD.decode(made.as_bytes()) {
            Ok(bytes) => Media::bytes(media_type, bytes),
            Err(_) if made.starts_with("http") || made.starts_with("data:") => Media::url(made),
            Err(_) => Media::url(format!("data:{media_type};base64,{made}")),
        };
        out.push(AiMessage::new(ContentPart::Image(media.with_id(id))))
    }
}

fn is_said(value: &Value) -> bool {
    !value.is_null()
}
