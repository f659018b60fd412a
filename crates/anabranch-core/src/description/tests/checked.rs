use std::cell::Cell;

use super::super::Checked;
use super::*;

/// A sequence as the core crate has it: a check of its own, whose mark is in its description.
fn with(checked: &Checked, step: Description) -> Description {
    step.with_checked(checked)
}

#[test]
fn it_is_made_once() {
    static CHECKED: Checked = Checked::not_yet();
    assert!(!CHECKED.is_done());
    let made = Cell::new(0);
    for _ in 0..3 {
        CHECKED
            .once(|| {
                made.set(made.get() + 1);
                text()
            })
            .unwrap();
    }
    assert_eq!(made.get(), 1);
    assert!(CHECKED.is_done());
    assert!(CHECKED.warnings().is_empty());
}

#[test]
fn what_cannot_work_is_an_error_every_time() {
    let checked = Checked::not_yet();
    for _ in 0..2 {
        assert_eq!(checked.once(broken).unwrap_err().to_string(), BROKEN);
        assert!(!checked.is_done());
    }
    checked.once(text).unwrap();
}

#[test]
fn its_warnings_are_kept() {
    let checked = Checked::not_yet();
    checked.once(|| result(broken())).unwrap();
    assert_eq!(checked.warnings(), check(&result(broken())).unwrap());
    assert_eq!(checked.clone().warnings().len(), 1);
}

#[test]
fn clones_share_what_was_found() {
    let checked = Checked::not_yet();
    let before = checked.clone();
    checked.once(text).unwrap();
    assert!(before.is_done() && checked.clone().is_done());
    assert!(!Checked::not_yet().clone().is_done());
}

#[test]
fn the_check_of_a_chain_stands_for_those_of_its_parts() {
    let [inner, left, right, outer] = [0; 4].map(|_| Checked::not_yet());
    let branch = with(&inner, chain([text(), prompt(&["x"])]));
    let first = with(&left, chain([parallel(vec![("a", branch)]), prompt(&["a"])]));
    let last = with(&right, chain([text(), result(broken())]));
    outer.once(|| with(&outer, chain([first, last]))).unwrap();
    assert!([&inner, &left, &right, &outer].iter().all(|checked| checked.is_done()));
    // Who checked has the warnings.
    assert_eq!(outer.warnings().len(), 1);
    assert!([&inner, &left, &right].iter().all(|checked| checked.warnings().is_empty()));
    right.once(|| panic!("it was checked")).unwrap();
}

#[test]
fn a_check_that_was_asked_for_counts() {
    let checked = Checked::not_yet();
    check(&with(&checked, chain([text(), text()]))).unwrap();
    assert!(checked.is_done());
}

#[test]
fn a_chain_that_cannot_work_leaves_no_mark() {
    let [inner, outer] = [0; 2].map(|_| Checked::not_yet());
    let first = with(&inner, chain([text(), text()]));
    assert!(outer.once(|| with(&outer, chain([first, broken()]))).is_err());
    assert!(!inner.is_done() && !outer.is_done());
}

/// It is not paid for: should it run, its own check says what is wrong before its first step.
#[test]
fn a_part_that_cannot_work_is_not_taken_for_sound() {
    let [good, bad, around_bad, outer] = [0; 4].map(|_| Checked::not_yet());
    let works = with(&good, chain([text(), text()]));
    let part = with(&around_bad, parallel(vec![("a", text()), ("b", with(&bad, broken()))]));
    outer.once(|| with(&outer, chain([text(), one_of([part, works])]))).unwrap();
    assert!(good.is_done() && outer.is_done());
    assert!(!bad.is_done() && !around_bad.is_done());
    assert_eq!(bad.once(broken).unwrap_err().to_string(), BROKEN);

    for panel in [result(with(&bad, broken())), at_least(0, &[], vec![("a", text()), ("b", with(&bad, broken()))])] {
        check(&panel).unwrap();
        assert!(!bad.is_done());
    }
}

#[test]
fn marks_make_no_difference() {
    let one = with(&Checked::not_yet(), chain([text(), text()]));
    assert_eq!(one, chain([text(), text()]));
    assert_eq!(
        format!("{:?}", with(&Checked::not_yet(), Description::around(Kind::RETRY, text()))),
        "Description { kind: \"retry\", name: \"text\", gives: Children, composed: InSequence, children: [Description { \
         kind: \"lambda\", name: \"text\", gives: Bare, .. }], transparent: true, .. }"
    );
}

#[test]
fn threads_that_come_at_once_find_the_same() {
    let checked = Checked::not_yet();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                checked.once(|| result(broken())).unwrap();
                assert_eq!(checked.warnings().len(), 1);
            });
        }
    });
}
