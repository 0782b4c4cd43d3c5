//! `GET /api/containers/{name}/inspect`: one container in the clients' own form of the engine's document.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::docker::v1::GetContainerRequest;
use serde_json::{Map, Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::of_docker,
};

/// What stands for a value that is not shown.
const MASK: &str = "********";
/// Parts of a variable's name that say that its value is a secret.
const SECRET: [&str; 12] =
    ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "PRIVATE", "COOKIE", "SALT", "DSN", "CERT", "SIGNATURE"];

/// Shows it. Secrets in its environment are masked unless `?secrets=true` asks for them with a credential that may do
/// everything.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Envelope<Value>, Problem> {
    let show = params.flag("secrets");
    if show {
        caller.require_unscoped()?;
        tracing::info!(container.name = name, principal.name = caller.name(), "secrets of a container are shown");
    }
    let answer =
        of_docker(app.upstream.containers().get_container(GetContainerRequest { container: name.clone() }).await);
    let container = answer.map_err(|problem| not_found(problem, &name))?.container.unwrap_or_default();
    let document: Value = serde_json::from_str(&container.inspect_json).map_err(|error| {
        tracing::error!(error = %error, "an inspect document is no JSON");
        Problem::new(Kind::Internal, "an internal error; the log has the details")
    })?;
    Ok(Envelope(view(&document, show)))
}

/// `ContainerInspect`.
fn view(document: &Value, show_secrets: bool) -> Value {
    let config = &document["Config"];
    json!({
        "id": text(&document["Id"]),
        "name": text(&document["Name"]).trim_start_matches('/'),
        "image": text(&config["Image"]),
        "created": text(&document["Created"]),
        "state": state(&document["State"]),
        "config": {
            "hostname": text(&config["Hostname"]),
            "user": text(&config["User"]),
            "env": environment(&config["Env"], show_secrets),
            "cmd": list(&config["Cmd"]),
            "entrypoint": list(&config["Entrypoint"]),
            "working_dir": text(&config["WorkingDir"]),
            "exposed_ports": each(&config["ExposedPorts"], |_| true.into()),
            "labels": each(&config["Labels"], Clone::clone),
        },
        "network_settings": networking(&document["NetworkSettings"]),
        "mounts": mapped(&document["Mounts"], mount),
        "host_config": host(&document["HostConfig"]),
        "labels": each(&config["Labels"], Clone::clone),
    })
}

fn state(state: &Value) -> Value {
    let mut view = json!({
        "status": text(&state["Status"]),
        "running": flag(&state["Running"]),
        "paused": flag(&state["Paused"]),
        "restarting": flag(&state["Restarting"]),
        "oom_killed": flag(&state["OOMKilled"]),
        "dead": flag(&state["Dead"]),
        "pid": number(&state["Pid"]),
        "exit_code": number(&state["ExitCode"]),
        "error": text(&state["Error"]),
        "started_at": text(&state["StartedAt"]),
        "finished_at": text(&state["FinishedAt"]),
    });
    if let Some(health) = state["Health"]["Status"].as_str().filter(|health| *health != "none") {
        view["health"] = health.into();
    }
    view
}

fn networking(settings: &Value) -> Value {
    let network = |network: &Value| {
        json!({
            "network_id": text(&network["NetworkID"]),
            "endpoint_id": text(&network["EndpointID"]),
            "gateway": text(&network["Gateway"]),
            "ip_address": text(&network["IPAddress"]),
            "mac_address": text(&network["MacAddress"]),
            "aliases": list(&network["Aliases"]),
        })
    };
    // Newer engines leave the address out at the top; then that of the first network stands there.
    let first = settings["Networks"].as_object().and_then(|networks| networks.values().next());
    let main = |field: &str| {
        let own = text(&settings[field]);
        if own.is_empty() { first.map_or("", |network| text(&network[field])) } else { own }
    };
    json!({
        "ip_address": main("IPAddress"),
        "gateway": main("Gateway"),
        "mac_address": main("MacAddress"),
        "ports": each(&settings["Ports"], bindings),
        "networks": each(&settings["Networks"], network),
    })
}

fn host(config: &Value) -> Value {
    json!({
        "binds": list(&config["Binds"]),
        "network_mode": text(&config["NetworkMode"]),
        "restart_policy": {
            "name": text(&config["RestartPolicy"]["Name"]),
            "maximum_retry_count": number(&config["RestartPolicy"]["MaximumRetryCount"]),
        },
        "port_bindings": each(&config["PortBindings"], bindings),
        "memory": number(&config["Memory"]),
        "memory_swap": number(&config["MemorySwap"]),
        "cpu_shares": number(&config["CpuShares"]),
        "cpu_period": number(&config["CpuPeriod"]),
        "cpu_quota": number(&config["CpuQuota"]),
        "privileged": flag(&config["Privileged"]),
        "readonly_rootfs": flag(&config["ReadonlyRootfs"]),
    })
}

fn mount(mount: &Value) -> Value {
    let source = if mount["Type"] == "volume" { text(&mount["Name"]) } else { text(&mount["Source"]) };
    json!({
        "type": text(&mount["Type"]),
        "source": source,
        "destination": text(&mount["Destination"]),
        "mode": text(&mount["Mode"]),
        "rw": flag(&mount["RW"]),
    })
}

fn bindings(list: &Value) -> Value {
    mapped(list, |binding| json!({ "host_ip": text(&binding["HostIp"]), "host_port": text(&binding["HostPort"]) }))
}

/// Values that may be secrets are masked; names stay, so that one sees what is set.
fn environment(list: &Value, show_secrets: bool) -> Value {
    mapped(list, |entry| {
        let entry = text(entry);
        match entry.split_once('=') {
            Some((name, value)) if !show_secrets && is_secret(name, value) => format!("{name}={MASK}").into(),
            _ => entry.into(),
        }
    })
}

/// By the name, or because the value is an address with a password in it.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let has_password = value.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/')
            .next()
            .and_then(|authority| authority.rsplit_once('@'))
            .is_some_and(|(user, _)| user.contains(':'))
    });
    !value.is_empty() && (has_password || SECRET.iter().any(|part| name.contains(part)))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// A list of texts; the engine writes an empty one as null.
fn list(value: &Value) -> Value {
    mapped(value, Clone::clone)
}

fn mapped(value: &Value, view: impl Fn(&Value) -> Value) -> Value {
    value.as_array().into_iter().flatten().map(view).collect()
}

/// An object with each value in its clients' form.
fn each(value: &Value, view: impl Fn(&Value) -> Value) -> Value {
    let fields = value.as_object().into_iter().flatten();
    Value::Object(fields.map(|(key, value)| (key.clone(), view(value))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_by_form() {
        for (name, value) in [
            ("POSTGRES_PASSWORD", "x"),
            ("api_key", "x"),
            ("GITHUB_TOKEN", "x"),
            ("DATABASE_URL", "postgres://me:secret@db/app"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in
            [("PATH", "/bin"), ("TZ", "UTC"), ("URL", "http://db:80/a@b:c"), ("URL", "http://me@db/"), ("PASSWORD", "")]
        {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }

    #[test]
    fn an_empty_document_has_every_field() {
        let view = view(&json!({}), false);
        assert_eq!((&view["config"]["env"], &view["mounts"]), (&json!([]), &json!([])));
        assert_eq!((&view["network_settings"]["ports"], &view["labels"]), (&json!({}), &json!({})));
        assert_eq!(view["state"]["running"], false);
        assert_eq!(view["state"].get("health"), None);
    }
}
