//! [`DynamicFields`]: fields that are declared by value.

use std::borrow::Cow;
use std::fmt;

use anabranch_core::{Error, ErrorKind, Result};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::dynamic::{DynamicState, DynamicWrite, Reducer};
use crate::shape::Field;

/// How many fields a state has room for, as a typed one.
const MOST_FIELDS: usize = 128;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FieldType {
    /// A number, whole or not; by default 0. `int`, `integer` and `float` are read as the same.
    #[serde(alias = "int", alias = "integer", alias = "float")]
    Number,
    /// A text; by default empty. `string` is read as the same.
    #[serde(alias = "string")]
    Text,
    /// A list of anything; by default empty. `array` is read as the same.
    #[serde(alias = "array")]
    List,
    /// True or false; by default false. `boolean` is read as the same.
    #[serde(alias = "boolean")]
    Bool,
    /// Values by keys; by default none.
    Object,
    /// Anything; by default null.
    Any,
}

impl FieldType {
    /// What a field of this type holds before it is written.
    #[must_use]
    pub fn default_value(self) -> Value {
        match self {
            Self::Number => Value::from(0),
            Self::Text => Value::String(String::new()),
            Self::List => Value::Array(Vec::new()),
            Self::Bool => Value::Bool(false),
            Self::Object => Value::Object(Map::new()),
            Self::Any => Value::Null,
        }
    }

    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
            Self::Bool => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Any => true,
        }
    }

    fn described(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Bool => "true or false",
            Self::Object => "an object",
            Self::Any => "anything",
        }
    }
}

/// Without what it says.
fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    name: String,
    ty: FieldType,
    reducer: Option<Reducer>,
}

/// The fields of a [`DynamicState`], in declared order. Read from JSON, it is an object of
/// `"name": {"type": "list", "reduce": "append"}`.
///
/// ```
/// use anabranch_graph::dynamic::{DynamicFields, FieldType, Reducer};
///
/// let fields = DynamicFields::new()
///     .field("document", FieldType::Text)?
///     .reduced("notes", FieldType::List, Reducer::Append)?;
///
/// let error = fields.reduced("rounds", FieldType::Number, Reducer::Append).unwrap_err();
/// assert_eq!(error.message(), "`append` works on a list, and the field `rounds` is a number");
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DynamicFields(Vec<Declared>);

impl DynamicFields {
    /// No field yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a field that holds what was last written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`], if the name is empty, if there is one of this name already, or if there are 128.
    pub fn field(self, name: impl Into<String>, ty: FieldType) -> Result<Self> {
        self.with(name.into(), ty, None)
    }

    /// With a field whose writes add up.
    ///
    /// # Errors
    ///
    /// As [`field`](Self::field), and if the reducer does not work on the type.
    pub fn reduced(self, name: impl Into<String>, ty: FieldType, reducer: Reducer) -> Result<Self> {
        self.with(name.into(), ty, Some(reducer))
    }

    fn with(mut self, name: String, ty: FieldType, reducer: Option<Reducer>) -> Result<Self> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Configuration, message));
        if name.is_empty() {
            return wrong("a field needs a name, and this one is empty".to_owned());
        }
        if let Some(reducer) = reducer.filter(|reducer| !reducer.types().contains(&ty)) {
            let types: Vec<_> = reducer.types().iter().map(|ty| ty.described()).collect();
            let (types, is) = (types.join(" or "), ty.described());
            return wrong(format!("`{reducer}` works on {types}, and the field `{name}` is {is}"));
        }
        if self.position(&name).is_some() {
            return wrong(format!("the field `{name}` is declared twice: leave one out, or give it another name"));
        }
        if self.0.len() == MOST_FIELDS {
            return wrong(format!(
                "`{name}` is one field too many: there is room for {MOST_FIELDS}, and an object is one"
            ));
        }
        self.0.push(Declared { name, ty, reducer });
        Ok(self)
    }

    /// The place of this field in the declaration.
    #[must_use]
    pub fn position(&self, field: &str) -> Option<usize> {
        self.0.iter().position(|declared| declared.name == field)
    }

    /// The fields, as a graph has them.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Field> {
        let field = |declared: &Declared| Field {
            name: Cow::Owned(declared.name.clone()),
            reducer: declared.reducer.map(|reducer| Cow::Borrowed(reducer.as_str())),
        };
        self.0.iter().map(field).collect()
    }

    fn find(&self, field: &str) -> Result<&Declared> {
        self.0.iter().find(|declared| declared.name == field).ok_or_else(|| {
            let known: Vec<_> = self.0.iter().map(|declared| format!("`{}`", declared.name)).collect();
            let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
            Error::invalid_input(format!("there is no field `{field}` in the state: declared are {known}"))
        })
    }

    /// The write, with how its field's writes add up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`], if there is no such field, or the value is not of its type.
    pub fn check(&self, mut write: DynamicWrite) -> Result<DynamicWrite> {
        self.admit(&mut write)?;
        Ok(write)
    }

    pub(super) fn admit(&self, write: &mut DynamicWrite) -> Result<()> {
        let declared = self.find(write.field())?;
        if !declared.ty.holds(write.value()) {
            let (name, is, came) = (&declared.name, declared.ty.described(), described(write.value()));
            return Err(Error::invalid_input(format!("the field `{name}` is {is}, and {came} was to be written")));
        }
        write.reduce_by(declared.reducer);
        Ok(())
    }

    /// Gives the fields that are missing in `state` what a field of their type holds by default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`], if it has a field that is not declared, or a value of another type.
    pub fn complete(&self, state: &mut DynamicState) -> Result<()> {
        for (name, value) in state.as_object() {
            let declared = self.find(name)?;
            if !declared.ty.holds(value) {
                let (is, came) = (declared.ty.described(), described(value));
                return Err(Error::invalid_input(format!(
                    "the field `{name}` is {is}, and the state has {came} there"
                )));
            }
        }
        for declared in &self.0 {
            let value = state.get(&declared.name).cloned().unwrap_or_else(|| declared.ty.default_value());
            let value = match declared.reducer {
                Some(reducer) => reducer.tidy(value),
                None => value,
            };
            state.set(declared.name.clone(), value);
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for DynamicFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Declaration {
            r#type: FieldType,
            reduce: Option<Reducer>,
        }

        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = DynamicFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields by name, as {\"notes\": {\"type\": \"list\", \"reduce\": \"append\"}}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DynamicFields, A::Error> {
                let mut fields = DynamicFields::new();
                while let Some(name) = map.next_key::<String>()? {
                    let declared = map.next_value::<Declaration>();
                    let declared =
                        declared.map_err(|error| de::Error::custom(format!("of the field `{name}`: {error}")))?;
                    fields = fields.with(name, declared.r#type, declared.reduce).map_err(de::Error::custom)?;
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
