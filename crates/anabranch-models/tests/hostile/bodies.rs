//! Bodies that are large, endless, deep, or nothing at all.

use std::io::Write;

use anabranch_core::ErrorKind;

use crate::apis::{APIS, Api, Limits, STREAM};
use crate::harness::{Ended, ask, say};

const DOCUMENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
const LIMIT: usize = 1 << 20;
const MIB: usize = 1 << 20;

/// Asks with [`LIMIT`] for an answer.
fn small(api: &Api, streamed: bool, head: &str, pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Ended {
    let limits = Limits { answer_bytes: LIMIT, ..Limits::default() };
    ask(|url| api.model(url, &limits), streamed, say(head, pieces))
}

fn kind(ended: &Ended) -> Option<ErrorKind> {
    ended.answer.as_ref().err().map(anabranch_core::Error::kind)
}

/// What was measured, for whoever runs this with `--nocapture`.
fn show(api: &Api, what: &str, ended: &Ended, limit: usize) {
    eprintln!("{}: {what}: {:.2} times the bound", api.name, ended.peak as f64 / limit as f64);
}

/// 31 MB under the bound of 32 MiB that models have unless told otherwise: the body and what is in it, and of a stream
/// what came so far, and nothing twice.
#[test]
fn an_answer_of_31_megabytes_is_held_once() {
    let limit = Limits::default().answer_bytes;
    let text = "abcdefg ".repeat(31_000_000 / 8);
    let mut most = 0;
    for api in APIS {
        let body = api.document.replace('@', &text);
        for streamed in [false, true] {
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let pieces = [body.clone().into_bytes()].into_iter();
            let ended = ask(|url| api.model(url, &Limits::default()), streamed, say(head, pieces));
            assert_eq!((ended.answer.is_ok(), ended.text), (true, text.len()), "{}", api.name);
            show(api, if streamed { "31 MB as one piece" } else { "31 MB whole" }, &ended, limit);
            most = most.max(ended.peak);
        }
        let piece = api.frame(&api.piece.replace('@', &text[..31_000])).into_bytes();
        let pieces = std::iter::once(api.begin().into_bytes()).chain(std::iter::repeat_n(piece, 1000));
        let pieces = pieces.chain([api.end().into_bytes()]);
        let ended = ask(|url| api.model(url, &Limits::default()), true, say(STREAM, pieces));
        assert_eq!((ended.answer.is_ok(), ended.text), (true, text.len()), "{}", api.name);
        show(api, "31 MB in pieces", &ended, limit);
        most = most.max(ended.peak);
    }
    assert!(most <= 3 * limit, "{most}");
}

#[test]
fn a_million_pieces_that_say_nothing() {
    for api in APIS {
        // Without optimization one of them takes a while.
        let count = if api.name == "openai" { 1_000_000 } else { 100_000 };
        let pieces = std::iter::repeat_n(api.frame(api.nothing).repeat(1000).into_bytes(), count / 1000);
        let pieces = std::iter::once(api.begin().into_bytes()).chain(pieces).chain([api.end().into_bytes()]);
        let ended = small(api, true, STREAM, pieces);
        assert!(ended.answer.is_ok(), "{}: {:?}", api.name, ended.answer);
        assert!(ended.peak <= MIB, "{}: {}", api.name, ended.peak);
    }
}

/// Whatever has no end is left when it is larger than an answer may be.
#[test]
fn lines_and_documents_without_end() {
    let endless = |start: &str| {
        let start = start.as_bytes().to_vec();
        std::iter::once(start).chain(std::iter::repeat_n(vec![b'x'; 1 << 16], 1 << 14))
    };
    for api in APIS {
        for (streamed, head, start) in [
            (true, STREAM, "data: "),
            (true, STREAM, "data: {\"a\":\""),
            (true, STREAM, ": "),
            (true, STREAM, "event: "),
            (true, STREAM, "nothing"),
            (true, STREAM, "{\"a\":\""),
            (true, STREAM, "[{\"a\":\""),
            (true, STREAM, "\n\n\n<html>"),
            (false, DOCUMENT, "{\"a\":\""),
            (false, DOCUMENT, "<html>"),
        ] {
            let ended = small(api, streamed, head, endless(start));
            assert_eq!(kind(&ended), Some(ErrorKind::Parse), "{} {start:?}", api.name);
            assert!(ended.peak <= 4 * LIMIT, "{} {start:?}: {}", api.name, ended.peak);
        }
    }
}

#[test]
fn what_says_that_it_is_a_gigabyte() {
    for api in APIS {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1073741824\r\n\r\n";
        let pieces = std::iter::once(b"{\"a\":\"".to_vec()).chain(std::iter::repeat_n(vec![b'x'; 1 << 16], 1 << 14));
        let ended = small(api, false, head, pieces);
        assert_eq!(kind(&ended), Some(ErrorKind::Parse), "{}", api.name);
        assert!(ended.peak <= 3 * LIMIT, "{}: {}", api.name, ended.peak);
    }
}

/// Comments are no answer, and no stream has a gigabyte of them.
#[test]
fn a_gigabyte_of_comments() {
    let comment = format!(": {}\n\n", "x".repeat(1 << 20)).into_bytes();
    let limits = Limits { first_token: std::time::Duration::from_secs(50), ..Limits::default() };
    let pieces = std::iter::repeat_n(comment, 1100);
    let ended = ask(|url| APIS[0].model(url, &limits), true, say(STREAM, pieces));
    assert!(matches!(kind(&ended), Some(ErrorKind::Parse | ErrorKind::Timeout)), "{:?}", ended.answer);
    assert!(ended.peak <= 8 * MIB, "{}", ended.peak);
}

#[test]
fn what_is_nested_without_end() {
    let depth = LIMIT / 4;
    for api in APIS {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = [open.repeat(depth / open.len()), "0".into(), close.repeat(depth / open.len())].concat();
            // In the place of everything, of the text, of a member that nobody knows, and without an end.
            let text = api.document.replace("\"@\"", &nested);
            let besides = format!("{},\"nobody_knows\":{nested}}}", &api.document[..api.document.len() - 1]);
            for document in [nested.clone(), text, besides, open.repeat(depth)] {
                let whole = small(api, false, DOCUMENT, [document.clone().into_bytes()].into_iter());
                let event = [api.frame(&document), api.end()].concat().into_bytes();
                let streamed = small(api, true, STREAM, [event].into_iter());
                for ended in [whole, streamed] {
                    assert!(ended.peak <= 5 * LIMIT, "{}: {}", api.name, ended.peak);
                    if let Err(error) = ended.answer {
                        let known = [ErrorKind::Parse, ErrorKind::IncompleteStream, ErrorKind::Other];
                        assert!(known.contains(&error.kind()), "{}: {error}", api.name);
                    }
                }
            }
        }
    }
}

