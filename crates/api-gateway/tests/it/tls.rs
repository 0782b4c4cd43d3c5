//! HTTPS: own certificates that change, our own authority, both versions of HTTP, and what a browser is told.

use std::time::Duration;

use http::{Method, StatusCode};
use rcgen::{CertificateParams, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    plugin, secure,
    stack::{PATIENCE, Stack},
};

const ON: (&str, &str) = ("HOMEPORT_GATEWAY__TLS__LISTEN", "127.0.0.1:0");

async fn with_authority(settings: &[(&str, &str)]) -> (Stack, String) {
    let stack = Stack::with_settings(&[&[ON], settings].concat()).await;
    let root = stack.client.call(Method::GET, "/cert").credential(None).send().await;
    assert_eq!(root.status, StatusCode::OK);
    let root = root.text().to_owned();
    (stack, root)
}

#[tokio::test]
async fn both_versions_are_served_and_browsers_told_to_stay() {
    let (stack, root) = with_authority(&[("HOMEPORT_GATEWAY__TLS__NAMES", "[\"nas.lan\"]")]).await;
    let address = stack.secure.unwrap();
    for (alpn, uri) in
        [(&["h2", "http/1.1"][..], "https://nas.lan/api/status"), (&["http/1.1"], "/api/status"), (&[], "/api/status")]
    {
        let stream = secure::connect(address, "nas.lan", &root, alpn).await.unwrap();
        let answer = secure::ask(stream, secure::get(uri).header("host", "nas.lan")).await;
        assert_eq!(answer.status, StatusCode::OK, "{alpn:?}");
        assert_eq!(answer.values("strict-transport-security"), ["max-age=31536000"], "{alpn:?}");
        assert_eq!(answer.values("x-content-type-options"), ["nosniff"], "{alpn:?}");
    }
    for name in ["localhost", "127.0.0.1"] {
        secure::connect(address, name, &root, &[]).await.unwrap();
    }
    assert!(secure::connect(address, "other.lan", &root, &[]).await.is_err(), "the certificate is for its names alone");
    let plain = stack.client.get("/api/status").await;
    assert_eq!(plain.header("strict-transport-security"), None, "over plain HTTP it would mean nothing");
}

#[tokio::test]
async fn a_plugin_is_told_of_https_and_gets_the_host() {
    let (stack, root) = with_authority(&[]).await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    let stream = secure::connect(stack.secure.unwrap(), "localhost", &root, &["h2"]).await.unwrap();
    let seen = secure::ask(stream, secure::get("https://localhost:8443/plugins/a/x?y")).await.json();
    assert_eq!(seen["headers"]["x-forwarded-proto"], "https");
    assert_eq!(seen["headers"]["host"], "localhost:8443");
    assert_eq!(seen["uri"], "/x?y");
}

#[tokio::test]
async fn the_authority_and_its_certificate_survive_a_restart() {
    let (mut stack, root) = with_authority(&[]).await;
    let first = secure::leaf(&secure::connect(stack.secure.unwrap(), "localhost", &root, &[]).await.unwrap());
    stack.restart(&[ON]).await;
    let again = secure::leaf(&secure::connect(stack.secure.unwrap(), "localhost", &root, &[]).await.unwrap());
    assert_eq!(first, again);
}

fn write_pair(directory: &std::path::Path) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["nas.lan".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    // The certificate alone, as somebody who looks in between finds it.
    std::fs::write(directory.join("tls.crt"), &certificate).unwrap();
    std::fs::write(directory.join("tls.key"), key.serialize_pem()).unwrap();
    certificate
}

#[tokio::test]
async fn own_files_are_read_again_when_they_change() {
    let directory = tempfile::tempdir().unwrap();
    let first = write_pair(directory.path());
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let stack = Stack::with_settings(&[
        ON,
        ("HOMEPORT_GATEWAY__TLS__CERTIFICATE", certificate.to_str().unwrap()),
        ("HOMEPORT_GATEWAY__TLS__KEY", key.to_str().unwrap()),
        ("HOMEPORT_GATEWAY__TLS__RELOAD_MS", "50"),
    ])
    .await;
    let address = stack.secure.unwrap();
    let kept = secure::connect(address, "nas.lan", &first, &[]).await.unwrap();
    std::fs::write(&certificate, "nonsense").unwrap();
    secure::connect(address, "nas.lan", &first, &[]).await.expect("a broken file changes nothing");
    let second = write_pair(directory.path());
    let changed = async {
        while secure::connect(address, "nas.lan", &second, &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.expect("the new certificate was not taken over");
    let answer = secure::ask(kept, secure::get("/api/status").header("host", "nas.lan")).await;
    assert_eq!(answer.status, StatusCode::OK, "an open connection goes on");
    assert_eq!(stack.client.get("/cert").await.status, StatusCode::NOT_FOUND, "it is not ours to vouch for");
}

#[tokio::test]
async fn the_plain_port_sends_to_https() {
    let settings =
        [("HOMEPORT_GATEWAY__TLS__REDIRECT_LISTEN", "127.0.0.1:0"), ("HOMEPORT_GATEWAY__TLS__PUBLIC_PORT", "443")];
    let (stack, _) = with_authority(&settings).await;
    let plain = crate::client::Client::new(stack.redirect.unwrap());
    for method in [Method::GET, Method::POST] {
        let answer = plain.call(method, "/api/update?a=b").header("host", "nas.lan:80").send().await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
        assert_eq!(answer.header("location"), Some("https://nas.lan/api/update?a=b"));
    }
    assert_eq!(plain.get("/.well-known/acme-challenge/x").await.status, StatusCode::NOT_FOUND);
    assert!(stack.world.calls.lock().unwrap().is_empty(), "nothing is done there");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_dropped() {
    let (stack, root) = with_authority(&[("HOMEPORT_GATEWAY__TLS__HANDSHAKE_TIMEOUT_MS", "200")]).await;
    let address = stack.secure.unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /api/status HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    for stream in [&mut silent, &mut plain] {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it stayed open");
        assert!(end.is_err() || !rest.starts_with(b"HTTP/"), "{rest:?}");
    }
    secure::connect(address, "localhost", &root, &[]).await.unwrap();
}

#[tokio::test]
async fn an_open_stream_ends_with_the_drain() {
    let (mut stack, root) = with_authority(&[]).await;
    let stream = secure::connect(stack.secure.unwrap(), "localhost", &root, &["h2"]).await.unwrap();
    let events = tokio::spawn(secure::ask(stream, secure::get("https://localhost/api/events")));
    tokio::time::timeout(PATIENCE, async { while stack.client.get("/healthz").await.status != StatusCode::OK {} })
        .await
        .unwrap();
    stack.drain.cancel();
    tokio::time::timeout(PATIENCE, stack.serving.take().unwrap()).await.expect("the gateway did not end").unwrap();
    assert_eq!(events.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    for (settings, hint) in [
        (&[("HOMEPORT_GATEWAY__TLS__REDIRECT_LISTEN", "127.0.0.1:0")][..], "tls.listen"),
        (&[ON, ("HOMEPORT_GATEWAY__TLS__CERTIFICATE", "/a")], "tls.key"),
        (&[ON, ("HOMEPORT_GATEWAY__ACME__NAMES", "[\"a.example\"]")], "terms_agreed"),
        (&[ON, ("HOMEPORT_GATEWAY__TLS__NAMES", "[\"ü\"]")], "authority"),
        (&[("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", "[\"proxy\"]")], "10.0.0.0/8"),
    ] {
        let error = Stack::refused(settings).await;
        assert!(error.contains(hint), "{settings:?}: {error}");
    }
}
