//! [`Loopback`]: a server of HTTP/1.1 on this machine that says what it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is said to whoever asks.
#[derive(Clone)]
pub(super) struct Script {
    status: u16,
    headers: Vec<(String, String)>,
    /// Each is a chunk of the body, so that a client sees it alone however the packets run.
    pieces: Vec<Vec<u8>>,
    /// Whether the body ends; else the server waits until the client is gone.
    ends: bool,
}

impl Script {
    pub(super) fn new(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let headers = vec![("content-type".to_string(), content_type.to_string())];
        Self { status: 200, headers, pieces: Vec::new(), ends: true }.in_pieces(body, usize::MAX)
    }

    pub(super) fn in_pieces(mut self, body: impl AsRef<[u8]>, size: usize) -> Self {
        let body = body.as_ref();
        self.pieces = body.chunks(size.min(body.len()).max(1)).map(<[u8]>::to_vec).collect();
        self
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    /// It says this much, and then nothing more.
    pub(super) fn hanging(mut self) -> Self {
        self.ends = false;
        self
    }

    async fn say(&self, socket: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
        let mut said = head.into_bytes();
        for piece in &self.pieces {
            said.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            said.extend_from_slice(piece);
            said.extend_from_slice(b"\r\n");
        }
        if self.ends {
            said.extend_from_slice(b"0\r\n\r\n");
        }
        socket.write_all(&said).await?;
        socket.flush().await
    }
}

/// The server. It is gone when this is dropped.
pub(super) struct Loopback {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    left: AtomicUsize,
}

impl Loopback {
    pub(super) async fn serve(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on this machine");
        let address = listener.local_addr().expect("its address");
        let seen = Arc::new(Seen::default());
        let inside = seen.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, script.clone(), inside.clone()));
            }
        });
        Self { address, seen, task }
    }

    /// `http://127.0.0.1:4711`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Head and body of each request so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many clients have left while the server was not at its end.
    pub(super) async fn left(&self, clients: usize) -> bool {
        for _ in 0..500 {
            if self.seen.left.load(Ordering::SeqCst) >= clients {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, script: Script, seen: Arc<Seen>) {
    let request = request(&mut socket).await;
    seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let said = script.say(&mut socket).await;
    if script.ends {
        let _ = socket.shutdown().await;
        return;
    }
    if said.is_ok() {
        let mut buffer = [0; 64];
        while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    }
    seen.left.fetch_add(1, Ordering::SeqCst);
}

/// Head and body of a request.
async fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let is_complete = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if is_complete || read == 0 {
            return text.into_owned();
        }
    }
}
