//! The plugins that ship, each behind the gateway, as their manifests say.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, binary, root, until, until_ok};
use homeport_proto::auth::v1::{ListAuditRequest, VerifyAuditRequest, audit_service_client::AuditServiceClient};
use homeport_service::rpc::connect;
use reqwest::Method;
use serde_json::json;

use crate::{Program, World};

/// Of the system, whose packages have the libraries.
pub const PYTHON: &str = "/usr/bin/python3";
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn hello_has_a_page(world: &World) -> Outcome {
    let socket = world.socket("hello")?;
    let _plugin = Program::start(Command::new(PYTHON).arg(root().join("plugins/hello/plugin.py")).arg(&socket))?;
    until("the plugin listens", PATIENCE, || socket.exists())?;
    world.list(&world.manifest("hello")?)?;
    let page = until_ok("the page", PATIENCE, || {
        let (status, page) = world.get("/plugins/hello/")?;
        ensure!(status == 200, "{status}");
        Ok(page)
    })?;
    ensure!(page.as_str().is_some_and(|page| page.contains("Hello from a plugin")), "{page}");
    let (status, answer) = world.get("/plugins/hello/world")?;
    ensure!(status == 200 && answer["prefix"] == "/plugins/hello" && answer["path"] == "/world", "{answer}");
    Ok(())
}

pub fn db_answers_as_curl_asks_it(world: &World) -> Outcome {
    let socket = world.socket("db")?;
    let _plugin = Program::start(
        Command::new(binary("homeport-plugin-db")).env("HOMEPORT_STATE", world.stack.directory().join("state")),
    )?;
    until("the plugin listens", PATIENCE, || socket.exists())?;
    world.list(&world.manifest("db")?)?;
    world.publish("edge:db", &json!({ "number": 1 }))?;
    // From the directory that Homeport is installed in, word for word as SPR's documentation has it.
    let curl = || {
        let mut curl = Command::new("curl");
        curl.current_dir(world.stack.directory()).args(["-s", "--unix-socket", "./state/plugins/db/socket", "0/stats"]);
        let output = curl.output().context("curl is needed")?;
        let stats: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let topics = stats["topics"].as_array().context("no topics")?;
        ensure!(topics.iter().any(|topic| topic["topic"] == "edge"), "{stats}");
        Ok(())
    };
    until_ok("the event is kept", PATIENCE, curl)?;
    let (status, page) = world.get("/plugins/db/events?topic=edge:&limit=5")?;
    ensure!(status == 200 && page["events"][0]["value"] == r#"{"number":1}"#, "{page}");
    let (_, document) = world.get("/openapi.json")?;
    ensure!(document["paths"]["/plugins/db/stats"]["get"].is_object(), "its description is not in the gateway's");
    Ok(())
}

pub fn dyndns_keeps_a_real_name_server(world: &World) -> Outcome {
    let folder = root().join("plugins/dyndns");
    let output = Command::new(PYTHON).args(["-W", "ignore"]).arg(folder.join("test_plugin.py")).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}\nIt needs the packages knot and python3-dnspython.");
    let socket = world.socket("dyndns")?;
    let _plugin = Program::start(Command::new(PYTHON).arg(folder.join("plugin.py")).arg(&socket))?;
    until("the plugin listens", PATIENCE, || socket.exists())?;
    world.list(&world.manifest("dyndns")?)?;
    let settings = json!({ "Source": { "Kind": "fixed", "IPv4": "198.51.100.7" } });
    let (status, answer) = world.stack.request(Method::PUT, "/plugins/dyndns/config", Some(&settings))?;
    ensure!(status == 200 && answer["IntervalSeconds"] == 300, "{status} {answer}");
    let (status, answer) = world.get("/plugins/dyndns/status")?;
    ensure!(status == 200 && answer["Records"] == json!([]), "{status} {answer}");
    Ok(())
}

pub fn notify_is_built_and_tells_of_events(world: &World) -> Outcome {
    let folder = root().join("plugins/notify");
    let program = world.stack.directory().join("notify");
    go(&folder, &["vet", "."])?;
    go(&folder, &["test", "."])?;
    go(&folder, &["build", "-o", &program.display().to_string(), "."])?;
    let socket = world.socket("notify")?;
    let bus = world.stack.directory().join("state/api/eventbus.sock");
    let _plugin = Program::start(Command::new(&program).arg("-socket").arg(&socket).arg("-bus").arg(bus))?;
    until("the plugin listens", PATIENCE, || socket.exists())?;
    world.list(&world.manifest("notify")?)?;
    let receiver = TcpListener::bind("127.0.0.1:0")?;
    let hook = format!("http://{}/hook", receiver.local_addr()?);
    let settings = json!({ "Hooks": [{ "URL": hook, "Topics": ["edge:notify"] }] });
    until_ok("the settings are taken", PATIENCE, || {
        let (status, answer) = world.stack.request(Method::PUT, "/plugins/notify/config", Some(&settings))?;
        ensure!(status == 200, "{status} {answer}");
        Ok(())
    })?;
    // Its subscription may not stand yet; what was published before it does is not heard.
    receiver.set_nonblocking(true)?;
    let heard = until_ok("the event arrives", PATIENCE, || {
        world.publish("edge:notify", &json!({ "said": "so" }))?;
        std::thread::sleep(Duration::from_millis(50));
        let (mut stream, _) = receiver.accept()?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&request).contains(r#""said":"so""#) {
            match stream.read(&mut part)? {
                0 => break,
                length => request.extend_from_slice(&part[..length]),
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        Ok(String::from_utf8_lossy(&request).into_owned())
    })?;
    ensure!(heard.starts_with("POST /hook") && heard.contains(r#""topic":"edge:notify""#), "{heard}");
    Ok(())
}

/// What the engine broker refuses is in the audit trail, although docker-agent calls nobody for it.
pub fn a_refusal_of_the_engine_is_in_the_record(world: &World) -> Outcome {
    let socket = world.socket("knocker")?.with_file_name("engine.sock");
    let entry = json!({
        "Name": "knocker", "URI": "knocker", "UnixPath": "/state/plugins/knocker/socket", "Enabled": true, "Engine": {},
    });
    world.list(&entry)?;
    let answer = until_ok("the engine's socket is there", PATIENCE, || {
        let mut stream = UnixStream::connect(&socket)?;
        stream.write_all(b"POST /swarm/init HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })?;
    ensure!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let auth = world.stack.directory().join("state/auth/auth.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut audit = AuditServiceClient::new(connect(&auth));
        let row = ListAuditRequest {
            after: Some(0),
            wait_ms: 10_000,
            action: "engine_denied".to_owned(),
            ..Default::default()
        };
        let rows = audit.list_audit(row).await?.into_inner().rows;
        let entry = rows.first().and_then(|row| row.entry.clone()).context("no row")?;
        ensure!(entry.principal_name == "knocker" && entry.path == "/swarm/init" && entry.status == 403, "{entry:?}");
        let verdict = audit.verify_audit(VerifyAuditRequest::default()).await?.into_inner();
        ensure!(verdict.broken_at.is_none(), "{}", verdict.reason);
        Ok(())
    })
}

pub fn go(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut go = Command::new("go");
    go.current_dir(folder).args(arguments).env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    let output = go.output().context("Go is needed; install the package golang-go")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go {}: {said}", arguments.join(" "));
    Ok(())
}
