//! How long a server asks to wait, from the headers of a failure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

/// Nobody waits longer than this; a larger number is a mistake or an attack, and saying a day is as good.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `retry-after-ms`, then `retry-after` as seconds (fractions, too) or as a date. Zero, negative numbers, nonsense and
/// the past are no hint: real servers send `retry-after-ms: 0` beside a real number of seconds.
///
/// For failures only: some servers send the header on success, too.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    text("retry-after-ms")
        .and_then(|ms| positive(ms, 1e-3))
        .or_else(|| text("retry-after").and_then(|after| positive(after, 1.0).or_else(|| until(after, now))))
}

fn positive(text: &str, unit: f64) -> Option<Duration> {
    let seconds = text.parse::<f64>().ok()? * unit;
    (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

fn until(date: &str, now: SystemTime) -> Option<Duration> {
    let wait = http_date(date)?.duration_since(now).ok()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that servers may send.
fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|part| *part <= 60));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next()? != "GMT" {
        return None;
    }
    // Days since 1970 in the proleptic Gregorian calendar, years beginning in March.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1;
    let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
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
}
