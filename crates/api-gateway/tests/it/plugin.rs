//! A real plugin: HTTP on a unix socket.

use std::{path::Path, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use futures::stream;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    task::JoinHandle,
};

/// Serves until it is dropped or aborted.
pub(crate) struct Plugin(JoinHandle<()>);

impl Drop for Plugin {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the plugin on a socket. It says its name in every answer.
pub(crate) fn start(socket: &Path, name: &'static str) -> Plugin {
    let router = Router::new()
        .route("/silent", any(std::future::pending::<()>))
        .route("/drip", get(drip))
        .route("/socket", get(socket_echo))
        .route("/framed", get(framed))
        .route("/openapi.json", get(describe))
        .route("/static/app.js", get(framed))
        .route("/teapot", any(|| async { (StatusCode::IM_A_TEAPOT, "short and stout") }))
        .fallback(any(move |request: Request| mirror(name, request)));
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).unwrap();
    Plugin(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

/// What it says of itself.
async fn describe() -> Response {
    let ok = json!({ "description": "ok", "content": { "text/plain": { "schema": { "$ref": "#/components/schemas/Frame" } } } });
    axum::Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "A plugin", "version": "1" },
        "paths": { "/framed": { "get": { "summary": "framed", "responses": { "200": ok } } } },
        "components": { "schemas": { "Frame": { "type": "object" } } },
    }))
    .into_response()
}

/// Says what arrived.
async fn mirror(name: &'static str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let headers: serde_json::Map<_, _> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").into())).collect();
    axum::Json(json!({
        "plugin": name,
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "body_bytes": body.len(),
        "body_start": String::from_utf8_lossy(&body[..body.len().min(64)]),
    }))
    .into_response()
}

/// Two pieces, half a second apart.
async fn drip() -> Response {
    let pieces = stream::unfold(0, |index| async move {
        match index {
            0 => Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b"one")), 1)),
            1 => {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Some((Ok(Bytes::from_static(b"two")), 2))
            }
            _ => None,
        }
    });
    Body::from_stream(pieces).into_response()
}

/// Headers that the gateway must override, and some that it must pass on.
async fn framed() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::X_FRAME_OPTIONS, "SAMEORIGIN".parse().unwrap());
    headers.insert(header::CACHE_CONTROL, "max-age=60".parse().unwrap());
    headers.insert(header::CONNECTION, "x-private".parse().unwrap());
    headers.insert("x-private", "1".parse().unwrap());
    headers.insert("x-own", "1".parse().unwrap());
    (headers, "framed").into_response()
}

/// Upgrades, then sends back whatever it gets, in upper case.
async fn socket_echo(mut request: Request) -> Response {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut stream = TokioIo::new(upgraded);
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            buffer[..length].make_ascii_uppercase();
            if stream.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    });
    let accept = request.headers().get("sec-websocket-key").cloned();
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    response.headers_mut().insert(header::CONNECTION, "upgrade".parse().unwrap());
    response.headers_mut().insert(header::UPGRADE, "websocket".parse().unwrap());
    if let Some(accept) = accept {
        response.headers_mut().insert("sec-websocket-accept", accept);
    }
    response
}
