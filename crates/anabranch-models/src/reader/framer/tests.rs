use super::*;

/// What is complete, and what is flushed at the end.
fn frames(framing: Framing, body: &[u8], size: usize) -> Vec<String> {
    let mut framer = Framer::new(framing, 1 << 20);
    let mut found = Vec::new();
    for piece in body.chunks(size) {
        framer.push(piece).unwrap();
        while let Some(frame) = framer.next_frame().unwrap() {
            found.push(frame.data.into_owned());
        }
    }
    if let Some(document) = framer.take_document() {
        found.push(format!("document {}", String::from_utf8_lossy(&document)));
    }
    found.extend(framer.finish().map(|frame| frame.data.into_owned()));
    found
}

#[test]
fn whatever_comes_is_told_apart_at_every_split() {
    let bom = "\u{feff}";
    let cases = [
        (Framing::Events, "data: a\n\ndata: b\n\n".to_string(), vec!["a", "b"]),
        (Framing::Events, format!("{bom}\n \r\ndata: a\n\ndata: b"), vec!["a", "b"]),
        (Framing::Events, format!("{bom} {{\"a\": 1}}"), vec!["document {\"a\": 1}"]),
        (Framing::Events, "<html>".into(), vec!["document <html>"]),
        (Framing::Events, "[1, 2]".into(), vec!["document [1, 2]"]),
        (
            Framing::EventsOrArray,
            "[{\"a\": \"],{\\\"\"}\r\n, [1, [2]],3\n]\n".into(),
            vec!["{\"a\": \"],{\\\"\"}", "[1, [2]]", "3"],
        ),
        (Framing::EventsOrArray, "[]".into(), vec![]),
        (Framing::EventsOrArray, "data: a\r\n\r\n".into(), vec!["a"]),
        (Framing::Lines, format!("{bom}{{\"a\": 1}}\r\n\n  \n{{\"b\": 2}}"), vec!["{\"a\": 1}", "{\"b\": 2}"]),
        (Framing::Lines, "data: a\n\n".into(), vec!["a"]),
        (Framing::Lines, "<html>".into(), vec!["document <html>"]),
        (Framing::Lines, " \n".into(), vec![]),
    ];
    for (framing, body, expected) in cases {
        for size in 1..=body.len() {
            assert_eq!(frames(framing, body.as_bytes(), size), expected, "{body:?} in pieces of {size}");
        }
    }
}

#[test]
fn what_has_no_end_is_refused() {
    for (framing, start) in [(Framing::Lines, "{"), (Framing::EventsOrArray, "[\""), (Framing::Events, "data: ")] {
        let mut framer = Framer::new(framing, 1000);
        framer.push(start.as_bytes()).unwrap();
        let pushed = (0..).find(|_| {
            framer.push(&[b'x'; 100]).unwrap();
            framer.next_frame().is_err()
        });
        assert!(pushed.is_some_and(|pushed| (9..=10).contains(&pushed)), "{framing:?} {pushed:?}");
    }
}

#[test]
fn what_is_packed_is_told() {
    let mut framer = Framer::new(Framing::Events, 1000);
    assert_eq!(framer.push(&[0x1f, 0x8b, 8]).unwrap_err().kind(), ErrorKind::Parse);
}

/// Time grows with the bytes and not with their square: what was seen to be blank is not kept.
#[test]
fn blank_bytes_are_not_kept() {
    let mut framer = Framer::new(Framing::Events, 1000);
    for _ in 0..300_000 {
        framer.push(b"\n").unwrap();
        assert!(framer.next_frame().unwrap().is_none());
    }
    assert!(matches!(&framer.found, Found::Nothing(head) if head.is_empty()));
}
