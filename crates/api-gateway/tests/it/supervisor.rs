//! The port that clients of the device supervisor know (§2 of its contract).

use http::{Method, StatusCode};

use crate::{client::Client, stack::Stack};

#[tokio::test]
async fn supervisor_2_its_own_port_serves_its_api_and_nothing_else() {
    let closed = Stack::start().await;
    assert!(closed.supervisor.is_empty(), "nobody asked for it");
    let listen = [("HOMEPORT_GATEWAY__SUPERVISOR__LISTEN", "[\"127.0.0.1:0\"]")];
    let stack = Stack::with_settings(&listen).await;
    let port = Client::new(stack.supervisor[0]);
    let ask = async |client: &Client, method: Method, path: &str, credential: Option<&str>| {
        let answer = client.call(method, path).credential(credential).send().await;
        (answer.status, answer.text().to_owned())
    };
    let key = Some("Bearer root");
    let unauthorized = (StatusCode::UNAUTHORIZED, "Unauthorized".to_owned());
    for client in [&port, &stack.client] {
        let path = "/v1/regenerate-api-key";
        assert_eq!(ask(client, Method::POST, path, None).await, unauthorized);
        assert_eq!(ask(client, Method::GET, path, None).await, unauthorized);
        assert_eq!(ask(client, Method::POST, "/v1/nothing", None).await, unauthorized);
        assert_eq!(ask(client, Method::GET, path, key).await.0, StatusCode::NOT_FOUND, "not 405");
        assert_eq!(ask(client, Method::POST, "/v1/nothing", key).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask(client, Method::POST, "/v1/nothing?apikey=root", None).await.0, StatusCode::NOT_FOUND);
    }
    for path in ["/api/status", "/status", "/healthz", "/auth/supervisor_keys", "/plugins/a/", "/docs"] {
        assert_eq!(ask(&port, Method::GET, path, Some("Bearer good")).await.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(ask(&port, Method::GET, path, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
}
