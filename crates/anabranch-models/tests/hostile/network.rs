//! Connections that drip, break, hang and close in halves.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anabranch_core::ErrorKind;

use crate::apis::{APIS, Api, Limits, STREAM};
use crate::harness::{ask, wait};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
/// How patient the client is here.
const PATIENCE: Duration = Duration::from_millis(250);
/// What it holds in all of this.
const HELD: usize = 1 << 20;

/// Asks an impatient client, which is done by its own limits, whole and streamed.
fn asked(
    api: &Api,
    serve: impl Fn(&Api, &mut TcpStream, bool) -> std::io::Result<()> + Send + Copy + 'static,
) -> [Option<ErrorKind>; 2] {
    let limits = Limits {
        first_token: PATIENCE,
        between_tokens: PATIENCE,
        total: PATIENCE * 4,
        answer_bytes: Limits::default().answer_bytes,
    };
    [false, true].map(|streamed| {
        let name = api.name;
        let began = Instant::now();
        let ended = ask(
            |url| api.model(url, &limits),
            streamed,
            move |socket| {
                let api = APIS.iter().find(|api| api.name == name).unwrap();
                serve(api, socket, streamed)
            },
        );
        assert!(began.elapsed() < PATIENCE * 4 + Duration::from_secs(5), "{name}: {:?}", began.elapsed());
        assert!(ended.peak <= HELD, "{name}: {}", ended.peak);
        ended.answer.err().map(|error| {
            assert!(error.is_retryable(), "{name}: {error}");
            error.kind()
        })
    })
}

/// The beginning of an answer, in the form that was asked for.
fn part(api: &Api, streamed: bool) -> String {
    if streamed {
        return api.begin() + &api.frame(&api.piece.replace('@', "Hel"));
    }
    let (start, _) = api.document.split_once('@').unwrap();
    format!("{start}Hel")
}

#[test]
fn what_drips() {
    for api in APIS {
        // A byte now and then, of the answer, and of the head.
        for head in [STREAM, "HTTP/1.1 20"] {
            let [whole, streamed] = asked(api, move |api, socket, streamed| {
                socket.write_all(head.as_bytes())?;
                for byte in part(api, streamed).bytes().chain(std::iter::repeat(b' ')) {
                    socket.write_all(&[byte])?;
                    sleep(Duration::from_millis(20));
                }
                Ok(())
            });
            let expected = if head == STREAM { ErrorKind::Timeout } else { ErrorKind::Connection };
            for kind in [whole, streamed] {
                assert!([Some(expected), Some(ErrorKind::Timeout)].contains(&kind), "{}: {kind:?}", api.name);
            }
        }
    }
}

#[test]
fn what_never_comes() {
    for api in APIS {
        for say in ["", "HTTP/1.1 200 OK\r\n", STREAM, CHUNKED] {
            let silent = asked(api, move |_, socket, _| {
                socket.write_all(say.as_bytes())?;
                wait(socket, Duration::from_secs(20))
            });
            assert_eq!(silent, [Some(ErrorKind::Timeout); 2], "{} {say:?}", api.name);
        }
        // It begins, and falls silent.
        let silent = asked(api, |api, socket, streamed| {
            socket.write_all((STREAM.to_string() + &part(api, streamed)).as_bytes())?;
            wait(socket, Duration::from_secs(20))
        });
        assert_eq!(silent, [Some(ErrorKind::Timeout); 2], "{}", api.name);
    }
}

/// Answers that only say that there will be one (RFC 9110, section 15.2).
#[test]
fn promises_without_end() {
    for promise in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"] {
        let kinds = asked(&APIS[0], move |_, socket, _| {
            loop {
                socket.write_all(promise.as_bytes())?;
                sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(kinds, [Some(ErrorKind::Timeout); 2], "{promise:?}");
    }
}

#[test]
fn what_breaks() {
    for api in APIS {
        for (place, says) in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", STREAM, CHUNKED].into_iter().enumerate() {
            for resets in [false, true] {
                for begins in [false, true] {
                    let kinds = asked(api, move |api, socket, streamed| {
                        socket.write_all(says.as_bytes())?;
                        if begins && says == STREAM {
                            socket.write_all(part(api, streamed).as_bytes())?;
                        }
                        if resets {
                            reset(socket)?;
                        }
                        Ok(())
                    });
                    let known = [Some(ErrorKind::Connection), Some(ErrorKind::IncompleteStream)];
                    assert!(kinds.iter().all(|kind| known.contains(kind)), "{} {place}: {kinds:?}", api.name);
                }
            }
        }
    }
}

/// A socket that is closed while there are bytes in it that nobody read is reset.
fn reset(socket: &mut TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(&*socket).set_linger(Some(Duration::ZERO))
}

/// One half of the connection is closed, and the other is not.
#[test]
fn what_closes_in_halves() {
    for api in APIS {
        let kinds = asked(api, |api, socket, streamed| {
            socket.write_all((STREAM.to_string() + &part(api, streamed)).as_bytes())?;
            socket.shutdown(Shutdown::Write)?;
            wait(socket, Duration::from_secs(20))
        });
        assert_eq!(kinds, [Some(ErrorKind::IncompleteStream); 2], "{}", api.name);
        // It hears nothing any more, and says everything.
        let kinds = asked(api, |api, socket, streamed| {
            socket.shutdown(Shutdown::Read)?;
            let end = if streamed { api.end() } else { String::new() };
            let body = if streamed { part(api, true) } else { api.document.replace('@', "Hello") };
            socket.write_all([STREAM, &body, &end].concat().as_bytes())
        });
        assert_eq!(kinds, [None; 2], "{}", api.name);
    }
}

/// HTTP that breaks its own rules.
#[test]
fn what_is_no_http() {
    let chunk = |line: &str| format!("{CHUNKED}{line}\r\nabc\r\n");
    let said = [
        "garbage\r\n\r\n".to_string(),
        "HTTP/9.9 200 OK\r\n\r\n".into(),
        "HTTP/1.1 99999 OK\r\n\r\n".into(),
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef".into(),
        chunk("ffffffffffffffffffff"),
        chunk("-1"),
        chunk("zz"),
        chunk(&format!("3;{}", "x".repeat(1 << 20))),
        chunk("7fffffffffffffff"),
    ];
    for said in said {
        let mut kinds = Vec::new();
        for streamed in [false, true] {
            let said = said.clone();
            let limits = Limits { first_token: PATIENCE, between_tokens: PATIENCE, ..Limits::default() };
            let ended = ask(
                |url| APIS[0].model(url, &limits),
                streamed,
                move |socket| {
                    socket.write_all(said.as_bytes())?;
                    socket.shutdown(Shutdown::Write)?;
                    socket.read_to_end(&mut Vec::new()).map(drop)
                },
            );
            assert!(ended.peak <= 4 << 20, "{}", ended.peak);
            kinds.extend(ended.answer.err().map(|error| error.kind()));
        }
        let known = [ErrorKind::Connection, ErrorKind::IncompleteStream, ErrorKind::Parse];
        let start = &said[..said.len().min(60)];
        assert!(kinds.len() == 2 && kinds.iter().all(|kind| known.contains(kind)), "{start:?}: {kinds:?}");
    }
}
