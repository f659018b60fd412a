//! TLS by rustls with ring: no cmake, no bindgen, and less to build than the default provider. The certificates are the
//! system's.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use anabranch_core::{Error, ErrorKind, Result};

/// The TLS settings for a server; one that is reached without TLS needs no certificates.
pub(crate) fn client_config(encrypted: bool) -> Result<ClientConfig> {
    /// Loaded from disk once; models may be made by the thousand.
    static SYSTEM: OnceLock<ClientConfig> = OnceLock::new();

    let broken = |error: rustls::Error| {
        Error::new(ErrorKind::Configuration, "the system's TLS certificates cannot be loaded").with_source(error)
    };
    if let (true, Some(config)) = (encrypted, SYSTEM.get()) {
        return Ok(config.clone());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(broken)?;
    if !encrypted {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let config = builder.with_platform_verifier().map_err(broken)?.with_no_client_auth();
    Ok(SYSTEM.get_or_init(|| config).clone())
}
