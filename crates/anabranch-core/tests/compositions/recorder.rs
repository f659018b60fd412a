//! An observer that checks what it hears.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use anabranch_core::{Attempt, Error, ErrorKind, Observer, StepEvent, Waited, WaitedOn};

use crate::grow::Facts;
use crate::script::PLANNED;

#[derive(Default)]
pub struct Recorder(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    /// In the order they came.
    steps: Vec<Step>,
    places: HashMap<u64, usize>,
    /// What was heard that should not have been.
    wrong: Vec<String>,
    time: usize,
    /// What was waited for.
    waited: Vec<WaitedOn>,
    /// The kinds of the failures of steps.
    failed: HashSet<ErrorKind>,
    /// Somebody waited for another attempt.
    retries: bool,
    /// What started on a task that was to be dropped at that moment.
    late: Vec<String>,
}

struct Step {
    name: String,
    path: Vec<String>,
    parent: Option<u64>,
    ended: Option<(usize, &'static str)>,
}

impl Recorder {
    fn hear(&self, step: &StepEvent<'_>, what: &'static str) {
        let mut heard = self.0.lock().unwrap();
        let heard = &mut *heard;
        heard.time += 1;
        if std::env::var_os("ANABRANCH_LOUD").is_some() {
            eprintln!("  {:?} {what} {} {}", tokio::time::Instant::now(), step.id(), step.path());
        }
        heard.retries |= what == "retrying";
        let (id, name) = (step.id(), step.path().name());
        let Some(known) = heard.places.get(&id).map(|place| &mut heard.steps[*place]) else {
            if what != "started" {
                heard.wrong.push(format!("{what} of `{name}` ({id}), which never started"));
                return;
            }
            if let Some(parent) = step.parent_id() {
                match heard.places.get(&parent).map(|place| &heard.steps[*place]) {
                    None => heard.wrong.push(format!("`{name}` started inside {parent}, which never did")),
                    Some(around) => {
                        if let Some((_, end)) = around.ended {
                            let late = if end == "cancelled" { &mut heard.late } else { &mut heard.wrong };
                            late.push(format!("`{name}` started inside `{}`, which had {end}", around.name));
                        }
                        let path: Vec<_> = step.path().names();
                        if path[..path.len() - 1] != around.path[..] {
                            heard.wrong.push(format!("the path of `{name}` is not that of its parent and itself"));
                        }
                    }
                }
            }
            heard.places.insert(id, heard.steps.len());
            heard.steps.push(Step {
                name: name.to_string(),
                path: step.path().names().into_iter().map(str::to_string).collect(),
                parent: step.parent_id(),
                ended: None,
            });
            return;
        };
        match what {
            "started" => heard.wrong.push(format!("`{name}` ({id}) started twice")),
            "finished" | "failed" | "cancelled" => match known.ended {
                None => known.ended = Some((heard.time, what)),
                Some((_, end)) => heard.wrong.push(format!("`{name}` ({id}) {end} and then {what}")),
            },
            "retrying" | "fell back" => {
                if known.ended.is_none_or(|(_, end)| end != "failed") {
                    heard.wrong.push(format!("{what} of `{name}` ({id}), which has not failed"));
                }
            }
            _ => {
                if let Some((_, end)) = known.ended {
                    heard.wrong.push(format!("{what} of `{name}` ({id}), which had {end}"));
                }
            }
        }
    }

    /// Everything that started has ended once, what is inside before what is around it. A task of its own that is
    /// dropped with what is around it ends a moment later, and a task inside that one may even come to its own end before
    /// it hears of it: then the order is not looked at.
    pub fn check(&self, facts: Facts) {
        let heard = self.0.lock().unwrap();
        assert!(heard.wrong.is_empty(), "observers: {}", heard.wrong.join("; "));
        assert!(heard.late.is_empty() || facts.tasks, "observers: {}", heard.late.join("; "));
        let needless = heard.waited.iter().find(|on| match on {
            WaitedOn::Concurrency => !facts.limited,
            _ => !facts.paced,
        });
        assert!(needless.is_none(), "observers: somebody is said to have waited who did not: {needless:?}");
        for (id, step) in heard.places.iter().map(|(id, place)| (id, &heard.steps[*place])) {
            let Some((end, how)) = step.ended else { panic!("observers: `{}` ({id}) never ended", step.name) };
            let around = step.parent.and_then(|parent| heard.places.get(&parent)).map(|place| &heard.steps[*place]);
            if let Some((around, (end_around, how_around))) = around.and_then(|around| Some((around, around.ended?))) {
                let dropped = facts.tasks && how_around != "finished";
                assert!(
                    end < end_around || dropped,
                    "observers: `{}` {how} after `{}` around it {how_around}",
                    step.name,
                    around.name
                );
            }
        }
    }
}

impl Recorder {
    /// Whether a step is known to have failed in this way.
    pub fn has_heard_of(&self, kind: ErrorKind) -> bool {
        self.0.lock().unwrap().failed.contains(&kind)
    }

    /// Whether there was a wait between two attempts, when no step runs that could fail.
    pub fn has_heard_of_retries(&self) -> bool {
        self.0.lock().unwrap().retries
    }
}

/// An observer that panics whenever it hears something.
pub struct Panicking;

impl Observer for Panicking {
    fn started(&self, _: &StepEvent<'_>) {
        panic!("{PLANNED}");
    }

    fn chunk(&self, _: &StepEvent<'_>) {
        panic!("{PLANNED}");
    }

    fn finished(&self, _: &StepEvent<'_>) {
        panic!("{PLANNED}");
    }

    fn failed(&self, _: &StepEvent<'_>, _: &Error) {
        panic!("{PLANNED}");
    }

    fn cancelled(&self, _: &StepEvent<'_>) {
        panic!("{PLANNED}");
    }

    fn retrying(&self, _: &StepEvent<'_>, _: &Attempt, _: &Error) {
        panic!("{PLANNED}");
    }

    fn fell_back(&self, _: &StepEvent<'_>, _: usize, _: &Error) {
        panic!("{PLANNED}");
    }

    fn hedged(&self, _: &StepEvent<'_>) {
        panic!("{PLANNED}");
    }

    fn waited(&self, _: &StepEvent<'_>, _: &Waited) {
        panic!("{PLANNED}");
    }
}

impl Observer for Recorder {
    fn started(&self, step: &StepEvent<'_>) {
        self.hear(step, "started");
    }

    fn chunk(&self, step: &StepEvent<'_>) {
        self.hear(step, "chunk");
    }

    fn finished(&self, step: &StepEvent<'_>) {
        self.hear(step, "finished");
    }

    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        self.hear(step, "failed");
        self.0.lock().unwrap().failed.insert(error.kind());
    }

    fn cancelled(&self, step: &StepEvent<'_>) {
        self.hear(step, "cancelled");
    }

    fn retrying(&self, step: &StepEvent<'_>, _: &Attempt, _: &Error) {
        self.hear(step, "retrying");
    }

    fn fell_back(&self, step: &StepEvent<'_>, _: usize, _: &Error) {
        self.hear(step, "fell back");
    }

    fn hedged(&self, step: &StepEvent<'_>) {
        self.hear(step, "hedged");
    }

    fn waited(&self, step: &StepEvent<'_>, waited: &Waited) {
        self.hear(step, "waited");
        self.0.lock().unwrap().waited.push(waited.on);
    }
}
