//! Who speaks, in which envelope, and what all messages have.

use serde_json::{Map, Value};

use super::fields::{Fields, Read, Unreadable, kind};
use super::part::{self, Speaker};
use super::{ai, extras};
use crate::content::Content;
use crate::message::Message;
use crate::messages::Messages;
use crate::role::Role;
use crate::system::SystemMessage;
use crate::tool::ToolMessage;
use crate::user::UserMessage;

const EXPECTED: &str = "expected a message: an object with `role` (`system`, `user`, `assistant` or `tool`), or with \
                        LangChain's `type` (`system`, `human`, `ai` or `tool`)";

pub(super) fn role(value: Value) -> Read<Role> {
    let name = value.as_str().ok_or_else(|| Unreadable::new(format!("expected a role, but came {}", kind(&value))))?;
    role_named(name)
}

fn role_named(name: &str) -> Read<Role> {
    Role::try_from(name).map_err(|error| Unreadable::new(error.message().to_string()))
}

pub(super) fn messages(value: Value) -> Read<Messages> {
    let Value::Array(list) = value else {
        return Err(Unreadable::new(format!("expected a list of messages, but came {}", kind(&value))));
    };
    let read = |(place, value)| message(value).map_err(|error| error.within(format_args!("message {place}")));
    list.into_iter().enumerate().map(read).collect()
}

pub(super) fn message(value: Value) -> Read<Message> {
    let (role, fields) = envelope(value)?;
    match role.ok_or_else(|| Unreadable::new(EXPECTED))? {
        Role::System => system(fields.named("a system message")).map(Message::System),
        Role::User => user(fields.named("a user message")).map(Message::User),
        Role::Assistant => ai::ai(fields.named("an assistant message")).map(Message::Ai),
        Role::Tool => tool(fields.named("a tool message")).map(Message::Tool),
    }
}

/// The fields of a message whose type is known, so that it may leave out its role.
pub(super) fn opened(value: Value, wanted: Role) -> Read<Fields> {
    match envelope(value)? {
        (Some(role), _) if role != wanted => Err(Unreadable::new(format!(
            "expected a message of the role `{wanted}`, but came one of the role `{role}`"
        ))),
        (_, fields) => Ok(fields.named(match wanted {
            Role::System => "a system message",
            Role::User => "a user message",
            Role::Assistant => "an assistant message",
            Role::Tool => "a tool message",
        })),
    }
}

/// LangChain writes a message as it is (`model_dump`), as `{"type", "data"}` (`messages_to_dict`) or as a constructor
/// (`dumpd`).
fn envelope(value: Value) -> Read<(Option<Role>, Fields)> {
    let mut fields = Fields::new("a message", value)?;
    if fields.has("lc") && fields.has("kwargs") && !fields.has("content") {
        let class = fields.list("id")?.pop();
        let class = class.as_ref().and_then(Value::as_str).unwrap_or_default();
        let role = role_of_class(class);
        if role.is_none() && !class.starts_with("ChatMessage") {
            return Err(Unreadable::new("expected a message of LangChain, but it is another object of it"));
        }
        return inside(role, &mut fields, "kwargs");
    }
    let role = role_of(&mut fields)?;
    if fields.has("data") && !fields.has("content") {
        return inside(role, &mut fields, "data");
    }
    Ok((role, fields))
}

/// The message in a field of an envelope, which says its role again or, LangChain's `ChatMessage`, only there.
fn inside(role: Option<Role>, envelope: &mut Fields, key: &str) -> Read<(Option<Role>, Fields)> {
    let mut fields = Fields::new("a message", Value::Object(envelope.object(key)?))?;
    let said = role_of(&mut fields)?;
    match role {
        Some(role) => agree(role, said).map(|role| (Some(role), fields)),
        None => Ok((said, fields)),
    }
}

fn agree(role: Role, said: Option<Role>) -> Read<Role> {
    match said {
        Some(other) if other != role => {
            Err(Unreadable::new(format!("a message that is of two roles, `{role}` and `{other}`")))
        }
        _ => Ok(role),
    }
}

