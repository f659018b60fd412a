//! [`Variables`]: what a template asks for and does not set itself.

use std::collections::HashMap;

/// The variables a template asks for, found while it is read from the beginning to the end.
///
/// minijinja has a function for this, which does not find what is only sliced (`xs[1:]`), what is an argument of
/// `{% filter … %}`, and the right side of `{% set a = a %}`, and asks for what both branches of an `{% if %}` set.
pub(super) struct Variables<'a> {
    /// In the order they are asked for; `true` for one that the template sets in some cases.
    asked: Vec<(&'a str, bool)>,
    places: HashMap<&'a str, usize>,
    blocks: Vec<(Block<'a>, Names<'a>)>,
}

/// What is set, and whether in any case.
type Names<'a> = HashMap<&'a str, bool>;

/// A part of a template that has an end.
pub(super) enum Block<'a> {
    /// What is set in it is gone behind it.
    Scope,
    /// So is what is set in a loop, and once more at its `else`.
    For,
    /// What was set in the branches before, if there are any.
    If,
    /// What was set in any branch so far, and whether in all of them; whether there is an `else`.
    Branches { before: Names<'a>, has_else: bool },
    /// Its text is the value of these.
    Set(Vec<&'a str>),
}

impl Default for Variables<'_> {
    fn default() -> Self {
        let mut variables =
            Self { asked: Vec::new(), places: HashMap::new(), blocks: vec![(Block::Scope, Names::new())] };
        variables.set("self");
        variables
    }
}

impl<'a> Variables<'a> {
    /// A name is asked for.
    pub(super) fn used(&mut self, name: &'a str) {
        let set = self.blocks.iter().rev().find_map(|(_, names)| names.get(name));
        let in_some_cases = match set {
            Some(true) => return,
            Some(false) => true,
            None => false,
        };
        match self.places.get(name) {
            Some(&place) => self.asked[place].1 &= in_some_cases,
            None => {
                self.places.insert(name, self.asked.len());
                self.asked.push((name, in_some_cases));
            }
        }
    }

    /// A name has a value from here on.
    pub(super) fn set(&mut self, name: &'a str) {
        let block = self.blocks.iter_mut().rev().find(|(block, _)| !matches!(block, Block::Set(_)));
        if let Some((_, names)) = block {
            names.insert(name, true);
        }
    }

    pub(super) fn open(&mut self, block: Block<'a>) {
        self.blocks.push((block, Names::new()));
    }

    /// `elif` and `else`.
    pub(super) fn branch(&mut self, is_else: bool) {
        let Some((block, names)) = self.blocks.last_mut() else { return };
        let names = std::mem::take(names);
        match block {
            Block::If => *block = Block::Branches { before: names, has_else: is_else },
            Block::Branches { before, has_else } => {
                join(before, &names);
                *has_else |= is_else;
            }
            Block::For | Block::Scope | Block::Set(_) => {}
        }
    }

    /// The end of a block.
    pub(super) fn close(&mut self) {
        if self.blocks.len() == 1 {
            return;
        }
        let Some((block, mut names)) = self.blocks.pop() else { return };
        match block {
            Block::Scope | Block::For | Block::Set(_) => return,
            Block::If => names.values_mut().for_each(|always| *always = false),
            Block::Branches { before, has_else } => {
                join(&mut names, &before);
                if !has_else {
                    names.values_mut().for_each(|always| *always = false);
                }
            }
        }
        let outer = self.blocks.iter_mut().rev().find(|(block, _)| !matches!(block, Block::Set(_)));
        if let Some((_, outer)) = outer {
            for (name, always) in names {
                *outer.entry(name).or_default() |= always;
            }
        }
    }

    pub(super) fn close_set(&mut self) {
        if let Some((Block::Set(targets), _)) = self.blocks.last() {
            let targets = targets.clone();
            self.blocks.pop();
            targets.into_iter().for_each(|name| self.set(name));
        }
    }

    /// Those that are asked for, and whether the template sets them in some cases.
    pub(super) fn asked(&self) -> &[(&'a str, bool)] {
        &self.asked
    }
}

/// What is set in one of two branches is set in some cases; what is in both, in all.
fn join<'a>(one: &mut Names<'a>, other: &Names<'a>) {
    one.iter_mut().for_each(|(name, always)| *always &= other.get(name).copied().unwrap_or_default());
    for name in other.keys() {
        one.entry(name).or_default();
    }
}
