//! What the check says, and of what.

mod checked;
mod cost;
mod hints;
mod open;
mod oracle;

use super::*;
use crate::error::ErrorKind;

const PROMPT: Kind = Kind::new("prompt");

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

/// A prompt with these variables.
fn prompt(wanted: &[&str]) -> Description {
    prompt_with(wanted, &[])
}

fn prompt_with(wanted: &[&str], optional: &[&str]) -> Description {
    Description::new(PROMPT, "Prompt")
        .needs(Needs::Keys { keys: keys(wanted), optional: keys(optional), or_bare: wanted.len() == 1 })
        .gives(Gives::Bare)
}

fn text() -> Description {
    Description::new(Kind::LAMBDA, "text").gives(Gives::Bare)
}

fn unknown() -> Description {
    Description::new(Kind::LAMBDA, "lambda")
}

/// An object with these keys, from nothing.
fn map(there: &[&str]) -> Description {
    Description::new(Kind::PARALLEL, "parallel").gives(Gives::Keys { keys: keys(there), optional: vec![] })
}

fn branch(key: &str, step: Description) -> Description {
    Description::around(Kind::BRANCH, step).named(key)
}

fn branches(steps: Vec<(&str, Description)>) -> Vec<Description> {
    steps.into_iter().map(|(key, step)| branch(key, step)).collect()
}

fn parallel(steps: Vec<(&str, Description)>) -> Description {
    let there = steps.iter().map(|(key, _)| key.to_string()).collect();
    Description::new(Kind::PARALLEL, "parallel")
        .gives(Gives::Keys { keys: there, optional: vec![] })
        .with_children(Composed::AllOf, branches(steps))
        .keyed()
}

fn at_least(needed: usize, required: &[&str], steps: Vec<(&str, Description)>) -> Description {
    let certain = |key: &String| needed >= steps.len() || required.contains(&key.as_str());
    let (there, optional) = steps.iter().map(|(key, _)| key.to_string()).partition(certain);
    Description::new(Kind::SETTLED, if needed == 0 { "settled" } else { "at_least" })
        .gives(Gives::Keys { keys: there, optional })
        .with_children(Composed::Enough { needed, required: keys(required) }, branches(steps))
        .keyed()
}

fn assign(steps: Vec<(&str, Description)>) -> Description {
    let there = steps.iter().map(|(key, _)| key.to_string()).collect();
    Description::new(Kind::ASSIGN, "assign")
        .needs(Needs::Object)
        .gives(Gives::InputAnd(there))
        .with_children(Composed::AllOf, branches(steps))
        .keyed()
}

fn one_of(alternatives: impl IntoIterator<Item = Description>) -> Description {
    Description::new(Kind::RACE, "race").gives(Gives::Children).with_children(Composed::OneOf, alternatives)
}

fn result(inner: Description) -> Description {
    Description::new(Kind::RESULT, inner.name.as_str()).transparent().with_children(Composed::MayFail, [inner])
}

fn chain(steps: impl IntoIterator<Item = Description>) -> Description {
    steps.into_iter().reduce(Description::sequence).unwrap()
}

/// A chain that cannot work for sure.
fn broken() -> Description {
    chain([map(&["topic"]), prompt(&["subject"])])
}

const BROKEN: &str = "Prompt: invalid chain: needs `subject`, but `parallel` gives `topic`";

#[track_caller]
fn refused(chain: &Description, message: &str) {
    let error = check(chain).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
}

#[track_caller]
fn warned(chain: &Description, warnings: &[&str]) {
    let found: Vec<_> = check(chain).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, warnings);
}

#[track_caller]
fn fine(chain: &Description) {
    warned(chain, &[]);
}

#[test]
fn a_missing_key_is_named_with_what_there_is() {
    refused(
        &chain([map(&["summary", "topic"]), prompt(&["summary", "tpoic"])]),
        "Prompt: invalid chain: needs `tpoic`, but `parallel` gives `summary` and `topic`; did you mean `topic` for \
         `tpoic`?",
    );
    refused(
        &chain([map(&[]), prompt(&["author", "year"])]),
        "Prompt: invalid chain: needs `author` and `year`, but `parallel` gives no keys at all",
    );
}

#[test]
fn a_long_chain_is_followed_to_its_end() {
    // However many steps there are before it, a part is looked at as deep as if it were the first.
    for before in 0..150 {
        let part = parallel(vec![("a", chain([text(), broken()]))]);
        let chain = chain((0..before).map(|_| unknown()).chain([part]));
        refused(&chain, &format!("parallel > a > {BROKEN}"));
    }
}

