//! Cohere's Chat API, version 2.

use anabranch::messages::{Content, Reasoning, ToolCallChunk, Usage};
use anabranch::models::reader::{self, Assembly, Decode, Flow, Frame};
use anabranch::models::transport::{Call, Connection, ErrorTable, Exchange, Secret, Server};
use anabranch::models::{Capabilities, ChatAnswer, ChatBackend, ChatCall, ChatRequest};
use anabranch::models::{ResponseFormat, Tool, ToolChoice, Warning};
use anabranch::{Error, ErrorKind, Result, prelude::*};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde_json::{Value, json};

/// A model of Cohere's.
pub fn cohere(model: &str, key: impl Into<Secret>, connection: Connection) -> Result<ChatModel> {
    let key = ("authorization", key.into().after("Bearer "));
    let server = Server::new(connection, "https://api.cohere.com", Some(key), &ERRORS)?;
    Ok(ChatModel::from_backend(Cohere { name: format!("cohere:{model}"), model: model.to_string(), server }))
}

const ERRORS: ErrorTable = ErrorTable {
    words: &[],
    sentences: &[("too many tokens", ErrorKind::ContextLength)],
    statuses: &[(498, ErrorKind::Authentication)],
};

struct Cohere {
    name: String,
    model: String,
    server: Server,
}

impl Cohere {
    async fn post(&self, request: ChatRequest, call: ChatCall, streamed: bool) -> Result<(Exchange, Vec<Warning>)> {
        let options = request.options.clone();
        let (body, warnings) = document(request, &self.model, streamed)?;
        let accept = if streamed { "text/event-stream" } else { "application/json" };
        let post = Call { path: &["v2", "chat"], query: &[], headers: Vec::new(), body, accept };
        Ok((self.server.post(post, &options, call).await?, warnings))
    }
}

#[async_trait::async_trait]
impl ChatBackend for Cohere {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut can = Capabilities::text();
        (can.tools, can.forced_tool_choice, can.json, can.json_schema, can.seed) = (true, true, true, true, true);
        can
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        let (exchange, warnings) = self.post(request, call, false).await?;
        reader::read_answer(exchange, Chat::default(), warnings).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let posted = stream::once(self.post(request, call, true));
        let chunks = posted.map_ok(|(exchange, warnings)| reader::read_stream(exchange, Chat::default(), warnings));
        chunks.try_flatten().boxed()
    }
}

const KNOWN: &str = "temperature top_p top_k max_tokens stop seed presence_penalty frequency_penalty tools tool_choice \
                     response_format";

fn document(request: ChatRequest, model: &str, streamed: bool) -> Result<(Vec<u8>, Vec<Warning>)> {
    let (options, messages) = (request.options, request.messages);
    let in_vain = options.asked().filter(|name| !KNOWN.split(' ').any(|known| known == *name));
    let mut warnings: Vec<_> = in_vain.map(|name| Warning::new(name, "not sent: Cohere has no such setting")).collect();
    if messages.iter().any(|message| matches!(message, Message::Tool(result) if result.is_error())) {
        warnings.push(Warning::new("tool message", "that it is an error was not sent"));
    }
    // Where one function must be called, it is the only one there is.
    let tools = options.tools.iter().filter_map(|tool| match (tool, &options.tool_choice) {
        (Tool::Function(tool), Some(ToolChoice::Function(name))) if tool.name != *name => None,
        (Tool::Function(tool), _) => Some(json!({"type": "function", "function":
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}})),
        _ => None,
    });
    let mut document = json!({
        "messages": messages.into_iter().map(message).collect::<Result<Value>>()?,
        "model": model, "stream": streamed, "tools": tools.collect::<Value>(),
        "temperature": options.temperature, "max_tokens": options.max_tokens, "seed": options.seed,
        "p": options.top_p, "k": options.top_k, "stop_sequences": options.stop,
        "presence_penalty": options.presence_penalty, "frequency_penalty": options.frequency_penalty,
        "tool_choice": match &options.tool_choice {
            Some(ToolChoice::Required | ToolChoice::Function(_)) => "REQUIRED".into(),
            Some(ToolChoice::None) => "NONE".into(),
            _ => Value::Null,
        },
        "response_format": match &options.response_format {
            Some(ResponseFormat::Json) => json!({"type": "json_object"}),
            Some(ResponseFormat::Schema(of)) => json!({"type": "json_object", "json_schema": of.schema}),
            _ => Value::Null,
        },
    });
    options.extra.iter().for_each(|(key, value)| document[key] = value.clone());
    Ok((serde_json::to_vec(&with_something(document))?, warnings))
}

