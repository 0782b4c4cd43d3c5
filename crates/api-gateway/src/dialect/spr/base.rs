//! What clients ask first: is it there, what is it, what can it do, what time is it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::Uri,
    response::{IntoResponse as _, Response},
};
use homeport_proto::docker::v1::GetContainerRequest;
use homeport_service::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{
    app::App,
    problem::{Kind, Problem},
    upstream::of_docker,
};

/// What this installation can do, in Homeport's own words; a client looks for the ones that it knows.
const FEATURES: [&str; 6] = ["containers", "events", "plugins", "rollback", "tokens", "updates"];
/// Containers that may be asked about at once.
const MAX_PLUGINS: usize = 50;
/// Labels that tell a version: SPR's own, and what everybody else has.
const VERSION_LABELS: [&str; 2] = ["org.supernetworks.version", "org.opencontainers.image.version"];

/// `GET /status`.
pub(super) async fn status() -> Json<&'static str> {
    Json("Online")
}

/// `GET /features`.
pub(super) async fn features() -> Json<[&'static str; 6]> {
    Json(FEATURES)
}

/// `GET /time`.
pub(super) async fn time() -> Json<Value> {
    Json(json!({ "unix": SystemClock.now().as_second() }))
}

/// `GET /version`: Homeport's; with `?plugin=` that of a container, with several an object of all of them.
pub(super) async fn version(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).map(|pairs| pairs.0);
    let names = pairs.unwrap_or_default().into_iter().filter(|(key, name)| key == "plugin" && !name.is_empty());
    let names: Vec<String> = names.map(|(_, name)| name).collect();
    if names.len() > MAX_PLUGINS {
        return Err(Problem::bad_request(format!("at most {MAX_PLUGINS} plugins at once")));
    }
    match &names[..] {
        [] => Ok(Json(env!("CARGO_PKG_VERSION")).into_response()),
        [name] => match version_of(&app, name).await? {
            Some(version) => Ok(Json(version).into_response()),
            None => Err(Problem::bad_request(format!("no version of {name} is known"))),
        },
        _ => {
            let mut versions = BTreeMap::new();
            for name in &names {
                versions.insert(name.clone(), version_of(&app, name).await?.unwrap_or_default());
            }
            Ok(Json(versions).into_response())
        }
    }
}

async fn version_of(app: &App, name: &str) -> Result<Option<String>, Problem> {
    let request = GetContainerRequest { container: name.to_owned() };
    match of_docker(app.upstream.containers().get_container(request).await) {
        Ok(answer) => {
            let labels = answer.container.unwrap_or_default().labels;
            Ok(VERSION_LABELS.iter().find_map(|label| labels.get(*label)).cloned())
        }
        Err(problem) if matches!(problem.kind(), Kind::NotFound | Kind::BadRequest) => Ok(None),
        Err(problem) => Err(problem),
    }
}
