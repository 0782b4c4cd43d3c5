//! A web page of the administrator's own, such as Docksmith's: files that are served where no route is, to everybody, as a
//! page must be before somebody can sign in on it.

use std::path::Path;

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    response::Response,
};
use http::{HeaderValue, Method, StatusCode, header};
use tower::ServiceExt as _;
use tower_http::services::{ServeDir, ServeFile};

use crate::path::CleanPath;

/// Files whose name tells what is in them.
const ASSETS: &str = "/assets/";
const ALWAYS: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const NEVER: HeaderValue = HeaderValue::from_static("no-cache, no-store, must-revalidate");

/// What a page may do: load its own files and call this machine, in no other page's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; \
     frame-ancestors 'none'",
);

/// The folder of a page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    files: ServeDir,
    index: ServeFile,
}

impl Page {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { files: ServeDir::new(folder), index: ServeFile::new(folder.join("index.html")) }
    }

    /// Answers with a file, or with the page itself for a view that has no file of its own. None: there is neither.
    pub(crate) async fn answer(&self, Asked { request, path, wants_page }: Asked) -> Option<Response> {
        let Ok(file) = self.files.clone().oneshot(request.clone()).await;
        let found = match file.status() {
            StatusCode::NOT_FOUND if wants_page => {
                let Ok(index) = self.index.clone().oneshot(request).await;
                index
            }
            _ => file,
        };
        (found.status() != StatusCode::NOT_FOUND).then(|| with_headers(found.map(Body::new), &path))
    }
}

/// A question for a page.
pub(crate) struct Asked {
    /// Without its body.
    request: Request<()>,
    path: String,
    /// A browser goes to an address, rather than a script asking for something.
    wants_page: bool,
}

impl Asked {
    /// What a request asks a page for. None: it is for no page.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let path = request.extensions().get::<CleanPath>()?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_routed = request.extensions().get::<MatchedPath>().is_some();
        if !reads || is_routed || !path.was_clean() || !is_public(path.as_str()) {
            return None;
        }
        let mut bare = Request::new(());
        *bare.method_mut() = request.method().clone();
        *bare.uri_mut() = request.uri().clone();
        *bare.headers_mut() = request.headers().clone();
        let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let wants_page = accepted.is_some_and(|kinds| kinds.contains("text/html"));
        Some(Self { request: bare, path: path.as_str().to_owned(), wants_page })
    }
}

/// Whether a file of this path may be shown: none of a dialect's API, and no hidden one.
fn is_public(path: &str) -> bool {
    path != "/api" && !path.starts_with("/api/") && !path.split('/').any(|segment| segment.starts_with('.'))
}

fn with_headers(mut response: Response, path: &str) -> Response {
    let headers = response.headers_mut();
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let kept = if is_page {
        NEVER
    } else if path.starts_with(ASSETS) {
        ALWAYS
    } else {
        AN_HOUR
    };
    headers.insert(header::CACHE_CONTROL, kept);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
