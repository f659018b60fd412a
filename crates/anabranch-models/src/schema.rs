//! Schemas of types of your own: [`JsonSchema::of`], [`FunctionTool::of`], [`FunctionTool::variants_of`].

use serde_json::{Map, Value};

use crate::options::JsonSchema;
use crate::tool::FunctionTool;

impl JsonSchema {
    /// The schema of a type, by the name and the comments of the type.
    ///
    /// It is written so that a server can hold an answer to it: every key must be there (one that may lack is `null`
    /// then), and no other may. Where a type cannot be written so, such as a map with any keys, it is not
    /// [`strict`](Self::strict).
    ///
    /// ```
    /// use anabranch_models::JsonSchema;
    ///
    /// /// A river.
    /// #[derive(schemars::JsonSchema)]
    /// struct River { name: String, length_km: Option<u32> }
    ///
    /// let schema = JsonSchema::of::<River>();
    /// assert_eq!((schema.name.as_str(), schema.strict), ("river", true));
    /// assert_eq!(schema.description.as_deref(), Some("A river."));
    /// assert_eq!(schema.schema["required"], serde_json::json!(["name", "length_km"]));
    /// ```
    #[must_use]
    pub fn of<T: schemars::JsonSchema + ?Sized>() -> Self {
        let mut schema = schemars::schema_for!(T).to_value();
        let description = take_description(&mut schema);
        let (schema, strict) = closed(schema);
        Self { name: name_of(&T::schema_name()), description, schema, strict }
    }
}

impl FunctionTool {
    /// A function by the type of its arguments: name and description are those of the type.
    ///
    /// ```
    /// use anabranch_models::FunctionTool;
    ///
    /// /// The weather in a city, now.
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct GetWeather { city: String }
    ///
    /// let tool = FunctionTool::of::<GetWeather>();
    /// assert_eq!(tool.name, "get_weather");
    /// assert_eq!(tool.description.as_deref(), Some("The weather in a city, now."));
    /// ```
    ///
    /// The arguments of a call are `call.arguments_as::<GetWeather>()`.
    #[must_use]
    pub fn of<T: schemars::JsonSchema + ?Sized>() -> Self {
        let JsonSchema { name, description, schema, strict } = JsonSchema::of::<T>();
        Self {
            name,
            description,
            parameters: schema,
            strict: strict.then_some(true),
            provider_options: serde_json::Map::new(),
        }
    }

    /// A function for each variant of an enum, as `ToolCallsParser` reads them: named like the variant, with its fields
    /// as arguments.
    ///
    /// ```
    /// use anabranch_models::FunctionTool;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Tool {
    ///     /// The weather in a city, now.
    ///     Weather { city: String },
    ///     /// What time it is.
    ///     Now,
    /// }
    ///
    /// let tools = FunctionTool::variants_of::<Tool>();
    /// assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["weather", "now"]);
    /// assert_eq!(tools[0].description.as_deref(), Some("The weather in a city, now."));
    /// ```
    ///
    /// A type that is no such enum gives none.
    #[must_use]
    pub fn variants_of<T: schemars::JsonSchema + ?Sized>() -> Vec<Self> {
        let schema = schemars::schema_for!(T).to_value();
        let definitions = schema.get("$defs").cloned();
        let variants = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array().cloned());
        // An enum without any comment and field is a plain list of words.
        let variants = variants.unwrap_or_else(|| vec![schema]);
        variants.into_iter().flat_map(|variant| functions_of(variant, definitions.as_ref())).collect()
    }
}

fn functions_of(mut variant: Value, definitions: Option<&Value>) -> Vec<FunctionTool> {
    let description = take_description(&mut variant);
    let tool = |name: &str, mut parameters: Value| {
        if let (Some(definitions), Some(parameters)) = (definitions, parameters.as_object_mut()) {
            parameters.insert("$defs".into(), definitions.clone());
        }
        let inner = take_description(&mut parameters);
        let (parameters, strict) = closed(parameters);
        FunctionTool {
            name: name.to_string(),
            description: description.clone().or(inner),
            parameters,
            strict: strict.then_some(true),
            provider_options: serde_json::Map::new(),
        }
    };
    let bare = || serde_json::json!({"type": "object", "properties": {}});
    if let Some(Value::Object(properties)) = variant.get("properties") {
        return match properties.iter().next().filter(|_| properties.len() == 1) {
            Some((name, parameters)) => vec![tool(name, parameters.clone())],
            None => Vec::new(),
        };
    }
    let words =
        variant.get("const").into_iter().chain(variant.get("enum").and_then(Value::as_array).into_iter().flatten());
    words.filter_map(Value::as_str).map(|word| tool(word, bare())).collect()
}

