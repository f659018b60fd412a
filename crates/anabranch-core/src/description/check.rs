//! The check of a whole chain before its first step runs: follows the keys of JSON objects through it.
//!
//! A chain that can work is never refused. What cannot work for sure is an error; what cannot work in a part that need
//! not run, or may fail without failing the whole, is a [`Warning`] of the same words.

use std::collections::HashSet;
use std::rc::Rc;

use crate::description::checked::Mark;
use crate::description::description::{Composed, Description, Gives, Needs};
use crate::description::hint::{as_array, closest, did_you_mean, is_plain, listed, listed_or, tame};
use crate::description::shape::{Certainty, Object, Shape};
use crate::description::warning::Warning;
use crate::error::{Error, ErrorKind, Result};

/// How deep it looks into steps that are made of steps. Sequences are flat, so no program that was written by hand
/// comes near it; what is deeper is checked when it runs, and the stack lasts.
const DEEPEST: usize = 128;

/// How many optional variables that are never given are compared with what there is.
const OPTIONAL: usize = 20;

/// Finds what cannot work in a chain, before any of its steps has run.
///
/// # Errors
/// [`ErrorKind::InvalidChain`] if the chain as a whole cannot work. What cannot work in a part that need not run, or may
/// fail, is a warning.
pub(crate) fn check(chain: &Description) -> Result<Vec<Warning>> {
    let verdict = examine(chain)?;
    verdict.sound.into_iter().for_each(Mark::set);
    Ok(verdict.warnings)
}

/// What is found of a chain that can work.
pub(super) struct Verdict<'a> {
    pub(super) warnings: Vec<Warning>,
    /// The parts that need no check of their own any more.
    pub(super) sound: Vec<&'a Mark>,
}

pub(super) fn examine(chain: &Description) -> Result<Verdict<'_>> {
    let mut walk = Walk { path: Vec::new(), depth: 0, warnings: Vec::new(), sound: Vec::new() };
    let first = Place { step: chain, index: 0, is_key: false };
    match walk.follow(first, Shape::Unknown) {
        Ok(_) => Ok(Verdict { warnings: walk.warnings, sound: walk.sound }),
        Err(problem) => Err(problem.into_error()),
    }
}

/// Two branches of one fan-out have this key.
#[cold]
pub(crate) fn duplicate(key: &str) -> Error {
    Error::new(ErrorKind::InvalidChain, duplicate_message(key))
}

fn duplicate_message(key: &str) -> String {
    let same = if is_plain(key) { format!("the key {key:?}") } else { "the same key".into() };
    format!("two branches of a parallel have {same}: name one of them differently")
}

/// What cannot work, and where. Whether it is an error is decided further out.
struct Problem {
    path: Vec<String>,
    message: String,
    /// Others that belong to it.
    related: Vec<Problem>,
}

impl Problem {
    /// The first of several that belong together.
    fn first_of(problems: Vec<Self>) -> Option<Self> {
        let mut problems = problems.into_iter();
        let mut first = problems.next()?;
        first.related.extend(problems);
        Some(first)
    }

    fn into_error(self) -> Error {
        let error = Error::new(ErrorKind::InvalidChain, self.message);
        let error = self.path.into_iter().rev().fold(error, Error::at);
        error.with_related(self.related.into_iter().map(Self::into_error))
    }
}

/// A step on the way to the present one.
#[derive(Clone, Copy)]
struct Place<'a> {
    step: &'a Description,
    /// Which of its siblings it is.
    index: usize,
    /// Whether its name is a key, which may be anything.
    is_key: bool,
}

impl Place<'_> {
    fn name(&self) -> String {
        if self.is_key && !is_plain(&self.step.name) {
            return format!("{} {}", self.step.kind, self.index);
        }
        tame(&self.step.name).into_owned()
    }
}

struct Walk<'a> {
    /// The steps around the present one that have a name of their own, and itself, outermost first.
    path: Vec<Place<'a>>,
    depth: usize,
    warnings: Vec<Warning>,
    sound: Vec<&'a Mark>,
}

