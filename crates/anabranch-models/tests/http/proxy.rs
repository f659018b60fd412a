//! Proxies on loopback: in the open, as a tunnel, and from the environment.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_models::transport::ReqwestTransport;
use anabranch_models::{ChatModel, OpenAi};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::server::{document, model, read, request, say, server};
use crate::tls::{Authority, trusting};

/// A proxy, and the heads of what came to it. It answers itself what comes in the open, and opens tunnels.
async fn proxy() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let heads = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let heads = heads.clone();
            tokio::spawn(async move {
                loop {
                    let asked = request(&mut socket).await;
                    if asked.is_empty() {
                        return;
                    }
                    heads.lock().unwrap().push(asked.clone());
                    let Some(tunnel) = asked.strip_prefix("CONNECT ") else {
                        say(&mut socket, document("by way of a proxy")).await;
                        continue;
                    };
                    let (_, port) = tunnel.split(' ').next().unwrap().split_once(':').unwrap();
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).await else { return };
                    say(&mut socket, "HTTP/1.1 200 Connected\r\n\r\n").await;
                    let _ = copy_bidirectional(&mut socket, &mut server).await;
                    return;
                }
            });
        }
    });
    (address, seen)
}

fn elsewhere(transport: ReqwestTransport) -> ChatModel {
    let llm = OpenAi::new("m").base_url("http://llm.example.com/v1").allow_http(true).api_key("sk-hidden-1234");
    llm.transport(transport).build().unwrap()
}

#[tokio::test]
async fn in_the_open_a_proxy_sees_whole_addresses() {
    let (address, seen) = proxy().await;
    let transport = ReqwestTransport::builder().proxy(&format!("http://me:hunter2@{address}")).unwrap().build();
    let llm = elsewhere(transport.clone());
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "by way of a proxy");
    assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "by way of a proxy");
    // This machine's own servers, too.
    let own = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let own = OpenAi::new("m").base_url(format!("http://{own}/v1")).transport(transport).build().unwrap();
    assert_eq!(own.invoke("Hi").await.unwrap().text(), "by way of a proxy");
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("POST http://llm.example.com/v1/chat/completions HTTP/1.1\r\n"), "{}", seen[0]);
    // `me:hunter2`.
    assert!(seen.iter().all(|head| head.contains("proxy-authorization: Basic bWU6aHVudGVyMg==\r\n")), "{}", seen[0]);
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn through_a_tunnel_a_proxy_sees_nothing() {
    let authority = Authority::new();
    let (port, _) = authority.serve(false, false).await;
    let (address, seen) = proxy().await;
    let transport = trusting(&authority).proxy(&format!("http://me:hunter2@{address}")).unwrap().build();
    let llm = OpenAi::new("m").base_url(format!("https://localhost:{port}/v1")).api_key("sk-hidden-1234");
    let llm = llm.transport(transport).build().unwrap();
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{}", seen[0]);
    assert!(seen[0].to_ascii_lowercase().contains("proxy-authorization: basic bwu6ahvudgvymg==\r\n"), "{}", seen[0]);
    assert!(seen.len() == 1 && !seen[0].contains("hidden"), "{seen:?}");
}

#[tokio::test]
async fn what_a_proxy_refuses_is_told_without_its_password() {
    let refusing = server(|mut socket, _| async move {
        say(&mut socket, "HTTP/1.1 407 Who Are You\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (proxy, status) in [(refusing, Some(407)), (gone, None)] {
        let transport = ReqwestTransport::builder().proxy(&format!("http://me:hunter2@{proxy}")).unwrap().build();
        let tunnelled = OpenAi::new("m").base_url("https://llm.example.com/v1").api_key("k");
        let tunnelled = tunnelled.transport(transport.clone()).build().unwrap().invoke("Hi").await.unwrap_err();
        assert_eq!((tunnelled.kind(), tunnelled.status()), (ErrorKind::Connection, None), "{tunnelled:?}");
        let open = elsewhere(transport).invoke("Hi").await.unwrap_err();
        assert_eq!(open.status(), status, "{open:?}");
        for error in [tunnelled, open] {
            let mut shown = format!("{error} {error:?}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                shown += &format!(" {error} {error:?}");
                cause = error.source();
            }
            assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
        }
    }
}

/// Where the environment names a proxy, it is not for this machine's own servers. The environment is that of a process
/// of its own: the test below, run by this one.
#[tokio::test]
async fn a_proxy_of_the_environment_is_for_other_machines() {
    let (address, seen) = proxy().await;
    let own = server(|mut socket, _| async move { say(&mut socket, document("Hello")).await }).await;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "proxy::in_an_environment_with_a_proxy", "--ignored"]).env("OWN_SERVER", own.to_string());
    for name in ["NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    child.env("HTTP_PROXY", format!("http://{address}"));
    let ended = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 1 && seen[0].starts_with("POST http://llm.example.com/v1/"), "{seen:?}");
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn in_an_environment_with_a_proxy() {
    let own = std::env::var("OWN_SERVER").unwrap().parse().unwrap();
    assert_eq!(model(own).invoke("Hi").await.unwrap().text(), "Hello");
    let other = elsewhere(ReqwestTransport::shared());
    assert_eq!(other.invoke("Hi").await.unwrap().text(), "by way of a proxy");
}
