//! `/plugins_api` and `/plugin`

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use homeport_proto::auth::v1::{TokenKind, WatchRevocationsResponse};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Answer, GOOD},
    plugin,
    stack::{PATIENCE, Stack},
};

/// Name and password.
const BASIC: &str = "Basic YWRtaW46cmlnaHQ=";

async fn send(stack: &Stack, method: Method, path: &str, body: &Value) -> Answer {
    stack.client.call(method, path).body(body.to_string()).send().await
}

async fn send_as(stack: &Stack, credential: &str, path: &str, body: &Value) -> Answer {
    stack.client.call(Method::PUT, path).credential(Some(credential)).body(body.to_string()).send().await
}

#[tokio::test]
async fn entries_come_change_and_go() {
    let stack = Stack::start().await;
    let slash = stack.client.get("/plugins_api").await;
    assert_eq!((slash.status, slash.header("location")), (StatusCode::MOVED_PERMANENTLY, Some("/plugins_api/")));
    assert_eq!(stack.client.get("/plugins_api/").await.text(), "[]\n");
    let put =
        send(&stack, Method::PUT, "/plugins_api/a", &json!({ "name": "a", "uri": "a", "Mesh": { "x": 1 } })).await;
    assert_eq!((put.status, put.header("content-type")), (StatusCode::OK, Some("application/json")));
    let entry = &put.json()[0];
    assert_eq!(
        (&entry["Name"], &entry["Mesh"], &entry["ScopedPaths"]),
        (&json!("a"), &json!({ "x": 1 }), &Value::Null)
    );
    assert!(put.text().ends_with("]\n") && entry.get("SandboxedUI").is_none());
    let taken = send(&stack, Method::PUT, "/plugins_api/b", &json!({ "Name": "b", "URI": "taken" })).await;
    assert_eq!((taken.status, taken.text()), (StatusCode::BAD_REQUEST, "URI is taken\n"));
    for body in [json!([]), json!({ "Name": 7 }), json!({ "Name": "b", "Confirm": 7 })] {
        assert_eq!(send(&stack, Method::PUT, "/plugins_api/b", &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let restart = send(&stack, Method::PUT, "/plugins_api/unknown/restart", &Value::Null).await;
    assert_eq!((restart.status, restart.text()), (StatusCode::OK, ""));
    let update = send(&stack, Method::PUT, "/plugins_api/a/update_container", &Value::Null).await;
    assert_eq!(update.json(), json!({ "Updated": true, "GitUpdated": true, "ImageUpdated": false }));
    let away = send(&stack, Method::PUT, "/plugins_api/away/update_container", &Value::Null).await;
    assert_eq!(away.status, StatusCode::BAD_GATEWAY);
    let more = send(&stack, Method::PUT, "/plugins_api/more/update_container", &Value::Null).await;
    assert_eq!((more.status, &more.json()["Concerns"]), (StatusCode::CONFLICT, &json!(["service a is privileged"])));
    assert!(more.text().contains("put the plugin's entry"), "the request has no body to agree in: {}", more.text());
    let gone = stack.client.call(Method::DELETE, "/plugins_api/a").send().await;
    assert_eq!((gone.status, gone.text()), (StatusCode::OK, "[]\n"));
    let unknown = stack.client.call(Method::DELETE, "/plugins_api/a").body("{}").send().await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_former_paths_are_for_whole_credentials() {
    let stack = Stack::start().await;
    let entry = json!({ "Name": "a", "URI": "a" });
    assert_eq!(send(&stack, Method::PUT, "/plugins/a", &entry).await.status, StatusCode::OK);
    assert_eq!(stack.client.get("/plugins").await.json()[0]["Name"], "a");
    let scoped = "Bearer root";
    for (method, path) in [(Method::PUT, "/plugins/a"), (Method::DELETE, "/plugins/a"), (Method::GET, "/plugins")] {
        let call = stack.client.call(method, path).credential(Some(scoped)).body(entry.to_string());
        assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    // These are the plugin's own.
    for path in ["/plugins/a/restart", "/plugins/a/update_container", "/plugins/a/"] {
        let answer = send(&stack, Method::PUT, path, &entry).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path} is no plugin of this gateway, and nothing else");
    }
    assert_eq!(stack.client.call(Method::DELETE, "/plugins/a").send().await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_containers_ask_for_is_agreed_to_with_the_password() {
    let stack = Stack::start().await;
    *stack.world.concerns.lock().unwrap() = vec!["service a is privileged".to_owned()];
    let entry = json!({ "Name": "a", "URI": "a", "Enabled": true });
    let refused = send(&stack, Method::PUT, "/plugins_api/a", &entry).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let body = refused.json();
    assert_eq!((&body["error"], &body["Score"]), (&json!("consent_required"), &json!(40)));
    let mut agreed = entry.clone();
    agreed["Confirm"] = body["Concerns"].clone();
    assert_eq!(send(&stack, Method::PUT, "/plugins_api/a", &agreed).await.status, StatusCode::UNAUTHORIZED);
    let answer = send_as(&stack, BASIC, "/plugins_api/a", &agreed).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json()[0].get("Confirm").is_none(), "it is no part of the entry");
}

#[tokio::test]
async fn spr_5_2_another_repository_takes_password_and_second_factor() {
    let stack = Stack::start().await;
    let entry = |url: &str, enabled: bool| json!({ "Name": "a", "URI": "a", "GitURL": url, "Enabled": enabled });
    let put = async |credential: &str, proof: &str, body: &Value| {
        let call = stack.client.call(Method::PUT, "/plugins_api/a").credential(Some(credential));
        call.header("x-jwt-otp", proof).body(body.to_string()).send().await
    };
    let first = entry("https://example.org/a.git", false);
    assert_eq!(put(GOOD, "", &first).await.status, StatusCode::UNAUTHORIZED, "a session is no password");
    assert_eq!(put(BASIC, "", &first).await.status, StatusCode::OK, "nobody has a second factor");
    stack.world.factor.store(true, Ordering::SeqCst);
    let second = entry("https://example.org/b.git", false);
    let asked = put(BASIC, "", &second).await;
    assert_eq!((asked.status, asked.header("location")), (StatusCode::FOUND, Some("/auth/validate")));
    let switched = entry("https://example.org/a.git", true);
    assert_eq!(put(GOOD, "", &switched).await.status, StatusCode::OK, "to switch it on is no other repository");
    assert_eq!(put(BASIC, "wrong", &second).await.status, StatusCode::FOUND);
    assert_eq!(put(BASIC, "shown", &second).await.status, StatusCode::OK);
    assert_eq!(put(BASIC, "", &first).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn an_install_lists_writes_a_token_and_starts() {
    let stack = Stack::start().await;
    let url = json!("https://example.org/new.git");
    for path in ["/plugin/download_info", "/plugin/complete_install", "/plugin/install_user_url"] {
        let answer = send(&stack, Method::PUT, path, &url).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} without the password");
    }
    *stack.world.concerns.lock().unwrap() = vec!["service new opens port 80 of the host".to_owned()];
    assert_eq!(send_as(&stack, BASIC, "/plugin/install_user_url", &url).await.status, StatusCode::CONFLICT);
    let info = send_as(&stack, BASIC, "/plugin/download_info", &url).await.json();
    assert_eq!((&info["RuntimeReady"], &info["Score"], &info["Own"]), (&json!(true), &json!(40), &json!(1)));
    let refused = send_as(&stack, BASIC, "/plugin/complete_install", &info).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(stack.world.tokens.lock().unwrap().is_empty(), "no token for what was refused");
    let mut agreed = info.clone();
    agreed["Confirm"] = info["Concerns"].clone();
    let installed = send_as(&stack, BASIC, "/plugin/complete_install", &agreed).await;
    assert_eq!(installed.status, StatusCode::OK, "{}", installed.text());
    let entry = installed.json()[0].clone();
    assert_eq!((&entry["Enabled"], &entry["Own"], entry.get("Score")), (&json!(true), &json!(1), None));
    let token = stack.world.tokens.lock().unwrap()[0].clone();
    assert_eq!((token.name.as_str(), token.scopes), ("new-install-token", vec!["/status:r".to_owned()]));
    assert_eq!(stack.world.written.lock().unwrap()[0].0, "new");
    // Other scopes are another token, also where the containers do not start.
    let mut changed = entry.clone();
    changed["ScopedPaths"] = json!(["/version:r"]);
    changed["URI"] = "stuck".into();
    let stuck = send_as(&stack, BASIC, "/plugins_api/new", &changed).await;
    let expected = (StatusCode::INTERNAL_SERVER_ERROR, "plugin new is saved, but port 80 is in use\n");
    assert_eq!((stuck.status, stuck.text()), expected);
    assert_eq!(stack.client.get("/plugins_api/").await.json()[0]["URI"], "stuck");
    let tokens = stack.world.tokens.lock().unwrap().clone();
    assert_eq!((tokens.len(), tokens[0].scopes.clone()), (1, vec!["/version:r".to_owned()]));
    assert_eq!(stack.client.call(Method::DELETE, "/plugins_api/new").send().await.status, StatusCode::OK);
    assert!(stack.world.tokens.lock().unwrap().is_empty(), "a token ends with its plugin");
}

#[tokio::test]
async fn a_token_that_may_do_everything_is_agreed_to() {
    let stack = Stack::start().await;
    let mut entry = json!({
        "Name": "new", "URI": "new", "GitURL": "https://example.org/new", "InstallTokenPath": "/configs/plugins/new/token"
    });
    let refused = send_as(&stack, BASIC, "/plugin/complete_install", &entry).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("ConfirmUnscopedToken"), "{}", refused.text());
    entry["ConfirmUnscopedToken"] = true.into();
    assert_eq!(send_as(&stack, BASIC, "/plugin/complete_install", &entry).await.status, StatusCode::OK);
    assert!(stack.world.tokens.lock().unwrap()[0].scopes.is_empty());
}

#[tokio::test]
async fn a_token_with_scopes_makes_no_other_token() {
    let stack = Stack::start().await;
    let mut entry = json!({
        "Name": "new", "URI": "new", "ScopedPaths": ["/api:rw"], "InstallTokenPath": "/configs/plugins/new/token"
    });
    assert_eq!(send_as(&stack, "Bearer root", "/plugins_api/new", &entry).await.status, StatusCode::UNAUTHORIZED);
    assert!(stack.world.tokens.lock().unwrap().is_empty());
    entry["InstallTokenPath"] = "".into();
    assert_eq!(send_as(&stack, "Bearer root", "/plugins_api/new", &entry).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_cannot_be_written_is_none() {
    let stack = Stack::start().await;
    let entry = json!({
        "Name": "unwritable", "GitURL": "https://example.org/x", "ScopedPaths": ["/status"],
        "InstallTokenPath": "/configs/plugins/x/token",
    });
    assert_eq!(send_as(&stack, BASIC, "/plugin/complete_install", &entry).await.status, StatusCode::FORBIDDEN);
    assert!(stack.world.tokens.lock().unwrap().is_empty());
}

#[tokio::test]
async fn allowed_compose_files_need_the_password() {
    let stack = Stack::start().await;
    assert_eq!(stack.client.get("/plugin/custom_compose_paths").await.status, StatusCode::UNAUTHORIZED);
    let call = stack.client.call(Method::GET, "/plugin/custom_compose_paths").credential(Some(BASIC));
    assert_eq!(call.send().await.json(), json!(["plugins/hello/docker-compose.yml"]));
    let set = send_as(&stack, BASIC, "/plugin/custom_compose_paths", &json!(["a/b.yml"])).await;
    assert_eq!((set.status, set.text()), (StatusCode::OK, ""));
    assert_eq!(
        send_as(&stack, BASIC, "/plugin/custom_compose_paths", &json!({ "a": 1 })).await.status,
        StatusCode::BAD_REQUEST
    );
}

/// A plugin with a page that is shown in a sandbox, at `/plugins/page/`.
async fn with_page(stack: &Stack) -> plugin::Plugin {
    let (socket, path) = stack.plugin_socket("page");
    let plugin = plugin::start(&socket, "page");
    let entries = json!({ "Plugins": [
        { "Name": "page", "URI": "page", "UnixPath": path, "Enabled": true, "HasUI": true },
        { "Name": "open", "URI": "open", "UnixPath": path, "Enabled": true, "HasUI": true, "SandboxedUI": false },
        { "Name": "plain", "URI": "plain", "UnixPath": path, "Enabled": true },
    ] });
    std::fs::write(stack.api_json(), entries.to_string()).unwrap();
    stack.until_served("plain").await;
    plugin
}

#[tokio::test]
async fn a_page_gets_a_token_for_its_plugin_alone() {
    let stack = Stack::start().await;
    let _plugin = with_page(&stack).await;
    let path = "/plugin/ui_session";
    let session = |uri: &str, version: u32| json!({ "pluginURI": uri, "protocolVersion": version });
    let made = send(&stack, Method::PUT, path, &session("page", 1)).await;
    assert_eq!((made.status, made.values("cache-control")), (StatusCode::CREATED, vec!["no-store"]));
    let body = made.json();
    assert_eq!((&body["pluginURI"], &body["protocolVersion"]), (&json!("page"), &json!(1)));
    assert!(body["token"].is_string() && body["sessionId"].is_string());
    let token = stack.world.tokens.lock().unwrap()[0].clone();
    assert_eq!((token.subject.as_str(), token.kind()), ("page", TokenKind::Ui));
    let other = send(&stack, Method::PUT, path, &session("page", 2)).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.json(), json!({ "error": "unsupported_protocol", "supportedProtocolVersions": [1] }));
    for uri in ["open", "plain", "gone"] {
        assert_eq!(send(&stack, Method::PUT, path, &session(uri, 1)).await.status, StatusCode::FORBIDDEN, "{uri}");
    }
    assert_eq!(send_as(&stack, "Bearer root", path, &session("page", 1)).await.status, StatusCode::FORBIDDEN);
    let mut next = session("page", 1);
    next["replaceSessionId"] = body["sessionId"].clone();
    assert_eq!(send(&stack, Method::PUT, path, &next).await.status, StatusCode::CREATED);
    assert_eq!(stack.world.tokens.lock().unwrap().len(), 1, "the former one ended");
    // The id of another token is none of a page's.
    send(&stack, Method::PUT, "/tokens", &json!({ "Name": "other" })).await;
    let other = stack.world.tokens.lock().unwrap()[1].id.clone();
    for id in ["id0", "nothing", &other] {
        let gone = stack.client.call(Method::DELETE, &format!("{path}/{id}")).send().await;
        assert_eq!((gone.status, gone.text()), (StatusCode::NO_CONTENT, ""));
    }
    let left: Vec<_> = stack.world.tokens.lock().unwrap().iter().map(|token| token.name.clone()).collect();
    assert_eq!(left, ["other"]);
}

/// Opens the page as the good credential, and gives its token as it is shown.
async fn open_page(stack: &Stack) -> String {
    let session = json!({ "pluginURI": "page", "protocolVersion": 1 });
    let made = send(stack, Method::PUT, "/plugin/ui_session", &session).await;
    format!("Bearer {}", made.json()["token"].as_str().unwrap())
}

async fn as_page(stack: &Stack, token: &str) -> Answer {
    stack.client.call(Method::GET, "/plugins/page/x").credential(Some(token)).send().await
}

#[tokio::test]
async fn the_token_of_a_page_ends_with_the_credential_that_opened_it() {
    let stack = Stack::start().await;
    let _plugin = with_page(&stack).await;
    let token = open_page(&stack).await;
    let believed = async {
        loop {
            let before = stack.world.authorized.load(Ordering::SeqCst);
            assert_eq!(as_page(&stack, &token).await.status, StatusCode::OK);
            if stack.world.authorized.load(Ordering::SeqCst) == before {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, believed).await.expect("auth is asked about each request of a page");
    stack.world.revoked_credentials.lock().unwrap().push(GOOD.to_owned());
    let ended = WatchRevocationsResponse { credential_ids: vec!["session".to_owned()], ..Default::default() };
    stack.world.revocations.send(ended).unwrap();
    let started = Instant::now();
    while as_page(&stack, &token).await.status == StatusCode::OK {
        assert!(started.elapsed() < Duration::from_secs(1), "whoever opened the page is gone");
    }
    let asked = stack.world.authorized.load(Ordering::SeqCst);
    let refused = as_page(&stack, &token).await;
    assert_eq!(refused.header("x-spr-auth-error"), Some("invalid_token"), "the page can ask for another");
    let asked = stack.world.authorized.load(Ordering::SeqCst) - asked;
    assert!(asked <= 1, "an old password that is tried again and again would look like guesses");
}

#[tokio::test]
async fn a_page_whose_maker_nobody_knows_any_more_asks_for_another_token() {
    let mut stack = Stack::start().await;
    let _plugin = with_page(&stack).await;
    let token = open_page(&stack).await;
    assert_eq!(as_page(&stack, &token).await.status, StatusCode::OK);
    stack.restart(&[]).await;
    stack.until_served("page").await;
    let refused = as_page(&stack, &token).await;
    assert_eq!((refused.status, refused.header("x-spr-auth-error")), (StatusCode::UNAUTHORIZED, Some("invalid_token")));
    let token = open_page(&stack).await;
    assert_eq!(as_page(&stack, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_is_told_what_is_wrong_with_its_token_and_may_be_of_no_site() {
    let stack = Stack::start().await;
    let _plugin = with_page(&stack).await;
    for path in ["/plugins/page/x", "/status"] {
        let call = stack.client.call(Method::GET, path).credential(Some("Bearer sprui1_bad"));
        let answer = call.header("origin", "null").send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.json(), json!({ "error": "invalid_token" }));
        assert_eq!(answer.header("x-spr-auth-error"), Some("invalid_token"));
        let challenge = "Bearer realm=\"spr-plugin-ui\", error=\"invalid_token\"";
        assert_eq!(answer.header("www-authenticate"), Some(challenge));
    }
    let preflight = stack
        .client
        .call(Method::OPTIONS, "/plugins/page/x")
        .credential(None)
        .header("origin", "null")
        .header("access-control-request-method", "PUT")
        .send()
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, POST, PUT, DELETE, OPTIONS"));
    for name in ["X-Requested-With", "Content-Type", "Authorization", "SPR-Bearer", "X-JWT-OTP"] {
        assert!(preflight.header("access-control-allow-headers").unwrap().contains(name), "{name}");
    }
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    let exposed = stack.client.call(Method::GET, "/plugins/page/x").header("origin", "null").send().await;
    assert_eq!(exposed.header("access-control-expose-headers"), Some("X-SPR-Auth-Error, WWW-Authenticate"));
}

#[tokio::test]
async fn static_files_of_a_page_are_for_everybody_by_two_doors() {
    let stack = Stack::start().await;
    let _plugin = with_page(&stack).await;
    let get = async |path: &str, host: &str, credential: Option<&str>| {
        let call = stack.client.call(Method::GET, path).credential(credential);
        let call = if host.is_empty() { call } else { call.header("host", host) };
        call.send().await
    };
    let file = "/admin/custom_plugin/page/static/app.js";
    let framed = get(file, "", None).await;
    assert_eq!(framed.header("content-security-policy"), Some("sandbox allow-scripts"));
    assert_eq!(framed.text(), "framed");
    assert_eq!(get("/admin/custom_plugin/page/x", "", Some(GOOD)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get("/admin/custom_plugin/plain/static/app.js", "", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get("/admin/custom_plugin/page/static/../x", "", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get("/plugins/page/static/app.js", "", None).await.status, StatusCode::UNAUTHORIZED);
    let host = "page.plugins.spr.lan:8080";
    assert_eq!(get("/static/app.js", host, None).await.text(), "framed");
    assert_eq!(get("/static/app.js", "plain.plugins.spr.lan", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get("/a", host, None).await.status, StatusCode::UNAUTHORIZED);
    let seen = get("/a/b?c", host, Some(GOOD)).await.json();
    assert_eq!((&seen["uri"], &seen["headers"]["host"]), (&json!("/a/b?c"), &json!(host)));
    let decided = stack.world.paths.lock().unwrap().clone();
    assert!(decided.contains(&"GET /plugins/page/a/b".to_owned()), "scopes are about one path: {decided:?}");
}
