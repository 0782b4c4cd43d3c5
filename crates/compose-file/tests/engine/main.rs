//! What compose itself makes of every shape before and after its edit: it differs in the one value.
//!
//! Compose is the program that `cargo xtask engine start` puts in place; no engine is asked.
#![expect(clippy::unwrap_used, reason = "what must be there and is not fails the test")]

#[path = "../it/shape.rs"]
mod shape;

use std::{collections::BTreeMap, path::Path, process::Command};

use homeport_compose_file::{find_service, image_edit};
use serde_json::Value;

use crate::shape::Shape;

#[test]
fn s9_compose_sees_one_value_change() {
    let wrong: Vec<String> = shape::all().iter().filter_map(|shape| check(shape).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(shape: &Shape) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let fail = |what: String| Err(format!("{}: {what}", shape.name));
    write(&root, &shape.files);
    let before = match (config(shape, &root), shape.get("compose")) {
        (Ok(config), None) => config,
        (Err(_), Some("fails")) => return Ok(()),
        (result, _) => return fail(format!("compose said {result:?}")),
    };
    let sources = shape.sources(&root.display().to_string());
    let Ok(service) = find_service(&sources, shape.service(), shape.get("container")) else { return Ok(()) };
    let image = &before["services"][&service.name]["image"];
    if service.image.as_ref().map(|image| image.resolved.as_str()) != image.as_str() {
        return fail(format!("compose reads the image {image}, and we {:?}", service.image));
    }
    let Ok(edit) = image_edit(&sources, &service.name, &shape.target()) else { return Ok(()) };
    for file in edit.iter().flat_map(|edit| &edit.files) {
        std::fs::write(&file.path, &file.new).unwrap();
    }
    let after = config(shape, &root).map_err(|error| format!("{}: {error}", shape.name))?;
    let mut expected: Vec<String> = Vec::new();
    if edit.is_some() {
        expected.push(format!("services.{}.image", service.name));
        expected.extend(shape.words("also").iter().map(|name| format!("services.{name}.image")));
        expected.extend(shape.words("values").iter().map(|path| format!("services.{}.{path}", service.name)));
    }
    let mut found = Vec::new();
    differences(&before, &after, "", &mut found);
    // Where a service takes its image from is shown, and means nothing by itself.
    found.retain(|path| !path.starts_with("x-"));
    expected.sort();
    found.sort();
    if found == expected { Ok(()) } else { fail(format!("compose sees {found:?} change instead of {expected:?}")) }
}

fn write(root: &Path, files: &BTreeMap<String, String>) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn config(shape: &Shape, root: &Path) -> Result<Value, String> {
    let mut compose = Command::new("docker");
    compose.arg("compose").current_dir(root).env_clear().env("PATH", env!("PATH"));
    for file in shape.call() {
        compose.arg("--file").arg(root.join(file));
    }
    for file in shape.words("env-files") {
        compose.arg("--env-file").arg(root.join(file));
    }
    if shape.get("directory").is_some() {
        compose.arg("--project-directory").arg(root);
    }
    let output = compose.args(["--profile", "*", "config", "--format", "json"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    // A variable without value is an error to docker-agent; compose puts nothing in its place.
    if !output.status.success() || error.contains("variable is not set") {
        return Err(error);
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn differences(old: &Value, new: &Value, path: &str, into: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(value, &b[key], &path, into);
            }
        }
        (old, new) if old != new => into.push(path.to_owned()),
        _ => {}
    }
}
