//! `GET /api/status`: what the last check found, at once.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::updater::v1::{GetStatusRequest, Snapshot};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::{
    envelope::{json_text, text},
    snapshot::Discovery,
};
use crate::{
    app::App,
    extract::Params,
    problem::{Kind, Problem},
    upstream::of_updater,
};

/// Polled several times a second while a page waits: whoever has the newest snapshot already is told so. It is on the
/// board; only while the updater does not tell of its snapshots is it asked.
pub(super) async fn get(State(app): State<Arc<App>>, headers: HeaderMap, params: Params) -> Result<Response, Problem> {
    if let Some(page) = app.board.page() {
        return Ok(page.answer(&headers, is_summary(&params)));
    }
    let answer = of_updater(app.upstream.checks().get_status(GetStatusRequest {}).await)?;
    let snapshot = answer.snapshot.unwrap_or_default();
    let tag = entity_tag(&snapshot, is_summary(&params));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| lists(value, &tag));
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { respond(&snapshot, &params)? };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// A snapshot, or with `?fields=summary` its counters and times alone.
pub(super) fn respond(snapshot: &Snapshot, params: &Params) -> Result<Response, Problem> {
    let discovery = if is_summary(params) { Discovery::summary(snapshot) } else { Discovery::full(snapshot) };
    text(&discovery).map(json_text).map_err(|error| {
        tracing::error!(error = %error, "a snapshot could not be written as JSON");
        Problem::new(Kind::Internal, "an internal error; the log has the details")
    })
}

fn is_summary(params: &Params) -> bool {
    params.text("fields") == Some("summary")
}

/// Weak, because the envelope's own time is not part of it.
pub(super) fn entity_tag(snapshot: &Snapshot, is_summary: bool) -> String {
    let digest = Sha256::digest(canonical(snapshot).encode_to_vec());
    let form = if is_summary { "s" } else { "f" };
    format!("W/\"{form}{}\"", hex::encode(&digest[..16]))
}

/// The maps of a message are encoded in any order; their hash must not depend on it.
fn canonical(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for container in &mut snapshot.containers {
        for labels in [std::mem::take(&mut container.labels), std::mem::take(&mut container.compose_labels)] {
            let mut labels: Vec<_> = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            labels.sort_unstable();
            container.dependencies.push(String::new());
            container.dependencies.append(&mut labels);
        }
    }
    snapshot
}

/// Whether an `If-None-Match` names a tag. Weak comparison: `W/` does not count.
pub(super) fn lists(value: &HeaderValue, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    value.to_str().is_ok_and(|text| text.trim() == "*" || text.split(',').any(|known| bare(known) == bare(tag)))
}

#[cfg(test)]
mod tests {
    use homeport_proto::updater::v1::CheckedContainer;

    use super::*;

    #[test]
    fn a_tag_does_not_depend_on_the_order_of_labels() {
        let labels = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        let snapshot = |names: &[&str]| Snapshot {
            containers: vec![CheckedContainer { labels: labels(names), ..CheckedContainer::default() }],
            ..Snapshot::default()
        };
        let tag = |names: &[&str]| entity_tag(&snapshot(names), false);
        assert_eq!(tag(&["a", "b", "c", "d"]), tag(&["d", "c", "b", "a"]));
        assert_ne!(tag(&["a", "b", "c", "d"]), tag(&["a", "b", "c"]));
    }

    #[test]
    fn lists_of_tags_are_searched() {
        let tag = "W/\"f1\"";
        for known in ["W/\"f1\"", "\"f1\"", "\"x\", W/\"f1\"", "*"] {
            assert!(lists(&HeaderValue::from_static(known), tag), "{known}");
        }
        assert!(!lists(&HeaderValue::from_static("\"f2\""), tag));
    }
}
