//! A plugin's calls of the engine: what the broker lets through reaches out of the plugin's own objects nowhere.
#![no_main]

use std::collections::HashSet;

use hyper::Method;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

// The files themselves: the crate around them is a client of the engine.
#[allow(dead_code)]
#[path = "../../crates/docker-agent/src/broker"]
mod broker {
    pub(crate) mod container;
    pub(crate) mod filter;
    pub(crate) mod manifest;
    /// As in docker-agent, without those who ask the engine.
    pub(crate) mod ownership {
        use std::collections::HashMap;

        #[derive(Debug, Default, PartialEq, Eq)]
        pub(crate) struct Names {
            pub(crate) containers: Vec<String>,
            pub(crate) networks: Vec<String>,
            pub(crate) volumes: Vec<String>,
        }

        #[derive(Debug, Default)]
        pub(crate) struct Owned {
            pub(crate) containers: HashMap<String, String>,
            pub(crate) networks: HashMap<String, String>,
        }
    }
    pub(crate) mod query;
    pub(crate) mod request;
    pub(crate) mod resource;
    pub(crate) mod rules;

    pub(crate) const LABEL: &str = "homeport.plugin";

    use request::Body;

    /// A call that is let through: what the engine would get.
    pub(crate) struct Passed {
        pub(crate) target: String,
        pub(crate) document: Option<serde_json::Value>,
    }

    /// Judges a request, as the broker does.
    pub(crate) fn judge(
        grant: &manifest::Grant,
        method: &hyper::Method,
        target: &str,
        document: Option<serde_json::Value>,
    ) -> Option<Passed> {
        let call = head(grant, method, target)?;
        let document = match (call.body, document) {
            (Body::Json(judge), Some(mut document)) => {
                judge(grant, &mut document).ok()?;
                Some(document)
            }
            (Body::Json(_), None) => return None,
            _ => None,
        };
        Some(Passed { target: call.target(), document })
    }

    /// What the engine would get as method and target.
    pub(crate) fn understood(grant: &manifest::Grant, method: &hyper::Method, target: &str) -> Option<String> {
        head(grant, method, target).map(|call| call.target())
    }

    fn head(grant: &manifest::Grant, method: &hyper::Method, target: &str) -> Option<request::Call> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        request::parse(grant, method, path, query).ok()
    }
}

/// What reaches out of a container, in whatever case the engine may read it.
const NOTHING: [&str; 22] = [
    "privileged",
    "volumesfrom",
    "capadd",
    "capabilities",
    "cgroupparent",
    "devices",
    "devicerequests",
    "devicecgrouprules",
    "sysctls",
    "runtime",
    "pidmode",
    "utsmode",
    "usernsmode",
    "links",
    "driveropts",
    "driverconfig",
    "bindoptions",
    "containeridfile",
    "storageopt",
    "ulimits",
    "oomkilldisable",
    "publishallports",
];

fn grant() -> broker::manifest::Grant {
    broker::manifest::Grant {
        plugin: "a".to_owned(),
        images: vec!["alpine:3".parse().expect("a reference"), "r.io/x/any".parse().expect("a reference")],
        ports: vec![8081],
        max_containers: 3,
        max_memory_bytes: 64 << 20,
    }
}

/// The first line is method and target. What follows is a document, or lines of a pointer and a value that change a usual one:
/// random bytes are rarely JSON.
fn document(text: &str) -> Option<Value> {
    if !text.starts_with('/') {
        return serde_json::from_str(text).ok();
    }
    let mut document = json!({ "Image": "alpine:3", "HostConfig": {}, "NetworkingConfig": { "EndpointsConfig": {} } });
    for line in text.lines() {
        let (pointer, value) = line.split_once(' ')?;
        let (parent, key) = pointer.rsplit_once('/')?;
        document.pointer_mut(parent)?.as_object_mut()?.insert(key.to_owned(), serde_json::from_str(value).ok()?);
    }
    Some(document)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let Some((method, target)) = head.split_once(' ') else { return };
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return };
    let grant = grant();
    let Some(passed) = broker::judge(&grant, &method, target, document(body)) else { return };
    path(&method, &passed.target);
    if let Some(document) = &passed.document {
        if passed.target.split('?').next().is_some_and(|path| path.ends_with("/create")) {
            labels(document);
        }
        fields(document);
        fields(&document["EndpointConfig"]);
        host(&grant, document);
    }
});

