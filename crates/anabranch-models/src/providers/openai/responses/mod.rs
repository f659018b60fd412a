//! OpenAI's Responses API, and the servers that speak it: Azure, OpenRouter, xAI, llama.cpp, LM Studio.

pub(super) mod request;
mod response;
mod stream;

use anabranch_core::{Error, ErrorKind};

pub(super) use stream::Answer;

use crate::reader::Assembly;

/// In the provider data of a part: its item without what the part says.
const ITEM: &str = "item";

/// A tool that the provider runs: which members of its item are the call's, and which is what it gave.
struct ServerTool {
    type_: &'static str,
    name: &'static str,
    /// Whether the item has a better name.
    is_named: bool,
    arguments: &'static [&'static str],
    /// Whether the one member is all of the arguments.
    is_whole: bool,
    result: Option<&'static str>,
}

const SERVER_TOOLS: &[ServerTool] = &[
    ServerTool {
        type_: "web_search_call",
        name: "web_search",
        is_named: false,
        arguments: &["action"],
        is_whole: true,
        result: None,
    },
    ServerTool {
        type_: "file_search_call",
        name: "file_search",
        is_named: false,
        arguments: &["queries"],
        is_whole: false,
        result: Some("results"),
    },
    ServerTool {
        type_: "code_interpreter_call",
        name: "code_interpreter",
        is_named: false,
        arguments: &["code", "container_id"],
        is_whole: false,
        result: Some("outputs"),
    },
    ServerTool {
        type_: "mcp_call",
        name: "mcp",
        is_named: true,
        arguments: &["arguments"],
        is_whole: true,
        result: Some("output"),
    },
];

impl ServerTool {
    fn of_type(type_: &str) -> Option<&'static Self> {
        SERVER_TOOLS.iter().find(|tool| tool.type_ == type_)
    }
}

fn no_event(out: &Assembly) -> Error {
    out.errors().error(ErrorKind::Parse, "sent an event that is no part of an answer")
}

#[cfg(test)]
mod tests;
