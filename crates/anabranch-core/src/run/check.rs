//! The check of a whole chain before its first step runs: follows the keys of JSON objects through it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::parallel::duplicate;
use crate::run::describe::{Composed, Description, Gives, Needs};

/// Whether a chain was found to be sound: looked at once, before the first step of its first run.
#[derive(Debug)]
pub(crate) struct Checked(AtomicBool);

impl Checked {
    pub(crate) const fn not_yet() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(crate) fn once(&self, chain: impl FnOnce() -> Description) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.now(chain)
    }

    #[cold]
    fn now(&self, chain: impl FnOnce() -> Description) -> Result<()> {
        check(&chain())?;
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Clone for Checked {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Finds a key that a step needs and no earlier step provides.
pub(crate) fn check(chain: &Description) -> Result<()> {
    follow(chain, &Shape::Unknown).map(drop)
}

/// What is known of a value on its way through a chain.
#[derive(Clone, PartialEq)]
enum Shape {
    Unknown,
    /// No object.
    Bare(Origin),
    Object {
        keys: Vec<String>,
        optional: Vec<String>,
        origin: Origin,
    },
    /// An object with at least these keys.
    ObjectWith,
}

/// The step a value came from, for the message.
type Origin = String;

fn follow(step: &Description, input: &Shape) -> Result<Shape> {
    needs(step, input).map_err(|error| error.at(step.name.clone()))?;
    let output = children(step, input).map_err(|error| match step.kind {
        // A sequence without a name of its own, or a step around one.
        _ if step.name == "sequence" => error,
        // Steps around another bear its name: once is enough.
        _ if error.path().next() == Some(step.name.as_str()) => error,
        _ => error.at(step.name.clone()),
    })?;
    Ok(match &step.gives {
        Gives::Unknown => Shape::Unknown,
        Gives::Bare => Shape::Bare(step.name.clone()),
        Gives::Input => input.clone(),
        Gives::Children => output,
        Gives::Keys { keys, optional } => {
            Shape::Object { keys: keys.clone(), optional: optional.clone(), origin: step.name.clone() }
        }
        Gives::InputAnd(more) => match input {
            Shape::Object { keys, optional, .. } => {
                let mut keys = keys.clone();
                keys.extend(more.iter().filter(|key| !keys.contains(key)).cloned().collect::<Vec<_>>());
                let optional = optional.iter().filter(|key| !more.contains(key)).cloned().collect();
                Shape::Object { keys, optional, origin: step.name.clone() }
            }
            _ => Shape::ObjectWith,
        },
    })
}

fn children(step: &Description, input: &Shape) -> Result<Shape> {
    match step.composed {
        Composed::InSequence => {
            let mut shape = input.clone();
            for child in &step.children {
                shape = follow(child, &shape)?;
            }
            Ok(shape)
        }
        Composed::SideBySide => {
            let has_keys = matches!(step.kind, "parallel" | "settled" | "at_least" | "assign");
            let mut keys = HashSet::new();
            for child in &step.children {
                if has_keys && !keys.insert(&child.name) {
                    return Err(duplicate(&child.name));
                }
                follow(child, input)?;
            }
            Ok(Shape::Unknown)
        }
        Composed::OneOf => {
            let shapes = step.children.iter().map(|child| follow(child, input)).collect::<Result<Vec<_>>>()?;
            // What holds for each of them holds for the one that is chosen.
            match shapes.split_first() {
                Some((first, rest)) if rest.iter().all(|shape| same(shape, first)) => Ok(first.clone()),
                _ => Ok(Shape::Unknown),
            }
        }
        Composed::PerElement => {
            for child in &step.children {
                follow(child, &Shape::Unknown)?;
            }
            Ok(Shape::Unknown)
        }
    }
}

fn same(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Bare(_), Shape::Bare(_)) => true,
        (Shape::Object { keys: a, optional: x, .. }, Shape::Object { keys: b, optional: y, .. }) => a == b && x == y,
        _ => a == b,
    }
}

