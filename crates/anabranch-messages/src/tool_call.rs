//! [`ToolCall`]: a call the model asks for.

use std::fmt;

use anabranch_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::chars;

/// A call of a tool the model asks for, which knows whether its arguments are complete and valid.
///
/// ```
/// use anabranch_messages::ToolCall;
/// use serde_json::json;
///
/// let call = ToolCall::new("call_1", "weather", json!({"city": "Bremen"}));
/// assert_eq!(call.arguments()?["city"], "Bremen");
///
/// // What a token limit left of one must not run.
/// let cut = ToolCall::new("call_2", "weather", r#"{"city": "Bre"#);
/// assert!(!cut.has_valid_arguments());
/// assert_eq!(cut.raw_arguments(), r#"{"city": "Bre"#);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// In JSON the arguments are the object if one was given, else the text as it came: a call that was streamed is
/// written as it is, half-done or not. Two calls are equal when id, name and arguments are, whether they came whole or
/// in pieces.
#[derive(Clone)]
pub struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// JSON as text, as far as it came.
    pub(crate) arguments: String,
    /// Whether the arguments were given as an object and not as text.
    pub(crate) as_object: bool,
    /// `None` for a call that came whole, else where it stood in the stream, if the provider said so.
    pub(crate) streamed: Option<Option<u64>>,
    /// Whether nothing can come after the arguments, so that none at all means `{}`.
    pub(crate) ended: bool,
    pub(crate) signature: Option<String>,
}

impl ToolCall {
    /// A call that came whole. The arguments are JSON as providers give it: an object, its text, or null for none.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<Value>) -> Self {
        let (arguments, as_object) = text_of(arguments.into());
        Self { id: id.into(), name: name.into(), arguments, as_object, streamed: None, ended: true, signature: None }
    }

    /// Adds what the provider wants back with the call unchanged.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.signature = Some(signature.into());
        self
    }

    /// Gives the call another id, where the provider gave none or the same one twice.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// The id under which the result is given back. Empty where the provider gave none.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The tool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the provider wants back with the call unchanged.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// The arguments as text, as far as they came.
    #[must_use]
    pub fn raw_arguments(&self) -> &str {
        &self.arguments
    }

    /// The arguments: a JSON object. No arguments at all (nothing, blank text, `null`) are `{}` once the call is
    /// complete.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] when the arguments are cut off, are no JSON, or are no object. Such a call must not run;
    /// the text is in [`raw_arguments`](Self::raw_arguments).
    pub fn arguments(&self) -> Result<Value> {
        self.arguments_as::<Map<String, Value>>().map(Value::Object)
    }

    /// [`arguments`](Self::arguments), as a type of your own.
    ///
    /// ```
    /// use anabranch_messages::ToolCall;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Weather { city: String }
    ///
    /// let call = ToolCall::new("call_1", "weather", r#"{"city": "Bremen"}"#);
    /// let Weather { city } = call.arguments_as()?;
    /// assert_eq!(city, "Bremen");
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`arguments`](Self::arguments), and when the object does not fit the type.
    pub fn arguments_as<T: DeserializeOwned>(&self) -> Result<T> {
        let text = self.complete_arguments()?;
        serde_json::from_str(text).map_err(|error| self.invalid(&error))
    }

    /// Whether the arguments are complete, valid JSON and an object.
    #[must_use]
    pub fn has_valid_arguments(&self) -> bool {
        self.arguments().is_ok()
    }

    /// The text of what should be an object.
    fn complete_arguments(&self) -> Result<&str> {
        let text = self.arguments.trim_ascii();
        match text {
            "" if self.ended => Ok("{}"),
            "" => Err(Error::new(ErrorKind::Parse, "the call has no arguments yet: it is not complete, do not run it")),
            "null" => Ok("{}"),
            _ if text.starts_with('{') => Ok(text),
            _ => Err(Error::new(ErrorKind::Parse, "the arguments of the call are no JSON object: do not run it")),
        }
    }

    #[cold]
    fn invalid(&self, error: &serde_json::Error) -> Error {
        let (line, column) = (error.line(), error.column());
        let message = match error.classify() {
            serde_json::error::Category::Eof => {
                format!("the arguments of the call are cut off at line {line} column {column}: do not run it")
            }
            serde_json::error::Category::Data => {
                format!("the arguments of the call do not fit the type that is wanted, at line {line} column {column}")
            }
            _ => format!("the arguments of the call are no JSON at line {line} column {column}: do not run it"),
        };
        Error::new(ErrorKind::Parse, message).with_partial(self.arguments.clone())
    }

    /// An object only where it is the same text when it is written out again, which numbers may prevent.
    fn as_object(&self) -> Option<Value> {
        let object: Value = serde_json::from_str(self.as_object.then_some(&self.arguments)?).ok()?;
        let text = object.to_string();
        (text == self.arguments).then_some(object)
    }

    pub(crate) fn is_empty_object(&self) -> bool {
        self.as_object && self.arguments == "{}"
    }

    pub(crate) fn has_blank_arguments(&self) -> bool {
        self.arguments.trim_ascii().is_empty()
    }
}

/// JSON arguments as text, and whether they were given as more than text.
pub(crate) fn text_of(arguments: Value) -> (String, bool) {
    match arguments {
        Value::Null => (String::new(), false),
        Value::String(text) => (text, false),
        given => (given.to_string(), true),
    }
}

impl PartialEq for ToolCall {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.name == other.name
            && self.arguments == other.arguments
            && self.signature == other.signature
    }
}

impl Eq for ToolCall {}

impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("name", &self.name)
            .field("arguments", &chars(&self.arguments))
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct FormOut<'a> {
    id: &'a str,
    name: &'a str,
    arguments: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let arguments = self.as_object().unwrap_or_else(|| Value::String(self.arguments.clone()));
        let form = FormOut {
            id: &self.id,
            name: &self.name,
            arguments,
            index: self.streamed,
            signature: self.signature.as_deref(),
        };
        form.serialize(serializer)
    }
}
