//! Answers: the broker's own, and the engine's where they would show more than the plugin's part.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{HeaderMap, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{LABEL, manifest::Grant};

/// Any body.
pub(super) type Body = BoxBody<Bytes, hyper::Error>;

/// What a client has to know of the engine; the rest is the host's: paths, registries, addresses, names.
const INFO: [&str; 22] = [
    "ID",
    "Architecture",
    "CgroupDriver",
    "CgroupVersion",
    "CpuCfsPeriod",
    "CpuCfsQuota",
    "CPUSet",
    "CPUShares",
    "DefaultRuntime",
    "Driver",
    "Isolation",
    "KernelVersion",
    "MemTotal",
    "MemoryLimit",
    "NCPU",
    "OSType",
    "OSVersion",
    "OperatingSystem",
    "PidsLimit",
    "ServerVersion",
    "SwapLimit",
    "SystemTime",
];

/// A whole body.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A refusal or failure, as the engine writes its own.
pub(super) fn message(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &json!({ "message": message }))
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Takes the headers out that are about the one connection.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::TRAILER] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// A list without what is not the plugin's, whatever the engine made of the filter.
pub(super) fn own(grant: &Grant, listed: &str, value: Value) -> Value {
    let is_own = |item: &Value| item["Labels"][LABEL].as_str() == Some(grant.plugin.as_str());
    match value {
        Value::Array(items) => items.into_iter().filter(is_own).collect(),
        Value::Object(mut fields) if listed == "volumes" && fields.contains_key("Volumes") => {
            let volumes = fields.remove("Volumes").unwrap_or_default();
            let volumes: Vec<Value> =
                volumes.as_array().into_iter().flatten().filter(|item| is_own(item)).cloned().collect();
            fields.insert("Volumes".to_owned(), volumes.into());
            fields.into()
        }
        other => other,
    }
}

/// Only images that the manifest names, each by those names alone.
pub(super) fn images(grant: &Grant, value: Value) -> Value {
    let Value::Array(images) = value else { return json!([]) };
    images
        .into_iter()
        .filter_map(|mut image| {
            for names in ["RepoTags", "RepoDigests"] {
                let named: Vec<Value> = image[names]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|name| name.as_str().is_some_and(|name| grant.allows_image(name)))
                    .cloned()
                    .collect();
                image[names] = named.into();
            }
            let is_named = ["RepoTags", "RepoDigests"].iter().any(|names| image[*names] != json!([]));
            is_named.then_some(image)
        })
        .collect()
}

/// What a client has to know.
pub(super) fn info(value: &Value) -> Value {
    let shown: Map<String, Value> =
        INFO.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone()))).collect();
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            plugin: "a".to_owned(),
            images: vec!["alpine:3".parse().unwrap()],
            ports: vec![],
            max_containers: 1,
            max_memory_bytes: 1 << 20,
        }
    }

    #[test]
    fn only_what_is_its_own_is_shown() {
        let (mine, other) = (json!({ "Labels": { LABEL: "a" } }), json!({ "Labels": { LABEL: "b" } }));
        let list = json!([mine, other, { "Labels": null }, {}]);
        assert_eq!(own(&grant(), "containers", list), json!([mine]));
        let volumes = json!({ "Volumes": [mine, other], "Warnings": null });
        assert_eq!(own(&grant(), "volumes", volumes), json!({ "Volumes": [mine], "Warnings": null }));
        let listed = json!([
            { "Id": "1", "RepoTags": ["alpine:3", "secret:1"], "RepoDigests": [] },
            { "Id": "2", "RepoTags": ["secret:1"], "RepoDigests": null },
        ]);
        assert_eq!(images(&grant(), listed), json!([{ "Id": "1", "RepoTags": ["alpine:3"], "RepoDigests": [] }]));
        let whole = json!({ "NCPU": 2, "DockerRootDir": "/var/lib/docker", "Name": "host", "HttpProxy": "p" });
        assert_eq!(info(&whole), json!({ "NCPU": 2 }));
    }
}
