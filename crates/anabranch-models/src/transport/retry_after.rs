//! How long a server asks to wait, from the headers of a failure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// Nobody waits longer than this; a larger number is a mistake or an attack, and saying a day is as good.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// `retry-after-ms`, then `retry-after` as seconds (fractions, too), as a duration or as a date; for a 429 without them
/// the latest `x-ratelimit-reset-*` of a limit of which nothing is left. Zero, negative numbers, nonsense and the past
/// are no hint: real servers send `retry-after-ms: 0` beside a real number of seconds.
///
/// For failures only: some servers send the header on success, too.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime, status: u16) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    text("retry-after-ms")
        .and_then(|ms| positive(ms, 1e-3))
        .or_else(|| text("retry-after").and_then(|after| moment(after, now)))
        .or_else(|| if status == 429 { reset(headers, now) } else { None })
}

/// When the limits that are used up are full again.
fn reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let used_up = headers.iter().filter(|(name, value)| {
        let name = name.as_str();
        name.contains("ratelimit") && name.contains("remaining") && value.to_str().is_ok_and(|left| left.trim() == "0")
    });
    let resets = used_up.filter_map(|(name, _)| {
        moment(headers.get(name.as_str().replace("remaining", "reset"))?.to_str().ok()?.trim(), now)
    });
    resets.max()
}

/// A wait in any of the ways that servers write it.
pub(crate) fn moment(text: &str, now: SystemTime) -> Option<Duration> {
    // A number that is no wait for anybody is a moment, in seconds since 1970.
    let since_1970 = || text.parse::<u64>().ok().filter(|seconds| *seconds > 1_000_000_000);
    if let Some(seconds) = since_1970() {
        return later(UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?, now);
    }
    positive(text, 1.0)
        .or_else(|| retry_hint::delay(text))
        .or_else(|| later(date::http(text).or_else(|| date::rfc3339(text))?, now))
}

fn positive(text: &str, unit: f64) -> Option<Duration> {
    let seconds = text.parse::<f64>().ok()? * unit;
    (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

fn later(moment: SystemTime, now: SystemTime) -> Option<Duration> {
    let wait = moment.duration_since(now).ok()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

/// Waits that stand in a body.
pub(super) mod retry_hint {
    use super::*;

    /// `48s`, `6m0s`, `12ms`, `1h2m3.5s`: as Go writes durations.
    pub(crate) fn delay(text: &str) -> Option<Duration> {
        let (mut rest, mut seconds) = (text.trim(), 0.0);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|char: char| !(char.is_ascii_digit() || char == '.'))?;
            let (number, unit) = rest.split_at(digits);
            let number: f64 = number.parse().ok()?;
            let end = unit.find(|char: char| char.is_ascii_digit()).unwrap_or(unit.len());
            let (unit, after) = unit.split_at(end);
            let scale = match unit.trim() {
                "ms" => 1e-3,
                "us" | "\u{b5}s" => 1e-6,
                "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
                "m" | "min" | "minute" | "minutes" => 60.0,
                "h" | "hour" | "hours" => 3600.0,
                _ => return None,
            };
            seconds += number * scale;
            rest = after;
        }
        positive(&seconds.to_string(), 1.0)
    }

    /// "Please try again in 1.5s.", "Please retry after 20 seconds": what servers without a header say.
    pub(crate) fn in_sentence(text: &str) -> Option<Duration> {
        let text = text.get(..text.len().min(4096)).unwrap_or_default().to_ascii_lowercase();
        let phrases = ["try again in ", "retry in ", "retry after ", "try again after "];
        let after = phrases.iter().find_map(|phrase| text.split_once(phrase)).map(|(_, after)| after)?;
        let mut words = after.split_whitespace();
        let first = words.next()?.trim_end_matches([',', ';', ')', '.']);
        delay(first).or_else(|| {
            let unit = words.next()?.trim_end_matches([',', ';', ')', '.']);
            delay(&format!("{first}{unit}"))
        })
    }
}

/// Moments as servers write them.
mod date {
    use super::*;

    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, and with an offset such as `+0200` in place of the zone.
    pub(super) fn http(text: &str) -> Option<SystemTime> {
        let mut words = text.split_once(", ")?.1.split(' ');
        let day = words.next()?.parse().ok()?;
        let month = words.next()?;
        let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
        let year = words.next()?.parse().ok()?;
        let clock = words.next()?;
        moment(year, month, day, clock, offset(words.next()?)?)
    }

    /// `2026-08-05T12:00:00Z`, with fractions and offsets.
    pub(super) fn rfc3339(text: &str) -> Option<SystemTime> {
        let (day, clock) = text.split_once(['T', 't', ' '])?;
        let mut parts = day.split('-').map(|part| part.parse().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let end = clock.find(['Z', 'z', '+', '-'])?;
        let (clock, zone) = clock.split_at(end);
        moment(year, month, day, clock.split_once('.').map_or(clock, |(clock, _)| clock), offset(zone)?)
    }

    /// Seconds east of Greenwich.
    fn offset(zone: &str) -> Option<i64> {
        if let "GMT" | "UTC" | "UT" | "Z" | "z" = zone {
            return Some(0);
        }
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        let digits: String = zone.strip_prefix(['+', '-'])?.split(':').collect();
        let number: i64 = Some(digits).filter(|digits| digits.len() == 4)?.parse().ok()?;
        Some(sign * (number / 100 * 3600 + number % 100 * 60))
    }

    fn moment(year: u64, month: u64, day: u64, clock: &str, offset: i64) -> Option<SystemTime> {
        let in_calendar = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        let mut clock = clock.split(':').map(|part| part.parse::<u64>().ok().filter(|part| *part <= 60));
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        if !in_calendar {
            return None;
        }
        // Days since 1970 in the proleptic Gregorian calendar, years beginning in March.
        let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1;
        let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
        let seconds = i64::try_from(seconds).ok()?.checked_sub(offset)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

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
                ("Sun, 31 Dec 2023 23:59:60 +0200", 1_704_060_000),
            ] {
                assert_eq!(http(date), Some(UNIX_EPOCH + Duration::from_secs(seconds)), "{date}");
            }
            for text in ["2000-02-29T12:00:00Z", "2000-02-29T14:00:00.250+02:00", "2000-02-29t07:00:00-05:00"] {
                assert_eq!(rfc3339(text), Some(UNIX_EPOCH + Duration::from_secs(951_825_600)), "{text}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
