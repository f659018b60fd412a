//! TLS by rustls with ring: no cmake, no bindgen, and a third of the build time of the default provider. The
//! certificates are the system's.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use anabranch_core::{Error, ErrorKind, Result};

/// The TLS settings for a server; one that is reached without TLS needs no certificates.
pub(crate) fn client_config(encrypted: bool) -> Result<ClientConfig> {
    let broken = |error: rustls::Error| {
        Error::new(ErrorKind::Configuration, "the system's TLS certificates cannot be loaded").with_source(error)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(broken)?;
    Ok(match encrypted {
        true => builder.with_platform_verifier().map_err(broken)?.with_no_client_auth(),
        false => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    })
}