#[test]
fn nothing_is_claimed_where_nothing_is_known() {
    fine(&prompt(&["x", "y"]));
    fine(&chain([unknown(), prompt(&["x", "y"])]));
    fine(&chain([unknown(), assign(vec![("a", unknown())]), prompt(&["x", "y"])]));
    fine(&chain([map(&["inner"]), Description::new(Kind::PICK, "pick"), prompt(&["x", "y"])]));
}

#[test]
fn text_is_one_variable_but_not_two() {
    fine(&chain([text(), prompt(&["x"])]));
    refused(
        &chain([text(), prompt(&["x", "y"])]),
        "Prompt: invalid chain: needs an object with `x` and `y`, but `text` gives a value that is no object",
    );
    let message = "invalid chain: needs an object with keys, but `text` gives a value that is none";
    refused(&chain([text(), assign(vec![])]), &format!("assign: {message}"));
    refused(&chain([text(), prompt_with(&[], &["history"])]), &format!("Prompt: {message}"));
}

#[test]
fn an_object_whatever_its_keys_is_enough_where_no_key_is_wanted() {
    fine(&chain([map(&["a"]), assign(vec![("b", prompt(&["a"]))]), prompt(&["a", "b"])]));
    fine(&chain([map(&[]), prompt_with(&[], &["history"])]));
}

#[test]
fn keys_are_followed_through_assign() {
    let start = || [map(&["summary", "topic"]), assign(vec![("terms", prompt(&["topic"]))])];
    fine(&chain(start().into_iter().chain([prompt(&["summary", "topic", "terms"])])));
    refused(
        &chain(start().into_iter().chain([prompt(&["summary", "term"])])),
        "Prompt: invalid chain: needs `term`, but `assign` gives `summary`, `topic` and `terms`; did you mean `terms` for \
         `term`?",
    );
    // A branch of an assign sees what came before it.
    refused(
        &chain([map(&["summary"]), assign(vec![("terms", prompt(&["summery"]))])]),
        "assign > terms > Prompt: invalid chain: needs `summery`, but `parallel` gives `summary`; did you mean \
         `summary` for `summery`?",
    );
    // Two branches that add different keys do not see each other's.
    let beside = parallel(vec![
        ("one", chain([assign(vec![("a", text())]), prompt(&["a", "x"])])),
        ("two", chain([assign(vec![("b", text())]), prompt(&["a", "x"])])),
    ]);
    refused(
        &chain([map(&["x"]), beside]),
        "parallel > two > Prompt: invalid chain: needs `a`, but `assign` gives `x` and `b`",
    );
}

#[test]
fn what_hands_its_input_on_is_not_where_it_comes_from() {
    let passthrough = Description::new(Kind::PASSTHROUGH, "RunnablePassthrough").gives(Gives::Input);
    refused(
        &chain([map(&["a"]), passthrough, prompt(&["b"])]),
        "Prompt: invalid chain: needs `b`, but `parallel` gives `a`",
    );
}

#[test]
fn a_step_around_another_has_no_name_of_its_own() {
    let retried = Description::around(Kind::RETRY, Description::around(Kind::TIMEOUT, broken()));
    refused(&retried, BROKEN);
    refused(&retried.clone().named("patient"), &format!("patient > {BROKEN}"));
    // A part that bears the name of what is around it is not taken for it.
    refused(&parallel(vec![("Prompt", broken())]), &format!("parallel > Prompt > {BROKEN}"));
}

#[test]
fn a_name_that_is_no_short_word_is_kept_on_its_line() {
    let named = broken().named("the\r\nsecond \u{202e}step");
    assert_eq!(check(&named).unwrap_err().path().next(), Some("the  second  step"));
    let long = "a sentence ".repeat(100);
    assert_eq!(check(&broken().named(long)).unwrap_err().path().next().unwrap().chars().count(), 201);
}

#[test]
fn a_key_that_is_no_short_word_is_not_shown() {
    let secret = "The patient's name is";
    let branches = parallel(vec![("topic", text()), (secret, broken())]);
    refused(&branches, &format!("parallel > branch 1 > {BROKEN}"));
    refused(
        &chain([map(&[secret, "topic"]), prompt(&["subject", "the answer"])]),
        "Prompt: invalid chain: needs `subject` and 1 more, but `parallel` gives `topic` and 1 more",
    );
    refused(
        &parallel(vec![(secret, text()), (secret, text())]),
        "parallel: invalid chain: two branches of a parallel have the same key: name one of them differently",
    );
}

