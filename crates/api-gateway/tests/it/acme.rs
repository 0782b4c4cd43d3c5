//! Certificates from an ACME server: Debian's `pebble`, which asks port 80 of a name as Let's Encrypt does.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rand::Rng as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    secure,
    stack::{PATIENCE, Stack},
};

/// Seconds that a certificate of the test lasts. It is renewed after two thirds of them.
const LIFE: u64 = 6;

/// An ACME server of its own.
struct Pebble {
    child: Child,
    directory: TempDir,
    listen: SocketAddr,
    management: SocketAddr,
    root: String,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Pebble {
    /// Starts it. It looks at `http_port` of every name.
    async fn start(http_port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = write_certificates(directory.path());
        let (listen, management) = (free(), free());
        let config = json!({ "pebble": {
            "listenAddress": listen.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": directory.path().join("server.pem"),
            "privateKey": directory.path().join("server.key"),
            "httpPort": http_port,
            "tlsPort": 1,
            "certificateValidityPeriod": LIFE,
        }});
        let path = directory.path().join("config.json");
        fs::write(&path, config.to_string()).unwrap();
        let child = Command::new("pebble")
            .arg("-config")
            .arg(&path)
            .env("PEBBLE_VA_NOSLEEP", "1")
            // Every authorization is proved anew, also at a renewal.
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble is not installed; `apt-get install pebble`");
        let pebble = Self { child, directory, listen, management, root };
        let up = async {
            while secure::connect(pebble.listen, "localhost", &pebble.root, &[]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("pebble does not answer");
        pebble
    }

    /// The root of what it gives out.
    async fn issuing_root(&self) -> String {
        let stream = secure::connect(self.management, "localhost", &self.root, &[]).await.unwrap();
        secure::ask(stream, secure::get("/roots/0").header("host", "localhost")).await.text().to_owned()
    }

    fn settings(&self, http_port: u16, names: &str) -> Vec<(&'static str, String)> {
        vec![
            ("HOMEPORT_GATEWAY__TLS__LISTEN", "127.0.0.1:0".to_owned()),
            ("HOMEPORT_GATEWAY__TLS__REDIRECT_LISTEN", format!("127.0.0.1:{http_port}")),
            ("HOMEPORT_GATEWAY__ACME__NAMES", names.to_owned()),
            ("HOMEPORT_GATEWAY__ACME__TERMS_AGREED", "true".to_owned()),
            ("HOMEPORT_GATEWAY__ACME__EMAIL", "admin@nas.example".to_owned()),
            ("HOMEPORT_GATEWAY__ACME__DIRECTORY", format!("https://localhost:{}/dir", self.listen.port())),
            ("HOMEPORT_GATEWAY__ACME__ROOT", self.directory.path().join("root.pem").to_str().unwrap().to_owned()),
        ]
    }
}

/// A root, and a certificate for pebble's own HTTPS: a root may not be both.
fn write_certificates(directory: &Path) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let server = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&server, &issuer).unwrap();
    fs::write(directory.join("root.pem"), &root).unwrap();
    fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("server.key"), server.serialize_pem()).unwrap();
    root
}

/// A port that is free and stays so: below those that the kernel gives to whoever asks for any.
fn free() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::rng().random_range(20_000..30_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

async fn start(settings: &[(&'static str, String)]) -> Stack {
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Stack::with_settings(&settings).await
}

/// Waits for a handshake that succeeds with another certificate than `old`.
async fn until_served(stack: &Stack, root: &str, old: Option<&[u8]>) -> Vec<u8> {
    let served = async {
        loop {
            if let Ok(stream) = secure::connect(stack.secure.unwrap(), "localhost", root, &["h2"]).await {
                let leaf = secure::leaf(&stream);
                if old != Some(&leaf[..]) {
                    return leaf;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(3 * PATIENCE, served).await.expect("no certificate is served")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_ordered_kept_and_renewed() {
    let port = free().port();
    let pebble = Pebble::start(port).await;
    let settings = pebble.settings(port, "[\"localhost\"]");
    let mut stack = start(&settings).await;
    let root = pebble.issuing_root().await;
    let first = until_served(&stack, &root, None).await;
    let second = until_served(&stack, &root, Some(&first)).await;
    let place = stack.state().join("gateway/acme");
    let account = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
    let account = account.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("account-"));
    let account = account.expect("the account is kept");
    let before = fs::read(&account).unwrap();
    for file in [&account, &place.join("certificate.pem")] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    // After a restart the account is used again, and there is always a certificate.
    let texts: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    stack.restart(&texts).await;
    until_served(&stack, &root, Some(&second)).await;
    assert_eq!(fs::read(&account).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_in_the_authoritys_words() {
    let port = free().port();
    let pebble = Pebble::start(port).await;
    // Pebble looks at a port where nobody is.
    let stack = start(&pebble.settings(free().port(), "[\"localhost\"]")).await;
    let told = async {
        loop {
            let event = stack
                .world
                .published
                .lock()
                .unwrap()
                .iter()
                .find(|(topic, _)| topic == "service:gateway:certificate_failed")
                .cloned();
            if let Some((_, value)) = event {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let value = tokio::time::timeout(3 * PATIENCE, told).await.expect("nobody was told");
    assert!(value.contains("localhost") && value.contains("refused"), "{value}");
    assert!(stack.client.get("/healthz").await.status.is_success(), "all else is served");
}
