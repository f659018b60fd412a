//! What a part of an answer is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anabranch_messages::{ContentPart, Media, Reasoning, ServerToolResult, TextPart, ToolCall};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::arguments::PartialArg;
use super::{CODE, GEMINI, MANY};
use crate::reader::{self, Bounded, Text, in_place};

in_place! {
    pub(in super::super) struct Part<'a> {
        thought: Option<bool>,
        pub(in super::super) function_call as "functionCall": Option<FunctionCall<'a>>,
        inline_data as "inlineData": Option<Blob<'a>>,
        file_data as "fileData": Option<File<'a>>,
        executable_code as "executableCode": Option<&'a RawValue>,
        code_execution_result as "codeExecutionResult": Option<&'a RawValue>,
        tool_call as "toolCall": Option<&'a RawValue>,
        tool_response as "toolResponse": Option<&'a RawValue>,
    } in place {
        text: Option<Text<'a>>,
        thought_signature as "thoughtSignature": Text<'a>,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) name: Text<'a>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    pub(in super::super) partial_args: Bounded<PartialArg, MANY>,
    #[serde(default)]
    pub(in super::super) will_continue: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    #[serde(borrow, default)]
    mime_type: Text<'a>,
    #[serde(borrow, default)]
    data: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow, default)]
    mime_type: Text<'a>,
    #[serde(borrow, default)]
    file_uri: Text<'a>,
}

/// What a part is, if it is no call of a function.
pub(in super::super) enum Said {
    /// Plain text, which nearly all parts are.
    Text(String),
    /// Any other part.
    Part(ContentPart),
    /// It says nothing.
    Nothing,
    /// Of a kind that messages have no place for: it is kept as it came.
    Other,
}

impl Part<'_> {
    pub(in super::super) fn take_signature(&mut self) -> Option<String> {
        std::mem::take(&mut self.thought_signature).into_string()
    }

    /// Whether more is taken apart of it than text and bytes, which takes more room than what came.
    pub(in super::super) fn is_structured(&self) -> bool {
        let raw = [self.executable_code, self.code_execution_result, self.tool_call, self.tool_response];
        raw.iter().any(Option::is_some)
    }

    /// What it says. Each signature stays on the part it came with, which is joined with no other then. `answer` is the
    /// id of the answer: pieces of one sound are known by it.
    pub(in super::super) fn said(&mut self, raw: &str, answer: &str) -> Said {
        let is_thought = self.thought == Some(true);
        let signature = self.take_signature();
        let text = match self.text.take() {
            Some(text) => Some(text.0.unwrap_or_default()),
            // A seal of nothing is an empty text's.
            None if signature.is_some() && !has_more(raw) => Some(Cow::Borrowed("")),
            None => None,
        };
        if let Some(text) = text {
            return match (is_thought, signature) {
                (false, None) if text.is_empty() => Said::Nothing,
                (false, None) => Said::Text(text.into_owned()),
                (false, Some(signature)) => Said::Part(TextPart::new(text).with_signature(signature).into()),
                (true, None) if text.is_empty() => Said::Nothing,
                (true, None) => Said::Part(Reasoning::new(text).into()),
                (true, Some(signature)) => Said::Part(Reasoning::new(text).with_signature(signature).into()),
            };
        }
        let said = match std::mem::take(self) {
            // What it drew or did while it thought is no part of the answer.
            _ if is_thought => None,
            Self { inline_data: Some(blob), .. } => blob.into_part(signature, answer),
            Self { file_data: Some(file), .. } => file.into_part(signature),
            Self { executable_code: Some(code), .. } => executable_code(code, signature),
            Self { code_execution_result: Some(result), .. } => code_execution_result(result, signature),
            Self { tool_call: Some(call), .. } => tool_call(call, signature),
            Self { tool_response: Some(response), .. } => tool_response(response, signature),
            _ => None,
        };
        match said {
            Some(part) => Said::Part(part),
            None if has_more(raw) => Said::Other,
            None => Said::Nothing,
        }
    }
}

/// Whether more stands in it than that it is a thought, and its seal.
fn has_more(raw: &str) -> bool {
    let members: BTreeMap<Cow<'_, str>, IgnoredAny> = serde_json::from_str(raw).unwrap_or_default();
    members.keys().any(|name| name != "thought" && name != "thoughtSignature")
}