impl<'a> Walk<'a> {
    /// What a step gives for such an input, if it can work on it.
    fn follow(&mut self, place: Place<'a>, input: Shape<'a>) -> Result<Shape<'a>, Problem> {
        if self.depth == DEEPEST {
            return Ok(Shape::Unknown);
        }
        let around = self.path.len();
        self.path.push(place);
        self.depth += 1;
        let output = self.step(place.step, input);
        self.depth -= 1;
        self.path.truncate(around);
        output
    }

    /// [`follow`](Self::follow) for a step that need not work.
    fn attempt(&mut self, place: Place<'a>, input: Shape<'a>) -> Result<Shape<'a>, Problem> {
        let sound = self.sound.len();
        let output = self.follow(place, input);
        if output.is_err() {
            // What is in it checks itself, should it run.
            self.sound.truncate(sound);
        }
        output
    }

    fn step(&mut self, step: &'a Description, input: Shape<'a>) -> Result<Shape<'a>, Problem> {
        self.sound.extend(step.marks());
        self.needs(step, &input)?;
        self.itself(step)?;
        if step.is_transparent() {
            self.path.pop();
        }
        // Kept only where it is needed: an object that nobody else has is changed in place.
        let kept = matches!(step.gives, Gives::Input | Gives::InputAnd(_)).then(|| input.clone());
        let inside = self.inside(step, input)?;
        Ok(gives(step, kept, inside))
    }

    /// What is wrong with a step whatever its input is.
    fn itself(&self, step: &Description) -> Result<(), Problem> {
        let names = || step.children.iter().map(|child| child.name.as_str());
        if step.is_keyed() {
            let mut keys = HashSet::new();
            if let Some(twice) = names().find(|name| !keys.insert(*name)) {
                return Err(self.problem(duplicate_message(twice)));
            }
        }
        match &step.composed {
            Composed::OneOf if step.children.is_empty() => Err(self.problem("needs at least one alternative".into())),
            Composed::Enough { needed, required } => {
                let there: HashSet<_> = names().collect();
                let missing: Vec<_> = required.iter().filter(|name| !there.contains(name.as_str())).collect();
                if !missing.is_empty() {
                    let names: Vec<_> = names().collect();
                    let mut message =
                        format!("requires {}, but there are {}", listed(&missing), listed_or(&names, "no branches"));
                    push_hint(&mut message, did_you_mean(&missing, &names));
                    return Err(self.problem(message));
                }
                match step.children.len() {
                    there if there >= *needed => Ok(()),
                    0 => Err(self.problem(format!("{}, but there is none", come_through(*needed)))),
                    1 => Err(self.problem(format!("{}, but there is 1", come_through(*needed)))),
                    there => Err(self.problem(format!("{}, but there are {there}", come_through(*needed)))),
                }
            }
            _ => Ok(()),
        }
    }

    /// What the children give together. Each way is a function of its own, so that the stack holds no more than it needs.
    fn inside(&mut self, step: &'a Description, input: Shape<'a>) -> Result<Shape<'a>, Problem> {
        if !step.conditions.is_empty() {
            self.conditions(step, &input)?;
        }
        match &step.composed {
            Composed::InSequence => self.in_sequence(step, input),
            Composed::AllOf => self.all_of(step, &input),
            Composed::PerElement => self.all_of(step, &Shape::Unknown),
            Composed::OneOf => self.one_of(step, &input),
            Composed::MayFail => {
                let problems = self.attempts(step, &input).1;
                self.warn_of(problems);
                Ok(Shape::Unknown)
            }
            Composed::Enough { needed, required } => self.enough(step, &input, *needed, required),
            Composed::Graph { .. } => {
                let problems = self.attempts(step, &Shape::Unknown).1;
                self.warn_of(problems);
                Ok(Shape::Unknown)
            }
        }
    }

    fn conditions(&mut self, step: &'a Description, input: &Shape<'a>) -> Result<(), Problem> {
        for (index, step) in step.conditions.iter().enumerate() {
            match self.attempt(Place { step, index, is_key: false }, input.clone()) {
                Err(problem) if index == 0 => return Err(problem),
                Err(problem) => self.warn_of([problem]),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn in_sequence(&mut self, step: &'a Description, mut shape: Shape<'a>) -> Result<Shape<'a>, Problem> {
        for place in places(step) {
            shape = self.follow(place, shape)?;
        }
        Ok(shape)
    }

    fn all_of(&mut self, step: &'a Description, input: &Shape<'a>) -> Result<Shape<'a>, Problem> {
        for place in places(step) {
            self.follow(place, input.clone())?;
        }
        Ok(Shape::Unknown)
    }

    fn one_of(&mut self, step: &'a Description, input: &Shape<'a>) -> Result<Shape<'a>, Problem> {
        let (shapes, problems) = self.attempts(step, input);
        if shapes.is_empty() {
            return Problem::first_of(problems).map_or(Ok(Shape::Unknown), Err);
        }
        self.warn_of(problems);
        Ok(Shape::one_of(shapes, &step.name))
    }

    fn enough(
        &mut self,
        step: &'a Description,
        input: &Shape<'a>,
        needed: usize,
        required: &[String],
    ) -> Result<Shape<'a>, Problem> {
        let required: HashSet<_> = required.iter().map(String::as_str).collect();
        let mut problems = Vec::new();
        for place in places(step) {
            match self.attempt(place, input.clone()) {
                Ok(_) => {}
                Err(mut problem) if required.contains(place.step.name.as_str()) => {
                    problem.message += " (and the branch is required)";
                    return Err(problem);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let there = step.children.len();
        let can = there - problems.len();
        if can < needed {
            let can = if can == 0 { "none".into() } else { format!("only {can}") };
            let note = format!(" ({}, and {can} of {there} can)", come_through(needed));
            if let Some(mut problem) = Problem::first_of(problems) {
                problem.message += &note;
                return Err(problem);
            }
            return Ok(Shape::Unknown);
        }
        self.warn_of(problems);
        Ok(Shape::Unknown)
    }

    /// What the children give that can work, and what is wrong with the others.
    fn attempts(&mut self, step: &'a Description, input: &Shape<'a>) -> (Vec<Shape<'a>>, Vec<Problem>) {
        let (mut shapes, mut problems) = (Vec::new(), Vec::new());
        for place in places(step) {
            match self.attempt(place, input.clone()) {
                Ok(shape) => shapes.push(shape),
                Err(problem) => problems.push(problem),
            }
        }
        (shapes, problems)
    }

    /// Whether the input has what a step needs.
    fn needs(&mut self, step: &'a Description, input: &Shape<'a>) -> Result<(), Problem> {
        let (wanted, optional, or_bare) = match &step.needs {
            Needs::Unknown => return Ok(()),
            Needs::Object => (&[][..], &[][..], false),
            Needs::Keys { keys, optional, or_bare } => (keys.as_slice(), optional.as_slice(), *or_bare),
        };
        match input {
            Shape::Unknown => Ok(()),
            Shape::Bare(_) if or_bare => Ok(()),
            Shape::Bare(origin) if wanted.is_empty() => {
                let origin = tame(origin);
                Err(self.problem(format!("needs an object with keys, but `{origin}` gives a value that is none")))
            }
            Shape::Bare(origin) => Err(self.problem(format!(
                "needs an object with {}, but `{}` gives a value that is no object",
                listed(wanted),
                tame(origin)
            ))),
            Shape::Object(object) => {
                match lacks(object, wanted) {
                    None => {}
                    Some((message, Missing::Always)) => return Err(self.problem(message)),
                    // The branch may come through, and then the chain works.
                    Some((message, Missing::Perhaps)) => self.warn(message),
                }
                let sometimes: Vec<_> =
                    wanted.iter().filter(|key| object.certainty(key) == Some(Certainty::Sometimes)).collect();
                if !sometimes.is_empty() {
                    let origin = tame(object.origin);
                    self.warn(format!("needs {}, which `{origin}` gives in some cases only", listed(&sometimes)));
                }
                self.look_for_typos(object, wanted, optional);
                Ok(())
            }
        }
    }

    /// A variable that may be missing is never missed, so nobody would notice that its name is wrong.
    fn look_for_typos(&mut self, object: &Object<'a>, wanted: &[String], optional: &[String]) {
        let never = optional.iter().filter(|key| is_plain(key) && object.certainty(key).is_none());
        let never: Vec<_> = never.take(OPTIONAL).collect();
        if never.is_empty() {
            return;
        }
        let used: HashSet<_> = wanted.iter().chain(optional).map(String::as_str).collect();
        let mut unused = object.keys(Certainty::Always);
        unused.retain(|key| !used.contains(key));
        for key in never {
            if let Some(meant) = closest(key, &unused) {
                self.warn(format!("`{key}` is optional and never given; did you mean `{meant}`?"));
            }
        }
    }

    /// Something about the present step.
    fn problem(&self, message: String) -> Problem {
        Problem { path: self.path(), message, related: Vec::new() }
    }

    fn warn(&mut self, message: String) {
        self.warnings.push(Warning::new(self.path(), message));
    }

    /// Problems of parts that need not run, or may fail.
    fn warn_of(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.warnings.push(Warning::new(problem.path, problem.message));
            self.warn_of(problem.related);
        }
    }

    fn path(&self) -> Vec<String> {
        self.path.iter().map(Place::name).collect()
    }
}