fn take_description(schema: &mut Value) -> Option<String> {
    match schema.as_object_mut()?.shift_remove("description")? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A name as servers take it, in the way tools are named: `GetWeather` is `get_weather`.
fn name_of(name: &str) -> String {
    let mut snake = String::new();
    let mut before: Option<char> = None;
    for char in name.chars() {
        let char = if char.is_ascii_alphanumeric() || char == '-' { char } else { '_' };
        let begins = char.is_ascii_uppercase()
            && before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit());
        if begins {
            snake.push('_');
        }
        snake.push(char.to_ascii_lowercase());
        before = Some(char);
    }
    snake.truncate(64);
    snake
}

/// The schema in the form that servers can hold an answer to, and whether it is in that form: OpenAI's rules for strict
/// schemas, which those of the others contain (<https://platform.openai.com/docs/guides/structured-outputs>).
fn closed(mut schema: Value) -> (Value, bool) {
    if let Some(root) = schema.as_object_mut() {
        root.shift_remove("$schema");
        root.shift_remove("title");
    }
    let mut closed = schema.clone();
    let definitions = closed.get("$defs").cloned().unwrap_or_default();
    let mut walk = Closing { definitions, inside: Vec::new(), depth: 0 };
    match walk.close(&mut closed) {
        true => (closed, true),
        false => (schema, false),
    }
}

struct Closing {
    definitions: Value,
    /// The definitions that are written out where one is.
    inside: Vec<String>,
    depth: usize,
}

/// What says nothing about the shape of a value, or nothing that servers know.
const LEFT_OUT: &[&str] = &["title", "default", "examples", "uniqueItems", "writeOnly", "readOnly", "deprecated"];
/// What cannot be said in a strict schema.
const OPEN: &[&str] = &[
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "prefixItems",
    "patternProperties",
    "unevaluatedProperties",
    "contains",
    "dependentSchemas",
    "propertyNames",
];
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
const MAX_DEPTH: usize = 64;

impl Closing {
    /// Whether it could be closed.
    fn close(&mut self, schema: &mut Value) -> bool {
        let Value::Object(object) = schema else { return false };
        if self.depth > MAX_DEPTH || OPEN.iter().any(|key| object.contains_key(*key)) {
            return false;
        }
        self.depth += 1;
        let is_closed = self.members(object);
        self.depth -= 1;
        is_closed
    }

    fn members(&mut self, object: &mut Map<String, Value>) -> bool {
        for key in LEFT_OUT {
            object.shift_remove(*key);
        }
        if object.get("format").and_then(Value::as_str).is_some_and(|format| !FORMATS.contains(&format)) {
            object.shift_remove("format");
        }
        if let Some(branches) = object.shift_remove("oneOf") {
            object.insert("anyOf".into(), branches);
        }
        if let Some(reference) = object.get("$ref").and_then(Value::as_str).map(str::to_string) {
            return object.len() == 1 || self.written_out(object, &reference);
        }
        let says_nothing = !["type", "anyOf", "enum", "const"].iter().any(|key| object.contains_key(*key));
        if says_nothing && !object.contains_key("$defs") {
            return false;
        }
        let is_object = object.get("type").and_then(Value::as_str) == Some("object");
        if is_object && !self.keys(object) {
            return false;
        }
        let is_list = object.get("type").and_then(Value::as_str) == Some("array");
        if is_list && !object.get_mut("items").is_some_and(|items| self.close(items)) {
            return false;
        }
        let mut branches = object.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
        let definitions = |object: &mut Map<String, Value>| object.shift_remove("$defs");
        if !branches.all(|branch| self.close(branch)) {
            return false;
        }
        let Some(mut defined) = definitions(object) else { return true };
        let mut all = defined.as_object_mut().into_iter().flat_map(|all| all.values_mut());
        let are_closed = all.all(|one| self.close(one));
        object.insert("$defs".into(), defined);
        are_closed
    }

    fn keys(&mut self, object: &mut Map<String, Value>) -> bool {
        if !matches!(object.get("additionalProperties"), None | Some(Value::Bool(false))) {
            return false;
        }
        object.insert("additionalProperties".into(), false.into());
        let properties = object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        let Some(properties) = properties.as_object_mut() else { return false };
        let names: Vec<Value> = properties.keys().map(|key| key.as_str().into()).collect();
        let are_closed = properties.values_mut().all(|property| self.close(property));
        object.insert("required".into(), names.into());
        are_closed
    }

    /// Nothing may stand beside a reference: what it refers to takes its place, but for what refers to itself, where the
    /// rest goes.
    fn written_out(&mut self, object: &mut Map<String, Value>, reference: &str) -> bool {
        let name = reference.strip_prefix("#/$defs/").unwrap_or_default().to_string();
        let definition = self.definitions.get(&name).cloned();
        if reference == "#" || self.inside.contains(&name) {
            object.retain(|key, _| key == "$ref");
            return true;
        }
        let Some(Value::Object(mut definition)) = definition else { return false };
        object.shift_remove("$ref");
        definition.extend(std::mem::take(object));
        *object = definition;
        self.inside.push(name);
        let is_closed = self.members(object);
        self.inside.pop();
        is_closed
    }
}

#[cfg(test)]
mod tests;
