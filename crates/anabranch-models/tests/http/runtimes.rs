//! One model in a program with several runtimes: what is spawned on one ends with it, and connections must not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use anabranch_core::RunnableExt;
use anabranch_models::OpenAi;
use anabranch_models::transport::ReqwestTransport;

use crate::server::{END, delta, document};

/// A server on a thread of its own, so that it outlives every runtime. It answers whole, keeping the connection; and in
/// two pieces where a stream is asked for, the second when it is told to go on.
fn server(go_on: Receiver<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let go_on = std::sync::Arc::new(std::sync::Mutex::new(go_on));
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, go_on) = (socket.unwrap(), go_on.clone());
            std::thread::spawn(move || {
                while let Some(asked) = request(&mut socket) {
                    if !asked.contains("\"stream\":true") {
                        socket.write_all(document("Hello").as_bytes()).unwrap();
                        continue;
                    }
                    let head =
                        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                    socket.write_all(head.as_bytes()).unwrap();
                    let mut say = |text: &str| write!(socket, "{:x}\r\n{text}\r\n", text.len()).is_ok();
                    if !say(&delta("Hel")) || go_on.lock().unwrap().recv().is_err() {
                        return;
                    }
                    say(&(delta("lo") + END));
                    say("");
                }
            });
        }
    });
    url
}

/// Head and body of the next request on a connection.
fn request(socket: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = socket.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) {
            return Some(text.into_owned());
        }
    }
}

#[test]
fn a_stream_outlives_the_runtime_of_an_earlier_call() {
    let (go_on, told) = channel();
    let url = server(told);
    let llm = OpenAi::new("m").base_url(url).transport(ReqwestTransport::builder().build()).build().unwrap();
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();

    let (first, second) = (runtime(), runtime());
    assert_eq!(first.block_on(llm.invoke("Hi")).unwrap().text(), "Hello");
    let text = second.block_on(async {
        let mut stream = llm.stream("Hi");
        let mut text = stream.next().await.unwrap().unwrap().text().into_owned();
        first.shutdown_background();
        go_on.send(()).unwrap();
        while let Some(chunk) = stream.next().await {
            text.push_str(&chunk.expect("the connection is this runtime's").text());
        }
        text
    });
    assert_eq!(text, "Hello");
}

/// One runtime after another, as in the tests of a program, and as `invoke_blocking` makes them.
#[test]
fn every_runtime_finds_a_connection_that_works() {
    let (_go_on, told) = channel();
    let url = server(told);
    let llm = OpenAi::new("m").base_url(url).transport(ReqwestTransport::builder().build()).build().unwrap();
    for _ in 0..20 {
        assert_eq!(llm.invoke_blocking("Hi").unwrap().text(), "Hello");
    }
}
