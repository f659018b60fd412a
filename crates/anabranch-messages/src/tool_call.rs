//! [`ToolCall`]: a call the model asks for.

use std::fmt;

use anabranch_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::chars;
use crate::extras::{Extras, by_provider, cacheable};

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
    pub(crate) end: End,
    /// Whether the arguments are free text and no JSON.
    pub(crate) free_form: bool,
    pub(crate) extras: Extras,
}

/// Whether more may come after the arguments, which decides what none at all are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More may come.
    Open,
    /// Nothing comes, and none are `{}`.
    Whole,
    /// Nothing comes, and none are arguments that were cut off.
    CutOff,
}

impl ToolCall {
    /// A call that came whole. The arguments are JSON as providers give it: an object, its text, or null for none.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<Value>) -> Self {
        let (arguments, as_object) = text_of(arguments.into());
        Self {
            id: id.into(),
            name: name.into(),
            arguments,
            as_object,
            streamed: None,
            end: End::Whole,
            free_form: false,
            extras: Extras::default(),
        }
    }

    /// A call of a tool that takes free text, such as a query or a patch, and no JSON.
    ///
    /// ```
    /// use anabranch_messages::ToolCall;
    ///
    /// let call = ToolCall::free_form("call_1", "write_sql", "SELECT 1");
    /// assert_eq!(call.free_form_input(), Some("SELECT 1"));
    /// assert!(!call.has_valid_arguments() && call.arguments().is_err());
    /// ```
    #[doc(alias = "custom")]
    pub fn free_form(id: impl Into<String>, name: impl Into<String>, input: impl Into<String>) -> Self {
        Self { free_form: true, ..Self::new(id, name, input.into()) }
    }

    /// Adds what the provider wants back with the call unchanged.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.extras.get_mut().signature = Some(signature.into());
        self
    }

    /// Adds a second id, under which the provider keeps the call itself: OpenAI's responses have one.
    #[must_use]
    pub fn with_item_id(mut self, id: impl Into<String>) -> Self {
        self.extras.get_mut().item_id = Some(id.into());
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

    /// The id under which the provider keeps the call itself, where that is another one.
    #[must_use]
    pub fn item_id(&self) -> Option<&str> {
        self.extras.get()?.item_id.as_deref()
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// The tool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the provider wants back with the call unchanged.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.extras.signature()
    }

    /// The arguments as text, as far as they came.
    #[must_use]
    pub fn raw_arguments(&self) -> &str {
        &self.arguments
    }

    /// Whether the tool takes free text and no JSON.
    #[must_use]
    pub fn is_free_form(&self) -> bool {
        self.free_form
    }

    /// The text for a tool that takes free text, once it is complete.
    #[must_use]
    pub fn free_form_input(&self) -> Option<&str> {
        (self.free_form && self.end == End::Whole).then_some(self.raw_arguments())
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
        if self.free_form {
            let message = "the call has free text in place of arguments: `free_form_input()` gives it";
            return Err(Error::new(ErrorKind::Parse, message));
        }
        let text = self.arguments.trim_ascii();
        match text {
            "" if self.end == End::Whole => Ok("{}"),
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
        (text == self.arguments && !may_be_rounded(&object)).then_some(object)
    }

    pub(crate) fn index(&self) -> Option<u64> {
        self.streamed.flatten()
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

/// Whether a number in it may have been another one; see [`is_rounded`].
pub(crate) fn may_be_rounded(value: &Value) -> bool {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().is_some_and(is_rounded),
        Value::Array(list) => list.iter().any(may_be_rounded),
        Value::Object(object) => object.values().any(may_be_rounded),
        _ => false,
    }
}

/// Whether it may stand for another integer: one that does not fit becomes the nearest floating-point number when JSON
/// is read. Fifteen digits and zeros behind them are always what was written.
pub(crate) fn is_rounded(number: f64) -> bool {
    const FITS: f64 = 18_446_744_073_709_551_616.0; // 2^64
    if number < FITS && number > -FITS / 2.0 {
        return false;
    }
    // These are written where no number is meant.
    if [f64::from(f32::MAX), f64::MAX].contains(&number.abs()) {
        return false;
    }
    let digits =
        || format!("{:e}", number.abs()).bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    digits() > 15
}

by_provider!(ToolCall);
cacheable!(ToolCall);

impl PartialEq for ToolCall {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
            && self.name == other.name
            && self.arguments == other.arguments
            && self.free_form == other.free_form
            && self.extras == other.extras
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    free_form: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Option<u64>>,
    #[serde(flatten)]
    extras: &'a Extras,
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let arguments = self.as_object().unwrap_or_else(|| Value::String(self.arguments.clone()));
        let form = FormOut {
            id: &self.id,
            name: &self.name,
            arguments,
            free_form: self.free_form,
            // One without a name, which some servers send as a whole, is read as the piece of a call that it is.
            index: self.streamed.or(self.name.trim().is_empty().then_some(None)),
            extras: &self.extras,
        };
        form.serialize(serializer)
    }
}
