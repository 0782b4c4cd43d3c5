//! `GET /api/containers/{name}/logs`: what a container printed, as a whole or as it comes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use homeport_proto::docker::v1::{ReadLogsRequest, ReadLogsResponse};
use http::{HeaderValue, header};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Streaming;

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    listener::Ending,
    problem::{Kind, Problem},
    upstream::{of_docker, within},
    view,
};

/// Lines of a log that nobody gave a number for.
const USUAL_TAIL: u32 = 100;
/// Bytes of a log in one answer; of a longer one the newest.
const MAX_BYTES: usize = 16 << 20;
/// A log that is read as a whole must be here by then.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads it.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let request = request(&name, &params)?;
    if params.flag("follow") {
        return follow(app, caller, name, request).await;
    }
    let chunks = of_docker(app.upstream.observe().read_logs(within(LIMIT, request)).await);
    let chunks = chunks.map_err(|problem| not_found(problem, &name))?;
    let logs = newest(chunks).await?;
    let tail = params.text("tail").map_or_else(|| USUAL_TAIL.to_string(), str::to_owned);
    Ok(Envelope(json!({ "container": name, "logs": logs, "tail": tail })).into_response())
}

/// Goes on until the client leaves, its credential is taken back, or the container ends.
async fn follow(app: Arc<App>, caller: Caller, name: String, request: ReadLogsRequest) -> Result<Response, Problem> {
    let permit = Arc::clone(&app.tunnels).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::new(Kind::Unavailable, "too many logs are being followed"))?;
    let chunks = of_docker(app.upstream.endless_observe().read_logs(request).await);
    let chunks = chunks.map_err(|problem| not_found(problem, &name))?;
    let (ending, end) = Ending::with(Arc::clone(&app).until_over(caller));
    let body = Body::from_stream(held(chunks, permit).take_until(end));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let mut response = (Extension(ending), headers, body).into_response();
    // So that a reverse proxy hands on each line.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn held(
    chunks: Streaming<ReadLogsResponse>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, tonic::Status>> {
    stream::unfold((chunks, permit), |(mut chunks, permit)| async move {
        let next = chunks.next().await?;
        Some((next.map(|next| Bytes::from(next.chunk)), (chunks, permit)))
    })
}

/// The end of a log, as text, within the bound.
async fn newest(mut chunks: Streaming<ReadLogsResponse>) -> Result<String, Problem> {
    let (mut kept, mut length) = (VecDeque::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = of_docker(chunk.map(tonic::Response::new))?.chunk;
        length += chunk.len();
        kept.push_back(chunk);
        while length > MAX_BYTES
            && let Some(first) = kept.pop_front()
        {
            length -= first.len();
        }
    }
    let bytes: Vec<u8> = kept.into_iter().flatten().collect();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn request(name: &str, params: &Params) -> Result<ReadLogsRequest, Problem> {
    let tail = match params.text("tail") {
        None => Some(USUAL_TAIL),
        Some("all") => None,
        // As the engine does it: what is no number is no limit, and 0 is no line.
        Some(text) => text.parse::<u32>().ok(),
    };
    Ok(ReadLogsRequest {
        container: name.to_owned(),
        tail,
        since: time(params, "since")?,
        until: time(params, "until")?,
        timestamps: params.flag("timestamps"),
        follow: params.flag("follow"),
    })
}

/// RFC 3339, or Unix seconds with or without a fraction.
fn time(params: &Params, name: &str) -> Result<Option<prost_types::Timestamp>, Problem> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let time = view::parse_time(text).or_else(|| view::parse_unix(text));
    time.map(Some).ok_or_else(|| {
        Problem::bad_request(format!("{name} must be a time such as 2026-07-23T09:46:40Z, or Unix seconds"))
    })
}
