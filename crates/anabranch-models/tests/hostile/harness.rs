//! A server in a thread, a client in this one, and what the client holds at most.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::AiMessage;
use anabranch_models::ChatModel;

/// No case takes longer, on a machine that does other things besides and without optimization.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// How it ended.
pub(crate) struct Ended {
    /// What came last of an answer: all of it, or of a stream the last chunk.
    pub(crate) answer: Result<AiMessage>,
    /// How many bytes of text were handed out.
    pub(crate) text: usize,
    /// How many bytes the client held at most.
    pub(crate) peak: usize,
}

/// Asks a server that does this with the connection, once it has read the request. What is handed out is not kept.
pub(crate) fn ask(
    model: impl FnOnce(&str) -> ChatModel,
    streamed: bool,
    serve: impl FnOnce(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        read_request(&mut socket);
        // The client leaves whenever it has seen enough.
        let _ = serve(&mut socket);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut answer, mut text) = (Ok(AiMessage::default()), 0);
    let counted = allocation_counter::measure(|| {
        let llm = model(&address);
        let asked = async {
            if !streamed {
                let whole = llm.invoke("Hi").await;
                text = whole.as_ref().map_or(0, |whole| whole.text().len());
                return whole;
            }
            let (mut chunks, mut last) = (llm.stream("Hi"), AiMessage::default());
            while let Some(chunk) = chunks.next().await {
                last = chunk?;
                text += last.text().len();
            }
            Ok(last)
        };
        let ended = runtime.block_on(async { tokio::time::timeout(SOON, asked).await });
        answer = ended.expect("it takes too long");
    });
    drop(runtime);
    server.join().unwrap();
    Ended { answer, text, peak: usize::try_from(counted.bytes_max).unwrap() }
}

fn read_request(socket: &mut TcpStream) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = socket.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if read == 0 || text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0)) {
            return;
        }
    }
}

/// A head, and then the pieces; the connection closes after them.
pub(crate) fn say(
    head: impl Into<String>,
    pieces: impl Iterator<Item = Vec<u8>> + Send + 'static,
) -> impl FnOnce(&mut TcpStream) -> std::io::Result<()> + Send + 'static {
    let head = head.into();
    move |socket| {
        socket.write_all(head.as_bytes())?;
        for piece in pieces {
            socket.write_all(&piece)?;
        }
        Ok(())
    }
}

/// Waits until the client is gone, but not for ever.
pub(crate) fn wait(socket: &mut TcpStream, time: Duration) -> std::io::Result<()> {
    let end = Instant::now() + time;
    let mut buffer = [0; 64];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        if socket.read(&mut buffer).unwrap_or(0) == 0 {
            break;
        }
    }
    Ok(())
}
