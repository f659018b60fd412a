use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::num::ParseIntError;
use std::time::Duration;

use super::*;

const SECRET: &str = "sk-my secret";

/// A link of a chain of errors, as careful authors write them: each says what it knows itself.
#[derive(Debug)]
struct Link(&'static str, Option<Box<dyn StdError + Send + Sync>>);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Link {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn link(text: &'static str) -> Link {
    Link(text, None)
}

fn link_on(text: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Link {
    Link(text, Some(source.into()))
}

fn bad_number() -> ParseIntError {
    "x".parse::<u32>().unwrap_err()
}

fn bad_json() -> serde_json::Error {
    serde_json::from_str::<u32>(&format!("{SECRET:?}")).unwrap_err()
}

/// What the chain below an error says.
fn chain(error: &Error) -> Vec<String> {
    std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect()
}

/// An error with everything that must survive.
fn busy() -> Error {
    let tries = [1, 2].map(|number| Attempt::new(number, &Error::new(ErrorKind::RateLimited, "status 429"), None));
    Error::new(ErrorKind::RateLimited, "status 429").at("lookup").with_attempts(tries).with_retry_after(SECOND)
}

const SECOND: Duration = Duration::from_secs(1);
const BUSY: &str = "lookup: rate limited: status 429 (retry after 1s) (after 2 attempts)";

mod one_line {
    use super::*;

    #[test]
    fn display_is_one_line_and_outermost_first() {
        let error = Error::new(ErrorKind::Server, "status 500:\r\nInternal\u{1b}[31m error")
            .at("ChatModel x")
            .at("parallel \"a\"")
            .with_retry_after(Duration::from_millis(1500));
        assert_eq!(
            error.to_string(),
            "parallel \"a\" > ChatModel x: server error: status 500: Internal [31m error (retry after 1.5s)"
        );
        assert_eq!(error.path().collect::<Vec<_>>(), ["parallel \"a\"", "ChatModel x"]);
    }

    #[test]
    fn notes_stand_one_behind_the_other_and_are_not_said_twice() {
        let error = Error::new(ErrorKind::Server, "").with_note("not safe\nto repeat").with_note("no fallback");
        let error = error.with_note("no fallback").with_related([Error::other("a"), Error::other("b")]);
        assert_eq!(error.to_string(), "server error (not safe to repeat) (no fallback) (and 2 more failures)");
    }
}

mod report {
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
        assert!(
            report.contains("\n  attempt 10: error: 12 failed\n  and 1 more attempts\n  also failed: "),
            "{report}"
        );
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
}

mod conversions {
    use super::*;

    fn plain(error: Error, text: &str) {
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(error.message(), text);
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    }

    #[test]
    fn question_mark_takes_the_errors_of_std() {
        macro_rules! plain {
            ($($failing:expr => $text:literal,)+) => {$({
                let step = || -> Result<()> {
                    let _ = $failing?;
                    Ok(())
                };
                plain(step().unwrap_err(), $text);
            })+};
        }
        let bytes = [SECRET.as_bytes(), &[0xff]].concat();
        let early = std::time::SystemTime::UNIX_EPOCH;
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        drop(sender);
        plain! {
            Err::<(), _>(io::Error::from(io::ErrorKind::NotFound)) => "entity not found",
            Err::<(), _>(fmt::Error) => "an error occurred when formatting an argument",
            SECRET.parse::<u32>() => "invalid digit found in string",
            SECRET.parse::<f64>() => "invalid float literal",
            SECRET.parse::<bool>() => "provided string was not `true` or `false`",
            SECRET.parse::<char>() => "too many characters in string",
            SECRET.parse::<std::net::IpAddr>() => "invalid IP address syntax",
            SECRET.parse::<std::net::SocketAddr>() => "invalid socket address syntax",
            u8::try_from(300) => "out of range integral type conversion attempted",
            char::try_from(0xd800_u32) => "converted integer out of range for `char`",
            <[u8; 2]>::try_from(bytes.as_slice()) => "could not convert slice to array",
            std::str::from_utf8(&bytes) => "invalid utf-8 sequence of 1 bytes from index 12",
            String::from_utf8(bytes.clone()) => "invalid utf-8 sequence of 1 bytes from index 12",
            String::from_utf16(&[0xd800]) => "invalid utf-16: lone surrogate found",
            early.duration_since(early + SECOND) => "second time provided was later than self",
            Duration::try_from_secs_f64(-1.0) => "cannot convert float seconds to Duration: value is negative",
            receiver.recv() => "receiving on a closed channel",
            receiver.recv_timeout(SECOND) => "channel is empty and sending half is closed",
            Err::<(), _>(std::sync::PoisonError::new(SECRET)) => "poisoned lock: another task failed inside",
            { let (sender, _) = std::sync::mpsc::channel(); sender.send(SECRET) } => "sending on a closed channel",
        }
        // What cannot fail needs no other way of writing.
        fn never(value: std::result::Result<u8, Infallible>) -> Result<u8> {
            Ok(value?)
        }
        assert_eq!(never(Ok(1)).unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn question_mark_takes_the_errors_of_tokio() {
        use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

        let closed = Semaphore::new(0);
        closed.close();
        plain(closed.acquire().await.unwrap_err().into(), "semaphore closed");
        let (_, receiver) = oneshot::channel::<()>();
        plain(receiver.await.unwrap_err().into(), "channel closed");
        let (_, mut receiver) = broadcast::channel::<()>(1);
        plain(receiver.recv().await.unwrap_err().into(), "channel closed");
        let (_, mut receiver) = watch::channel(());
        plain(receiver.changed().await.unwrap_err().into(), "channel closed");
        let (sender, _) = mpsc::channel(1);
        plain(sender.send(SECRET).await.unwrap_err().into(), "channel closed");

        let elapsed = async || tokio::time::timeout(SECOND, std::future::pending::<()>()).await.unwrap_err();
        let (elapsed, again) = (elapsed().await, elapsed().await);
        for error in [Error::from(elapsed), Error::other(again)] {
            assert!(error.is_retryable());
            assert_eq!(error.to_string(), "timed out: deadline has elapsed");
        }
    }

    #[tokio::test]
    async fn a_task_that_panicked_is_a_panic_and_not_quoted() {
        for boxed in [false, true] {
            let ended = tokio::spawn(async { panic!("it was {}", SECRET) }).await.unwrap_err();
            let error = if boxed { Error::other(ended) } else { ended.into() };
            assert_eq!(error.kind(), ErrorKind::Panic);
            assert_eq!(error.partial::<String>().unwrap(), "it was sk-my secret");
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        }
        let ended = tokio::spawn(async { panic!("it was {}", SECRET) }).await.unwrap_err();
        let report = format!("{:?}", Error::new(ErrorKind::Other, "no answer").with_source(ended));
        assert_eq!(report, "error: no answer\n  caused by: the task panicked");

        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let error = Error::from(task.await.unwrap_err());
        assert!(error.message().ends_with("was cancelled"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(error.downcast_ref::<tokio::task::JoinError>().unwrap().is_cancelled());
    }

    #[test]
    fn json_errors_do_not_quote_the_value() {
        let boxed: Box<dyn StdError + Send + Sync> = bad_json().into();
        for error in [bad_json().into(), Error::other(bad_json()), Error::from(boxed)] {
            assert_eq!(
                error.to_string(),
                format!("parse error: JSON Data error at line 1 column {}", SECRET.len() + 2)
            );
            assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
            assert!(error.source().is_none());
            assert!(error.downcast_ref::<serde_json::Error>().unwrap().is_data());
        }
        // On the way through another one neither.
        let error = Error::from(io::Error::from(bad_json()));
        assert_eq!(error.message(), format!("JSON Data error at line 1 column {}", SECRET.len() + 2));
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    }

    #[test]
    fn variables_are_not_quoted() {
        use std::env::VarError;

        let error = Error::from(std::env::var("ANABRANCH_NO_SUCH_VARIABLE").unwrap_err());
        assert_eq!(error.to_string(), "configuration: environment variable not found");
        let error = Error::other(VarError::NotUnicode(SECRET.into()));
        assert_eq!(error.to_string(), "configuration: environment variable was not valid unicode");
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        assert!(matches!(error.downcast_ref(), Some(VarError::NotUnicode(_))));
    }

    #[test]
    fn our_own_error_comes_out_of_a_box_as_itself() {
        let boxed = || -> Box<dyn StdError + Send + Sync> { busy().into() };
        for error in
            [Error::from(boxed()), Error::other(boxed()), Error::other(busy()), io::Error::other(busy()).into()]
        {
            assert_eq!(error.to_string(), BUSY);
            assert_eq!(error.kind(), ErrorKind::RateLimited);
            assert_eq!(error.path().collect::<Vec<_>>(), ["lookup"]);
            assert_eq!((error.attempts().len(), error.retry_after()), (2, Some(SECOND)));
            assert!(error.source().is_none());
        }
        let error = Error::from(Box::<dyn StdError + Send + Sync>::from("no luck"));
        assert_eq!(format!("{error:?}"), "error: no luck");
    }
}

mod nothing_is_said_twice {
    use super::*;

    #[test]
    fn what_is_underneath_is_what_is_underneath_the_original() {
        let error = Error::other(link_on("top", link_on("middle", bad_number())));
        assert_eq!(error.to_string(), "error: top");
        assert_eq!(chain(&error), ["middle", "invalid digit found in string"]);
        assert!(Error::other(bad_number()).source().is_none());
    }

    #[test]
    fn an_explicit_cause_is_the_source() {
        let error = Error::new(ErrorKind::Parse, "no number").with_source(bad_number());
        assert!(error.source().unwrap().is::<ParseIntError>());
        // It comes first, and the original is not lost.
        let error = Error::other(link_on("top", link("below"))).with_source(bad_number());
        assert_eq!(chain(&error), ["invalid digit found in string"]);
        assert!(error.downcast_ref::<Link>().is_some() && error.downcast_ref::<ParseIntError>().is_some());
    }

    #[test]
    fn the_original_is_found_by_its_type() {
        let inner = Error::other(link_on("a", bad_number()));
        assert_eq!(inner.downcast_ref::<Link>().unwrap().0, "a");
        assert!(inner.downcast_ref::<ParseIntError>().is_some());
        assert!(inner.downcast_ref::<io::Error>().is_none());
        // Through another error of ours, whose original is no link of the chain.
        let outer = Error::new(ErrorKind::Other, "b").with_source(link_on("c", inner));
        assert_eq!(outer.downcast_ref::<Link>().unwrap().0, "c");
        assert_eq!(outer.downcast_ref::<Error>().unwrap().message(), "a");
        assert!(outer.downcast_ref::<ParseIntError>().is_some());
        assert_eq!(outer.clone().downcast_ref::<ParseIntError>(), outer.downcast_ref());
        assert!(Error::new(ErrorKind::Other, "d").downcast_ref::<Link>().is_none());
    }

    fn once(shown: &str, texts: &[&str]) {
        // With `RUST_BACKTRACE` anyhow adds one.
        let shown = shown.split("\n\nStack backtrace").next().unwrap_or_default();
        for text in texts {
            assert_eq!(shown.matches(text).count(), 1, "`{text}` in {shown}");
        }
    }

    #[test]
    fn reporters_say_each_text_once() {
        let texts = ["top", "middle", "invalid digit found in string"];
        let made = || Error::other(link_on("top", link_on("middle", bad_number()))).at("lambda");
        let told = || Error::new(ErrorKind::Parse, "top").with_source(link_on("middle", bad_number()));
        for error in [made(), told()] {
            once(&format!("{error:?}"), &texts);
            let error = anyhow::Error::from(error);
            assert!(format!("{error:#}").ends_with("error: top: middle: invalid digit found in string"), "{error:#}");
            once(&format!("{error:#}"), &texts);
            once(&format!("{error:?}"), &texts);
            let error = error.context("outermost");
            once(&format!("{error:#}"), &texts);
            once(&format!("{error:?}"), &texts);
        }
    }

    #[test]
    fn contexts_of_anyhow_are_said_once() {
        let texts = ["outer", "inner", "invalid digit found in string"];
        let context = || anyhow::Error::from(bad_number()).context("inner").context("outer");
        for error in [Error::other(context()), Error::from(Box::<dyn StdError + Send + Sync>::from(context()))] {
            assert_eq!(error.to_string(), "error: outer");
            assert_eq!(chain(&error), texts[1..]);
            once(&format!("{error:?}"), &texts);
            once(&format!("{:?}", anyhow::Error::from(error.clone())), &texts);
            assert!(error.downcast_ref::<ParseIntError>().is_some());
        }
        let error = Error::other(anyhow::anyhow!("no luck"));
        assert_eq!(format!("{error:?}"), "error: no luck");
        // An error of ours in the chain is said once as well.
        let error = Error::other(anyhow::Error::from(busy()).context("outer"));
        assert_eq!(format!("{error:?}"), format!("error: outer\n  caused by: {BUSY}"));
    }

    #[cfg(feature = "anyhow")]
    mod from_anyhow {
        use anyhow::Context;

        use super::*;

        fn step(result: anyhow::Result<()>) -> Result<()> {
            Ok(result?)
        }

        #[test]
        fn contexts_are_the_chain() {
            let texts = ["outer", "inner", "invalid digit found in string"];
            let error = step(Err(bad_number()).context("inner").context("outer")).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, "error: outer"));
            assert_eq!(chain(&error), texts[1..]);
            once(&format!("{error:?}"), &texts);
            assert!(error.downcast_ref::<ParseIntError>().is_some());
            // What has none around it is found by its type, too.
            let error = step(Err(bad_number().into())).unwrap_err();
            assert!(error.source().is_none());
            assert!(error.downcast_ref::<ParseIntError>().is_some());
            let error = step(Err(anyhow::anyhow!("no luck"))).unwrap_err();
            assert_eq!(format!("{error:?}"), "error: no luck");
        }

        #[test]
        fn our_own_error_comes_out_as_itself() {
            let boxed = || anyhow::Error::from_boxed(Box::new(busy()));
            for error in [step(Err(busy().into())).unwrap_err(), step(Err(boxed())).unwrap_err()] {
                assert_eq!(error.to_string(), BUSY);
                assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::RateLimited, 2));
            }
            let error = step(Err(busy()).context("inner").context("outer")).unwrap_err();
            assert_eq!(error.to_string(), format!("{BUSY} (outer: inner)"));
            assert_eq!((error.kind(), error.attempts().len()), (ErrorKind::RateLimited, 2));
            assert!(error.source().is_none());
        }

        #[test]
        fn our_own_error_as_a_context_keeps_what_is_below() {
            let no_plan = || Err(bad_number()).context("a number").context(Error::new(ErrorKind::Parse, "no plan"));
            let error = step(no_plan()).unwrap_err();
            assert_eq!(error.to_string(), "parse error: no plan");
            assert_eq!(chain(&error), ["a number", "invalid digit found in string"]);
            assert!(error.downcast_ref::<ParseIntError>().is_some());

            let error = step(no_plan().context("inner").context("outer")).unwrap_err();
            assert_eq!(error.to_string(), "parse error: no plan (outer: inner)");
            assert_eq!(chain(&error), ["a number", "invalid digit found in string"]);
        }

        #[test]
        fn what_was_met_is_not_quoted() {
            let error = step(Err(bad_json().into())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse);
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
            let error = step(Err(bad_json()).context("reading the plan")).unwrap_err();
            assert!(format!("{error:?}").starts_with("error: reading the plan\n  caused by: JSON Data error at"));
            assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        }
    }
}

mod attempts {
    use super::*;

    #[test]
    fn attempts_made_inside_are_counted_too() {
        let failure = || Error::new(ErrorKind::Server, "status 500");
        let mut attempts = Attempts::default();
        let attempt = attempts.failed(&failure(), Some(SECOND));
        assert_eq!((attempt.number(), attempt.wait()), (1, Some(SECOND)));
        let inner = attempts.into_error(failure());

        let mut attempts = Attempts::default();
        assert_eq!(attempts.failed(&inner, None).number(), 2);
        let outer = attempts.into_error(failure());
        assert_eq!(outer.attempts().iter().map(Attempt::number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(outer.attempts()[0].to_string(), "attempt 1: server error: status 500, then waited 1s");
        assert_eq!(outer.to_string(), "server error: status 500 (after 3 attempts)");
    }
}

#[test]
fn partials_of_different_types_stand_side_by_side() {
    let error = Error::new(ErrorKind::Other, "").with_partial(1_u8).with_partial("text").with_partial(2_u8);
    assert_eq!((error.partial::<u8>(), error.partial::<&str>()), (Some(&2), Some(&"text")));
    assert_eq!(error.partial::<String>(), None);
}

#[test]
fn an_error_passes_until_it_has_left_what_it_entered() {
    let mut error = Error::other("no luck");
    assert!(!error.is_passing());
    error.enter(2);
    error.leave(1);
    assert!(error.is_passing());
    error.leave(1);
    assert!(!error.is_passing());
    error.leave(1);
    error.enter(u16::MAX);
    error.enter(1);
    assert!(error.is_passing());
    error.leave(u16::MAX);
    assert!(!error.is_passing());
}

#[test]
fn earlier_failures_stand_before_those_that_are_there() {
    let error = Error::other("c").with_related([Error::other("b")]).with_earlier(vec![Error::other("a")]);
    assert_eq!(error.related().iter().map(Error::message).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(error.with_kind(ErrorKind::Timeout).kind(), ErrorKind::Timeout);
}

#[test]
fn an_error_is_small_and_shareable() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
}
