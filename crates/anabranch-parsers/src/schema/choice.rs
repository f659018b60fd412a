//! One of the allowed values.

use serde_json::Value;

use super::{Aligned, Walk};
use crate::lenient::RepairKind;
use crate::schema::scalar::same;
use crate::schema::words::named;

impl<'s> Walk<'s> {
    pub(super) fn choice(&mut self, value: &Value, schema: &'s Value, choices: &'s [Value]) -> Aligned {
        if let Some(same) = choices.iter().find(|choice| same(choice, value)) {
            return Ok(same.clone());
        }
        if self.is_lenient {
            if let Some(choice) = self.likely(value, schema, choices) {
                return Ok(choice);
            }
        }
        let what = match choices {
            [_] => "the one value that is allowed".to_string(),
            choices => format!("one of the {} values that are allowed", choices.len()),
        };
        Err(self.expected(&what, value))
    }

    fn likely(&mut self, value: &Value, schema: &'s Value, choices: &'s [Value]) -> Option<Value> {
        match value {
            Value::String(text) => {
                let aliases = schema.get("x-enum-aliases").and_then(Value::as_object);
                let names = choices.iter().enumerate().filter_map(|(index, choice)| Some((choice.as_str()?, index)));
                let aliases = names.clone().filter_map(|(name, index)| {
                    let alias = aliases?.get(name)?.as_str()?;
                    Some((alias, index))
                });
                if let Some(index) = named(text, names.chain(aliases)) {
                    self.repaired(RepairKind::Choice);
                    return choices.get(index).cloned();
                }
                let before = self.repairs.len();
                let number = choices.iter().any(Value::is_number).then(|| self.number(value, false).ok()).flatten();
                let boolean = choices.iter().any(Value::is_boolean).then(|| self.boolean(value).ok()).flatten();
                let found = number.or(boolean).filter(|found| choices.iter().any(|choice| same(choice, found)));
                if found.is_none() {
                    self.repairs.truncate(before);
                }
                found
            }
            Value::Array(list) => match list.as_slice() {
                [only] => {
                    self.repaired(RepairKind::OneFromList);
                    self.choice(only, schema, choices).ok()
                }
                _ => None,
            },
            Value::Number(_) | Value::Bool(_) => {
                let text = value.to_string();
                let choice = choices.iter().find(|choice| choice.as_str() == Some(&text))?;
                self.repaired(RepairKind::TextFromValue);
                Some(choice.clone())
            }
            Value::Null | Value::Object(_) => None,
        }
    }
}
