//! [`StructuredOutput`]: a model that gives values of a type.

mod answer_of_tool;
mod method;

use std::fmt;
use std::sync::Arc;

use anabranch_core::describe::{Description, Label};
use anabranch_core::{BoxRunnable, Chunks, Result, RunConfig, Runnable, RunnableExt, lambda, pipe_operator};
use anabranch_messages::{AiMessage, Messages};
use anabranch_parsers::{JsonOutputParser, OutputParser};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::chat_model::ChatModel;
use crate::options::JsonSchema;
use answer_of_tool::AnswerOfTool;
use method::Prepare;
pub use method::StructuredOutputMethod;

impl ChatModel {
    /// The same model, giving values of a type: its schema goes to the model, the answer is read as JSON and comes back
    /// typed.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_models::{ChatModel, ScriptedModel};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct River { name: String, length_km: u32 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let llm = ChatModel::from(ScriptedModel::replies([r#"{"name": "Weser", "length_km": 452}"#]));
    /// let river = llm.with_structured_output::<River>().invoke("Name a river.").await?;
    /// assert_eq!((river.name.as_str(), river.length_km), ("Weser", 452));
    /// # Ok(()) }
    /// ```
    ///
    /// How the model is told depends on what it [can do](Self::capabilities): by the provider's own response format, else
    /// by a tool that it must call, else by instructions in the system message;
    /// [`method`](StructuredOutput::method) chooses by hand. Every type will do: one that is no JSON object is asked for
    /// inside of one. A value of a type comes whole, in a stream too; [`with_structured_schema`](Self::with_structured_schema)
    /// gives JSON that grows.
    ///
    /// # Errors
    /// Of the kind [`Parse`](anabranch_core::ErrorKind::Parse) where the answer is no such value, and
    /// [`ContentFilter`](anabranch_core::ErrorKind::ContentFilter) where the model refused or a filter broke it off, with
    /// a `ParseError` that says which. The message itself is reached with [`include_raw`](StructuredOutput::include_raw).
    #[must_use]
    pub fn with_structured_output<T>(&self) -> StructuredOutput<T>
    where
        T: DeserializeOwned + schemars::JsonSchema + Send + 'static,
    {
        StructuredOutput::new(self.clone(), JsonSchema::of::<T>())
    }

    /// [`with_structured_output`](Self::with_structured_output) by a schema that is no type's: gives JSON, and streams it
    /// as snapshots that grow.
    #[must_use]
    pub fn with_structured_schema(&self, schema: JsonSchema) -> StructuredOutput {
        StructuredOutput::new(self.clone(), schema)
    }
}

/// A [`ChatModel`] that gives values of a type: see [`ChatModel::with_structured_output`].
pub struct StructuredOutput<T = Value> {
    llm: ChatModel,
    schema: JsonSchema,
    method: StructuredOutputMethod,
    chain: BoxRunnable<Messages, T>,
}

impl<T: DeserializeOwned + Send + 'static> StructuredOutput<T> {
    fn new(llm: ChatModel, schema: JsonSchema) -> Self {
        let method = StructuredOutputMethod::of(llm.capabilities());
        let chain = Asking::new(&llm, &schema, method).chain();
        Self { llm, schema, method, chain }
    }

    /// The same, telling the model in another way than is chosen by what it can do.
    #[must_use]
    pub fn method(self, method: StructuredOutputMethod) -> Self {
        let chain = Asking::new(&self.llm, &self.schema, method).chain();
        Self { method, chain, ..self }
    }

    /// The same, giving the model's message beside the value, and where it is no value, what is wrong with it. What is no
    /// answer at all is still an error.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_models::{ChatModel, ScriptedModel};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let llm = ChatModel::from(ScriptedModel::replies(["I would rather not."]));
    /// let answer = llm.with_structured_output::<u32>().include_raw().invoke("How long is the Weser?").await?;
    /// assert!(answer.output.is_err());
    /// assert_eq!(answer.message.text(), "I would rather not.");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn include_raw(&self) -> StructuredWithRaw<T> {
        let asking = Asking::new(&self.llm, &self.schema, self.method);
        let Asking { prepare, llm, tool, reading } = asking;
        let read = move |message: AiMessage| {
            let whole = match &tool {
                Some(tool) => tool.whole(message.clone()),
                None => Ok(message.clone()),
            };
            let output = whole.and_then(|answer| reading.value(&answer));
            std::future::ready(Ok(StructuredAnswer { message, output }))
        };
        StructuredWithRaw((prepare | llm | lambda(read)).boxed())
    }
}

/// What is asked, and how the answer is read.
struct Asking<T> {
    prepare: Prepare,
    llm: ChatModel,
    tool: Option<AnswerOfTool>,
    reading: Reading<T>,
}

