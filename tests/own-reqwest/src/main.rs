//! Builds clients as programs do, and asks a server on this machine with one of them and with a model.

use std::io::{Read, Write};
use std::net::TcpListener;

use anabranch::models::OpenAi;
use anabranch::prelude::*;

/// Gives two clients the same answer.
fn serve(listener: TcpListener) -> std::io::Result<()> {
    for _ in 0..2 {
        let (mut socket, _) = listener.accept()?;
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = socket.read(&mut buffer)?;
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).to_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            let is_whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
            if read == 0 || is_whole {
                break;
            }
        }
        let body = r#"{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}"#;
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        socket.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = std::thread::spawn(move || serve(listener));

    // Each of these panics where TLS is switched on without a provider of its cryptography.
    let theirs = reqwest::Client::builder().build()?;
    let _ = reqwest::Client::new();
    assert_eq!(theirs.get(&url).send().await?.status(), 200);

    let llm = OpenAi::new("m").base_url(&url).build()?;
    assert_eq!(llm.invoke("Hi").await?.text(), "Hello");
    server.join().map_err(|_| "the server panicked")??;
    println!("a client of the program's own and a model, side by side");
    Ok(())
}
