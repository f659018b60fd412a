use http::header::{HeaderName, HeaderValue};

use super::*;

fn hint(headers: &[(&'static str, &str)]) -> Option<f64> {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    retry_after(&headers, now, 429).map(|delay| delay.as_secs_f64())
}

#[test]
fn all_three_forms() {
    assert_eq!(hint(&[("retry-after", "3")]), Some(3.0));
    assert_eq!(hint(&[("retry-after", " 1.5 ")]), Some(1.5));
    assert_eq!(hint(&[("retry-after-ms", "3012"), ("retry-after", "3")]), Some(3.012));
    assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(10.0));
    assert_eq!(hint(&[("retry-after", "Mon, 07 Nov 1994 08:49:37 GMT")]), Some(86_400.0));
}

#[test]
fn durations_and_offsets() {
    assert_eq!(hint(&[("retry-after", "20s")]), Some(20.0));
    assert_eq!(hint(&[("retry-after", "1m30s")]), Some(90.0));
    assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 1994 10:49:47 +0200")]), Some(10.0));
    assert_eq!(hint(&[("retry-after", "1994-11-06T08:49:47Z")]), Some(10.0));
    assert_eq!(hint(&[("retry-after", "784111787")]), Some(86_400.0), "before 2001 a number is a wait");
}

#[test]
fn a_limit_that_is_used_up_says_when_it_is_full_again() {
    let of =
        |left: &str, reset: &str| hint(&[("x-ratelimit-remaining-tokens", left), ("x-ratelimit-reset-tokens", reset)]);
    assert_eq!(of("0", "6m0s"), Some(360.0));
    assert_eq!(of("0", "12ms"), Some(0.012));
    assert_eq!(of("0", "59"), Some(59.0));
    assert_eq!(of("7", "6m0s"), None);
    let anthropic =
        [("anthropic-ratelimit-tokens-remaining", "0"), ("anthropic-ratelimit-tokens-reset", "1994-11-06T08:49:47Z")];
    assert_eq!(hint(&anthropic), Some(10.0));
}

#[test]
fn sentences() {
    let seconds = |text| retry_hint::in_sentence(text).map(|delay| delay.as_secs_f64());
    assert_eq!(seconds("Rate limit reached. Please try again in 1.5s. Visit us."), Some(1.5));
    assert_eq!(seconds("Please retry after 20 seconds."), Some(20.0));
    assert_eq!(seconds("try again in 6m0s"), Some(360.0));
    assert_eq!(seconds("try again in a moment"), None);
    assert_eq!(seconds("nothing"), None);
}

#[test]
fn what_is_no_hint() {
    for nothing in ["0", "-1", "NaN", "inf", "-inf", "", "soon", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, x"] {
        assert_eq!(hint(&[("retry-after", nothing)]), None, "{nothing}");
    }
    assert_eq!(hint(&[("retry-after-ms", "0"), ("retry-after", "1")]), Some(1.0));
    assert_eq!(hint(&[("retry-after", "Sun, 00 Nov 1994 08:49:47 GMT")]), None);
    assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 99999999999 08:49:47 GMT")]), None);
    assert_eq!(hint(&[]), None);
}

#[test]
fn huge_is_capped() {
    assert_eq!(hint(&[("retry-after", "1e300")]), Some(86_400.0));
    assert_eq!(hint(&[("retry-after", "Sun, 06 Nov 9994 08:49:47 GMT")]), Some(86_400.0));
}
