//! SPR's base API (§8.1), as far as it makes sense here.

use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{client::Answer, stack::Stack};

/// Name and password.
const BASIC: &str = "Basic YWRtaW46cmlnaHQ=";

async fn send(stack: &Stack, line: &str, body: &str) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    stack.client.call(method.parse().unwrap(), path).body(body.to_owned()).send().await
}

/// What a call does that answers nothing.
async fn done(stack: &Stack, line: &str, body: &str) {
    let answer = send(stack, line, body).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, ""), "{line}");
}

#[tokio::test]
async fn spr_8_1_a_version_is_wanted_or_the_newest() {
    let stack = Stack::start().await;
    let release = async |stack: &Stack| stack.client.get("/release").await.json();
    assert_eq!(
        release(&stack).await,
        json!({ "CustomChannel": "", "CustomVersion": "", "Current": env!("CARGO_PKG_VERSION") })
    );
    assert_eq!(stack.client.get("/releaseChannels").await.json(), json!(["main"]));
    done(&stack, "PUT /releaseSet", r#"{"CustomChannel":"main","CustomVersion":"0.2.0"}"#).await;
    assert_eq!(release(&stack).await["CustomVersion"], "0.2.0");
    for body in [r#"{"CustomChannel":"-dev"}"#, r#"{"CustomVersion":"a b"}"#] {
        assert_eq!(send(&stack, "PUT /releaseSet", body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(release(&stack).await["CustomVersion"], "0.2.0", "what cannot be leaves what was");
    done(&stack, "DELETE /releaseSet", "").await;
    assert_eq!(release(&stack).await["CustomVersion"], "");
}

#[tokio::test]
async fn spr_8_1_switches_are_read_and_turned() {
    let stack = Stack::start().await;
    for path in ["/autoupdate", "/checkupdates"] {
        for (method, expected) in [("PUT", true), ("DELETE", false), ("PUT", true)] {
            done(&stack, &format!("{method} {path}"), "").await;
            assert_eq!(stack.client.get(path).await.json(), expected, "{method} {path}");
        }
        let viewer = stack.client.call(Method::PUT, path).credential(Some("Bearer operator"));
        assert_eq!(viewer.send().await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn spr_8_1_an_update_is_waited_for_and_a_failure_told() {
    let stack = Stack::start().await;
    done(&stack, "PUT /update", "").await;
    assert!(stack.world.calls.lock().unwrap().contains(&"\"admin\"".to_owned()), "the history says who asked");
    done(&stack, "PUT /releaseSet", r#"{"CustomVersion":"broken"}"#).await;
    let failed = send(&stack, "PUT /update", "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failed.text().contains("does not exist on the registry"), "{}", failed.text());
    let restart = send(&stack, "PUT /restart", "").await;
    assert_eq!(
        (restart.status, restart.text()),
        (StatusCode::BAD_REQUEST, "Homeport does not run in containers here\n")
    );
}

#[tokio::test]
async fn spr_8_1_logs_have_the_journals_keys() {
    let stack = Stack::start().await;
    let logs = stack.client.get("/logs").await.json();
    assert_eq!(
        logs,
        json!([{
            "__REALTIME_TIMESTAMP": "1784800000000007", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "homeport-auth-1",
            "CONTAINER_NAME": "homeport-auth-1", "CONTAINER_ID": "0123456789ab", "CONTAINER_ID_FULL": "0123456789abcdef",
            "IMAGE_NAME": "homeport/homeport:local", "MESSAGE": "sign in as admin",
        }])
    );
    let operator = stack.client.call(Method::GET, "/logs").credential(Some("Bearer operator"));
    assert_eq!(operator.send().await.status, StatusCode::FORBIDDEN, "the first password may be in it");
}

#[tokio::test]
async fn spr_8_1_the_first_password_is_replaced_by_who_has_it() {
    let stack = Stack::start().await;
    let closed = stack.client.call(Method::GET, "/setup").credential(None).send().await;
    assert_eq!((closed.status, closed.text()), (StatusCode::BAD_REQUEST, "setup already done\n"));
    let put = async |credential: Option<&str>, body: &Value| {
        stack.client.call(Method::PUT, "/setup").credential(credential).body(body.to_string()).send().await.status
    };
    let body = json!({ "AdminPassword": "a long one", "CheckUpdates": true, "SSID": "ignored" });
    assert_eq!(put(Some(BASIC), &body).await, StatusCode::BAD_REQUEST);
    stack.world.first_password.store(true, Ordering::SeqCst);
    let open = stack.client.call(Method::GET, "/setup").credential(None).send().await;
    assert_eq!(open.json(), json!({ "status": "ok" }));
    assert_eq!(send(&stack, "PUT /setup_done", "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(put(None, &body).await, StatusCode::UNAUTHORIZED);
    assert_eq!(put(Some("Bearer good"), &body).await, StatusCode::UNAUTHORIZED, "a session is no password");
    assert_eq!(put(Some(BASIC), &json!({ "AdminPassword": "weak" })).await, StatusCode::BAD_REQUEST);
    assert!(!stack.world.release.lock().unwrap().check_updates);
    assert_eq!(put(Some(BASIC), &body).await, StatusCode::OK);
    assert!(stack.world.release.lock().unwrap().check_updates);
    done(&stack, "PUT /setup_done", "").await;
}

#[tokio::test]
async fn spr_8_1_the_machine_says_how_long_it_runs_and_for_whom() {
    let stack = Stack::start().await;
    let uptime = stack.client.get("/info/uptime").await.json();
    assert!(uptime["uptime_total_seconds"].as_f64().unwrap() > 0.0, "{uptime}");
    for key in ["load_1m", "load_5m", "load_15m"] {
        assert!(uptime[key].is_number(), "{key} in {uptime}");
    }
    assert!(uptime["users"].is_u64(), "{uptime}");
    assert_eq!(stack.client.get("/info/ss").await.status, StatusCode::BAD_REQUEST);
}

/// What belongs to a router, or has no meaning here: plugins take a 404 for "not here".
#[tokio::test]
async fn spr_8_1_what_is_left_out_is_not_found() {
    let stack = Stack::start().await;
    for path in [
        "/featureFlags",
        "/attestStatus",
        "/pluginAttest",
        "/backup",
        "/backup/x",
        "/firewall/enableTLS",
        "/customThemes",
        "/alerts",
        "/alerts/0",
        "/plusToken",
        "/plusTokenValid",
        "/devices",
        "/groups",
        "/dnsSettings",
        "/topology",
        "/hostapd/wlan0/config",
        "/uplink/ip",
        "/traffic/incoming",
        "/arp",
        "/subnetConfig",
        "/authorizedKeys",
    ] {
        let known = stack.client.get(path).await;
        assert_eq!((known.status, known.text()), (StatusCode::NOT_FOUND, "404 page not found\n"), "{path}");
        let stranger = stack.client.call(Method::GET, path).credential(None).send().await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

/// §6.4, line by line: who is let in to what, and what the others are told.
#[tokio::test]
async fn spr_6_4_the_order_of_decisions() {
    let stack = Stack::start().await;
    let ask = async |credential: Option<&str>, line: &str| {
        let (method, path) = line.split_once(' ').unwrap();
        stack.client.call(method.parse().unwrap(), path).credential(credential).send().await
    };
    for (credential, line, status) in [
        // 1. A valid token whose scope fits.
        (Some("Bearer good"), "GET /status", 200),
        (Some("Bearer good"), "GET /nothing", 404),
        (Some("Bearer good"), "POST /status", 405),
        // A valid token whose scope does not fit is none.
        (Some("Bearer scoped"), "GET /status", 401),
        (Some("Bearer scoped"), "GET /nothing", 401),
        (Some("Bearer root"), "GET /tokens", 401),
        // 2. Name and password.
        (Some(BASIC), "GET /status", 200),
        (Some("Basic YWRtaW46d3Jvbmc="), "GET /status", 401),
        (Some("Bearer good x"), "GET /status", 401),
        // 4. Nothing.
        (None, "GET /status", 401),
        (None, "PUT /tokens", 401),
        // 5. What is public.
        (None, "GET /cert", 404),
        (None, "GET /setup", 400),
        (None, "PUT /webauthn/login", 501),
    ] {
        let answer = ask(credential, line).await;
        assert_eq!(answer.status.as_u16(), status, "{line} as {credential:?}: {}", answer.text());
    }
    assert_eq!(ask(None, "GET /status").await.text(), "Unauthorized\n");
    // AlwaysOn, and what always takes the second factor.
    stack.world.factor.store(true, Ordering::SeqCst);
    let asked = ask(Some(BASIC), "GET /tokens").await;
    assert_eq!((asked.status, asked.header("location")), (StatusCode::FOUND, Some("/auth/validate")));
    assert_eq!(ask(Some("Bearer all"), "GET /tokens").await.status, StatusCode::UNAUTHORIZED, "a token is no person");
}

#[tokio::test]
async fn spr_8_1_a_slash_too_many_leads_to_the_route() {
    let stack = Stack::start().await;
    for (sent, location) in [("/status/", "/status"), ("/info/uptime/?a=b", "/info/uptime?a=b"), ("/logs/", "/logs")] {
        let answer = stack.client.get(sent).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::MOVED_PERMANENTLY, Some(location)),
            "{sent}"
        );
    }
    for sent in ["/nothing/", "/api/status/", "/info/a/b/"] {
        assert_eq!(stack.client.get(sent).await.status, StatusCode::NOT_FOUND, "{sent}");
    }
    let stranger = stack.client.call(Method::GET, "/status/").credential(None).send().await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}
