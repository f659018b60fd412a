//! The tools of a request: chat completions and Responses differ in a few words.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::options::ChatOptions;
use crate::tool::{FunctionTool, Tool, ToolChoice};

/// What the two have different words for.
pub(super) struct Words {
    /// A function that the model may call.
    pub(super) function: fn(&FunctionTool) -> Value,
    /// The model has to call one.
    pub(super) required: Cow<'static, str>,
    /// The model has to call the one with this name.
    pub(super) this_one: fn(&str) -> Value,
}

/// Puts the tools, and what is said of choosing among them, into a request.
pub(super) fn put(
    document: &mut Map<String, Value>,
    options: &ChatOptions,
    words: &Words,
    own: &str,
    mut warn: impl FnMut(&'static str, &'static str),
) {
    let mut tools = Vec::new();
    for tool in &options.tools {
        match tool {
            Tool::Function(function) => {
                let mut written = (words.function)(function);
                // A server that speaks OpenAI's language may have words of its own besides.
                let mut providers = vec!["openai", own];
                providers.dedup();
                let said = providers.into_iter().flat_map(|provider| function.options_of(provider));
                said.for_each(|(name, option)| written[name] = option.clone());
                tools.push(written);
            }
            Tool::Provider { provider, definition } if provider == "openai" || provider == own => {
                tools.push(definition.clone())
            }
            Tool::Provider { .. } => warn("tools", "a tool of another provider was not sent"),
        }
    }
    if tools.is_empty() {
        if options.tool_choice.is_some() || options.parallel_tool_calls.is_some() {
            warn("tool_choice", "not sent: there are no tools to choose from");
        }
        return;
    }
    document.insert("tools".into(), tools.into());
    if let Some(choice) = &options.tool_choice {
        let choice = match choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::None => "none".into(),
            ToolChoice::Required => words.required.as_ref().into(),
            ToolChoice::Function(name) => (words.this_one)(name),
        };
        document.insert("tool_choice".into(), choice);
    }
    if let Some(parallel) = options.parallel_tool_calls {
        document.insert("parallel_tool_calls".into(), parallel.into());
    }
}

/// What is said of a part or a message to a provider: under its name, and under `openai`, whose language it speaks.
pub(super) fn options_of<'a>(
    provider: &str,
    options: impl Fn(&str) -> &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let own = if provider == "openai" { None } else { Some(options(provider)) };
    options("openai").iter().chain(own.into_iter().flatten())
}
