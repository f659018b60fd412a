use super::*;

/// What is read when the frames come one after the other, and then no more.
fn read(frames: &[&str]) -> Vec<String> {
    let mut halves = Halves::default();
    let mut read = Vec::new();
    for data in frames {
        let frame = Frame { event: "message".into(), data: (*data).into() };
        match halves.have_no_part_in(&frame) {
            true => read.push((*data).to_string()),
            false => read.extend(halves.take(&frame).into_iter().map(|frame| frame.data)),
        }
    }
    read.extend(halves.rest().into_iter().map(|frame| frame.data));
    read
}

#[test]
fn halves_of_pairs_are_mended_and_pairs_are_not() {
    assert_eq!(mended(r#""\ud83d\ude00 \u00e9 \\ud83d \\\\""#), None);
    assert_eq!(mended(r#""a\ud83d""#).as_deref(), Some("\"a\u{fffd}\""));
    assert_eq!(
        mended(r#""\ude00\ud83d\ud83d\ude00x\\\ud83dy""#).as_deref(),
        Some("\"\u{fffd}\u{fffd}\\ud83d\\ude00x\\\\\u{fffd}y\"")
    );
    for odd in [r"\", r"\u", r"\ud8", r"\ud83d", r"\ud83d\u", "\\u00e9\\"] {
        let mended = mended(odd);
        assert_eq!(mended.is_some(), odd.contains("d83d"), "{odd}");
    }
}

#[test]
fn halves_in_two_frames_are_one_letter() {
    assert_eq!(
        read(&[r#"{"content": "a\ud83d"}"#, r#"{"content": "\uDE00b"}"#]),
        [r#"{"content": "a"}"#, r#"{"content": "\ud83d\ude00b"}"#]
    );
    // In each of several texts, in their order.
    assert_eq!(
        read(&[r#"["a\ud83d", "\ud83e"]"#, r#"["\ude00", "\udd14"]"#]),
        [r#"["a", ""]"#, r#"["\ud83d\ude00", "\ud83e\udd14"]"#]
    );
    // Three frames: the one in the middle ends with the next letter's half.
    assert_eq!(
        read(&[r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ude00""#]),
        [r#""""#, r#""\ud83d\ude00""#, r#""\ud83d\ude00""#]
    );
}

#[test]
fn empty_pieces_may_come_between_two_halves() {
    let halves = [r#"["\ud83d"]"#, r#"[""]"#, r#"["", 1]"#, r#"["\ude00"]"#];
    assert_eq!(read(&halves), [r#"[""]"#, r#"[""]"#, r#"["", 1]"#, r#"["\ud83d\ude00"]"#]);
    // Not without end.
    let mut many = vec![r#"["\ud83d"]"#];
    many.extend([r#"[""]"#; BETWEEN + 1]);
    assert_eq!(read(&many)[0], "[\"\u{fffd}\"]");
    assert_eq!(read(&many).len(), many.len());
    assert_eq!(read(&many[..3]), ["[\"\u{fffd}\"]", r#"[""]"#, r#"[""]"#]);
}

#[test]
fn a_half_whose_other_does_not_come_is_told() {
    assert_eq!(read(&[r#"{"content": "a\ud83d"}"#]), ["{\"content\": \"a\u{fffd}\"}"]);
    assert_eq!(read(&[r#"["a\ud83d"]"#, r#"["b"]"#]), ["[\"a\u{fffd}\"]", r#"["b"]"#]);
    assert_eq!(read(&[r#"["a\ud83d", "\ud83d"]"#, r#"["\ude00"]"#]), ["[\"a\", \"\u{fffd}\"]", r#"["\ud83d\ude00"]"#]);
    // It is used up.
    assert_eq!(
        read(&[r#""\ud83d""#, r#""\ude00""#, r#""\ude00""#]),
        [r#""""#.to_string(), r#""\ud83d\ude00""#.into(), "\"\u{fffd}\"".into()]
    );
    // Neither at the end of a text nor at the beginning of one.
    assert_eq!(read(&[r#""\ud83d ""#, r#""x\"\ude00""#]), ["\"\u{fffd} \"", "\"x\\\"\u{fffd}\""]);
}