fn path(method: &Method, target: &str) {
    let path = target.split('?').next().unwrap_or_default();
    assert!(path.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()), "{target}");
    assert!(path.split('/').skip(1).all(|segment| !matches!(segment, "" | "." | "..")), "{target}");
    let lower = path.to_ascii_lowercase();
    for encoded in ["%2f", "%2e%2e", "%5c", "%00"] {
        assert!(!lower.contains(encoded), "{target}");
    }
    let again = broker::understood(&grant(), method, target);
    assert_eq!(again.as_deref(), Some(target), "it would be understood in another way than it is sent");
}

fn is_nothing(value: &Value) -> bool {
    let is_zero = value.as_f64() == Some(0.0);
    is_zero || [json!(null), json!(false), json!(""), json!([]), json!({})].contains(value)
}

/// An object that the engine takes apart: it reads names in any case, and takes the last of two.
fn fields(value: &Value) {
    let Some(fields) = value.as_object() else { return };
    let mut seen = HashSet::new();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        assert!(!NOTHING.contains(&lower.as_str()) || is_nothing(value), "{name} is {value}");
        assert!(seen.insert(lower), "{name} is there twice");
    }
}

fn labels(document: &Value) {
    let Some(labels) = document["Labels"].as_object() else { panic!("{document} has no labels") };
    assert_eq!(labels["homeport.plugin"], "a", "{document}");
    for name in labels.keys().filter(|name| *name != "homeport.plugin") {
        assert!(!name.to_ascii_lowercase().starts_with("homeport."), "{name} is set");
    }
}

fn host(grant: &broker::manifest::Grant, document: &Value) {
    let Some(host) = document.get("HostConfig") else { return };
    fields(host);
    for place in document["NetworkingConfig"]["EndpointsConfig"].as_object().into_iter().flat_map(|map| map.values()) {
        fields(place);
    }
    let image = document["Image"].as_str().unwrap_or_default();
    assert!(image.contains("alpine") || image.contains("r.io/x/any"), "{image} is let through");
    for bind in host["Binds"].as_array().into_iter().flatten() {
        let source = bind.as_str().and_then(|bind| bind.split(':').next()).unwrap_or("/");
        assert!(!source.is_empty() && !source.contains(['/', '\\', '~']) && !source.starts_with('.'), "{bind}");
    }
    for mount in host["Mounts"].as_array().into_iter().flatten() {
        let source = mount["Source"].as_str().unwrap_or_default();
        fields(mount);
        fields(&mount["VolumeOptions"]);
        assert!(matches!(mount["Type"].as_str(), Some("volume" | "tmpfs")) && !source.contains('/'), "{mount}");
    }
    let mode = host["NetworkMode"].as_str().unwrap_or_default();
    assert!(mode != "host" && !mode.starts_with("ns:"), "{mode}");
    let memory = host["Memory"].as_u64().unwrap_or(u64::MAX);
    assert!((1..=grant.max_memory_bytes).contains(&memory), "memory is {memory}");
    assert!(host["PidsLimit"].as_i64().is_some_and(|processes| processes > 0), "{}", host["PidsLimit"]);
    for binding in host["PortBindings"].as_object().into_iter().flat_map(|ports| ports.values()) {
        for binding in binding.as_array().into_iter().flatten() {
            assert_eq!(binding["HostPort"].as_str().and_then(|port| port.parse().ok()), Some(8081), "{binding}");
        }
    }
}