#[test]
fn garbage() {
    // Of a generator of numbers (Knuth's MMIX), so that it is the same garbage every time.
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for api in APIS {
        for size in (0..40).map(|size| size * size).chain([LIMIT * 2]) {
            let noise: Vec<u8> = std::iter::repeat_with(&mut random).take(size).collect();
            // As it is, behind what looks like a beginning, and where the text is.
            let noisy = |start: &str, end: &str| [start.as_bytes(), &noise, end.as_bytes()].concat();
            let (start, end) = api.document.split_once('@').unwrap();
            for body in [noise.clone(), noisy("data: {\"a\":\"", "\n\n"), noisy(start, end)] {
                for (streamed, head) in [(false, DOCUMENT), (true, STREAM)] {
                    let ended = small(api, streamed, head, [body.clone()].into_iter());
                    assert!(ended.peak <= 5 * LIMIT, "{}: {}", api.name, ended.peak);
                    let known = [ErrorKind::Parse, ErrorKind::IncompleteStream];
                    assert!(kind(&ended).is_none_or(|kind| known.contains(&kind)), "{}: {:?}", api.name, ended.answer);
                }
            }
        }
    }
}

/// Nothing is ever unpacked: what is packed is told as that, and costs what it is.
#[test]
fn what_is_packed_is_not_unpacked() {
    for api in APIS {
        let packed = || std::iter::once(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".repeat(1000));
        for encoding in ["content-encoding: gzip\r\n", "content-encoding: br\r\n", "content-encoding: deflate\r\n", ""]
        {
            for streamed in [false, true] {
                let head = format!("HTTP/1.1 200 OK\r\n{encoding}connection: close\r\n\r\n");
                let ended = small(api, streamed, &head, packed());
                assert_eq!(kind(&ended), Some(ErrorKind::Parse), "{}", api.name);
                assert!(ended.peak <= MIB, "{}: {}", api.name, ended.peak);
            }
        }
        let head = "HTTP/1.1 503 Busy\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
        assert_eq!(kind(&small(api, false, head, packed())), Some(ErrorKind::Overloaded));
    }
}

/// Of a failure no more is read than explains it.
#[test]
fn failures_of_any_size() {
    for api in APIS {
        for (start, fill) in [
            ("{\"error\":{\"message\":\"", "x"),
            ("{\"error\":{\"details\":[", "{},"),
            ("[", "["),
            ("{\"error\":", "{\"error\":"),
            ("", " "),
            ("<html>", "<p>"),
        ] {
            for streamed in [false, true] {
                let pieces = std::iter::once(start.as_bytes().to_vec());
                let fill = fill.repeat((1 << 16) / fill.len()).into_bytes();
                let pieces = pieces.chain(std::iter::repeat_n(fill, 1 << 14));
                let head = "HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n";
                let ended = small(api, streamed, head, pieces);
                assert_eq!(kind(&ended), Some(ErrorKind::Server), "{} {start:?}", api.name);
                assert!(ended.peak <= MIB, "{} {start:?}: {}", api.name, ended.peak);
            }
        }
        // One that is small enough to be read, of what takes most when it is taken apart.
        let body = format!("{{\"error\":{{\"details\":[{}0]}}}}", "[0],".repeat(15_000));
        let head = format!("HTTP/1.1 500 Oops\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let ended = small(api, false, &head, [body.into_bytes()].into_iter());
        assert!(ended.peak <= 10 * MIB, "{}: {}", api.name, ended.peak);
    }
}

/// A head is bounded, too.
#[test]
fn heads_without_end() {
    for start in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nx: "] {
        let ended = ask(
            |url| APIS[0].model(url, &Limits::default()),
            true,
            move |socket| {
                socket.write_all(start.as_bytes())?;
                for place in 0.. {
                    match start.ends_with("\n") {
                        true => socket.write_all(format!("x-{place}: {place}\r\n").as_bytes())?,
                        false => socket.write_all(&[b'x'; 1 << 12])?,
                    }
                }
                Ok(())
            },
        );
        assert_eq!(kind(&ended), Some(ErrorKind::Connection), "{start:?}");
        assert!(ended.peak <= 2 * MIB, "{start:?}: {}", ended.peak);
    }
}
