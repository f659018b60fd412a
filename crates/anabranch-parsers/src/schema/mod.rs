//! [`Schema`]: a JSON Schema, by which values are checked, or brought into its shape.

mod choice;
mod keys;
mod limits;
pub(crate) mod scalar;
mod union;
pub(crate) mod words;

use std::borrow::Cow;

use anabranch_core::__private::json_kind;
use serde_json::{Map, Value};

use crate::json::path::{Segment, shown};
use crate::lenient::{Repair, RepairKind};

/// A JSON Schema (2020-12), as far as it says what shape values have: `type`, `properties`, `required`,
/// `additionalProperties`, `items`, `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `$ref` within the schema, and the limits
/// of numbers, texts and lists. Two keywords of its own name what a model may write instead: `x-alias` of a property,
/// `x-enum-aliases` of an enum.
#[derive(Debug)]
pub(crate) struct Schema {
    root: Value,
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) message: String,
    pub(crate) path: String,
}

/// A value that fits, and what was changed.
pub(crate) type Aligned = Result<Value, Misfit>;

/// How deep a schema may refer to itself without a value that is nested as deep.
const MAX_DEPTH: usize = 200;

/// A walk through a value and a schema.
pub(super) struct Walk<'s> {
    root: &'s Value,
    /// Whether values are brought into shape.
    is_lenient: bool,
    /// Whether what is required may lack: the value is not complete yet.
    is_partial: bool,
    path: Vec<Step>,
    depth: usize,
    pub(super) repairs: Vec<Repair>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl Schema {
    pub(crate) fn new(root: Value) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// The value as the schema wants it, and what was changed in it; as it is where nothing may be.
    pub(crate) fn align(
        &self,
        value: &Value,
        is_lenient: bool,
        is_partial: bool,
    ) -> Result<(Value, Vec<Repair>), Misfit> {
        let mut walk =
            Walk { root: &self.root, is_lenient, is_partial, path: Vec::new(), depth: 0, repairs: Vec::new() };
        let value = walk.align(value, &self.root)?;
        Ok((value, walk.repairs))
    }

    /// The schema behind references.
    pub(crate) fn resolved(&self) -> &Value {
        resolve(&self.root, &self.root)
    }
}

fn resolve<'s>(root: &'s Value, mut schema: &'s Value) -> &'s Value {
    for _ in 0..32 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
        match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(found) => schema = found,
            None => return schema,
        }
    }
    schema
}

impl<'s> Walk<'s> {
    pub(super) fn misfit(&self, message: impl Into<String>) -> Misfit {
        Misfit { message: message.into(), path: self.shown_path() }
    }

    fn shown_path(&self) -> String {
        shown(self.path.iter().map(|step| match step {
            Step::Key(key) => Segment::Key(key),
            Step::Index(index) => Segment::Index(*index),
        }))
    }

    pub(super) fn repaired(&mut self, kind: RepairKind) {
        let path = self.shown_path();
        self.repairs.push(Repair { kind, byte: None, path });
    }

    /// What was expected, and what came, without the value.
    pub(super) fn expected(&self, what: &str, value: &Value) -> Misfit {
        self.misfit(format!("expected {what}, found {}", json_kind(value)))
    }

    pub(super) fn align(&mut self, value: &Value, schema: &'s Value) -> Aligned {
        if self.depth > MAX_DEPTH {
            return Err(self.misfit("the schema refers to itself too often"));
        }
        self.depth += 1;
        let aligned = self.align_here(value, schema);
        self.depth -= 1;
        aligned
    }

