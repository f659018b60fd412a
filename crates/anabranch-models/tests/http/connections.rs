//! Which connections are kept, and what happens where a server closes one that it promised to keep.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::{ErrorKind, RunnableExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{END, delta, document, model, read, request, say};

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answers,
    /// Answers, and closes without having said so.
    AnswersAndCloses,
    /// Reads it, and closes.
    Closes,
    /// Reads it, and resets the connection.
    Resets,
    /// Says the half of an answer, and closes.
    Breaks,
    /// Works for so long, and closes.
    Works(Duration),
}

#[derive(Default)]
struct Count {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Count {
    fn seen(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// A server that does what it is told with the first request, the second and so on, of each connection.
async fn server(does: impl Fn(usize) -> Does + Copy + Send + 'static) -> (SocketAddr, Arc<Count>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(Count::default()));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let counted = counted.clone();
            counted.connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                for place in 0.. {
                    let asked = request(&mut socket).await;
                    if asked.is_empty() {
                        return;
                    }
                    counted.requests.fetch_add(1, Ordering::SeqCst);
                    match does(place) {
                        Does::Answers => answer(&mut socket, &asked).await,
                        Does::AnswersAndCloses => return answer(&mut socket, &asked).await,
                        Does::Closes => return,
                        Does::Resets => return socket.set_zero_linger().unwrap(),
                        Does::Breaks => return say(&mut socket, &document("Hello")[..80]).await,
                        Does::Works(time) => return tokio::time::sleep(time).await,
                    }
                }
            });
        }
    });
    (address, count)
}

async fn answer(socket: &mut TcpStream, asked: &str) {
    if !asked.contains("\"stream\":true") {
        return say(socket, document("Hello")).await;
    }
    let events = format!("{}{END}", delta("Hello"));
    let head = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ntransfer-encoding: chunked\r\n\r\n";
    say(socket, format!("{head}{:x}\r\n{events}\r\n0\r\n\r\n", events.len())).await;
}

#[tokio::test]
async fn connections_are_kept_where_the_server_keeps_its_word() {
    let (address, count) = server(|_| Does::Answers).await;
    let llm = model(address);
    for _ in 0..20 {
        assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
        assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        // Another model, the same transport.
        assert_eq!(model(address).invoke("Hi").await.unwrap().text(), "Hello");
    }
    // One, but for where the end of a body was not yet seen when the next request went out.
    let (connections, requests) = count.seen();
    assert!(connections <= 6 && requests == 60, "{connections}, {requests}");
    let calls = (0..10).map(|_| async { llm.invoke("Hi").await.unwrap() });
    futures::future::join_all(calls).await;
    assert!(count.seen().0 <= connections + 10, "{:?}", count.seen());
}

/// llama.cpp does this after every streamed answer.
#[tokio::test]
async fn a_server_that_closes_though_it_promised_to_stay() {
    let (address, count) = server(|_| Does::AnswersAndCloses).await;
    let llm = model(address);
    for _ in 0..50 {
        assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    }
    assert_eq!(count.seen(), (100, 100));
}

/// The request has reached the server's machine already: nothing but the reset says that nobody read it.
#[tokio::test]
async fn a_connection_that_closes_as_a_request_goes_out_on_it() {
    for end in [Does::Closes, Does::Resets] {
        let (address, count) = server(move |place| if place == 0 { Does::Answers } else { end }).await;
        let llm = model(address);
        for _ in 0..20 {
            assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
            assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        }
        // Each but the first went out on a kept connection or is one that was sent again; none was sent a third time.
        let (connections, requests) = count.seen();
        assert!(requests <= 80 && connections <= 40 && requests > 40, "{connections}, {requests}");
    }
}

#[tokio::test]
async fn what_a_server_may_have_worked_on_is_not_sent_again() {
    let long = Does::Works(Duration::from_millis(2100));
    for (first, second) in [
        // A new connection: nobody closed it before.
        (Some(Does::Closes), Does::Closes),
        (Some(Does::Resets), Does::Resets),
        // An answer began.
        (None, Does::Breaks),
        // It closed, but not at once.
        (None, long),
    ] {
        let (address, count) =
            server(move |place| if place == 0 { first.unwrap_or(Does::Answers) } else { second }).await;
        let llm = model(address);
        let mut expected = 1;
        if first.is_none() {
            llm.invoke("Hi").await.unwrap();
            expected = 2;
        }
        let error = llm.invoke("Hi").await.unwrap_err();
        let kind = if matches!(second, Does::Breaks) { ErrorKind::IncompleteStream } else { ErrorKind::Connection };
        assert!([kind, ErrorKind::Connection].contains(&error.kind()) && error.is_retryable(), "{error}");
        assert_eq!(count.seen(), (1, expected));
    }
}

/// It is sent again once, on a connection of its own.
#[tokio::test]
async fn a_request_is_sent_again_once() {
    let (address, count) = server(move |place| if place == 0 { Does::Answers } else { Does::Closes }).await;
    let llm = model(address);
    llm.invoke("Hi").await.unwrap();
    llm.invoke("Hi").await.unwrap();
    assert_eq!(count.seen(), (2, 3));
}
