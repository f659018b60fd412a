//! The check against a program that tries out what may happen.
//!
//! The oracle knows nothing of shapes. It runs a tree on every value there is, with every outcome that is open, and says
//! which values can come out. Values are objects with some of three keys, or no object: nine of them, a bit for each.
//!
//! A key that is there only if its branch comes through may be there or not.

use proptest::prelude::*;

use super::*;

const KEYS: [&str; 3] = ["a", "b", "c"];

/// A value: the keys of an object as bits, or this.
const BARE: usize = 8;

/// A set of values.
type Values = u16;

const ALL: Values = 0x1ff;

fn bits<S: AsRef<str>>(names: &[S]) -> usize {
    names
        .iter()
        .filter_map(|name| KEYS.iter().position(|key| *key == name.as_ref()))
        .fold(0, |bits, key| bits | 1 << key)
}

fn each_of(values: Values) -> impl Iterator<Item = usize> {
    (0..=BARE).filter(move |value| values & (1 << value) != 0)
}

fn objects_with(keys: usize) -> Values {
    (0..8).filter(|object| object & keys == keys).fold(0, |values, object| values | 1 << object)
}

/// What may come out of a step that takes this value. Nothing, if it cannot but fail.
fn run(step: &Description, value: usize) -> Values {
    let fits = match &step.needs {
        Needs::Unknown => true,
        Needs::Object => value != BARE,
        Needs::Keys { or_bare, .. } if value == BARE => *or_bare,
        Needs::Keys { keys, .. } => value & bits(keys) == bits(keys),
    };
    if !fits || step.conditions.first().is_some_and(|condition| run(condition, value) == 0) {
        return 0;
    }
    let can: Vec<bool> = step.children.iter().map(|child| run(child, value) != 0).collect();
    let inside = match &step.composed {
        Composed::InSequence => step
            .children
            .iter()
            .fold(1 << value, |values, child| each_of(values).fold(0, |after, value| after | run(child, value))),
        Composed::AllOf if can.iter().all(|can| *can) => ALL,
        Composed::AllOf => 0,
        Composed::OneOf => step.children.iter().fold(0, |values, child| values | run(child, value)),
        Composed::MayFail | Composed::Graph { .. } => ALL,
        Composed::PerElement => {
            let works = |child| each_of(ALL).any(|value| run(child, value) != 0);
            if step.children.iter().all(works) { ALL } else { 0 }
        }
        Composed::Enough { needed, required } => {
            let place = |key: &String| step.children.iter().position(|child| child.name == *key);
            let there = required.iter().all(|key| place(key).is_some_and(|index| can[index]));
            if there && can.iter().filter(|can| **can).count() >= *needed { ALL } else { 0 }
        }
    };
    if inside == 0 {
        return 0;
    }
    match &step.gives {
        Gives::Unknown => ALL,
        Gives::Input => 1 << value,
        Gives::InputAnd(more) if value == BARE => objects_with(bits(more)),
        Gives::InputAnd(more) => 1 << (value | bits(more)),
        Gives::Keys { keys, optional } => {
            (0..8).filter(|more| more & !bits(optional) == 0).fold(0, |values, more| values | 1 << (bits(keys) | more))
        }
        Gives::Bare => 1 << BARE,
        Gives::Children => inside,
    }
}

fn can_work(chain: &Description) -> bool {
    each_of(ALL).any(|value| run(chain, value) != 0)
}

fn some_keys() -> impl Strategy<Value = Vec<String>> {
    proptest::sample::subsequence(KEYS.to_vec(), 0..=3).prop_map(|names| keys(&names))
}

fn leaf(open: bool) -> impl Strategy<Value = Description> {
    let needs = prop_oneof![
        2 => Just(Needs::Unknown),
        1 => Just(Needs::Object),
        4 => (some_keys(), some_keys(), any::<bool>()).prop_map(|(keys, optional, or_bare)| Needs::Keys { keys, optional, or_bare }),
    ];
    let gives = prop_oneof![
        1 => Just(if open { Gives::Unknown } else { Gives::Bare }),
        1 => Just(Gives::Input),
        2 => some_keys().prop_map(Gives::InputAnd),
        4 => (some_keys(), some_keys()).prop_map(|(keys, optional)| Gives::Keys { keys, optional }),
        1 => Just(Gives::Bare),
    ];
    (needs, gives).prop_map(|(needs, gives)| Description::new(Kind::STEP, "step").needs(needs).gives(gives))
}