fn places(step: &Description) -> impl Iterator<Item = Place<'_>> {
    let is_key = step.is_keyed();
    step.children.iter().enumerate().map(move |(index, step)| Place { step, index, is_key })
}

/// What a step gives, from what it took, if it hands that on, and what its children give.
fn gives<'a>(step: &'a Description, input: Option<Shape<'a>>, inside: Shape<'a>) -> Shape<'a> {
    match &step.gives {
        Gives::Unknown => Shape::Unknown,
        Gives::Bare => Shape::Bare(&step.name),
        Gives::Input => input.unwrap_or(Shape::Unknown),
        Gives::Children => inside,
        Gives::Keys { keys, optional } => {
            let mut object = Object::new(&step.name);
            for key in optional {
                object.set(key, Certainty::Perhaps);
            }
            for key in keys {
                object.set(key, Certainty::Always);
            }
            Shape::Object(Rc::new(object))
        }
        Gives::InputAnd(more) => match input {
            Some(Shape::Object(mut shared)) => {
                let object = Rc::make_mut(&mut shared);
                object.origin = &step.name;
                for key in more {
                    object.set(key, Certainty::Always);
                }
                Shape::Object(shared)
            }
            _ => Shape::Unknown,
        },
    }
}

/// Whether a key is missing for sure, or only when a branch fails.
enum Missing {
    Always,
    Perhaps,
}

