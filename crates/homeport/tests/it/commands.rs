//! Every capability of Docksmith's API has a command.

use clap::Parser as _;
use homeport::command::Cli;
use serde_json::json;

use crate::double::Double;

/// Method and path of a route, and a line that uses it; or why none does.
const LINES: &[(&str, &str, Result<&str, &str>)] = &[
    ("GET", "/api/health", Err("`homeport healthcheck` asks each service itself")),
    ("GET", "/api/status", Ok("homeport status")),
    ("GET", "/api/check", Err("the same as its POST")),
    ("POST", "/api/check", Ok("homeport check")),
    ("POST", "/api/trigger-check", Err("`homeport check` also shows what was found")),
    ("GET", "/api/container/{name}/recheck", Ok("homeport check web")),
    ("POST", "/api/explain", Ok("homeport explain web")),
    ("GET", "/api/registry/tags/{*image}", Ok("homeport registry tags nginx")),
    ("GET", "/api/docker-config", Ok("homeport registry")),
    ("POST", "/api/plan", Ok("homeport plan web --rehearse --script check.sh")),
    ("POST", "/api/plan/batch", Ok("homeport plan web db")),
    ("POST", "/api/update", Ok("homeport update web --to 1.27.0")),
    ("POST", "/api/update/batch", Ok("homeport update web db")),
    ("POST", "/api/rollback", Ok("homeport rollback web")),
    ("POST", "/api/rollback/containers", Ok("homeport rollback 0b8f6c52 web")),
    ("POST", "/api/fix-compose-mismatch/{name}", Ok("homeport fix-mismatch web")),
    ("GET", "/api/operations", Ok("homeport history --kind updates --container web")),
    ("GET", "/api/operations/{id}", Ok("homeport history show 0b8f6c52")),
    ("GET", "/api/operations/group/{id}", Err("`homeport update` follows the operations of its batch")),
    ("GET", "/api/history", Ok("homeport history checks")),
    ("DELETE", "/api/history/clear", Ok("homeport history clear --older-than 30")),
    ("GET", "/api/settings/{key}", Ok("homeport settings")),
    ("PUT", "/api/settings/{key}", Ok("homeport settings history_retention_days 30")),
    ("GET", "/api/policies", Ok("homeport rollback --list")),
    ("GET", "/api/scripts", Ok("homeport scripts")),
    ("GET", "/api/scripts/assigned", Ok("homeport scripts")),
    ("POST", "/api/scripts/assign", Ok("homeport scripts assign web check.sh")),
    ("DELETE", "/api/scripts/assign/{container}", Ok("homeport scripts unassign web")),
    ("GET", "/api/events", Ok("homeport events")),
    ("GET", "/api/explorer", Ok("homeport containers")),
    ("GET", "/api/images", Ok("homeport images")),
    ("DELETE", "/api/images/{*id}", Ok("homeport images remove nginx:1.26 --force")),
    ("GET", "/api/networks", Ok("homeport networks")),
    ("DELETE", "/api/networks/{id}", Ok("homeport networks remove front")),
    ("GET", "/api/volumes", Ok("homeport volumes")),
    ("DELETE", "/api/volumes/{name}", Ok("homeport volumes remove data")),
    ("POST", "/api/prune/containers", Ok("homeport prune containers")),
    ("POST", "/api/prune/images", Ok("homeport prune images --all --dry-run")),
    ("POST", "/api/prune/networks", Ok("homeport prune networks")),
    ("POST", "/api/prune/volumes", Ok("homeport prune volumes")),
    ("POST", "/api/prune/system", Ok("homeport prune system --volumes")),
    ("GET", "/api/containers/{name}/inspect", Ok("homeport inspect web --secrets")),
    ("GET", "/api/containers/{name}/logs", Ok("homeport logs web --follow --since 10m")),
    ("GET", "/api/containers/{name}/stats", Ok("homeport stats web")),
    ("GET", "/api/labels/{name}", Ok("homeport labels web")),
    ("POST", "/api/containers/{name}/start", Ok("homeport start web")),
    ("POST", "/api/containers/{name}/stop", Ok("homeport stop web --timeout 30 --force")),
    ("POST", "/api/containers/{name}/restart", Ok("homeport restart web")),
    ("POST", "/api/containers/{name}/pause", Ok("homeport pause web")),
    ("POST", "/api/containers/{name}/unpause", Ok("homeport unpause web")),
    ("POST", "/api/containers/{name}/kill", Ok("homeport kill web --signal SIGHUP")),
    ("DELETE", "/api/containers/{name}", Ok("homeport remove web --force --volumes")),
    ("POST", "/api/containers/batch/{action}", Ok("homeport stop web db")),
    ("POST", "/api/restart", Err("the same as the one without waiting, which the command follows itself")),
    ("POST", "/api/restart/container/{name}", Err("the same as the one without waiting")),
    ("POST", "/api/restart/stack/{name}", Err("the same as the one without waiting")),
    ("POST", "/api/restart/start/{name}", Ok("homeport restart web --dependents")),
    ("POST", "/api/restart/stack/start/{name}", Ok("homeport restart --stack site")),
    ("POST", "/api/labels/set", Ok("homeport labels web docksmith.ignore=true")),
    ("POST", "/api/labels/remove", Err("`homeport labels --remove` asks `labels/set` for it, with what is set")),
    ("POST", "/api/labels/batch", Err("a shell's loop does it for several containers")),
    ("POST", "/api/labels/rollback", Ok("homeport labels web --undo 0b8f6c52")),
];

