//! The settings of HTTPS.

use std::path::PathBuf;

use serde::Deserialize;

/// The `[tls]` section. Of three places that a certificate can come from the first one counts: `certificate` and `key`,
/// `[acme]`, and an authority of Homeport's own, whose certificate browsers can be told to trust (`GET /cert`).
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Address and port to serve HTTPS on, such as `0.0.0.0:8443`. Default: none, there is no HTTPS.
    pub listen: Option<String>,
    /// PEM file of the certificate, followed by those that lead to its authority. It is read again when it changes.
    /// Default: none.
    pub certificate: Option<PathBuf>,
    /// PEM file of the certificate's key. Default: none.
    pub key: Option<PathBuf>,
    /// Names and addresses that a certificate of Homeport's own authority is for, besides `localhost` and the name of
    /// the machine. Default: none.
    pub names: Vec<String>,
    /// Address and port that sends whoever comes there to HTTPS, and answers the ACME server. Default: none.
    pub redirect_listen: Option<String>,
    /// Port of HTTPS as clients see it, where it is another one than that of `listen`. Default: none.
    pub public_port: Option<u16>,
    /// Seconds for which a browser that came over HTTPS shall not come in any other way
    /// (`Strict-Transport-Security`). 0: it is not told so. Default 31536000 (a year).
    pub hsts_s: u64,
    /// Milliseconds that a client may take for the handshake; then the connection is closed. Default 10000.
    pub handshake_timeout_ms: u64,
    /// Milliseconds between two looks at whether `certificate` or `key` has changed. Default 1000.
    pub reload_ms: u64,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            listen: None,
            certificate: None,
            key: None,
            names: Vec::new(),
            redirect_listen: None,
            public_port: None,
            hsts_s: 365 * 24 * 3600,
            handshake_timeout_ms: 10_000,
            reload_ms: 1000,
        }
    }
}

/// The `[acme]` section: a certificate from an authority that gives them out by itself, such as Let's Encrypt.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeConfig {
    /// Names, or addresses where the authority knows them, that the certificate is for. The authority looks at port 80
    /// of each, which must lead to `tls.redirect_listen` or `http.listen`. Default: none, there is no certificate.
    pub names: Vec<String>,
    /// Whether you agree to the authority's terms of service. Without it nothing is asked of it. Default false.
    pub terms_agreed: bool,
    /// Mail address that the authority may write to. Default: none.
    pub email: Option<String>,
    /// The authority's directory. Default `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// PEM file of the certificate that vouches for the directory's own, where that is none of the public ones.
    /// Default: none.
    pub root: Option<PathBuf>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            terms_agreed: false,
            email: None,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            root: None,
        }
    }
}