/// Says which of the wanted keys are not there, or not when a branch fails; `None` if none is missing.
fn lacks(object: &Object<'_>, wanted: &[String]) -> Option<(String, Missing)> {
    let of = |certainty| wanted.iter().filter(move |key| object.certainty(key) == certainty);
    let absent: Vec<_> = of(None).collect();
    let uncertain: Vec<_> = of(Some(Certainty::Perhaps)).collect();
    if absent.is_empty() && uncertain.is_empty() {
        return None;
    }
    let missing: Vec<_> =
        wanted.iter().filter(|key| matches!(object.certainty(key), None | Some(Certainty::Perhaps))).collect();
    let [always, sometimes, perhaps] =
        [Certainty::Always, Certainty::Sometimes, Certainty::Perhaps].map(|certainty| object.keys(certainty));

    let mut message = format!("needs {}, but `{}` gives ", listed(&missing), tame(object.origin));
    message += &match (always.is_empty(), sometimes.is_empty()) {
        (_, true) => listed_or(&always, "no keys at all"),
        (true, false) => format!("{} in some cases only", listed(&sometimes)),
        (false, false) => format!("{}, in some cases {}", listed(&always), listed(&sometimes)),
    };
    if !uncertain.is_empty() {
        message += &format!(
            " and {} only where that branch succeeded: give it a value with `.partial(...)`, or require the branch: \
             `.require({})`",
            listed(&uncertain),
            as_array(&uncertain)
        );
    } else if !perhaps.is_empty() {
        message += &format!(" and {} only where that branch succeeded", listed(&perhaps));
    }
    push_hint(&mut message, did_you_mean(&absent, &[always, sometimes, perhaps].concat()));
    Some((message, if absent.is_empty() { Missing::Perhaps } else { Missing::Always }))
}

fn push_hint(message: &mut String, hint: Option<String>) {
    if let Some(hint) = hint {
        *message += "; ";
        *message += &hint;
    }
}

fn come_through(needed: usize) -> String {
    match needed {
        1 => "1 branch must come through".into(),
        needed => format!("{needed} branches must come through"),
    }
}
