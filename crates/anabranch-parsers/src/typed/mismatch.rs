//! [`mismatch`]: why JSON does not fit a type, without the JSON.

/// What serde says about JSON that does not fit a type, without what it quotes of the JSON.
pub(crate) fn mismatch(words: &str) -> String {
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    // Only what names the type and its fields is known not to come from the answer.
    let from_the_type = ["missing field `", "duplicate field `", "data did not match any variant of untagged enum "];
    if from_the_type.iter().any(|start| words.starts_with(start)) {
        return words.to_string();
    }
    // A type without fields or variants expects nothing, and what looks like it stands in the name that came.
    let has_none = [", there are no fields", ", there are no variants"].iter().any(|end| words.ends_with(end));
    let words = if has_none { words.split(' ').take(2).collect::<Vec<_>>().join(" ") + " " } else { words.to_string() };
    let words = words.as_str();
    let expected = words.rsplit_once(", expected ").map(|(_, expected)| expected);
    for start in ["invalid type: ", "invalid value: "] {
        if let (Some(rest), Some(expected)) = (words.strip_prefix(start), expected) {
            // `string "…"`, `integer `…``: the kind of value, then the value.
            let kind = rest.split(['"', '`', ',']).next().unwrap_or_default().trim_end();
            return format!("expected {expected}, found {kind}");
        }
    }
    for (start, what) in [
        ("unknown variant ", "unknown variant"),
        ("unknown field ", "unknown field"),
        ("invalid length ", "wrong length"),
    ] {
        if words.starts_with(start) {
            return match expected {
                Some(expected) => format!("{what}, expected {expected}"),
                None => what.to_string(),
            };
        }
    }
    "it does not fit".to_string()
}

#[cfg(test)]
mod tests;
