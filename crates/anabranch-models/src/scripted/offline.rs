//! What the offline model answers: something that fits the prompt, the same each time.

mod value;

use anabranch_messages::{AiMessage, Messages, Role, ToolCall};

use crate::backend::ChatRequest;
use crate::options::ResponseFormat;
use crate::tool::{Tool, ToolChoice};

/// An answer in the form that is asked for: a call where one must be made, a value of the schema where there is one, a
/// text else.
pub(super) fn answer(request: &ChatRequest) -> AiMessage {
    let options = &request.options;
    let topic = || shortened(topic(&asked_last(&request.messages)));
    let mut functions = options.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => Some(function),
        Tool::Provider { .. } => None,
    });
    let called = match &options.tool_choice {
        Some(ToolChoice::Required) => functions.next(),
        Some(ToolChoice::Function(name)) => functions.find(|function| function.name == *name),
        _ => None,
    };
    if let Some(function) = called {
        let arguments = value::of_schema(&function.parameters, &topic());
        return AiMessage::default().with_tool_call(ToolCall::new("offline-1", &function.name, arguments));
    }
    if let Some(ResponseFormat::Schema(schema)) = &options.response_format {
        return AiMessage::new(value::of_schema(&schema.schema, &topic()).to_string());
    }
    AiMessage::new(reply(&request.messages))
}

/// What the user said last, or whoever spoke.
fn asked_last(messages: &Messages) -> std::borrow::Cow<'_, str> {
    let user = messages.iter().rev().find(|message| message.role() == Role::User).or_else(|| messages.last());
    user.map(|message| message.text()).unwrap_or_default()
}

/// An answer of sorts, made of the last words of the user and of what the system asks for.
fn reply(messages: &Messages) -> String {
    let user = asked_last(messages);
    let system = messages.iter().rev().find(|message| message.role() == Role::System);
    let system = system.map(|message| message.text()).unwrap_or_default();
    let topic = shortened(topic(&user));
    let asked = format!("{system}\n{user}").to_lowercase();
    let says = |word: &str| asked.contains(word);

    if says("json") {
        return format!("{{\"topic\": {}, \"answer\": \"scripted\"}}", serde_json::Value::from(topic.as_str()));
    }
    // The first that fits: a synthesis speaks of summaries and questions, too.
    if says("synthes") {
        return format!(
            "Taken together: {topic} is best understood from three sides at once. The summary gives the outline, the \
             questions show where it is still open, and the key terms name what keeps coming back. Each of them was \
             written on its own, at the same time, and here they flow together again."
        );
    }
    if let Some(perspective) =
        between(&asked, "you are a ", " expert").or_else(|| between(&asked, "you are an ", " expert"))
    {
        return format!(
            "From the {perspective} perspective: the plan can work, but one risk stands out and should be settled \
             before it starts. Ask who is responsible for it, and what happens on the day it goes wrong."
        );
    }
    if says("summar") {
        return format!(
            "In short, {topic} began small, grew faster than anyone had planned for, and changed what came after it. \
             What matters most is how its parts came to depend on each other."
        );
    }
    if says("question") {
        return format!(
            "1. What made {topic} possible in the first place?\n2. Who gained from it, and who paid for it?\n3. What \
             would be different today without it?"
        );
    }
    if says("key term") || says("keyword") {
        return "origins, turning points, people, methods, costs, consequences, open questions".into();
    }
    if says("story") {
        return format!(
            "There was once {topic}. For a long time nobody noticed, because the two halves kept the same name and the \
             same water. Then came a dry year, and each had to decide which way to go. They chose differently, and met \
             again further down, each with something to tell the other."
        );
    }
    if says("downside") {
        return format!("One downside of {topic}: it takes longer than planned, and the costs come first.");
    }
    if says("upside") {
        return format!("One upside of {topic}: what was stuck can move again, and everyone downstream feels it.");
    }
    if says("headline") {
        return format!("Three headlines: \"{topic}, explained\"; \"What {topic} will change\"; \"After {topic}\".");
    }
    format!("About {topic}: this answer is scripted, because no model is configured, but a real one would begin here.")
}

/// What a prompt is about: what stands behind its last colon, or behind `about`, or `of`; else all of it.
fn topic(prompt: &str) -> &str {
    let prompt = prompt.trim();
    let behind_colon = prompt.split_once(":\n").or_else(|| prompt.split_once(": ")).map(|(_, topic)| topic);
    let behind = |word: &str| prompt.split_once(word).map(|(_, topic)| topic);
    let topic = behind_colon.or_else(|| behind(" about ")).or_else(|| behind(" of "));
    let is_question = prompt.len() < 200 && (prompt.ends_with('.') || prompt.ends_with('?'));
    let topic = topic.filter(|_| behind_colon.is_some() || is_question).unwrap_or(prompt);
    let topic = topic.trim().trim_end_matches(['.', '?', '!']);
    if topic.is_empty() { "this" } else { topic }
}

/// One line of a length that fits into a sentence.
fn shortened(topic: &str) -> String {
    let mut words = topic.split_whitespace();
    let short: Vec<&str> = words.by_ref().take(14).collect();
    let mut short = short.join(" ");
    if words.next().is_some() {
        short.push_str(" ...");
    }
    if short.chars().count() > 120 { short.chars().take(120).chain("...".chars()).collect() } else { short }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (middle, _) = rest.split_once(after)?;
    (middle.len() < 40).then_some(middle)
}

#[cfg(test)]
mod tests;