/// Some steps under different keys, and some of those.
fn some_branches(step: impl Strategy<Value = Description>) -> impl Strategy<Value = (Vec<Description>, Vec<String>)> {
    (proptest::collection::vec(step, 0..=3), proptest::sample::subsequence(KEYS.to_vec(), 0..=3)).prop_map(
        |(steps, some)| (steps.into_iter().zip(KEYS).map(|(step, key)| branch(key, step)).collect(), keys(&some)),
    )
}

fn names(steps: &[Description]) -> Vec<String> {
    steps.iter().map(|step| step.name.clone()).collect()
}

/// Trees in which something is open: what a step gives, or which of them run. Or nothing is.
fn tree(open: bool) -> impl Strategy<Value = Description> {
    leaf(open).prop_recursive(5, 48, 4, move |step| {
        let certain = prop_oneof![
            6 => proptest::collection::vec(step.clone(), 2..5).prop_map(chain),
            2 => step.clone().prop_map(|inner| Description::around(Kind::RETRY, inner)),
            1 => step.clone().prop_map(|inner| inner.named("named")),
            2 => some_branches(step.clone()).prop_map(|(steps, _)| {
                let keys = names(&steps);
                Description::new(Kind::PARALLEL, "parallel")
                    .gives(Gives::Keys { keys, optional: vec![] })
                    .with_children(Composed::AllOf, steps)
                    .keyed()
            }),
            2 => some_branches(step.clone()).prop_map(|(steps, _)| {
                let keys = names(&steps);
                Description::new(Kind::ASSIGN, "assign")
                    .needs(Needs::Object)
                    .gives(Gives::InputAnd(keys))
                    .with_children(Composed::AllOf, steps)
                    .keyed()
            }),
        ];
        if !open {
            return certain.boxed();
        }
        prop_oneof![
            8 => certain,
            3 => (proptest::collection::vec(step.clone(), 0..4), proptest::collection::vec(step.clone(), 0..3)).prop_map(
                |(alternatives, conditions)| one_of(alternatives).with_conditions(conditions),
            ),
            1 => step.clone().prop_map(result),
            1 => step.clone().prop_map(|inner| {
                Description::new(Kind::EACH, "each").gives(Gives::Bare).with_children(Composed::PerElement, [inner])
            }),
            3 => (some_branches(step), 0..4_usize).prop_map(|((steps, required), needed)| {
                let certain = |key: &String| needed >= steps.len() || required.contains(key);
                let (keys, optional) = names(&steps).into_iter().partition(certain);
                Description::new(Kind::SETTLED, "settled")
                    .gives(Gives::Keys { keys, optional })
                    .with_children(Composed::Enough { needed, required }, steps)
                    .keyed()
            }),
        ]
        .boxed()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_chain_that_can_work_is_never_refused(chain in tree(true)) {
        if can_work(&chain) {
            let verdict = check(&chain);
            prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
        }
    }

    /// Where nothing is open, nothing gets by.
    #[test]
    fn a_chain_of_known_steps_that_cannot_work_is_refused(tree in tree(false), first in some_keys()) {
        let first = Description::new(Kind::STEP, "first").gives(Gives::Keys { keys: first, optional: vec![] });
        let chain = chain([first, tree]);
        prop_assert_eq!(check(&chain).is_ok(), can_work(&chain));
    }

    /// What is sound behind a step is sound on its own: that a part was checked with its chain is enough.
    #[test]
    fn what_works_in_a_chain_works_alone(before in tree(true), part in tree(true)) {
        if check(&chain([before, part.clone()])).is_ok() {
            prop_assert!(check(&part).is_ok());
        }
    }
}
