//! Names: reserved ones, doubled ones, and the one that was meant.

use std::collections::HashMap;

use super::Shape;
use crate::build_error::{BuildError, BuildErrorKind};
use crate::{END, START};

/// Characters that stand between the parts of a path.
const OF_PATHS: [char; 4] = ['/', '#', '[', ']'];

/// Which number a name has: that of the first node that bears it, behind the nodes START and END.
#[derive(Debug)]
pub(super) struct Names<'a> {
    numbers: HashMap<&'a str, usize>,
    /// By node. Not the second of a name, and not one named START or END.
    pub(super) alive: Vec<bool>,
    /// By node: whether its name was refused, so that it is not named for less.
    pub(super) refused: Vec<bool>,
}

impl<'a> Names<'a> {
    pub(super) fn check(shape: &'a Shape, errors: &mut Vec<BuildError>) -> Self {
        let count = shape.nodes.len();
        let mut numbers = HashMap::from([(START, count), (END, count + 1)]);
        let (mut alive, mut refused, mut doubled) = (vec![true; count], vec![false; count], vec![false; count]);
        for (number, node) in shape.nodes.iter().enumerate() {
            let name = node.name.as_str();
            let is_reserved = name == START || name == END;
            let first = if is_reserved { number } else { *numbers.entry(name).or_insert(number) };
            if first != number {
                alive[number] = false;
                // Once, however many there are.
                if !std::mem::replace(&mut doubled[first], true) {
                    errors.push(BuildError::new(
                        BuildErrorKind::DuplicateNode,
                        [name],
                        format!("more than one node is named {name:?}: give each node a name of its own"),
                    ));
                }
                continue;
            }
            alive[number] = !is_reserved;
            let reason = if is_reserved {
                format!("a node cannot be named {name:?}, which is an end of the graph: give it another name")
            } else if name.is_empty() {
                "a node has an empty name: give it one".to_owned()
            } else if name.contains(OF_PATHS) {
                format!(
                    "a node cannot be named {name:?}, since '/', '#', '[' and ']' are signs of paths: give it a name \
                     without them"
                )
            } else {
                continue;
            };
            refused[number] = true;
            errors.push(BuildError::new(BuildErrorKind::ReservedName, [name], reason));
        }
        Self { numbers, alive, refused }
    }

    /// Of a node, START or END.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// `is_meant`: with the name that was meant, if one is like it.
    pub(super) fn unknown(&self, name: &str, place: &str, is_meant: bool) -> BuildError {
        // LangGraph calls the ends `__start__` and `__end__`.
        let plain = name.trim_matches('_');
        let all = self.numbers.iter().map(|(&name, &number)| (name, number)).filter(|_| is_meant);
        let hint = meant(plain, all);
        BuildError::new(
            BuildErrorKind::UnknownNode,
            [name],
            format!("no node is named {name:?}, but {place} it{hint}: correct the name, or add the node"),
        )
    }
}

/// A hint at the name, of those with their places, that differs in the fewest letters, if it is not quite another word.
pub(super) fn meant<'a>(name: &str, all: impl Iterator<Item = (&'a str, usize)>) -> String {
    let letters: Vec<char> = name.chars().collect();
    let most = (letters.len() / 2).min(3);
    let near = all.map(|(other, place)| (distance(&letters, other, most), place, other));
    let nearest = near.filter(|&(distance, ..)| distance <= most).min();
    nearest.map(|(.., other)| format!(" (is {other:?} meant?)")).unwrap_or_default()
}

/// How many letters must be replaced, added or left out. Not counted on beyond what is asked for.
fn distance(one: &[char], other: &str, most: usize) -> usize {
    let length = other.chars().count();
    if length.abs_diff(one.len()) > most {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (line, theirs) in other.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, &ours) in one.iter().enumerate() {
            let change = diagonal + usize::from(!ours.eq_ignore_ascii_case(&theirs));
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[one.len()]
}