    fn align_here(&mut self, value: &Value, schema: &'s Value) -> Aligned {
        match schema {
            Value::Bool(false) => return Err(self.misfit("nothing is allowed here")),
            Value::Object(_) => {}
            _ => return Ok(value.clone()),
        }
        let resolved = resolve(self.root, schema);
        if resolved.get("$ref").is_some() {
            return Err(self.misfit("the schema refers to something that is not in it"));
        }
        if let Some(only) = resolved.get("const") {
            return self.choice(value, resolved, std::slice::from_ref(only));
        }
        if let Some(Value::Array(choices)) = resolved.get("enum") {
            return self.choice(value, resolved, choices);
        }
        let mut value = Cow::Borrowed(value);
        if let Some(Value::Array(all)) = resolved.get("allOf") {
            for schema in all {
                value = Cow::Owned(self.align(&value, schema)?);
            }
        }
        for union in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = resolved.get(union) {
                value = Cow::Owned(self.union(&value, branches)?);
            }
        }
        match resolved.get("type") {
            Some(Value::String(kind)) => self.of_type(&value, resolved, kind),
            Some(Value::Array(kinds)) => self.of_types(&value, resolved, kinds),
            _ if resolved.get("properties").is_some() => self.of_type(&value, resolved, "object"),
            _ => Ok(value.into_owned()),
        }
    }

    fn of_type(&mut self, value: &Value, schema: &'s Value, kind: &str) -> Aligned {
        let aligned = match kind {
            "object" => self.object(value, schema),
            "array" => self.array(value, schema),
            "string" => self.string(value),
            "integer" => self.number(value, true),
            "number" => self.number(value, false),
            "boolean" => self.boolean(value),
            "null" => self.null(value),
            _ => Err(self.misfit("the schema names a type that JSON does not have")),
        }?;
        self.check_limits(&aligned, schema)?;
        Ok(aligned)
    }

    fn array(&mut self, value: &Value, schema: &'s Value) -> Aligned {
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        let from_text;
        let list = match value {
            Value::Array(list) => list,
            Value::Null => return Err(self.expected("a list", value)),
            _ if !self.is_lenient => return Err(self.expected("a list", value)),
            Value::String(text) if matches!(serde_json::from_str(text), Ok(Value::Array(_))) => {
                from_text = serde_json::from_str::<Vec<Value>>(text).unwrap_or_default();
                self.repaired(RepairKind::JsonInText);
                &from_text
            }
            _ => {
                self.repaired(RepairKind::ListFromOne);
                std::slice::from_ref(value)
            }
        };
        let mut aligned = Vec::with_capacity(list.len());
        for (index, element) in list.iter().enumerate() {
            self.path.push(Step::Index(index));
            aligned.push(self.align(element, items)?);
            self.path.pop();
        }
        Ok(Value::Array(aligned))
    }

    fn object(&mut self, value: &Value, schema: &'s Value) -> Aligned {
        match value {
            Value::Object(object) => self.members(object, schema),
            Value::String(text) if self.is_lenient => match serde_json::from_str(text) {
                Ok(Value::Object(object)) => {
                    self.repaired(RepairKind::JsonInText);
                    self.members(&object, schema)
                }
                _ => Err(self.expected("an object", value)),
            },
            Value::Array(list) if self.is_lenient && list.len() == 1 && list[0].is_object() => {
                self.repaired(RepairKind::OneFromList);
                self.object(&list[0], schema)
            }
            _ => Err(self.expected("an object", value)),
        }
    }

    fn members(&mut self, object: &Map<String, Value>, schema: &'s Value) -> Aligned {
        let properties = schema.get("properties").and_then(Value::as_object);
        let rest = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let mut aligned = Map::with_capacity(object.len());
        for (key, value) in object {
            let property = properties.and_then(|properties| self.property(key, object, properties));
            let (name, schema) = match property {
                Some((name, schema, is_exact)) => {
                    if !is_exact {
                        self.repaired(RepairKind::Key);
                    }
                    (name, schema)
                }
                None if *rest == Value::Bool(false) && self.is_lenient => {
                    self.repaired(RepairKind::UnknownKey);
                    continue;
                }
                None if *rest == Value::Bool(false) => return Err(self.misfit("a key that the schema does not have")),
                None => (key.as_str(), rest),
            };
            self.path.push(Step::Key(name.to_string()));
            let value = self.align(value, schema)?;
            self.path.pop();
            if aligned.insert(name.to_string(), value).is_some() {
                return Err(self.misfit("two keys that stand for one of the schema's"));
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if !self.is_partial && !aligned.contains_key(name) {
                self.path.push(Step::Key(name.to_string()));
                let misfit = self.misfit("a key that is required lacks");
                self.path.pop();
                return Err(misfit);
            }
        }
        Ok(Value::Object(aligned))
    }
}

/// How much a change takes for granted: the fewest are the likeliest.
fn cost(kind: RepairKind) -> usize {
    match kind {
        RepairKind::Key | RepairKind::WholeNumber => 1,
        RepairKind::TextFromValue | RepairKind::Choice => 2,
        RepairKind::UnknownKey | RepairKind::NumberFromText | RepairKind::BoolFromValue => 3,
        _ => 5,
    }
}

#[cfg(test)]
mod tests;
