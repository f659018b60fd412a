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
    /// Where the item has none.
    name: &'static str,
    arguments: Arguments,
    result: Option<&'static str>,
}

/// Where the arguments of a call stand in its item.
#[derive(Clone, Copy)]
enum Arguments {
    /// They are this member.
    One(&'static str),
    /// They are this member, which is JSON as text.
    Text(&'static str),
    /// They are an object of these members.
    Several(&'static [&'static str]),
}

const SERVER_TOOLS: &[ServerTool] = &[
    ServerTool { type_: "web_search_call", name: "web_search", arguments: Arguments::One("action"), result: None },
    ServerTool {
        type_: "file_search_call",
        name: "file_search",
        arguments: Arguments::Several(&["queries"]),
        result: Some("results"),
    },
    ServerTool {
        type_: "code_interpreter_call",
        name: "code_interpreter",
        arguments: Arguments::Several(&["code", "container_id"]),
        result: Some("outputs"),
    },
    ServerTool { type_: "mcp_call", name: "mcp", arguments: Arguments::Text("arguments"), result: Some("output") },
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