impl<T: DeserializeOwned + Send + 'static> Asking<T> {
    fn new(llm: &ChatModel, schema: &JsonSchema, method: StructuredOutputMethod) -> Self {
        let is_told = matches!(method, StructuredOutputMethod::Json | StructuredOutputMethod::Instructions);
        let is_object = schema.schema.get("type").and_then(Value::as_str) == Some("object")
            && !["anyOf", "oneOf", "allOf", "$ref"].iter().any(|key| schema.schema.get(*key).is_some());
        let (schema, reading) = match is_told || is_object {
            true => (schema.clone(), Reading::Bare(JsonOutputParser::typed().by_schema_if_json(&schema.schema))),
            false => (wrapped(schema), Reading::Wrapped),
        };
        let (llm, tool, instructions) = method.bind(llm, schema);
        Self { prepare: Prepare { instructions }, llm, tool, reading }
    }

    fn chain(self) -> BoxRunnable<Messages, T> {
        let Self { prepare, llm, tool, reading } = self;
        let asked = prepare | llm;
        match (tool, reading) {
            (Some(tool), Reading::Bare(parser)) => (asked | tool | parser).boxed(),
            (None, Reading::Bare(parser)) => (asked | parser).boxed(),
            (tool, Reading::Wrapped) => {
                let unwrapped = lambda(|inside: Wrapped<T>| std::future::ready(Ok(inside.value)));
                let parser = JsonOutputParser::typed::<Wrapped<T>>();
                match tool {
                    Some(tool) => (asked | tool | parser | unwrapped).boxed(),
                    None => (asked | parser | unwrapped).boxed(),
                }
            }
        }
    }
}

enum Reading<T> {
    Bare(JsonOutputParser<T>),
    /// Inside of an object, because servers take no other schema.
    Wrapped,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    value: T,
}

impl<T: DeserializeOwned + Send + 'static> Reading<T> {
    fn value(&self, answer: &AiMessage) -> Result<T> {
        match self {
            Self::Bare(parser) => parser.parse_answer(answer),
            Self::Wrapped => JsonOutputParser::typed::<Wrapped<T>>().parse_answer(answer).map(|inside| inside.value),
        }
    }
}

/// A schema as the only member of an object. References into it keep their place.
fn wrapped(schema: &JsonSchema) -> JsonSchema {
    let mut inner = schema.schema.clone();
    let definitions = inner.as_object_mut().and_then(|inner| inner.shift_remove("$defs"));
    let mut outer = json!({
        "type": "object",
        "properties": {"value": inner},
        "required": ["value"],
        "additionalProperties": false,
    });
    if let Some(definitions) = definitions {
        outer["$defs"] = definitions;
    }
    JsonSchema { schema: outer, ..schema.clone() }
}

/// JSON that is given as it is, is checked by the schema; a type checks itself.
trait BySchemaIfJson {
    fn by_schema_if_json(self, schema: &Value) -> Self;
}

impl<T: 'static> BySchemaIfJson for JsonOutputParser<T> {
    fn by_schema_if_json(self, schema: &Value) -> Self {
        match std::any::TypeId::of::<T>() == std::any::TypeId::of::<Value>() {
            true => self.by_schema(schema.clone()),
            false => self,
        }
    }
}

impl<T: Send + 'static> Runnable for StructuredOutput<T> {
    type Input = Messages;
    type Output = T;

    fn call<'a>(&'a self, input: Messages, config: &'a RunConfig) -> impl Future<Output = Result<T>> + Send {
        self.chain.call(input, config)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Messages>, config: &'a RunConfig) -> Chunks<'a, T> {
        self.chain.call_stream(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        self.chain.label()
    }

    fn describe(&self) -> Description {
        self.chain.describe()
    }
}

/// A model's message, and the value in it.
#[non_exhaustive]
pub struct StructuredAnswer<T> {
    /// The message as the model gave it.
    pub message: AiMessage,
    /// The value, or why there is none in it.
    pub output: Result<T>,
}

/// A [`ChatModel`] that gives values of a type beside its messages: see [`StructuredOutput::include_raw`].
pub struct StructuredWithRaw<T>(BoxRunnable<Messages, StructuredAnswer<T>>);

impl<T: Send + 'static> Runnable for StructuredWithRaw<T> {
    type Input = Messages;
    type Output = StructuredAnswer<T>;

    fn call<'a>(
        &'a self,
        input: Messages,
        config: &'a RunConfig,
    ) -> impl Future<Output = Result<StructuredAnswer<T>>> + Send {
        self.0.call(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }
}

impl<T> Clone for StructuredOutput<T> {
    fn clone(&self) -> Self {
        Self { llm: self.llm.clone(), schema: self.schema.clone(), method: self.method, chain: self.chain.clone() }
    }
}

impl<T> Clone for StructuredWithRaw<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for StructuredOutput<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StructuredOutput")
            .field("llm", &self.llm)
            .field("schema", &self.schema)
            .field("method", &self.method)
            .finish()
    }
}

impl<T> fmt::Debug for StructuredWithRaw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StructuredWithRaw").field(&self.0).finish()
    }
}

/// The value is an answer of a model, too.
impl<T> fmt::Debug for StructuredAnswer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StructuredAnswer")
            .field("message", &self.message)
            .field("output", &self.output.as_ref().map(|_| ()))
            .finish()
    }
}

pipe_operator!(impl<T> for StructuredOutput<T> where T: Send + 'static);
pipe_operator!(impl<T> for StructuredWithRaw<T> where T: Send + 'static);

/// Instructions do not change while a chain lives.
type Text = Arc<str>;

#[cfg(test)]
mod tests;
