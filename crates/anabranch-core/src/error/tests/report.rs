//! The `Debug` of an error: a report.

use super::*;

#[test]
fn an_error_that_says_it_all_is_one_line() {
    let error = Error::other("no luck").at("lambda");
    assert_eq!(format!("{error:?}"), "lambda: error: no luck");
    assert_eq!(format!("{error:#?}"), format!("{error:?}"));
    // Nor does one attempt need a list.
    let error = error.clone().with_attempts([Attempt::new(1, &error, None)]);
    assert_eq!(format!("{error:?}"), "lambda: error: no luck");
}

#[test]
fn every_part_has_lines_of_its_own() {
    let refused = || Error::new(ErrorKind::Connection, "no answer\nfrom localhost").at("lookup");
    let mut attempts = Attempts::default();
    attempts.failed(&refused(), Some(SECOND));
    let error = attempts
        .into_error(refused())
        .at("both")
        .with_related([Error::new(ErrorKind::Overloaded, "status 529").at("search")])
        .with_source(link_on("the socket is closed\u{7}", io::Error::from(io::ErrorKind::ConnectionRefused)));
    let lines = [
        "both > lookup: connection failed: no answer from localhost (after 2 attempts) (and 1 more failure)",
        "  attempt 1: lookup: connection failed: no answer from localhost, then waited 1s",
        "  attempt 2: lookup: connection failed: no answer from localhost",
        "  also failed: search: overloaded: status 529",
        "  caused by: the socket is closed",
        "  caused by: connection refused",
        "  hint: check the network, the base URL and any proxy, or try again (`.with_retry(..)`)",
    ];
    assert_eq!(format!("{error:?}"), lines.join("\n"));

    // Who has tried again is not told to.
    let report = format!("{:?}", error.with_exhausted());
    assert!(report.ends_with("\n  hint: check the network, the base URL and any proxy"), "{report}");
}

#[test]
fn long_lists_are_cut_and_the_rest_is_counted() {
    let error = Error::new(ErrorKind::Other, "12 failed");
    let many = (0..12).map(|n| Error::new(ErrorKind::NotFound, format!("no. {n}")));
    let tries = (1..=11).map(|number| Attempt::new(number, &error, None));
    let report = format!("{:?}", error.clone().with_related(many).with_attempts(tries));
    assert_eq!(report.lines().count(), 1 + 10 + 1 + 10 + 1);
    assert!(report.contains("\n  attempt 10: error: 12 failed\n  and 1 more attempts\n  also failed: "), "{report}");
    assert!(report.ends_with("\n  also failed: not found: no. 9\n  and 2 more failures"), "{report}");
}

#[test]
fn a_cause_that_repeats_what_was_said_is_left_out() {
    let talkative = link_on("cannot read: broken pipe", link_on("broken pipe", link_on("", link("pip"))));
    let error = Error::new(ErrorKind::Other, "no plan").with_source(link_on("no plan", talkative));
    let lines = ["error: no plan", "  caused by: cannot read: broken pipe", "  caused by: pip"];
    assert_eq!(format!("{error:?}"), lines.join("\n"));
}

#[test]
fn hints_say_what_to_do_and_fit_a_line() {
    use ErrorKind::*;
    for kind in [
        InvalidChain,
        Configuration,
        Authentication,
        PermissionDenied,
        RateLimited,
        QuotaExceeded,
        ContextLength,
        Overloaded,
        Server,
        Connection,
        Timeout,
        DeadlineExceeded,
        CircuitOpen,
        IncompleteStream,
    ] {
        let report = format!("{:?}", Error::new(kind, ""));
        let (said, hint) = report.split_once("\n  hint: ").unwrap();
        assert_eq!(said, kind.as_str());
        assert!(hint.len() <= 100 && !hint.contains('\n') && !hint.ends_with('.'), "{hint}");
        assert_eq!(hint.contains(".with_retry("), kind.is_retryable(), "{hint}");
    }
    for kind in [InvalidInput, NotFound, ContentFilter, EmptyStream, Parse, Panic, Unsupported, Other] {
        assert_eq!(format!("{:?}", Error::new(kind, "").with_retryable(true)), kind.as_str());
    }
    // Whatever the kind says, this one is not worth another attempt.
    let once = format!("{:?}", Error::new(Timeout, "").with_retryable(false));
    assert!(!once.contains("retry"), "{once}");
    // What is kept is spoken of where there is something.
    let kept = format!("{:?}", Error::new(Parse, "no JSON").with_partial(SECRET.to_string()));
    assert_eq!(kept, "parse error: no JSON\n  hint: what came is in `Error::partial`");
}

#[test]
fn no_text_that_was_met_is_shown_from_the_chain() {
    let chain = link_on("cannot read the plan", io::Error::from(bad_json()));
    let error = Error::new(ErrorKind::Other, "no plan").with_partial(SECRET.to_string()).with_source(chain);
    let lines = ["error: no plan", "  caused by: cannot read the plan"];
    let json = format!("  caused by: JSON Data error at line 1 column {}", SECRET.len() + 2);
    assert_eq!(format!("{error:?}"), format!("{}\n{json}", lines.join("\n")));
}

#[test]
fn it_stands_in_the_debug_of_what_holds_it() {
    let held: std::result::Result<(), _> = Err(Error::other("no luck"));
    assert_eq!(format!("{held:?}"), "Err(error: no luck)");
}
