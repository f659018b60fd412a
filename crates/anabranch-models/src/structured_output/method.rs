//! [`StructuredOutputMethod`]: how a model is told the form of its answers.

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{ContentPart, Message, Messages, SystemMessage};
use anabranch_parsers::{JsonOutputParser, OutputParser};

use super::Text;
use super::answer_of_tool::AnswerOfTool;
use crate::capabilities::Capabilities;
use crate::chat_model::ChatModel;
use crate::options::{JsonSchema, ResponseFormat};
use crate::tool::{FunctionTool, ToolChoice};

/// How a model is told the form of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StructuredOutputMethod {
    /// By the provider's own response format, to which it holds the answer.
    Schema,
    /// By a tool that the model must call, whose arguments are the answer. The model's own tools are not offered.
    Tool,
    /// By a response format that is JSON of any kind, and by instructions in the system message.
    Json,
    /// By instructions in the system message and nothing else.
    Instructions,
}

impl StructuredOutputMethod {
    /// The best that the server takes.
    pub(super) fn of(capabilities: Capabilities) -> Self {
        if capabilities.json_schema {
            Self::Schema
        } else if capabilities.tools && capabilities.forced_tool_choice {
            Self::Tool
        } else if capabilities.json {
            Self::Json
        } else {
            Self::Instructions
        }
    }

    /// The model with the options for it, what takes the answer out of a call, and the instructions.
    pub(super) fn bind(self, llm: &ChatModel, schema: JsonSchema) -> (ChatModel, Option<AnswerOfTool>, Option<Text>) {
        let instructions = |schema: JsonSchema| {
            let text = JsonOutputParser::with_schema(schema.schema).format_instructions();
            Some(Text::from(text))
        };
        match self {
            Self::Schema => (llm.response_format(ResponseFormat::Schema(schema)), None, None),
            Self::Tool => {
                let JsonSchema { name, description, schema, strict } = schema;
                let description = description.unwrap_or_else(|| "Gives the answer. Call it once.".into());
                let tool = FunctionTool::new(&name, schema).description(description);
                let tool = if strict { tool.strict(true) } else { tool };
                let llm = llm.tools([tool]).tool_choice(ToolChoice::Function(name.clone()));
                (llm, Some(AnswerOfTool { name: name.into() }), None)
            }
            Self::Json => (llm.response_format(ResponseFormat::Json), None, instructions(schema)),
            Self::Instructions => (llm.clone(), None, instructions(schema)),
        }
    }
}

/// Adds the instructions to what the system says: many servers take one system message, and that as the first.
#[derive(Debug, Clone)]
pub(super) struct Prepare {
    pub(super) instructions: Option<Text>,
}

impl Runnable for Prepare {
    type Input = Messages;
    type Output = Messages;

    async fn call(&self, messages: Messages, _: &RunConfig) -> Result<Messages> {
        let Some(instructions) = &self.instructions else { return Ok(messages) };
        let mut messages = messages.into_vec();
        match messages.first_mut() {
            Some(Message::System(system)) => {
                let mut parts = system.content().clone().into_parts();
                parts.push(ContentPart::text(format!("\n\n{instructions}")));
                let mut told = SystemMessage::new(parts);
                if let Some(name) = system.name() {
                    told = told.with_name(name);
                }
                let metadata = system.metadata().clone();
                *system = metadata.into_iter().fold(told, |told, (key, value)| told.with_metadata_entry(key, value));
            }
            _ => messages.insert(0, SystemMessage::new(instructions.to_string()).into()),
        }
        Ok(messages.into_iter().collect())
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("prompt"), "schema")
    }
}

pipe_operator!(impl for Prepare);
