//! An endpoint on this machine that speaks OpenAI's chat completions, as far as the programs with a real call need it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Result;

/// What it answers, a word an event.
pub const ANSWER: &str = "one two three";

/// Starts it and gives its base URL. It ends with the program.
pub fn start() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that goes away is no business of the endpoint's.
            std::thread::spawn(move || answer(connection).ok());
        }
    });
    Ok(base_url)
}

fn answer(mut connection: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let found = line.starts_with("POST /v1/chat/completions ");
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let streams = serde_json::from_slice::<serde_json::Value>(&body)?["stream"] == true;
    if !(found && streams) {
        write!(connection, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        return Ok(());
    }
    write!(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let words =
        ANSWER.split_inclusive(' ').map(|word| (format!(r#"{{"role":"assistant","content":"{word}"}}"#), "null"));
    for (delta, finish) in words.chain([("{}".to_string(), "\"stop\"")]) {
        write!(
            connection,
            "data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"tiny\",\
             \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )?;
        connection.flush()?;
    }
    write!(connection, "data: [DONE]\n\n")?;
    Ok(())
}
