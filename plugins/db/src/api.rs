//! HTTP on the plugin's socket. Who may ask is the gateway's affair.

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use homeport_service::telemetry::chain;
use homeport_store::StoreError;
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::events::{Event, Events, Question, Stats};

/// Events on a page.
const USUAL_LIMIT: i64 = 100;
const MOST: i64 = 1000;

pub(crate) fn router(events: Events) -> Router {
    Router::new()
        .route("/", get(|| async { "GET /stats, GET /events?topic=update:&from=&to=&before=&limit=\n" }))
        .route("/stats", get(stats))
        .route("/events", get(find))
        .route("/openapi.json", get(describe))
        .with_state(events)
}

enum Failure {
    Question(String),
    Store(StoreError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Question(text) => (StatusCode::BAD_REQUEST, text),
            Self::Store(error) => {
                tracing::error!(error = chain(&error), "the database could not be read");
                (StatusCode::INTERNAL_SERVER_ERROR, "the database could not be read; the log says why".to_owned())
            }
        };
        (status, Json(json!({ "error": text }))).into_response()
    }
}

async fn stats(State(events): State<Events>) -> Result<Json<Stats>, Failure> {
    events.stats().await.map(Json).map_err(Failure::Store)
}

#[derive(Debug, Deserialize)]
struct Parameters {
    topic: Option<String>,
    from: Option<String>,
    to: Option<String>,
    before: Option<i64>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Page {
    events: Vec<Event>,
    /// For the next page, as `before`. Null: this is the last.
    next: Option<i64>,
}

async fn find(State(events): State<Events>, Query(asked): Query<Parameters>) -> Result<Json<Page>, Failure> {
    let limit = asked.limit.unwrap_or(USUAL_LIMIT).clamp(1, MOST);
    let question = Question {
        topic: asked.topic.unwrap_or_default(),
        from: time(asked.from.as_deref(), "from")?.unwrap_or(i64::MIN),
        to: time(asked.to.as_deref(), "to")?.unwrap_or(i64::MAX),
        before: asked.before.unwrap_or(i64::MAX),
        limit,
    };
    let events = events.find(&question).await.map_err(Failure::Store)?;
    let is_full = i64::try_from(events.len()).is_ok_and(|found| found == limit);
    let next = events.last().filter(|_| is_full).map(|event| event.id);
    Ok(Json(Page { events, next }))
}

/// RFC 3339, or milliseconds since 1970.
fn time(text: Option<&str>, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse::<i64>().ok();
    let time = number.or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond));
    time.map(Some).ok_or_else(|| {
        Failure::Question(format!("{name} must be a time such as 2026-07-23T09:46:40Z, or milliseconds since 1970"))
    })
}

/// For the gateway's `/openapi.json`.
async fn describe() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../openapi.json")).into_response()
}