/// Other APIs that have paths below the same prefix.
fn is_docksmiths(path: &str) -> bool {
    path.starts_with("/api/") && !path.starts_with("/api/auth/") && path != "/api/version"
}

#[test]
fn every_route_of_docksmith_has_its_command() {
    let routes = homeport_api_gateway::routes();
    for route in routes.iter().filter(|route| is_docksmiths(route.path)) {
        let is_listed = LINES.iter().any(|(method, path, _)| route.method == *method && route.path == *path);
        assert!(is_listed, "{} {} has no command, nor a reason why not", route.method, route.path);
    }
    for (method, path, line) in LINES {
        let exists = routes.iter().any(|route| route.method == *method && route.path == *path);
        assert!(exists, "there is no {method} {path}");
        if let Ok(line) = line {
            let parsed = Cli::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
        }
    }
}

#[test]
fn registries_and_tags_are_shown() {
    let double = Double::start()
        .data("GET /api/docker-config", [json!({ "registries": ["Docker Hub (index.docker.io)", "ghcr.io"] })])
        .data("GET /api/registry/tags/ghcr.io%2Fo%2Fi", [json!({ "tags": ["2.0", "1.0"], "truncated": true })]);
    double.run("registry").check(0, "Docker Hub (index.docker.io)\nghcr.io\n");
    let tags = double.run("registry tags ghcr.io/o/i");
    assert_eq!((tags.code, tags.out.as_str()), (0, "2.0\n1.0\n"));
    assert!(tags.err.contains("There are more"), "{tags:?}");
}

#[test]
fn one_looks_back_at_checks_and_single_operations_and_forgets_them() {
    let id = "0b8f6c52-7f0e-4c39-8a9d-0a0e3a2f4c11";
    let double = Double::start()
        .data("GET /api/history", [json!({ "history": [{ "container_name": "web", "status": "up_to_date" }] })])
        .data("GET /api/operations", [json!({ "operations": [{ "operation_id": id, "status": "complete" }] })])
        .data(&format!("GET /api/operations/{id}"), [json!({ "operation_id": id })])
        .data("DELETE /api/history/clear", [json!({ "deleted": 12 })]);
    let checks = double.run("history checks --limit 5");
    assert!(checks.code == 0 && checks.out.contains("up to date"), "{checks:?}");
    assert_eq!(double.asked("GET /api/history")[0].line, "GET /api/history?type=check&limit=5");
    let shown = double.run("history show 0b8f");
    assert!(shown.code == 0 && shown.out.contains(id), "{shown:?}");
    assert_eq!(double.run("history show 77").code, 1);
    double.run("history --kind updates --status failed");
    assert!(double.asked("GET /api/operations").last().unwrap().line.ends_with("limit=20&type=updates&status=failed"));
    double.run("history clear --older-than 30").check(0, "12 entries were forgotten\n");
    assert_eq!(double.asked("DELETE /api/history/clear")[0].body, json!({ "older_than_days": 30 }));
}

#[test]
fn several_are_updated_and_some_of_them_rolled_back() {
    let ended = |id: &str| json!({ "operation_id": id, "container_name": "2 containers", "status": "complete" });
    let started = json!({ "operations": [{ "containers": ["web", "db"], "operation_id": "op-1" }] });
    let way = json!({ "last_operation_id": "0b8f6c52-7f0e", "old_version": "1.26", "can_rollback": true });
    let double = Double::start()
        .data("POST /api/update/batch", [started])
        .data("GET /api/operations/op-1", [ended("op-1")])
        .data("GET /api/operations", [json!({ "operations": [{ "operation_id": "0b8f6c52-7f0e" }] })])
        .data("POST /api/rollback/containers", [json!({ "operation_id": "op-2" })])
        .data("GET /api/operations/op-2", [ended("op-2")])
        .data("GET /api/policies", [json!({ "containers": { "web": way } })]);
    assert_eq!(double.run("update web db").code, 0);
    let item = |name: &str| json!({ "name": name, "force": false, "rehearse": false });
    assert_eq!(double.asked("POST /api/update/batch")[0].body, json!({ "containers": [item("web"), item("db")] }));
    assert_eq!(double.run("update web db --to 2").code, 1);
    assert_eq!(double.run("rollback 0b8f6c52 web").code, 0);
    let asked = double.asked("POST /api/rollback/containers")[0].body.clone();
    assert_eq!(asked, json!({ "operation_id": "0b8f6c52-7f0e", "force": false, "container_names": ["web"] }));
    let list = double.run("rollback --list");
    assert!(list.code == 0 && list.out.contains("web") && list.out.contains("0b8f6c52"), "{list:?}");
}
