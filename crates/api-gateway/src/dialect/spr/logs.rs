//! `GET /logs`: what Homeport's own containers printed, with the keys that the journal has for containers.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use homeport_proto::docker::v1::{LogLine, ReadOwnLogsRequest};
use serde_json::{Value, json};

use crate::{
    app::App,
    gate::Caller,
    problem::Problem,
    upstream::{of_docker, within},
};

/// As many as clients know.
const LINES: u32 = 2000;
/// Several logs are read for one answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Characters of an id that people know a container by.
const SHORT_ID: usize = 12;
/// What the journal calls the two outputs: an error, and information.
const PRIORITIES: [&str; 2] = ["6", "3"];

/// The newest lines, newest first. For administrators: the log of the first start may have the first password in it.
pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<Value>>, Problem> {
    caller.require_unscoped()?;
    let request = within(LIMIT, ReadOwnLogsRequest { lines: LINES });
    let lines = of_docker(app.upstream.observe().read_own_logs(request).await)?.lines;
    Ok(Json(lines.iter().map(entry).collect()))
}

fn entry(line: &LogLine) -> Value {
    let at = line.at.unwrap_or_default();
    let microseconds = at.seconds.saturating_mul(1_000_000) + i64::from(at.nanos / 1000);
    json!({
        "__REALTIME_TIMESTAMP": microseconds.to_string(),
        "PRIORITY": PRIORITIES[usize::from(line.is_error)],
        "SYSLOG_IDENTIFIER": line.container_name,
        "CONTAINER_NAME": line.container_name,
        "CONTAINER_ID": line.container_id.get(..SHORT_ID).unwrap_or(&line.container_id),
        "CONTAINER_ID_FULL": line.container_id,
        "IMAGE_NAME": line.image,
        "MESSAGE": line.text,
    })
}