fn message(message: Message) -> Result<Value> {
    Ok(match message {
        Message::System(system) => json!({"role": "system", "content": text(system.content())?}),
        Message::User(user) => json!({"role": "user", "content": text(user.content())?}),
        Message::Tool(result) => {
            json!({"role": "tool", "tool_call_id": result.tool_call_id(), "content": text(result.content())?})
        }
        Message::Ai(answer) => {
            let calls = answer.tool_calls().iter().map(|call| {
                json!({"id": call.id(), "type": "function", "function":
                    {"name": call.name(), "arguments": call.raw_arguments()}})
            });
            with_something(json!({"role": "assistant", "content": text(answer.content())?,
                "tool_calls": calls.collect::<Value>(), "tool_plan": answer.reasoning()}))
        }
    })
}

fn with_something(mut value: Value) -> Value {
    let says_something = |_: &String, value: &mut Value| ![Value::Null, json!(""), json!([])].contains(value);
    value.as_object_mut().into_iter().for_each(|members| members.retain(says_something));
    value
}

fn text(content: &Content) -> Result<String> {
    use ContentPart::{Reasoning, Refusal, Text, ToolCall};
    match content.parts().iter().all(|part| matches!(part, Text(_) | Refusal(_) | Reasoning(_) | ToolCall(_))) {
        true => Ok(content.text().into_owned() + &content.refusal()),
        false => Err(Error::new(ErrorKind::Unsupported, "Cohere is sent text only")),
    }
}

/// What an answer says once, when it came.
#[derive(Default)]
struct Chat(AiMessage);

impl Decode for Chat {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let event: Value = reader::document(&frame.data, out.errors())?;
        let (delta, said) = (&event["delta"], &event["delta"]["message"]);
        match event["type"].as_str().unwrap_or_default() {
            "content-start" | "content-delta" => part(&said["content"], out)?,
            "tool-plan-delta" => part(&json!({"thinking": said["tool_plan"]}), out)?,
            "tool-call-start" | "tool-call-delta" => {
                let (call, function) = (&said["tool_calls"], &said["tool_calls"]["function"]);
                let piece = ToolCallChunk::new().with_index(event["index"].as_u64()).with_id(word(&call["id"]));
                out.call(piece.with_name(word(&function["name"])).with_arguments(word(&function["arguments"])))?;
            }
            "message-end" if delta["error"].is_string() => return Err(out.errors().inside(delta["error"].clone())),
            "message-end" => {
                self.0 = end(delta);
                return Ok(Flow::End);
            }
            // What is of no interest, and what Cohere thinks of later.
            _ => {}
        }
        Ok(Flow::More)
    }

    fn last(&mut self, _complete: bool, _out: &mut Assembly) -> AiMessage {
        std::mem::take(&mut self.0)
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        let answer: Value = reader::document(&reader::text(body), out.errors())?;
        let said = &answer["message"];
        if !said.is_object() {
            return Err(out.errors().error(ErrorKind::Parse, "sent an answer without a message"));
        }
        part(&json!({"thinking": said["tool_plan"]}), out)?;
        said["content"].as_array().into_iter().flatten().try_for_each(|content| part(content, out))?;
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            out.whole_call(ToolCall::new(word(&call["id"]), word(&function["name"]), word(&function["arguments"])))?;
        }
        out.push(end(&answer))
    }
}

/// A content, or a piece of one.
fn part(content: &Value, out: &mut Assembly) -> Result<()> {
    if let Some(thought) = content["thinking"].as_str().filter(|thought| !thought.is_empty()) {
        out.push(AiMessage::new([ContentPart::Reasoning(Reasoning::new(thought))]))?;
    }
    out.push(word(&content["text"]))
}

fn end(said: &Value) -> AiMessage {
    let count = |key: &str| said["usage"]["tokens"][key].as_u64();
    let raw = said["usage"].as_object().cloned().unwrap_or_default();
    let usage = Usage::new(count("input_tokens"), count("output_tokens")).with_raw(raw);
    AiMessage::default().with_usage(usage).with_finish_reason(FinishReason::from_word(word(&said["finish_reason"])))
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