#[test]
fn a_key_twice_is_found_wherever_the_fan_out_stands() {
    let message = "two branches of a parallel have the key \"a\": name one of them differently";
    assert_eq!(duplicate("a").message(), message);
    let twice = || vec![("a", text()), ("b", text()), ("a", text())];
    for (name, step) in
        [("parallel", parallel(twice())), ("settled", at_least(0, &[], twice())), ("assign", assign(twice()))]
    {
        refused(&step, &format!("{name}: invalid chain: {message}"));
        refused(&chain([map(&["x"]), step]), &format!("{name}: invalid chain: {message}"));
    }
    // The steps of a tuple are told apart by their place.
    fine(&Description::new(Kind::TUPLE, "tuple of 2").with_children(Composed::AllOf, [text(), text()]));
}

#[test]
fn an_optional_variable_that_is_nearly_given_is_a_warning() {
    let typo = "Prompt: `histroy` is optional and never given; did you mean `history`?";
    warned(&chain([map(&["question", "history"]), prompt_with(&["question"], &["histroy"])]), &[typo]);
    // The other key is what another variable takes.
    fine(&chain([map(&["question", "history"]), prompt_with(&["question", "history"], &["histroy"])]));
    fine(&chain([map(&["question", "history"]), prompt_with(&["question"], &["histroy", "history"])]));
    // It is given, or may be.
    fine(&chain([map(&["history", "histroy"]), prompt_with(&[], &["histroy"])]));
    fine(&chain([
        at_least(0, &["history"], vec![("history", text()), ("histroy", text())]),
        prompt_with(&[], &["histroy"]),
    ]));
    // Nothing like it is there, nothing is there for sure, or nothing is known.
    fine(&chain([map(&["question", "weather"]), prompt_with(&["question"], &["histroy"])]));
    fine(&chain([at_least(0, &[], vec![("history", text())]), prompt_with(&[], &["histroy"])]));
    fine(&chain([unknown(), prompt_with(&["question"], &["histroy"])]));
    fine(&chain([map(&["the_history"]), prompt_with(&[], &["the history"])]));
    fine(&chain([text(), prompt_with(&["question"], &["questoin"])]));
}

#[test]
fn what_is_wrong_in_a_graph_is_a_warning_since_its_nodes_need_not_run() {
    let graph = |step: Description| {
        let edges = vec![Edge::new(None, Some(0), true), Edge::new(Some(0), None, false)];
        let node = Description::new(Kind::new("node"), "legal").with_children(Composed::InSequence, [step]);
        Description::new(Kind::new("graph"), "graph").with_children(Composed::Graph { edges }, [node])
    };
    warned(&graph(broken()), &["graph > legal > Prompt: needs `subject`, but `parallel` gives `topic`"]);
    // What a node reads of the state is not what the graph takes, nor what it gives.
    fine(&chain([map(&["a"]), graph(prompt(&["b"])), prompt(&["c", "d"])]));
}

#[test]
fn a_warning_says_where_and_what() {
    let warnings = check(&parallel(vec![("a", result(broken()))])).unwrap();
    assert_eq!(warnings[0].path().collect::<Vec<_>>(), ["parallel", "a", "Prompt"]);
    assert_eq!(warnings[0].message(), "needs `subject`, but `parallel` gives `topic`");
    assert_eq!(warnings[0].to_string(), "parallel > a > Prompt: needs `subject`, but `parallel` gives `topic`");
}

#[test]
fn sequences_are_taken_apart_and_named_ones_are_not() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| Description::new(Kind::LAMBDA, name));
    let left =
        Description::sequence(Description::sequence(Description::sequence(a.clone(), b.clone()), c.clone()), d.clone());
    let right =
        Description::sequence(a.clone(), Description::sequence(b.clone(), Description::sequence(c.clone(), d.clone())));
    let both = Description::sequence(Description::sequence(a.clone(), b.clone()), Description::sequence(c, d));
    assert_eq!(left.children.iter().map(|step| step.name.as_str()).collect::<String>(), "abcd");
    assert_eq!(left, right);
    assert_eq!(left, both);
    assert_eq!((left.kind, left.name.as_str(), left.is_transparent()), (Kind::SEQUENCE, "sequence", true));

    let named = Description::sequence(Description::sequence(a.clone(), b.clone()).named("both"), b);
    assert_eq!(named.children.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["both", "b"]);
    let retried = Description::sequence(Description::around(Kind::RETRY, left), a);
    assert_eq!(retried.take_children().len(), 2);
}

#[test]
fn what_a_type_says_of_an_output_is_used_where_the_description_says_nothing() {
    let mut last = chain([map(&["a"]), Description::around(Kind::RETRY, unknown())]);
    last.set_bare_output();
    refused(
        &chain([last, prompt(&["x", "y"])]),
        "Prompt: invalid chain: needs an object with `x` and `y`, but `lambda` gives a value that is no object",
    );
    for known in [map(&["a"]), one_of([unknown()]), text()] {
        let mut same = known.clone();
        same.set_bare_output();
        assert_eq!(same, known);
    }
}
