//! [`is_citation`]: lists that words have about them.

use serde_json::Value;

/// Whether a list among words looks like a reference to a source, `[1]` or `[2, 3]`: it holds nothing but whole numbers
/// of up to three digits.
pub(crate) fn is_citation(value: &Value) -> bool {
    let is_small = |element: &Value| element.as_u64().is_some_and(|number| number < 1000);
    value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_small))
}

/// A text without what stands in it as a citation does.
pub(crate) fn without_citations(text: &str) -> std::borrow::Cow<'_, str> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b',' | b' ');
    let mut kept = std::borrow::Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let length = rest.as_bytes()[at + 1..].iter().take_while(|byte| is_part(byte)).count();
        let end = at + 1 + length;
        let is_one = length > 0 && rest.as_bytes().get(end) == Some(&b']');
        let end = if is_one { end + 1 } else { end };
        kept += &rest[..if is_one { at } else { end }];
        rest = &rest[end..];
    }
    kept += rest;
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn citations_are_known_by_their_numbers() {
        for list in [json!([1]), json!([2, 3]), json!([0, 999])] {
            assert!(is_citation(&list), "{list}");
        }
        for other in [json!([]), json!([1000]), json!([-1]), json!([1.5]), json!(["a"]), json!([1, null]), json!(1)] {
            assert!(!is_citation(&other), "{other}");
        }
        assert_eq!(
            without_citations("It is 42 km [1], as in [2, 3]; see [x] and [4"),
            "It is 42 km , as in ; see [x] and [4"
        );
        assert_eq!(without_citations("[1]"), "");
    }
}
