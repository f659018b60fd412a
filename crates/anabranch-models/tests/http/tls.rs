//! TLS with a private CA, client certificates and HTTP/2, on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_models::transport::{Bytes, ReqwestTransport, ReqwestTransportBuilder, http};
use anabranch_models::{ChatModel, OpenAi};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::server::document;

/// A CA that nobody knows.
pub(crate) struct Authority {
    pem: String,
    der: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap();
        Self { pem: der.pem(), der, issuer: Issuer::new(params, key) }
    }

    fn certify(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_string()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Certificate and key in one text.
    fn identity(&self) -> String {
        let (certificate, key) = self.certify("client");
        format!("{}{}", certificate.pem(), key.serialize_pem())
    }

    /// A server for `localhost`. Counts its connections.
    pub(crate) async fn serve(&self, wants_client: bool, http2: bool) -> (u16, Arc<AtomicUsize>) {
        let (certificate, key) = self.certify("localhost");
        let provider = Arc::new(default_provider());
        let config =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let config = match wants_client {
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(self.der.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                config.with_client_cert_verifier(verifier)
            }
            false => config.with_no_client_auth(),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        if http2 {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), counted.clone());
                tokio::spawn(async move {
                    let Ok(mut socket) = acceptor.accept(socket).await else { return };
                    counted.fetch_add(1, Ordering::SeqCst);
                    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
                        return speak_http2(socket).await;
                    }
                    let mut buffer = [0; 4096];
                    while !buffer.ends_with(b"}") && socket.read(&mut buffer).await.is_ok_and(|read| read == 4096) {}
                    let _ = socket.write_all(document("Hello").as_bytes()).await;
                    let _ = socket.shutdown().await;
                });
            }
        });
        (port, connections)
    }
}

async fn speak_http2(socket: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        tokio::spawn(async move {
            let mut body = request.into_body();
            while let Some(Ok(piece)) = body.data().await {
                let _ = body.flow_control().release_capacity(piece.len());
            }
            // Long enough for all to be under way at once.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let mut stream = respond.send_response(http::Response::new(()), false).unwrap();
            let said = document("Hello");
            let (_, said) = said.split_once("\r\n\r\n").unwrap();
            stream.send_data(Bytes::copy_from_slice(said.as_bytes()), true).unwrap();
        });
    }
}

fn model(host: &str, port: u16, transport: ReqwestTransport) -> ChatModel {
    let base = format!("https://{host}:{port}/v1");
    OpenAi::new("m").base_url(base).api_key("sk-hidden-1234").transport(transport).build().unwrap()
}

pub(crate) fn trusting(authority: &Authority) -> ReqwestTransportBuilder {
    ReqwestTransport::builder().root_certificate(authority.pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_trusted_where_its_authority_is() {
    let authority = Authority::new();
    let (port, _) = authority.serve(false, false).await;
    let llm = model("localhost", port, trusting(&authority).build());
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    // Nobody knows it; it is somebody else's; it is for another name.
    for (host, transport) in [
        ("localhost", ReqwestTransport::builder().build()),
        ("localhost", trusting(&Authority::new()).build()),
        ("127.0.0.1", trusting(&authority).build()),
    ] {
        let error = model(host, port, transport).invoke("Hi").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Configuration, false), "{error:?}");
        assert!(error.to_string().contains("certificate is not trusted"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_client_is_shown_a_certificate() {
    let authority = Authority::new();
    let (port, _) = authority.serve(true, false).await;
    let known = trusting(&authority).client_certificate(authority.identity().as_bytes()).unwrap();
    assert_eq!(model("localhost", port, known.build()).invoke("Hi").await.unwrap().text(), "Hello");
    let other = trusting(&authority).client_certificate(Authority::new().identity().as_bytes()).unwrap();
    for transport in [trusting(&authority).build(), other.build()] {
        let error = model("localhost", port, transport).invoke("Hi").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Configuration, false), "{error:?}");
        assert!(error.to_string().contains("client_certificate"), "{error}");
    }
}

/// Many calls are not many TLS connections where the server offers HTTP/2.
#[tokio::test]
async fn calls_share_a_connection_of_http2() {
    let authority = Authority::new();
    let (port, connections) = authority.serve(false, true).await;
    let transport = trusting(&authority).build();
    let llm = model("localhost", port, transport.clone());
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    let other = model("localhost", port, transport);
    let calls = (0..20).map(|place| if place % 2 == 0 { llm.clone() } else { other.clone() });
    let calls = calls.map(|llm| async move { llm.invoke("Hi").await.unwrap().text().into_owned() });
    assert!(futures::future::join_all(calls).await.iter().all(|text| text == "Hello"));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
