//! What servers say about their limits, in the headers of an answer.

use anabranch_core::ServerLimits;

use crate::answer::ChatAnswer;

impl ChatAnswer {
    /// What the server said about its limits: how many requests and tokens it allows in its interval, how many are left,
    /// and where none are, how long nothing should be sent. Models tell the rate limiters around them by themselves
    /// ([`with_rate_limiter`](anabranch_core::RunnableExt::with_rate_limiter)).
    ///
    /// ```
    /// use anabranch_models::ChatAnswer;
    ///
    /// let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    /// let answer = ChatAnswer::new("Hello").with_headers([
    ///     header("anthropic-ratelimit-requests-remaining", "49"),
    ///     header("anthropic-ratelimit-tokens-remaining", "79000"),
    /// ]);
    /// let limits = answer.server_limits();
    /// assert_eq!((limits.requests_left, limits.units_left), (Some(49), Some(79_000)));
    /// ```
    ///
    /// Of several windows (a minute, a day) the least that is left counts; a limit for a day or longer is none for an
    /// interval. Limits on input or output tokens alone are left out: units are all tokens of a call.
    #[must_use]
    pub fn server_limits(&self) -> ServerLimits {
        let headers: Vec<_> = self.headers().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        in_headers(&headers)
    }
}

/// What the headers of an answer or of a failure say.
pub(crate) fn in_headers(headers: &[(&str, &str)]) -> ServerLimits {
    let mut limits = ServerLimits::new();
    for (name, value) in headers {
        let Some(said) = Said::of(name) else { continue };
        let (limit, left) = match said.of_tokens {
            true => (&mut limits.unit_limit, &mut limits.units_left),
            false => (&mut limits.request_limit, &mut limits.requests_left),
        };
        let Some(number) = number(value) else { continue };
        let place = match said.what {
            What::Limit if said.is_long => continue,
            What::Limit => limit,
            What::Left => left,
        };
        *place = Some(place.map_or(number, |least| least.min(number)));
        if let (What::Left, 0) = (said.what, number) {
            limits.retry_after = limits.retry_after.max(reset(headers, name));
        }
    }
    limits
}

/// When the limit is full again of which this header says that nothing is left.
#[cfg(feature = "_http")]
fn reset(headers: &[(&str, &str)], remaining: &str) -> Option<std::time::Duration> {
    let name = remaining.to_ascii_lowercase().replace("remaining", "reset");
    let (_, value) = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name))?;
    crate::transport::moment(value.trim(), std::time::SystemTime::now())
}

#[cfg(not(feature = "_http"))]
fn reset(_: &[(&str, &str)], _: &str) -> Option<std::time::Duration> {
    None
}

struct Said {
    what: What,
    of_tokens: bool,
    /// For a day or longer.
    is_long: bool,
}

#[derive(Clone, Copy)]
enum What {
    Limit,
    Left,
}

impl Said {
    /// `x-ratelimit-limit-requests`, `x-ratelimit-remaining-tokens`, `anthropic-ratelimit-requests-limit`,
    /// `x-ratelimit-remaining-req-minute`, `x-ratelimit-remaining`, `x-tokenlimit-remaining`, ...
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_of_tokens = name.contains("tokenlimit");
        if !is_of_tokens && !name.contains("ratelimit") {
            return None;
        }
        let mut words =
            name.split('-').skip_while(|word| !word.ends_with("ratelimit") && *word != "tokenlimit").skip(1);
        let mut said = Self { what: What::Limit, of_tokens: is_of_tokens, is_long: false };
        let mut is_said = false;
        words.try_for_each(|word| {
            match word {
                "limit" => (said.what, is_said) = (What::Limit, true),
                "remaining" => (said.what, is_said) = (What::Left, true),
                "tokens" | "token" => said.of_tokens = true,
                "day" | "week" | "month" | "monthly" | "daily" => said.is_long = true,
                "requests" | "request" | "req" | "minute" | "second" | "hour" | "query" => {}
                // Of input or output alone, of a priority tier, of somebody who is not known.
                _ => return None,
            }
            Some(())
        })?;
        is_said.then_some(said)
    }
}

/// A number, with a fraction or with the policy behind it: `100, 100;w=60`.
fn number(value: &str) -> Option<u64> {
    let first = value.split([',', ';']).next()?.trim();
    let number = first.parse::<f64>().ok().filter(|number| number.is_finite())?;
    // What is beyond the range is as good as its end.
    Some(number.max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(headers: &[(&str, &str)]) -> ServerLimits {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        ChatAnswer::new("").with_headers(headers).server_limits()
    }

    #[test]
    fn the_headers_of_every_provider_are_understood() {
        let expected = ServerLimits::new().request_limit(60).requests_left(59).unit_limit(150_000).units_left(149_984);
        for headers in [
            // OpenAI, Azure, Groq, xAI, Fireworks.
            &[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-limit-tokens", "150000"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-remaining-tokens", "149984"),
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ][..],
            // Anthropic.
            &[
                ("anthropic-ratelimit-requests-limit", "60"),
                ("anthropic-ratelimit-requests-remaining", "59"),
                ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
                ("anthropic-ratelimit-tokens-limit", "150000"),
                ("anthropic-ratelimit-tokens-remaining", "149984"),
                ("anthropic-ratelimit-input-tokens-limit", "100000"),
                ("anthropic-ratelimit-output-tokens-remaining", "1"),
            ],
            // Mistral, Cerebras: a minute, and longer windows.
            &[
                ("x-ratelimit-limit-req-minute", "60"),
                ("x-ratelimit-remaining-req-minute", "59"),
                ("x-ratelimit-limit-tokens-minute", "150000"),
                ("x-ratelimit-remaining-tokens-minute", "149984"),
                ("x-ratelimit-limit-tokens-month", "5"),
                ("x-ratelimit-remaining-tokens-day", "900000000"),
            ],
            // Together, and the draft of the IETF.
            &[
                ("x-ratelimit-limit", "60"),
                ("RateLimit-Remaining", "59, 100;w=60"),
                ("x-tokenlimit-limit", "150000.0"),
                ("x-tokenlimit-remaining", "149984"),
            ],
        ] {
            assert_eq!(limits(headers), expected, "{headers:?}");
        }
        let nothing = [("x-ratelimit-remaining-requests", "many"), ("x-ratelimit-type", "1"), ("date", "1")];
        assert_eq!(limits(&nothing), ServerLimits::new());
    }

    #[test]
    #[cfg(feature = "_http")]
    fn where_nothing_is_left_one_waits_for_the_reset() {
        let used_up = [
            ("x-ratelimit-remaining-requests", "3"),
            ("x-ratelimit-reset-requests", "1h"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "1m30s"),
        ];
        let seen = limits(&used_up);
        assert_eq!((seen.units_left, seen.retry_after), (Some(0), Some(std::time::Duration::from_secs(90))));
    }
}
