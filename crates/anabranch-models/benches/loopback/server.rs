//! The server: it gives all streams their tokens at the same pace, and does not begin before all are there.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::Load;

/// A chunk of OpenAI's, with all members, as a chunk of HTTP's.
fn chunk(delta: &str, finish: &str) -> Vec<u8> {
    framed(&format!(
        "data: {{\"id\":\"chatcmpl-CMwpx8LxTFxuTNYsl8BVXi9uy3Cdq\",\"object\":\"chat.completion.chunk\",\
         \"created\":1759612345,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\
         \"system_fingerprint\":\"fp_560af6e559\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\
         \"finish_reason\":{finish}}}],\"usage\":null,\"obfuscation\":\"qXw0Fh3Zk\"}}\n\n"
    ))
}

fn framed(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

pub(super) fn run(load: Load) {
    // What asks for it is gone when its end of the pipe is.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let all_there = Arc::new(Barrier::new(load.streams));
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, load, all_there.clone()));
        }
    });
}

async fn serve(mut socket: TcpStream, load: Load, all_there: Arc<Barrier>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        socket.read_buf(&mut request).await?;
    }
    all_there.wait().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await?;
    let token = chunk("{\"content\":\" stream\"}", "null");
    let mut clock = tokio::time::interval(Duration::from_millis(load.pause));
    for _ in 0..load.tokens {
        clock.tick().await;
        socket.write_all(&token).await?;
    }
    socket.write_all(&chunk("{}", "\"stop\"")).await?;
    socket.write_all(&framed("data: [DONE]\n\n")).await?;
    socket.write_all(b"0\r\n\r\n").await?;
    // Whoever reads it closes it.
    while socket.read_buf(&mut request).await? > 0 {}
    Ok(())
}
