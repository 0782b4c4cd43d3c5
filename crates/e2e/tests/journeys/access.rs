//! Who reaches what.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};

use crate::World;

const ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/health"),
    ("GET", "/api/status"),
    ("GET", "/api/check"),
    ("GET", "/api/container/x/recheck"),
    ("GET", "/api/operations"),
    ("GET", "/api/operations/x"),
    ("GET", "/api/events"),
    ("POST", "/api/update"),
    ("POST", "/api/update/batch"),
    ("POST", "/api/rollback"),
    ("POST", "/api/trigger-check"),
    ("POST", "/api/plan"),
    ("POST", "/api/plan/batch"),
    ("GET", "/metrics"),
    ("GET", "/tokens"),
    ("PUT", "/tokens"),
    ("DELETE", "/tokens"),
    ("GET", "/auth/me"),
    ("POST", "/auth/change-password"),
    ("GET", "/plugins/hello/"),
    ("GET", "/"),
    ("GET", "/nowhere"),
];

fn status(world: &World, method: &str, path: &str, token: Option<&str>) -> anyhow::Result<u16> {
    let client =
        Client::builder().timeout(Duration::from_secs(30)).redirect(reqwest::redirect::Policy::none()).build()?;
    let mut request = client.request(Method::from_bytes(method.as_bytes())?, format!("{}{path}", world.stack.url()));
    if method != "GET" {
        request = request.json(&json!({}));
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Ok(request.send()?.status().as_u16())
}

pub fn every_route_needs_a_credential(world: &World) -> Outcome {
    for (method, path) in ROUTES {
        let without = status(world, method, path, None)?;
        ensure!(without == 401, "{method} {path} without a credential: {without}");
        let garbage = status(world, method, path, Some("garbage"))?;
        ensure!(garbage == 401, "{method} {path} with garbage: {garbage}");
    }
    ensure!(status(world, "GET", "/healthz", None)? == 200);
    Ok(())
}

pub fn a_scoped_token_reaches_only_its_paths(world: &World) -> Outcome {
    let body = json!({"Name": "widget", "Expire": 0, "ScopedPaths": ["/api/status:r", "/api/operations"]});
    let (code, token) = world.stack.request(Method::PUT, "/tokens", Some(&body))?;
    let secret = token["Token"].as_str().with_context(|| format!("{code} {token}"))?;
    for (method, path, expected) in [
        ("GET", "/api/status", 200),
        ("GET", "/api/operations?limit=1", 200),
        ("POST", "/api/status", 403),
        ("GET", "/api/statusx", 403),
        ("POST", "/api/update", 403),
        ("GET", "/tokens", 401),
        ("GET", "/api/operations/../update", 403),
    ] {
        let got = status(world, method, path, Some(secret))?;
        ensure!(got == expected, "{method} {path}: {got} instead of {expected}");
    }
    let (code, _) = world.stack.request(Method::DELETE, "/tokens", Some(&json!({"Token": secret})))?;
    ensure!(code == 200, "deleting it answered {code}");
    until("the deleted token is refused", Duration::from_secs(1), || {
        status(world, "GET", "/api/status", Some(secret)).is_ok_and(|code| code == 401)
    })
}

pub fn a_plugin_appears_within_a_second(world: &World) -> Outcome {
    let (state, configs) = (world.stack.directory().join("state"), world.stack.directory().join("configs"));
    let socket = state.join("plugins/hello/socket");
    std::fs::create_dir_all(socket.parent().context("no parent")?)?;
    let plugin = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/hello/plugin.py");
    let mut child =
        Command::new("python3").arg(plugin).arg(&socket).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let entry = |enabled: bool| json!({"Plugins": [{"Name": "hello", "URI": "hello", "UnixPath": "/state/plugins/hello/socket", "Enabled": enabled}]});
    let file = configs.join("base/api.json");
    let answers = |expected: u16| {
        let answer = world.stack.request(Method::GET, "/plugins/hello/", None);
        answer.is_ok_and(|(code, _)| code == expected)
    };
    let outcome = until("the plugin listens", Duration::from_secs(5), || socket.exists())
        .and_then(|()| Ok(std::fs::write(&file, serde_json::to_vec(&entry(true))?)?))
        .and_then(|()| until("it is served", Duration::from_secs(1), || answers(200)))
        .and_then(|()| {
            let (_, body) = world.stack.request(Method::GET, "/plugins/hello/", None)?;
            ensure!(body != Value::Null, "it answered nothing");
            Ok(())
        })
        .and_then(|()| Ok(std::fs::write(&file, serde_json::to_vec(&entry(false))?)?))
        .and_then(|()| until("it is gone", Duration::from_secs(1), || answers(404)));
    child.kill()?;
    child.wait()?;
    outcome
}
