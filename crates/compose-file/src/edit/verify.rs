//! What an edit has changed, found out by reading both versions anew.

use serde_json::Value;

use super::FileEdit;
use crate::{Sources, dotenv, project::Project};

/// What else an edit changes.
#[derive(Debug, Default)]
pub(super) struct Also {
    /// Other services that get the new image with it.
    pub(super) images: Vec<String>,
    /// Further values of the service itself.
    pub(super) values: Vec<String>,
}

/// Makes sure that the edit makes the service's image read `wanted` and changes nothing that it must not.
pub(super) fn check(
    before: &Project<'_>,
    edited: &Sources,
    files: &[FileEdit],
    service: &str,
    wanted: &str,
) -> Result<Also, String> {
    let after = Project::parse(edited).map_err(|error| error.to_string())?;
    if image(&after, service).as_deref() != Some(wanted) {
        return Err(format!("no edit of one place makes it {wanted}"));
    }
    let mut also = Also::default();
    let mut owners = vec![service];
    for name in before.services() {
        let changed = changed(before, &after, name);
        if name == service {
            also.values = changed.into_iter().filter(|path| path != "image").collect();
        } else if changed.iter().any(|path| path == "image") {
            also.images.push(name.to_owned());
            owners.push(name);
        }
    }
    owners.extend(before.image(service).map(|place| place.owner));
    for file in files {
        // A file that compose reads as YAML is one; all others hold variables.
        if before.is_compose_file(&file.path) {
            same_values_but_images(file, &owners)?;
        } else {
            same_variables_but_one(&file.old, &file.new)?;
        }
    }
    Ok(also)
}

/// The values of a service that differ.
fn changed(before: &Project<'_>, after: &Project<'_>, service: &str) -> Vec<String> {
    let (old, new) = (before.values(service), after.values(service));
    let paths = old.keys().chain(new.keys().filter(|path| !old.contains_key(*path)));
    paths.filter(|path| old.get(*path) != new.get(*path)).cloned().collect()
}

fn image(project: &Project<'_>, service: &str) -> Option<String> {
    let place = project.image(service)?;
    Some(project.expand_image(&place).map_or_else(|_| place.scalar.value.clone(), |expanded| expanded.text()))
}

fn same_variables_but_one(old: &str, new: &str) -> Result<(), String> {
    let (before, after) = (dotenv::parse(old), dotenv::parse(new));
    let same_names = before.iter().map(|entry| &entry.name).eq(after.iter().map(|entry| &entry.name));
    let changed = before.iter().zip(&after).filter(|(a, b)| old[a.range.clone()] != new[b.range.clone()]).count();
    if same_names && changed == 1 { Ok(()) } else { Err("the edit would change other variables too".to_owned()) }
}

/// Compares the values of both texts: only images may differ, those of these services or one in an extension field that
/// they are taken from.
fn same_values_but_images(file: &FileEdit, services: &[&str]) -> Result<(), String> {
    let mut paths = Vec::new();
    differences(&read(&file.old)?, &read(&file.new)?, &mut Vec::new(), &mut paths);
    let is_meant = |path: &Vec<String>| match path.as_slice() {
        // The first key is the number of the document.
        [_, section, name, image] if section == "services" && image == "image" => services.contains(&name.as_str()),
        [_, extension, ..] => extension.starts_with("x-"),
        _ => false,
    };
    match paths.iter().find(|path| !is_meant(path)) {
        None if paths.is_empty() => Err("the edit would change nothing".to_owned()),
        None => Ok(()),
        Some(path) => Err(format!("the edit would change {} too", path[1..].join("."))),
    }
}

/// Read by another parser than the one that found the place.
fn read(text: &str) -> Result<Value, String> {
    serde_saphyr::from_multiple::<Value>(text).map(Value::Array).map_err(|error| {
        format!("the file cannot be read again: {}", error.to_string().lines().next().unwrap_or_default())
    })
}

fn differences(old: &Value, new: &Value, path: &mut Vec<String>, into: &mut Vec<Vec<String>>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                path.push(key.clone());
                differences(value, &b[key], path, into);
                path.pop();
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (one, other)) in a.iter().zip(b).enumerate() {
                path.push(index.to_string());
                differences(one, other, path, into);
                path.pop();
            }
        }
        (old, new) if old != new => into.push(path.clone()),
        _ => {}
    }
}