fn needs(step: &Description, input: &Shape) -> Result<()> {
    let wanted = match &step.needs {
        Needs::Unknown => return Ok(()),
        Needs::Object => match input {
            Shape::Bare(origin) => {
                return Err(invalid(format!("needs an object with keys, but `{origin}` gives a value that is none")));
            }
            _ => return Ok(()),
        },
        Needs::Keys { keys, or_bare, .. } => match input {
            Shape::Bare(_) if *or_bare => return Ok(()),
            _ => keys,
        },
    };
    match input {
        Shape::Unknown | Shape::ObjectWith => Ok(()),
        Shape::Bare(origin) => Err(invalid(format!(
            "needs an object with {}, but `{origin}` gives a value that is no object",
            listed(wanted)
        ))),
        Shape::Object { keys, optional, origin } => {
            let missing: Vec<_> = wanted.iter().filter(|key| !keys.contains(key)).collect();
            if missing.is_empty() {
                return Ok(());
            }
            let mut message =
                format!("needs {}, but `{origin}` gives {}", listed(&missing), listed_or(keys, "no keys at all"));
            let uncertain: Vec<_> = missing.iter().filter(|key| optional.contains(key)).collect();
            if !uncertain.is_empty() {
                message += &format!(
                    " and {} only where that branch succeeded: make the variable optional, or the branch required",
                    listed(&uncertain)
                );
            }
            let meant: Vec<_> = missing
                .iter()
                .filter_map(|key| closest(key, keys).map(|there| format!("`{there}` for `{key}`")))
                .collect();
            if !meant.is_empty() {
                message += &format!("; did you mean {}?", meant.join(", "));
            }
            Err(invalid(message))
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidChain, message)
}

/// `a`, `b` and `c`.
pub fn listed<S: AsRef<str>>(keys: &[S]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{}`", key.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

pub(crate) fn listed_or<S: AsRef<str>>(keys: &[S], none: &str) -> String {
    if keys.is_empty() { none.to_string() } else { listed(keys) }
}

/// The key that was probably meant: the nearest by edit distance, if it is near.
pub fn closest<'a, S: AsRef<str>>(wanted: &str, there: &'a [S]) -> Option<&'a str> {
    let near = |key: &&str| {
        let distance = edit_distance(wanted, key);
        let length = wanted.chars().count().max(key.chars().count());
        let near = if length < 3 { 0 } else { length.div_ceil(3) };
        (distance <= near).then_some(distance)
    };
    there
        .iter()
        .map(AsRef::as_ref)
        .filter_map(|key| near(&key).map(|distance| (distance, key)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

/// Levenshtein distance, without regard to case.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_meant_if_it_is_near() {
        let there = ["summary", "questions", "key_terms"];
        assert_eq!(closest("keyterms", &there), Some("key_terms"));
        assert_eq!(closest("Summary", &there), Some("summary"));
        assert_eq!(closest("weather", &there), None);
    }

    fn prompt(keys: &[&str]) -> Description {
        Description::new("prompt", "ChatPromptTemplate")
            .needs(Needs::Keys {
                keys: keys.iter().map(ToString::to_string).collect(),
                optional: vec![],
                or_bare: keys.len() == 1,
            })
            .gives(Gives::Bare)
    }

    fn map(keys: &[&str]) -> Description {
        Description::new("parallel", "parallel")
            .gives(Gives::Keys { keys: keys.iter().map(ToString::to_string).collect(), optional: vec![] })
    }

    #[test]
    fn a_missing_key_is_named_with_what_there_is() {
        let chain = Description::sequence(map(&["summary", "topic"]), prompt(&["summary", "tpoic"]));
        assert_eq!(
            check(&chain).unwrap_err().to_string(),
            "ChatPromptTemplate: invalid chain: needs `tpoic`, but `parallel` gives `summary` and `topic`; \
             did you mean `topic` for `tpoic`?"
        );
    }

    #[test]
    fn a_step_around_a_sequence_without_a_name_has_none_either() {
        let answer = Description::sequence(prompt(&["x", "y"]), Description::new("chat_model", "llm"));
        let chain = Description::sequence(map(&["x"]), Description::around("retry", answer));
        assert_eq!(check(&chain).unwrap_err().path().collect::<Vec<_>>(), ["ChatPromptTemplate"]);
    }

    #[test]
    fn a_key_twice_is_found_wherever_the_parallel_stands() {
        let branches = ["a", "b", "a"].map(|key| Description::new("branch", key));
        let twice = Description::new("parallel", "parallel").with_children(Composed::SideBySide, branches);
        let error = check(&Description::sequence(map(&["x"]), twice)).unwrap_err();
        assert!(error.message().contains("the key \"a\""), "{error}");
    }

    #[test]
    fn nothing_is_claimed_where_nothing_is_known() {
        let unknown = Description::new("lambda", "lambda");
        assert!(check(&Description::sequence(unknown, prompt(&["x", "y"]))).is_ok());
    }

    #[test]
    fn text_fills_one_variable_but_not_two() {
        let text = Description::new("parser", "StrOutputParser").gives(Gives::Bare);
        assert!(check(&Description::sequence(text.clone(), prompt(&["x"]))).is_ok());
        assert!(check(&Description::sequence(text, prompt(&["x", "y"]))).is_err());
    }

    #[test]
    fn keys_are_followed_through_assign() {
        let assign = Description::new("assign", "assign").gives(Gives::InputAnd(vec!["b".into()]));
        let chain = Description::sequence(map(&["a"]), assign);
        assert!(check(&Description::sequence(chain.clone(), prompt(&["a", "b"]))).is_ok());
        assert!(check(&Description::sequence(chain, prompt(&["c"]))).is_err());
    }
}
