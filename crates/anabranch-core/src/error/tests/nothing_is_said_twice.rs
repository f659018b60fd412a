//! Causes, and that no reporter shows one twice.

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
