//! Parts of which it is open whether they run, or whether they succeed.

use super::*;

#[test]
fn an_alternative_that_cannot_work_is_a_warning_unless_all_cannot() {
    warned(&one_of([text(), broken()]), &["race > Prompt: needs `subject`, but `parallel` gives `topic`"]);
    warned(&one_of([broken(), text()]), &["race > Prompt: needs `subject`, but `parallel` gives `topic`"]);

    let other = chain([map(&["terms"]), prompt(&["term"])]);
    let none = one_of([broken(), other]);
    refused(&none, &format!("race > {BROKEN} (and 1 more failure)"));
    let error = check(&none).unwrap_err();
    assert_eq!(
        error.related()[0].to_string(),
        "race > Prompt: invalid chain: needs `term`, but `parallel` gives `terms`; did you mean `terms` for `term`?"
    );
    // Which is a warning again where another way is left.
    warned(
        &one_of([none, text()]),
        &[
            "race > race > Prompt: needs `subject`, but `parallel` gives `topic`",
            "race > race > Prompt: needs `term`, but `parallel` gives `terms`; did you mean `terms` for `term`?",
        ],
    );
}

#[test]
fn a_choice_between_nothing_cannot_work() {
    let message = "race: invalid chain: needs at least one alternative";
    refused(&one_of([]), message);
    refused(&chain([text(), one_of([])]), message);
    warned(&one_of([one_of([]), text()]), &["race > race: needs at least one alternative"]);
}

#[test]
fn of_two_ways_what_both_give_is_certain() {
    let either = |one: &[&str], other: &[&str]| one_of([map(one), map(other)]);
    fine(&chain([either(&["a"], &["a"]), prompt(&["a"])]));
    fine(&chain([either(&["a", "b"], &["b", "c"]), prompt(&["b"])]));
    refused(
        &chain([either(&["a"], &["a"]), prompt(&["b"])]),
        "Prompt: invalid chain: needs `b`, but `parallel` gives `a`",
    );
    refused(
        &chain([either(&["a", "b"], &["b", "c"]), prompt(&["x", "y"])]),
        "Prompt: invalid chain: needs `x` and `y`, but `race` gives `b`, in some cases `a` and `c`",
    );
    refused(
        &chain([either(&["topic"], &["terms"]), prompt(&["term"])]),
        "Prompt: invalid chain: needs `term`, but `race` gives `topic` and `terms` in some cases only; did you mean \
         `terms` for `term`?",
    );
    // It is not known which way it goes, so what one of them gives is not missed.
    warned(
        &chain([either(&["a"], &["b"]), prompt(&["b"])]),
        &["Prompt: needs `b`, which `race` gives in some cases only"],
    );
    // A key that is certain from here on.
    fine(&chain([either(&["a"], &["b"]), assign(vec![("b", text())]), prompt(&["b"])]));
}

#[test]
fn of_two_ways_nothing_is_known_where_nothing_is_known_of_one() {
    fine(&chain([one_of([map(&["a"]), unknown()]), prompt(&["x", "y"])]));
    fine(&chain([one_of([map(&["a"]), text()]), prompt(&["x", "y"])]));
    fine(&chain([one_of([map(&["a"]), chain([unknown(), assign(vec![])])]), prompt(&["x", "y"])]));
    refused(
        &chain([one_of([text(), text().named("other")]), prompt(&["x", "y"])]),
        "Prompt: invalid chain: needs an object with `x` and `y`, but `race` gives a value that is no object",
    );
    // An alternative that cannot work gives nothing.
    let chain = chain([one_of([map(&["a"]), broken()]), prompt(&["b", "c"])]);
    refused(&chain, "Prompt: invalid chain: needs `b` and `c`, but `parallel` gives `a`");
}

#[test]
fn the_first_condition_is_certain_to_be_asked_and_the_others_are_not() {
    let choice = |conditions: Vec<Description>| {
        Description::new(Kind::CHOICE, "choice")
            .gives(Gives::Children)
            .with_conditions(conditions)
            .with_children(Composed::OneOf, [text(), text()])
    };
    fine(&choice(vec![]));
    refused(&choice(vec![broken(), text()]), &format!("choice > {BROKEN}"));
    warned(&choice(vec![text(), broken()]), &["choice > Prompt: needs `subject`, but `parallel` gives `topic`"]);
    // They see the input, and what they give goes nowhere.
    refused(
        &chain([map(&["a"]), choice(vec![prompt(&["b"])])]),
        "choice > Prompt: invalid chain: needs `b`, but `parallel` gives `a`",
    );
    fine(&chain([choice(vec![map(&["a"])]), prompt(&["x"])]));
}

#[test]
fn what_may_fail_is_a_warning() {
    warned(&result(broken()), &["Prompt: needs `subject`, but `parallel` gives `topic`"]);
    fine(&chain([map(&["a"]), result(map(&["a"])), prompt(&["x", "y"])]));
    let tuple = Description::new(Kind::TUPLE, "tuple of 2").with_children(Composed::AllOf, [text(), result(broken())]);
    warned(&tuple, &["tuple of 2 > Prompt: needs `subject`, but `parallel` gives `topic`"]);
}