impl FunctionCall<'_> {
    /// The object, or whatever else stands in its place and then does not run.
    pub(in super::super) fn arguments(&self) -> Value {
        match self.args.map(RawValue::get) {
            None => Value::Null,
            Some(raw) if !reader::is_small(raw) => raw.into(),
            // Too deep, for instance: it is no empty object.
            Some(raw) => reader::value(raw).unwrap_or_else(|| raw.into()),
        }
    }
}

impl Blob<'_> {
    fn into_part(self, signature: Option<String>, answer: &str) -> Option<ContentPart> {
        let (media_type, data) = (self.mime_type.into_string()?, self.data.0?);
        let media = Media::bytes(&*media_type, BASE64_STANDARD.decode(data.as_bytes()).ok()?);
        // Speech comes as samples without a head, in as many parts as the server likes: they are one sound.
        let is_samples =
            ["audio/l16", "audio/pcm"].iter().any(|kind| media_type.to_ascii_lowercase().starts_with(kind));
        let media = match is_samples && signature.is_none() && !answer.is_empty() {
            true => media.with_id(answer),
            false => media,
        };
        Some(of_kind(&media_type, sealed(media, signature)))
    }
}

impl File<'_> {
    fn into_part(self, signature: Option<String>) -> Option<ContentPart> {
        let media = sealed(Media::url(self.file_uri.into_string()?), signature);
        Some(match self.mime_type.into_string() {
            Some(media_type) => of_kind(&media_type, media.with_media_type(&*media_type)),
            None => ContentPart::File(media),
        })
    }
}

fn sealed(media: Media, signature: Option<String>) -> Media {
    match signature {
        Some(signature) => media.with_signature(signature),
        None => media,
    }
}

fn of_kind(media_type: &str, media: Media) -> ContentPart {
    match media_type.split('/').next() {
        Some("image") => ContentPart::Image(media),
        Some("audio") => ContentPart::Audio(media),
        Some("video") => ContentPart::Video(media),
        _ => ContentPart::File(media),
    }
}

/// Code that Gemini runs by itself.
fn executable_code(raw: &RawValue, signature: Option<String>) -> Option<ContentPart> {
    let mut code: Map<String, Value> = reader::value(raw.get())?;
    let id = take_id(&mut code)?;
    Some(server_call(ToolCall::new(id, CODE, code), signature))
}

fn code_execution_result(raw: &RawValue, signature: Option<String>) -> Option<ContentPart> {
    let mut output: Map<String, Value> = reader::value(raw.get())?;
    let id = take_id(&mut output)?;
    let failed = output.get("outcome").is_some_and(|outcome| outcome != "OUTCOME_OK");
    let result = ServerToolResult::new(id, output).with_name(CODE);
    Some(server_result(if failed { result.with_error() } else { result }, signature))
}

/// Any other tool of Gemini's, which says so where the request sets `includeServerSideToolInvocations`.
fn tool_call(raw: &RawValue, signature: Option<String>) -> Option<ContentPart> {
    let mut call: Map<String, Value> = reader::value(raw.get())?;
    let (id, kind) = (take_id(&mut call)?, call.shift_remove("toolType")?);
    let arguments = call.shift_remove("args").unwrap_or_default();
    let is_call = call.is_empty() && (arguments.is_null() || arguments.is_object());
    Some(server_call(ToolCall::new(id, kind.as_str().filter(|kind| is_call && *kind != CODE)?, arguments), signature))
}

fn tool_response(raw: &RawValue, signature: Option<String>) -> Option<ContentPart> {
    let mut response: Map<String, Value> = reader::value(raw.get())?;
    let (id, kind) = (take_id(&mut response)?, response.shift_remove("toolType")?);
    let output = response.shift_remove("response").unwrap_or_default();
    let result =
        ServerToolResult::new(id, output).with_name(kind.as_str().filter(|kind| response.is_empty() && *kind != CODE)?);
    Some(server_result(result, signature))
}

/// The id, or none; `None` for one that is no text.
fn take_id(members: &mut Map<String, Value>) -> Option<String> {
    match members.shift_remove("id") {
        None => Some(String::new()),
        Some(Value::String(id)) => Some(id),
        Some(_) => None,
    }
}

fn server_call(call: ToolCall, signature: Option<String>) -> ContentPart {
    ContentPart::ServerToolCall(match signature {
        Some(signature) => call.with_signature(signature),
        None => call,
    })
}

fn server_result(result: ServerToolResult, signature: Option<String>) -> ContentPart {
    ContentPart::from(match signature {
        Some(signature) => result.with_provider_data(GEMINI, "thoughtSignature", signature),
        None => result,
    })
}
