//! A server on loopback that does what it is told.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anabranch_core::{Chunks, Result};
use anabranch_messages::AiMessage;
use anabranch_models::{ChatModel, OpenAi};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const SSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A server that does the same with every connection, which has sent its request already.
pub(crate) async fn server<F>(answer: impl Fn(TcpStream, String) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let request = request(&mut socket).await;
                answer(socket, request).await;
            });
        }
    });
    address
}

/// Reads head and body of a request.
pub(crate) async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let complete = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if complete || read == 0 {
            return text.into_owned();
        }
    }
}

pub(crate) async fn say(socket: &mut TcpStream, text: impl AsRef<[u8]>) {
    let _ = socket.write_all(text.as_ref()).await;
    let _ = socket.flush().await;
}

pub(crate) fn builder(address: SocketAddr) -> OpenAi {
    OpenAi::new("tiny").base_url(format!("http://{address}/v1")).api_key("sk-hidden-1234")
}

pub(crate) fn model(address: SocketAddr) -> ChatModel {
    builder(address).build().unwrap()
}

pub(crate) fn delta(text: &str) -> String {
    format!(
        "data: {{\"id\":\"1\",\"model\":\"tiny\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

pub(crate) const END: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

pub(crate) fn document(text: &str) -> String {
    let body = format!(
        "{{\"id\":\"1\",\"model\":\"tiny\",\"choices\":[{{\"index\":0,\"finish_reason\":\"stop\",\"message\":\
         {{\"role\":\"assistant\",\"content\":\"{text}\"}}}}]}}"
    );
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// What a stream adds up to when it is read chunk by chunk; one that is collected from its start asks for the whole.
pub(crate) async fn read(mut chunks: Chunks<'_, AiMessage>) -> Result<AiMessage> {
    let mut whole = AiMessage::merge().collector();
    while let Some(chunk) = chunks.next().await {
        whole.push(chunk?)?;
    }
    whole.finish()
}
