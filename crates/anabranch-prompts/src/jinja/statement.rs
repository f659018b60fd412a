//! Statements: what in them is an expression, and which variables they set for which part of the template.

use super::expression::{Expressions, outside};
use super::keep::{keep, store};
use super::rewrite::{Refused, Walk};
use super::tags::{Token, TokenKind};
use super::variables::Block;

pub(super) fn statement<'a>(tokens: &[Token<'a>], walk: &mut Walk<'a>) -> Result<(), Refused> {
    let Some((first, rest)) = tokens.split_first() else { return Ok(()) };
    match first.text {
        "set" => set(rest, walk),
        "with" => with(rest, walk),
        "for" => {
            let rest = rest.split_last().filter(|(last, _)| last.is_name("recursive")).map_or(rest, |(_, rest)| rest);
            let start = outside(rest, "in").first().map_or(rest.len(), |place| place + 1);
            let end = outside(&rest[start..], "if").first().map_or(rest.len(), |place| start + place);
            Expressions::new(&rest[start..end], walk).read()?;
            walk.variables.open(Block::For);
            walk.variables.set("loop");
            assign(&rest[..start.saturating_sub(1)], walk);
            Expressions::new(&rest[end..], walk).read()
        }
        "if" => {
            Expressions::new(rest, walk).read()?;
            walk.variables.open(Block::If);
            Ok(())
        }
        "elif" => {
            walk.variables.branch(false);
            Expressions::new(rest, walk).read()
        }
        "else" => {
            walk.variables.branch(true);
            Ok(())
        }
        "macro" => {
            if let Some(name) = rest.first() {
                walk.variables.set(name.text);
            }
            walk.variables.open(Block::Scope);
            parameters(rest.get(1..).unwrap_or_default(), walk)
        }
        "call" => {
            // The parameters of what is called with it stand before the call.
            let length = bracketed(rest);
            Expressions::new(&rest[length..], walk).read()?;
            walk.variables.open(Block::Scope);
            parameters(&rest[..length], walk)
        }
        "block" => {
            walk.variables.open(Block::Scope);
            walk.variables.set("super");
            Ok(())
        }
        "filter" => {
            // A filter's name is no variable.
            Expressions::new(rest, walk).filters(0)
        }
        "endset" => {
            walk.variables.close_set();
            Ok(())
        }
        "endfor" | "endwith" | "endmacro" | "endcall" | "endblock" | "endif" => {
            walk.variables.close();
            Ok(())
        }
        "raw" | "endfilter" | "endautoescape" => Ok(()),
        _ => Expressions::new(rest, walk).read(),
    }
}

fn set<'a>(rest: &[Token<'a>], walk: &mut Walk<'a>) -> Result<(), Refused> {
    if let Some(&equals) = outside(rest, "=").first() {
        let value = &rest[equals + 1..];
        Expressions::new(value, walk).read()?;
        let targets = &rest[..equals];
        if targets.iter().any(|token| token.is_sign(".")) {
            store(value, &mut walk.edits);
        } else {
            keep(value, &mut walk.edits);
        }
        assign(targets, walk);
        return Ok(());
    }
    let pipe = outside(rest, "|").first().copied().unwrap_or(rest.len());
    Expressions::new(rest, walk).filters(pipe)?;
    // What is set is there behind its end.
    let targets = rest[..pipe].iter().filter(|token| token.kind == TokenKind::Name).map(|token| token.text);
    walk.variables.open(Block::Set(targets.collect()));
    Ok(())
}

fn with<'a>(rest: &[Token<'a>], walk: &mut Walk<'a>) -> Result<(), Refused> {
    walk.variables.open(Block::Scope);
    let mut start = 0;
    let commas = outside(rest, ",");
    for equals in outside(rest, "=") {
        if equals < start {
            continue;
        }
        let next = commas.partition_point(|comma| *comma < equals);
        let end = commas.get(next).copied().unwrap_or(rest.len());
        Expressions::new(&rest[equals + 1..end], walk).read()?;
        keep(&rest[equals + 1..end], &mut walk.edits);
        assign(&rest[start..equals], walk);
        start = end;
    }
    Ok(())
}

/// Sets the names among the targets of an assignment. `ns.a` sets nothing, and asks for `ns`.
fn assign<'a>(targets: &[Token<'a>], walk: &mut Walk<'a>) {
    for (index, token) in targets.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Name) {
        let is_point =
            |place: Option<usize>| place.and_then(|place| targets.get(place)).is_some_and(|t| t.is_sign("."));
        if is_point(index.checked_sub(1)) {
            continue;
        }
        if is_point(Some(index + 1)) {
            walk.variables.used(token.text);
        } else {
            walk.variables.set(token.text);
        }
    }
}

/// How many tokens stand in parentheses at the beginning, with them.
fn bracketed(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return if index == 0 { 0 } else { index + 1 };
        }
    }
    tokens.len()
}

/// `(a, b=1)`: what stands for a parameter is an expression.
fn parameters<'a>(tokens: &[Token<'a>], walk: &mut Walk<'a>) -> Result<(), Refused> {
    walk.variables.set("caller");
    let inner = tokens.get(1..tokens.len().saturating_sub(1)).unwrap_or_default();
    let commas = outside(inner, ",");
    let ends = commas.iter().copied().chain([inner.len()]);
    let mut start = 0;
    for end in ends {
        let parameter = &inner[start..end];
        if let Some((name, default)) = parameter.split_first() {
            // A default may use the parameters before it.
            Expressions::new(default.get(1..).unwrap_or_default(), walk).read()?;
            walk.variables.set(name.text);
        }
        start = end + 1;
    }
    Ok(())
}