fn role_of(fields: &mut Fields) -> Read<Option<Role>> {
    let (role, kind) = (fields.text("role")?, fields.text("type")?);
    let role = match role.as_deref() {
        None => None,
        Some("function") => return Err(function()),
        Some(name) => Some(role_named(name)?),
    };
    match kind.as_deref() {
        // OpenAI's responses and LangChain's `ChatMessage` say the role besides.
        None | Some("message" | "chat" | "ChatMessageChunk") => Ok(role),
        Some("function" | "FunctionMessageChunk") => Err(function()),
        Some(kind) => match Role::try_from(kind).ok().or_else(|| role_of_class(kind)) {
            Some(kind) => agree(kind, role).map(Some),
            None => Err(Unreadable::new(EXPECTED)),
        },
    }
}

fn function() -> Unreadable {
    Unreadable::new("messages of the role `function` have given way to the role `tool`, which says the id of its call")
}

fn role_of_class(class: &str) -> Option<Role> {
    match class.strip_suffix("Chunk").unwrap_or(class) {
        "SystemMessage" => Some(Role::System),
        "HumanMessage" => Some(Role::User),
        "AIMessage" => Some(Role::Assistant),
        "ToolMessage" => Some(Role::Tool),
        _ => None,
    }
}

/// What any message may have besides, as LangChain names it.
const BESIDES: &[&str] = &["id", "additional_kwargs", "response_metadata", "example"];

/// Content, name and metadata.
fn common(fields: &mut Fields) -> Read<(Content, Option<String>, Map<String, Value>)> {
    if !fields.mentions("content") {
        return Err(fields.lacks("content"));
    }
    let content = match fields.take("content") {
        None => Content::default(),
        Some(value) => part::content(value, Speaker::Anyone).map_err(|error| error.within("`content`"))?,
    };
    if content.parts().iter().any(|part| part.call().is_some()) {
        return Err(Unreadable::new(format!(
            "{} with a tool call, which only an assistant message has",
            fields.what()
        )));
    }
    let name = fields.text("name")?;
    let mut metadata = fields.object("metadata")?;
    fields.keep_besides(BESIDES, &mut metadata)?;
    Ok((content, name, metadata))
}

pub(super) fn system(mut fields: Fields) -> Read<SystemMessage> {
    let (content, name, metadata) = common(&mut fields)?;
    let extras = extras::of_message(&mut fields, metadata)?;
    fields.end("`role`, `content`, `name` and `metadata`")?;
    Ok(SystemMessage::from_parts(content, name, extras))
}

pub(super) fn user(mut fields: Fields) -> Read<UserMessage> {
    let (content, name, metadata) = common(&mut fields)?;
    let extras = extras::of_message(&mut fields, metadata)?;
    fields.end("`role`, `content`, `name` and `metadata`")?;
    Ok(UserMessage::from_parts(content, name, extras))
}

pub(super) fn tool(mut fields: Fields) -> Read<ToolMessage> {
    let id = fields.some_text("tool_call_id")?;
    let (content, name, mut metadata) = common(&mut fields)?;
    // Whatever a tool gave is something, `false` and the empty list too.
    if let Some(artifact) = fields.take("artifact") {
        if metadata.get("artifact").is_some_and(|there| *there != artifact) {
            return Err(Unreadable::new("a tool message with `artifact` and another `artifact` in `metadata`"));
        }
        metadata.insert("artifact".into(), artifact);
    }
    let mut is_error = fields.flag("is_error")?;
    match fields.text("status")?.as_deref() {
        None | Some("success") => {}
        Some("error") => is_error = true,
        Some(_) => return Err(Unreadable::new("`status` of a tool message is neither `success` nor `error`")),
    }
    let mut extras = extras::of_message(&mut fields, metadata)?;
    if let Some(control) = fields.take("cache_control") {
        extras.get_mut().cache_control = Some(control);
    }
    fields.end("`role`, `tool_call_id`, `content`, `name`, `is_error` (or `status`) and `metadata`")?;
    let mut message = ToolMessage::new(id, content).with_extras(extras);
    if let Some(name) = name {
        message = message.with_name(name);
    }
    Ok(if is_error { message.with_error() } else { message })
}
