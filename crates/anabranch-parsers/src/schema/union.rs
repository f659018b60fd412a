//! One of several shapes.

use serde_json::Value;

use super::{Aligned, Walk, cost, resolve};
use crate::lenient::Repair;

impl<'s> Walk<'s> {
    /// The branch that fits as it is, or else the one that asks for the least.
    pub(super) fn union(&mut self, value: &Value, branches: &'s [Value]) -> Aligned {
        let meant = |walk: &Self| walk.meant(value, branches);
        self.best(value, branches.iter(), meant, |walk, value, branch| walk.align(value, branch))
    }

    /// The branch that a value which fits none was meant for: the only one that has the tag of the value, or the only one
    /// besides null.
    fn meant(&self, value: &Value, branches: &[Value]) -> Option<usize> {
        let resolved = || branches.iter().map(|branch| resolve(self.root, branch)).enumerate();
        let others =
            resolved().filter(|(_, branch)| !value.is_null() && branch.get("type") != Some(&Value::from("null")));
        only(others).or_else(|| only(resolved().filter(|(_, branch)| has_tag(branch, value)))).map(|(place, _)| place)
    }

    pub(super) fn of_types(&mut self, value: &Value, schema: &'s Value, kinds: &'s [Value]) -> Aligned {
        let kinds = kinds.iter().filter_map(Value::as_str);
        self.best(value, kinds, |_| None, |walk, value, kind| walk.of_type(value, schema, kind))
    }

    fn best<B>(
        &mut self,
        value: &Value,
        branches: impl Iterator<Item = B>,
        meant: impl Fn(&Self) -> Option<usize>,
        align: impl Fn(&mut Self, &Value, B) -> Aligned,
    ) -> Aligned {
        let before = std::mem::take(&mut self.repairs);
        let mut best: Option<(usize, Value, Vec<Repair>)> = None;
        let mut misfits = Vec::new();
        let path = self.path.len();
        for branch in branches {
            let aligned = align(self, value, branch);
            self.path.truncate(path);
            let repairs = std::mem::take(&mut self.repairs);
            match aligned {
                Ok(value) => {
                    let cost = repairs.iter().map(|repair| cost(repair.kind)).sum();
                    if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                        best = Some((cost, value, repairs));
                    }
                    if cost == 0 {
                        break;
                    }
                }
                Err(misfit) => misfits.push(misfit),
            }
        }
        self.repairs = before;
        if let Some((_, value, repairs)) = best {
            self.repairs.extend(repairs);
            return Ok(value);
        }
        // None fits, so there is a misfit for each.
        let count = misfits.len();
        let meant = if count == 1 { Some(0) } else { meant(self) };
        match meant.filter(|place| *place < count) {
            Some(place) => Err(misfits.swap_remove(place)),
            None => Err(self.expected(&format!("one of {count} alternatives"), value)),
        }
    }
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

/// Whether a value has what a schema allows only one value for, and it allows that for something.
fn has_tag(schema: &Value, value: &Value) -> bool {
    let only_value = |schema: &Value| -> Option<Value> {
        let choices = schema.get("enum").and_then(Value::as_array).filter(|choices| choices.len() == 1);
        schema.get("const").or_else(|| choices?.first()).cloned()
    };
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut tags = properties.filter_map(|(name, schema)| Some((name, only_value(schema)?))).peekable();
    tags.peek().is_some() && tags.all(|(name, wanted)| value.get(name) == Some(&wanted))
}
