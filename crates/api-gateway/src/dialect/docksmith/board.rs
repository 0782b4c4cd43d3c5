//! The newest snapshot, written as JSON once for all who poll it.

use std::{
    io::Write as _,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use homeport_proto::updater::v1::{Snapshot, WatchStatusRequest};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{
    envelope::text,
    snapshot::Discovery,
    status::{entity_tag, lists},
};
use crate::app::App;

/// Pause before the updater is asked again to tell of its snapshots.
const PAUSE: Duration = Duration::from_millis(500);

/// The newest snapshot in the forms in which it is asked for. Empty while the updater does not tell of any: then each
/// request asks it.
#[derive(Debug, Default)]
pub(crate) struct Board(RwLock<Option<Arc<Page>>>);

/// A snapshot, written out.
#[derive(Debug)]
pub(crate) struct Page {
    full: Form,
    summary: Form,
}

/// One form of it, as it is and compressed.
#[derive(Debug)]
struct Form {
    tag: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

impl Board {
    /// What is there to read.
    pub(super) fn page(&self) -> Option<Arc<Page>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, page: Option<Page>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = page.map(Arc::new);
    }

    fn shows(&self, tag: &str) -> bool {
        self.page().is_some_and(|page| page.full.tag == tag)
    }
}

/// Keeps the board up to date until the gateway drains.
pub(crate) fn follow(app: &Arc<App>) {
    let (app, drain) = (Arc::clone(app), app.context.drain().clone());
    app.context.clone().spawn("status", async move {
        let work = async {
            loop {
                watch(&app).await;
                app.board.put(None);
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = drain.cancelled() => {}
            () = work => {}
        }
    });
}

/// Takes every snapshot that the updater tells of, until it tells no more.
async fn watch(app: &App) {
    let mut snapshots = match app.upstream.check_stream().watch_status(WatchStatusRequest {}).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return tracing::debug!(code = ?status.code(), "the updater does not tell of its snapshots"),
    };
    while let Ok(Some(answer)) = snapshots.message().await {
        let snapshot = answer.snapshot.unwrap_or_default();
        if app.board.shows(&entity_tag(&snapshot, false)) {
            continue;
        }
        // Writing and compressing the state of hundreds of containers takes some milliseconds.
        match tokio::task::spawn_blocking(move || Page::new(&snapshot)).await {
            Ok(Some(page)) => app.board.put(Some(page)),
            _ => return tracing::error!("a snapshot could not be written as JSON"),
        }
    }
}

impl Page {
    fn new(snapshot: &Snapshot) -> Option<Self> {
        let form = |is_summary: bool| {
            let discovery = if is_summary { Discovery::summary(snapshot) } else { Discovery::full(snapshot) };
            let plain = text(&discovery).ok()?;
            let tag = HeaderValue::try_from(entity_tag(snapshot, is_summary)).ok()?;
            Some(Form { tag, gzip: compressed(plain.as_bytes())?, plain: plain.into() })
        };
        Some(Self { full: form(false)?, summary: form(true)? })
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap, is_summary: bool) -> Response {
        let form = if is_summary { &self.summary } else { &self.full };
        // Nearly all send exactly what they were given.
        let is_known = headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .any(|value| *value == form.tag || form.tag.to_str().is_ok_and(|tag| lists(value, tag)));
        let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { form.response(headers) };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, form.tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

impl Form {
    fn response(&self, headers: &HeaderMap) -> Response {
        let is_gzip = headers.get_all(header::ACCEPT_ENCODING).iter().any(accepts_gzip);
        let mut response = Response::new(Body::from(if is_gzip { self.gzip.clone() } else { self.plain.clone() }));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Whether an `Accept-Encoding` takes gzip. A weight of 0 is a refusal.
fn accepts_gzip(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| {
        text.split(',').any(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let weight =
                parameters.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
        })
    })
}

fn compressed(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
            ("gzipped", false),
        ] {
            assert_eq!(accepts_gzip(&HeaderValue::from_static(value)), expected, "{value}");
        }
    }
}