#[test]
fn what_is_done_for_each_element_must_work() {
    let each =
        |step| Description::new(Kind::EACH, "each").gives(Gives::Bare).with_children(Composed::PerElement, [step]);
    refused(&each(broken()), &format!("each > {BROKEN}"));
    fine(&chain([map(&["a"]), each(prompt(&["x", "y"]))]));
    refused(
        &chain([each(unknown()), prompt(&["x", "y"])]),
        "Prompt: invalid chain: needs an object with `x` and `y`, but `each` gives a value that is no object",
    );
}

#[test]
fn enough_is_enough() {
    let panel = |needed, required| at_least(needed, required, vec![("a", text()), ("b", broken()), ("c", text())]);
    let lost = "b > Prompt: needs `subject`, but `parallel` gives `topic`";
    warned(&panel(0, &[]), &[&format!("settled > {lost}")]);
    warned(&panel(2, &[]), &[&format!("at_least > {lost}")]);
    warned(&panel(1, &["a"]), &[&format!("at_least > {lost}")]);
    refused(&panel(3, &[]), &format!("at_least > b > {BROKEN} (3 branches must come through, and only 2 of 3 can)"));
    refused(&panel(0, &["b"]), &format!("settled > b > {BROKEN} (and the branch is required)"));

    let none = at_least(1, &[], vec![("a", broken()), ("b", broken())]);
    refused(
        &none,
        &format!("at_least > a > {BROKEN} (1 branch must come through, and none of 2 can) (and 1 more failure)"),
    );
}

#[test]
fn no_more_branches_come_through_than_there_are() {
    refused(
        &at_least(3, &[], vec![("a", text()), ("b", text())]),
        "at_least: invalid chain: 3 branches must come through, but there are 2",
    );
    refused(
        &at_least(2, &[], vec![("a", text())]),
        "at_least: invalid chain: 2 branches must come through, but there is 1",
    );
    refused(&at_least(1, &[], vec![]), "at_least: invalid chain: 1 branch must come through, but there is none");
    fine(&at_least(0, &[], vec![]));
    let quorum = Description::new(Kind::QUORUM, "quorum")
        .with_children(Composed::Enough { needed: 3, required: vec![] }, [text(), text()]);
    refused(&quorum, "quorum: invalid chain: 3 branches must come through, but there are 2");
}

#[test]
fn a_branch_that_is_required_exists() {
    refused(
        &at_least(0, &["summery", "year"], vec![("summary", text()), ("terms", text())]),
        "settled: invalid chain: requires `summery` and `year`, but there are `summary` and `terms`; did you mean \
         `summary` for `summery`?",
    );
    refused(&at_least(0, &["a"], vec![]), "settled: invalid chain: requires `a`, but there are no branches");
}

#[test]
fn a_branch_that_may_be_absent_is_no_key_to_rely_on() {
    let panel = || vec![("legal", text()), ("technical", text())];
    // It works whenever the branches do.
    warned(
        &chain([at_least(0, &[], panel()), prompt(&["legal", "technical"])]),
        &["Prompt: needs `legal` and `technical`, but `settled` gives no keys at all and `legal` and \
         `technical` only where that branch succeeded: give it a value with `.partial(...)`, or require the branch: \
         `.require([\"legal\", \"technical\"])`"],
    );
    warned(
        &chain([at_least(0, &["technical"], panel()), prompt(&["legal", "technical"])]),
        &["Prompt: needs `legal`, but `settled` gives `technical` and `legal` only where that branch \
         succeeded: give it a value with `.partial(...)`, or require the branch: `.require([\"legal\"])`"],
    );
    // One whose name is wrong is told what there may be.
    refused(
        &chain([at_least(0, &[], panel()), prompt(&["legl"])]),
        "Prompt: invalid chain: needs `legl`, but `settled` gives no keys at all and `legal` and `technical` only where \
         that branch succeeded; did you mean `legal` for `legl`?",
    );
    fine(&chain([at_least(0, &[], panel()), prompt_with(&[], &["legal", "technical"])]));
    fine(&chain([at_least(0, &["legal"], panel()), prompt(&["legal"])]));

    let strange = at_least(0, &[], vec![("what the law says", text()), ("legal", text())]);
    let warnings = check(&chain([strange, prompt(&["what the law says", "legal"])])).unwrap();
    assert!(warnings[0].message().ends_with("or require the branch: `.require([...])`"), "{warnings:?}");
}

#[test]
fn where_no_branch_can_be_spared_none_is_absent() {
    fine(&chain([at_least(2, &[], vec![("a", text()), ("b", text())]), prompt(&["a", "b"])]));
}

#[test]
fn a_key_that_may_be_absent_in_all_ways_may_be_absent() {
    let panel = || at_least(0, &[], vec![("a", text()), ("b", text())]);
    for either in [[panel(), panel()], [panel(), map(&["b"])]] {
        let warnings = check(&chain([one_of(either), prompt(&["a"])])).unwrap();
        assert!(warnings[0].message().contains("only where that branch succeeded"), "{warnings:?}");
    }
    for either in [[panel(), map(&["a"])], [map(&["a"]), panel()]] {
        warned(&chain([one_of(either), prompt(&["a"])]), &["Prompt: needs `a`, which `race` gives in some cases only"]);
    }
}
