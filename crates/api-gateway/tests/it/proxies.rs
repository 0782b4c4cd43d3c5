//! Reverse proxies: believed when they are listed, and otherwise clients like all others.

use http::Method;

use crate::{plugin, stack::Stack};

const CLIENT: &str = "198.51.100.7";

/// The client's address and scheme as a plugin is told.
async fn seen(settings: &[(&str, &str)], headers: &[(&str, &str)]) -> (String, String, Stack) {
    let stack = Stack::with_settings(settings).await;
    let (socket, path) = stack.plugin_socket("a");
    let _plugin = plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    let mut call = stack.client.call(Method::GET, "/plugins/a/");
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let answer = call.send().await;
    let hsts = answer.header("strict-transport-security").is_some();
    let seen = answer.json();
    let text = |name: &str| seen["headers"][name].as_str().unwrap().to_owned();
    let scheme = text("x-forwarded-proto");
    assert_eq!(hsts, scheme == "https");
    (text("x-forwarded-for"), scheme, stack)
}

#[tokio::test]
async fn a_listed_proxy_speaks_for_its_client() {
    let settings = [("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", "[\"127.0.0.0/8\"]")];
    let headers = [("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4")];
    let (client, scheme, stack) = seen(&settings, &headers).await;
    assert_eq!((client.as_str(), scheme.as_str()), (CLIENT, "https"));
    let asked = stack.world.clients.lock().unwrap().clone();
    assert!(asked.iter().any(|address| address == CLIENT), "lockouts count for the client: {asked:?}");
}

#[tokio::test]
async fn nobody_else_does() {
    let headers = [("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4")];
    let (client, scheme, _stack) = seen(&[], &headers).await;
    assert_eq!((client.as_str(), scheme.as_str()), ("127.0.0.1", "http"));
    let others = [("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", "[\"192.0.2.1\"]")];
    let (client, ..) = seen(&others, &headers).await;
    assert_eq!(client, "127.0.0.1");
}

#[tokio::test]
async fn the_standard_header_can_be_chosen() {
    let settings = [
        ("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
        ("HOMEPORT_GATEWAY__HTTP__PROXY_HEADER", "forwarded"),
    ];
    let headers = [("forwarded", "for=198.51.100.7;proto=https"), ("x-forwarded-for", "1.2.3.4")];
    let (client, scheme, _stack) = seen(&settings, &headers).await;
    assert_eq!((client.as_str(), scheme.as_str()), (CLIENT, "https"));
}
