//! The documents of everything but containers.

use serde_json::{Map, Value, json};

use super::{
    LABEL,
    manifest::Grant,
    ownership::Names,
    rules::{self, Refusal, Rule, short},
};

/// Labels by which other programs decide what to do with an object. The first ones are Homeport's own.
const RESERVED: [&str; 4] = ["homeport.", "com.docker.", "docksmith.", "io.balena."];

/// A container's place in a network.
pub(super) const ENDPOINT: &[(&str, Rule)] = &[
    ("Aliases", Rule::Free),
    ("MacAddress", Rule::Free),
    ("IPAMConfig", Rule::Free),
    ("GwPriority", Rule::Free),
    ("Links", Rule::Empty),
    ("DriverOpts", Rule::Empty),
    ("NetworkID", Rule::Empty),
    ("EndpointID", Rule::Empty),
    ("Gateway", Rule::Empty),
    ("IPAddress", Rule::Empty),
    ("IPPrefixLen", Rule::Empty),
    ("IPv6Gateway", Rule::Empty),
    ("GlobalIPv6Address", Rule::Empty),
    ("GlobalIPv6PrefixLen", Rule::Empty),
    ("DNSNames", Rule::Empty),
];

const VOLUME: &[(&str, Rule)] = &[
    ("Name", Rule::Free),
    ("Driver", Rule::OneOf(&["local"])),
    // They can make a volume of any directory of the host.
    ("DriverOpts", Rule::Empty),
    ("Labels", Rule::Free),
    ("ClusterVolumeSpec", Rule::Empty),
];

const NETWORK: &[(&str, Rule)] = &[
    ("Name", Rule::Free),
    ("CheckDuplicate", Rule::Free),
    ("Driver", Rule::OneOf(&["bridge"])),
    ("Scope", Rule::OneOf(&["local"])),
    ("Internal", Rule::Free),
    ("Attachable", Rule::Free),
    ("EnableIPv4", Rule::Free),
    ("EnableIPv6", Rule::Free),
    ("Labels", Rule::Free),
    ("Ingress", Rule::Empty),
    ("ConfigOnly", Rule::Empty),
    ("ConfigFrom", Rule::Object(&[("Network", Rule::Empty)])),
    // A subnet of the plugin's choice could be that of the person's own network, which would then be out of reach.
    ("IPAM", Rule::Object(&[("Driver", Rule::OneOf(&["default"])), ("Options", Rule::Empty), ("Config", Rule::Empty)])),
    ("Options", Rule::Empty),
];

const EXEC: &[(&str, Rule)] = &[
    ("User", Rule::Free),
    ("Privileged", Rule::Empty),
    ("Tty", Rule::Free),
    ("ConsoleSize", Rule::Free),
    ("AttachStdin", Rule::Free),
    ("AttachStdout", Rule::Free),
    ("AttachStderr", Rule::Free),
    ("Detach", Rule::Free),
    ("DetachKeys", Rule::Free),
    ("Env", Rule::Free),
    ("WorkingDir", Rule::Free),
    ("Cmd", Rule::Free),
];

const EXEC_START: &[(&str, Rule)] = &[("Detach", Rule::Free), ("Tty", Rule::Free), ("ConsoleSize", Rule::Free)];
const CONNECT: &[(&str, Rule)] = &[("Container", Rule::Free), ("EndpointConfig", Rule::Object(ENDPOINT))];
const DISCONNECT: &[(&str, Rule)] = &[("Container", Rule::Free), ("Force", Rule::Free)];

/// Judges the document of a volume.
pub(super) fn volume(grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, VOLUME)?;
    named(document, true)?;
    label(document, grant)?;
    Ok(Names::default())
}

/// Judges the document of a network.
pub(super) fn network(grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, NETWORK)?;
    named(document, false)?;
    label(document, grant)?;
    Ok(Names::default())
}

/// Judges a program to be run in a container.
pub(super) fn exec(_grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, EXEC).map(|()| Names::default())
}

/// Judges how such a program is started.
pub(super) fn exec_start(_grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, EXEC_START).map(|()| Names::default())
}

/// Judges which container comes into a network.
pub(super) fn connect(_grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, CONNECT)?;
    container_in(document)
}

/// Judges which container leaves a network.
pub(super) fn disconnect(_grant: &Grant, document: &mut Value) -> Result<Names, Refusal> {
    rules::check(document, DISCONNECT)?;
    container_in(document)
}

fn container_in(document: &Value) -> Result<Names, Refusal> {
    let container = document["Container"].as_str().filter(|name| is_name(name));
    let container = container.ok_or_else(|| format!("Container may not be {}", short(&document["Container"])))?;
    Ok(Names { containers: vec![container.to_owned()], ..Names::default() })
}

fn named(document: &Value, may_lack: bool) -> Result<(), Refusal> {
    let name = match &document["Name"] {
        Value::Null => "",
        Value::String(name) => name,
        other => return Err(format!("Name may not be {}", short(other))),
    };
    if is_name(name) || (may_lack && name.is_empty()) {
        return Ok(());
    }
    Err(format!("Name may not be {name:?}"))
}

/// Puts the plugin's label on an object, whose own labels may not say what others' decide by.
pub(super) fn label(document: &mut Value, grant: &Grant) -> Result<(), Refusal> {
    let mut labels = match document["Labels"].take() {
        Value::Null => Map::new(),
        Value::Object(labels) => labels,
        other => return Err(format!("Labels may not be {}", short(&other))),
    };
    if let Some(label) = labels.keys().find(|label| is_reserved(label)) {
        return Err(format!("label {label} may not be set by a plugin"));
    }
    if let Some((label, value)) = labels.iter().find(|(_, value)| !value.is_string()) {
        return Err(format!("label {label} may not be {}", short(value)));
    }
    labels.insert(LABEL.to_owned(), json!(grant.plugin));
    document["Labels"] = labels.into();
    Ok(())
}

/// Keeps the labels of an image away from its container, which would carry all that the document does not name. Homeport
/// itself goes by whether one of its own labels is there at all, so an image with one of those is refused.
pub(super) fn hide_labels(document: &mut Value, labels: &[String]) -> Result<(), Refusal> {
    for label in labels.iter().filter(|label| is_reserved(label) && *label != LABEL) {
        if label.to_ascii_lowercase().starts_with(RESERVED[0]) {
            return Err(format!("the image has the label {label}, which a plugin's container may not have"));
        }
        document["Labels"][label] = "".into();
    }
    Ok(())
}

fn is_reserved(label: &str) -> bool {
    RESERVED.iter().any(|prefix| label.to_ascii_lowercase().starts_with(prefix))
}

/// As the engine allows names; no path and no option is one.
pub(super) fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    name.len() <= 255
        && name.bytes().all(letter)
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_an_image_are_hidden() {
        let labels = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut document = json!({ "Labels": { LABEL: "a", "mine": "1" } });
        let image = labels(&["com.docker.compose.project", "Docksmith.x", "mine", "theirs", LABEL]);
        hide_labels(&mut document, &image).unwrap();
        assert_eq!(
            document["Labels"],
            json!({ LABEL: "a", "mine": "1", "com.docker.compose.project": "", "Docksmith.x": "" })
        );
        let refused = hide_labels(&mut document, &labels(&["Homeport.role"])).unwrap_err();
        assert!(refused.contains("Homeport.role"), "{refused}");
    }
}
