//! Expressions, read as minijinja reads them: which operators are to be bounded, and which variables are asked for.

use super::keep::{CONSTANTS, makes};
use super::rewrite::{ADD, CONCAT, Class, Edit, KEEP, MULTIPLY, Refused, SLICE, Walk};
use super::tags::{Token, TokenKind};

/// How deep parentheses may nest: minijinja's own limit is lower.
const DEPTH: usize = 150;

/// Reads expressions as minijinja does, and writes down what is to be changed. What is no expression it leaves to
/// minijinja, which says what is wrong with it.
pub(super) struct Expressions<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    depth: usize,
    /// Whether it is among the elements of a list or an object, which is measured as a whole.
    in_literal: bool,
    walk: &'t mut Walk<'a>,
}

impl<'t, 'a> Expressions<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>], walk: &'t mut Walk<'a>) -> Self {
        Self { tokens, at: 0, depth: 0, in_literal: false, walk }
    }

    fn next(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    fn is_next(&self, sign: &str) -> bool {
        self.next().is_some_and(|token| token.is_sign(sign))
    }

    /// Where the last token that was read ends.
    fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |last| self.tokens[last].end())
    }

    /// To the end.
    pub(super) fn read(&mut self) -> Result<(), Refused> {
        self.until(None)
    }

    /// To a closing bracket, which is not read.
    fn until(&mut self, closer: Option<&str>) -> Result<(), Refused> {
        while let Some(token) = self.next() {
            if closer.is_some_and(|closer| token.is_sign(closer)) {
                return Ok(());
            }
            let starts = match token.kind {
                TokenKind::Name => !matches!(token.text, "and" | "or" | "not" | "if" | "else" | "in" | "is"),
                TokenKind::Text | TokenKind::Number => true,
                TokenKind::Sign => matches!(token.text, "(" | "[" | "{" | "-"),
            };
            if starts {
                self.sum()?;
                continue;
            }
            // `f(*list)` is no multiplication.
            let spreads = token.is_sign("*")
                && self.at.checked_sub(1).is_some_and(|last| ["(", ","].iter().any(|s| self.tokens[last].is_sign(s)));
            if !spreads && ["~", "+", "*"].iter().any(|sign| token.is_sign(sign)) {
                return Err(Refused::Misplaced(token.start));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// From one bracket to the other.
    pub(super) fn bracket(&mut self, closer: &str, is_literal: bool) -> Result<(), Refused> {
        if self.depth == DEPTH {
            return Err(Refused::TooDeep(self.next().map_or(0, |token| token.start)));
        }
        let outer = std::mem::replace(&mut self.in_literal, is_literal);
        self.depth += 1;
        self.at += 1;
        self.until(Some(closer))?;
        self.at = (self.at + 1).min(self.tokens.len());
        self.depth -= 1;
        self.in_literal = outer;
        Ok(())
    }

    /// `a + b - c`. Says whether it is a number as it is written.
    fn sum(&mut self) -> Result<bool, Refused> {
        // What is added to a number is a number, or nothing that can be added.
        self.chain(&["+", "-"], "+", ADD, |left, right| left || right, Self::concat)
    }

    /// `a ~ b ~ c`, all at once.
    fn concat(&mut self) -> Result<bool, Refused> {
        let Some(first) = self.next() else { return Ok(false) };
        let number = self.product()?;
        if !self.is_next("~") {
            return Ok(number);
        }
        self.walk.edits.push(Edit::insert(first.start, Class::Open, "("));
        let mut text = format!(")|{CONCAT}(");
        while let Some(operator) = self.next().filter(|token| token.is_sign("~")) {
            self.walk.edits.push(Edit { at: operator.start, class: Class::Replace, replaced: 1, text });
            text = ",".into();
            self.at += 1;
            let start = self.at;
            self.product()?;
            self.there_is_more_than(start, operator)?;
        }
        self.walk.edits.push(Edit::insert(self.end(), Class::Close, ")"));
        Ok(false)
    }

    /// `a * b / c`.
    fn product(&mut self) -> Result<bool, Refused> {
        self.chain(&["*", "/", "//", "%"], "*", MULTIPLY, |left, right| left && right, Self::power)
    }

    /// Operators from the left to the right, of which one becomes a filter, unless both sides tell that it makes
    /// nothing large.
    fn chain(
        &mut self,
        operators: &[&str],
        bounded: &str,
        filter: &str,
        harmless: impl Fn(bool, bool) -> bool,
        part: impl Fn(&mut Self) -> Result<bool, Refused>,
    ) -> Result<bool, Refused> {
        let Some(first) = self.next() else { return Ok(false) };
        let mut number = part(self)?;
        // `(a)|__add(b)` needs no parentheses for the next one.
        let mut is_filter = false;
        while let Some(operator) = self.next().filter(|token| operators.iter().any(|sign| token.is_sign(sign))) {
            self.at += 1;
            let end = self.tokens[self.at - 2].end();
            let start = self.at;
            let right = part(self)?;
            self.there_is_more_than(start, operator)?;
            if !operator.is_sign(bounded) || harmless(number, right) {
                is_filter = false;
                number &= right;
                continue;
            }
            if !is_filter {
                self.walk.edits.push(Edit::insert(first.start, Class::Open, "("));
                self.walk.edits.push(Edit::insert(end, Class::Close, ")"));
            }
            let text = format!("|{filter}(");
            self.walk.edits.push(Edit {
                at: operator.start,
                class: Class::Replace,
                replaced: operator.text.len(),
                text,
            });
            self.walk.edits.push(Edit::insert(self.end(), Class::Close, ")"));
            (is_filter, number) = (true, false);
        }
        Ok(number)
    }

    /// An operator has a right side.
    fn there_is_more_than(&self, start: usize, operator: &Token<'_>) -> Result<(), Refused> {
        if self.at == start { Err(Refused::Misplaced(operator.start)) } else { Ok(()) }
    }

    fn power(&mut self) -> Result<bool, Refused> {
        let mut number = self.operand()?;
        while self.is_next("**") {
            self.at += 1;
            number &= self.operand()?;
        }
        Ok(number)
    }

    /// A value with what is looked up in it, and its filters and tests.
    fn operand(&mut self) -> Result<bool, Refused> {
        let start = self.at;
        self.looked_up()?;
        let is_number =
            self.tokens[start..self.at].iter().all(|token| token.kind == TokenKind::Number || token.is_sign("-"));
        let end = self.at;
        while let Some(token) = self.next() {
            if token.is_sign("|") {
                self.at += 1;
                self.name();
                if self.is_next("(") {
                    self.bracket(")", false)?;
                }
            } else if token.is_name("is") {
                self.at += 1;
                if self.next().is_some_and(|token| token.is_name("not")) {
                    self.at += 1;
                }
                self.name();
                let is_argument = self.next().is_some_and(|token| match token.kind {
                    TokenKind::Name => !matches!(token.text, "and" | "or" | "else" | "is"),
                    TokenKind::Text | TokenKind::Number => true,
                    TokenKind::Sign => matches!(token.text, "-" | "[" | "{"),
                });
                if self.is_next("(") {
                    self.bracket(")", false)?;
                } else if is_argument {
                    self.looked_up()?;
                }
            } else {
                break;
            }
        }
        Ok(is_number && end == self.at && end > start)
    }

    /// `upper|indent(2)`, with a `|` before it or without.
    pub(super) fn filters(&mut self, from: usize) -> Result<(), Refused> {
        self.at = from;
        while self.next().is_some() {
            if self.is_next("|") {
                self.at += 1;
            }
            self.name();
            if self.is_next("(") {
                self.bracket(")", false)?;
            }
        }
        Ok(())
    }

    /// The name of a filter or a test, which may have points in it.
    fn name(&mut self) {
        self.at += 1;
        while self.is_next(".") {
            self.at += 2;
        }
        self.at = self.at.min(self.tokens.len());
    }

    /// A value with what is looked up in it: `-a.b[0](c)`.
    fn looked_up(&mut self) -> Result<(), Refused> {
        while self.is_next("-") {
            self.at += 1;
        }
        let base = self.at;
        let Some(token) = self.next() else { return Ok(()) };
        let closer = match (token.kind, token.text) {
            (TokenKind::Text, _) => {
                // Texts side by side are one.
                while self.next().is_some_and(|token| token.kind == TokenKind::Text) {
                    self.at += 1;
                }
                None
            }
            (TokenKind::Sign, "(") => Some(")"),
            (TokenKind::Sign, "[") => Some("]"),
            (TokenKind::Sign, "{") => Some("}"),
            // No value: minijinja says so.
            (TokenKind::Sign, _) => return Ok(()),
            (TokenKind::Name, name) => {
                self.at += 1;
                // The name of an argument is none of a variable.
                if !self.is_next("=") && !CONSTANTS.contains(&name) {
                    self.walk.variables.used(name);
                }
                None
            }
            (TokenKind::Number, _) => {
                self.at += 1;
                None
            }
        };
        if let Some(closer) = closer {
            let start = self.at;
            self.bracket(closer, true)?;
            if !self.in_literal {
                self.literal(start);
            }
        }
        loop {
            if self.is_next(".") {
                self.at = (self.at + 2).min(self.tokens.len());
            } else if self.is_next("[") {
                let open = self.at;
                self.bracket("]", false)?;
                self.slice(base, open);
            } else if self.is_next("(") {
                self.bracket(")", false)?;
            } else {
                return Ok(());
            }
        }
    }

    /// `a[1:]` becomes a filter, too: minijinja's slices end the program where they go backwards through nothing.
    fn slice(&mut self, base: usize, open: usize) {
        let Some((last, inner)) = self.tokens[open + 1..self.at].split_last() else { return };
        let colons = outside(inner, ":");
        if colons.is_empty() || !last.is_sign("]") {
            return;
        }
        let none = |from: usize, to: usize| if from == to { "none" } else { "" };
        let replace = |token: &Token<'_>, text| Edit { at: token.start, class: Class::Replace, replaced: 1, text };
        self.walk.edits.push(Edit::insert(self.tokens[base].start, Class::Open, "(("));
        self.walk.edits.push(replace(&self.tokens[open], format!(")|{SLICE}({}", none(0, colons[0]))));
        for (index, colon) in colons.iter().enumerate() {
            let next = colons.get(index + 1).copied().unwrap_or(inner.len());
            self.walk.edits.push(replace(&inner[*colon], format!(",{}", none(colon + 1, next))));
        }
        self.walk.edits.push(replace(last, "))".into()));
    }

    /// Measures a list or an object that is made, since it may hold one value many times.
    fn literal(&mut self, start: usize) {
        let tokens = &self.tokens[start..self.at];
        let ([first, inner @ ..], Some(last)) = (tokens, tokens.last()) else { return };
        let is_list = !first.is_sign("(") || !outside(inner, ",").is_empty();
        if is_list && makes(tokens) {
            self.walk.edits.push(Edit::insert(first.start, Class::Open, "("));
            self.walk.edits.push(Edit::insert(last.end(), Class::Close, format!("|{KEEP})")));
        }
    }
}

/// Where a sign or a word stands outside of brackets.
pub(super) fn outside(tokens: &[Token<'_>], wanted: &str) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut places = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            text if depth == 0 && text == wanted && token.kind != TokenKind::Text => places.push(index),
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    places
}
