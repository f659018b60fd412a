use reqwest::header::{HeaderName, HeaderValue};

use super::*;

fn hint(headers: &[(&'static str, &str)]) -> Option<f64> {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    retry_after(&headers, now).map(|delay| delay.as_secs_f64())
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
fn a_date_is_what_the_calendar_says() {
    for (date, seconds) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sat, 31 Jan 1970 23:59:59 GMT", 2_678_399),
        ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
        ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
        ("Fri, 31 Mar 2000 00:00:00 GMT", 954_460_800),
        ("Sat, 01 Apr 2000 00:00:00 GMT", 954_547_200),
        ("Sun, 28 Feb 2100 00:00:00 GMT", 4_107_456_000),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Sun, 31 Dec 2023 23:59:60 GMT", 1_704_067_200),
    ] {
        assert_eq!(http_date(date), Some(UNIX_EPOCH + Duration::from_secs(seconds)), "{date}");
    }
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
