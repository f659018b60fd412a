use super::*;

type Events = Vec<(String, String)>;

fn own(event: Frame<'_>) -> (String, String) {
    (event.event.into_owned(), event.data.into_owned())
}

/// What is complete, and what is flushed at the end.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Events, Events) {
    let mut decoder = SseDecoder::new(1 << 20);
    let mut events = Events::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event().unwrap() {
            events.push(own(event));
        }
    }
    let mut lenient = events.clone();
    lenient.extend(decoder.finish().map(own));
    (events, lenient)
}

fn message(data: &str) -> (String, String) {
    ("message".into(), data.into())
}

#[test]
fn every_split_gives_the_same() {
    let text = "\u{feff}: hi\r\ndata: é\u{2028}x\r\rdata:b\nevent: e\rdata\n\n\nretry: 1\r\n\r\nevent: lost\n\ndata: €";
    let whole = decode([text.as_bytes()]);
    assert_eq!(whole.0, [message("é\u{2028}x"), ("e".into(), "b\n".into())]);
    assert_eq!(whole.1[2..], [message("€")]);
    for size in 1..text.len() {
        assert_eq!(decode(text.as_bytes().chunks(size)), whole, "{size}");
    }
    for at in 0..text.len() {
        let (left, right) = text.as_bytes().split_at(at);
        assert_eq!(decode([left, b"", right]), whole, "{at}");
    }
}

proptest::proptest! {
    /// Of whatever bytes, however split.
    #[test]
    fn any_bytes_split_anywhere(
        lines in proptest::collection::vec("(data|event|id|error|x)?(:| |: )?[a-zé\u{2028}\0]{0,3}(\r|\n|\r\n|\n\n|\r\r)", 0..20),
        junk in proptest::collection::vec(proptest::num::u8::ANY, 0..20),
        size in 1_usize..9,
    ) {
        let bytes = [lines.concat().into_bytes(), junk].concat();
        proptest::prop_assert_eq!(decode(bytes.chunks(size)), decode([bytes.as_slice()]));
    }
}

#[test]
fn the_error_field_is_an_error_event() {
    let (events, _) = decode([&b"data: a\n\nerror: {\"m\":1}\n\ndata: b\n\n"[..]]);
    assert_eq!(events, [message("a"), ("error".into(), "{\"m\":1}".into()), message("b")]);
}

#[test]
fn a_bare_document_after_the_events_is_one() {
    let error = "{\n  \"error\": {\n    \"message\": \"data: }] \\\" [\"\n\n  }\n}\n";
    let cases = [
        (format!("data: a\n\n{error}"), vec![message("a"), message(error)]),
        ("data: a\r\n\r\n[{}]\r\ndata: b\r\n\r\n".into(), vec![message("a"), message("[{}]\n"), message("b")]),
        // What is no document is nothing, and does not swallow what comes after it.
        ("{ what\nis this\ndata: b\n\n".into(), vec![message("b")]),
        ("[INFO] ready\n{braces}\n[1]\ndata: b\n\n".into(), vec![message("b")]),
        // Within an event it is nothing, and a part of one says nothing.
        ("data: a\n{\"b\": 1}\n\n".into(), vec![message("a")]),
        ("data: a\n\n{\n\"b\": ".into(), vec![message("a")]),
    ];
    for (text, events) in cases {
        for size in 1..=text.len() {
            let expected = (events.clone(), events.clone());
            assert_eq!(decode(text.as_bytes().chunks(size)), expected, "{text:?} in pieces of {size}");
        }
    }
    // The last line may lack its end.
    let (complete, lenient) = decode([&b"data: a\n\n{}"[..]]);
    assert_eq!((complete.len(), lenient.last()), (1, Some(&message("{}\n"))));
}

#[test]
fn an_event_without_end_is_refused() {
    let mut decoder = SseDecoder::new(1000);
    decoder.push(b"data: ");
    let mut pushed = 0;
    let error = loop {
        decoder.push(&[b'x'; 100]);
        pushed += 1;
        if let Err(error) = decoder.next_event() {
            break error;
        }
    };
    assert_eq!((error.kind(), pushed), (ErrorKind::Parse, 10));

    let mut decoder = SseDecoder::new(1000);
    let refused = (0..300).any(|_| {
        decoder.push(b"data: many lines\n");
        decoder.next_event().is_err()
    });
    assert!(refused);
}
