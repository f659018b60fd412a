//! A server that gives one answer, in pieces.

use std::sync::Arc;

use anabranch_models::ChatModel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Provider;
use crate::fixture::Fixture;

/// Serves a body, and gives a model that asks for it. Each piece is a chunk of HTTP/1.1, so that a client sees it alone
/// however the packets run.
pub(crate) async fn serve(provider: &Provider, fixture: &Fixture, body: &[u8], size: usize) -> ChatModel {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut answer = format!("HTTP/1.1 {} As Recorded\r\n", fixture.status).into_bytes();
    for (name, value) in &fixture.headers {
        let length = ["content-length", "transfer-encoding", "content-encoding", "connection", "keep-alive"];
        if !length.contains(&name.as_str()) {
            answer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    answer.extend_from_slice(b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for piece in body.chunks(size.min(body.len()).max(1)) {
        answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        answer.extend_from_slice(piece);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        request(&mut socket).await;
        let _ = socket.write_all(&answer).await;
        let _ = socket.shutdown().await;
    });
    (provider.model)(&format!("http://{address}")).unwrap()
}

/// Reads head and body of a request.
async fn request(socket: &mut TcpStream) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let complete = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if complete || read == 0 {
            return;
        }
    }
}
