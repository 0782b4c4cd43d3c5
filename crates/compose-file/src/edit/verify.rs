//! What an edit has changed, found out by reading both versions anew.

use serde_json::Value;

use super::Job;
use crate::{File, dotenv, project::Project};

/// Makes sure that the edit makes the service's image read `wanted` and changes nothing else, but the `template` in
/// another file that the image is taken from. Gives the other services that share the variable which was edited.
pub(super) fn check(
    job: &Job<'_, '_>,
    before: &Project<'_>,
    template: Option<&str>,
    file: File<'_>,
    new: &str,
    wanted: &str,
) -> Result<Vec<String>, String> {
    let edited = |files: &[File<'_>]| -> Vec<(String, String)> {
        let text = |one: &File<'_>| if *one == file { new.to_owned() } else { one.text.to_owned() };
        files.iter().map(|one| (one.path.to_owned(), text(one))).collect()
    };
    let (files, env_files) = (edited(job.files), edited(job.env_files));
    let (files, env_files) = (borrowed(&files), borrowed(&env_files));
    let after = Project::parse(&files, &env_files).map_err(|error| error.to_string())?;
    if image(&after, job.service).as_deref() != Some(wanted) {
        return Err(format!("no edit of one place makes it {wanted}"));
    }
    let also: Vec<_> = before
        .services()
        .into_iter()
        .filter(|name| *name != job.service && Some(*name) != template && image(before, name) != image(&after, name))
        .map(str::to_owned)
        .collect();
    if job.env_files.contains(&file) {
        same_variables_but_one(file.text, new)?;
        return Ok(also);
    }
    if !also.is_empty() {
        return Err(format!("it is shared with {}; give {} an image of its own", also.join(", "), job.service));
    }
    same_values_but_images(file.text, new, template.unwrap_or(job.service))?;
    Ok(Vec::new())
}

fn borrowed(files: &[(String, String)]) -> Vec<File<'_>> {
    files.iter().map(|(path, text)| File { path, text }).collect()
}

fn image(project: &Project<'_>, service: &str) -> Option<String> {
    let place = project.image(service)?;
    Some(project.expand(&place.scalar.value).map_or_else(|_| place.scalar.value.clone(), |expanded| expanded.text()))
}

fn same_variables_but_one(old: &str, new: &str) -> Result<(), String> {
    let (before, after) = (dotenv::parse(old), dotenv::parse(new));
    let same_names = before.iter().map(|entry| &entry.name).eq(after.iter().map(|entry| &entry.name));
    let changed = before.iter().zip(&after).filter(|(a, b)| old[a.range.clone()] != new[b.range.clone()]).count();
    if same_names && changed == 1 { Ok(()) } else { Err("the edit would change other variables too".to_owned()) }
}

/// Compares the values of both texts: only images may differ, that of the service itself or one in an extension field
/// that it is taken from.
fn same_values_but_images(old: &str, new: &str, service: &str) -> Result<(), String> {
    let mut paths = Vec::new();
    differences(&read(old)?, &read(new)?, &mut Vec::new(), &mut paths);
    let is_meant = |path: &Vec<String>| match path.as_slice() {
        // The first key is the number of the document.
        [_, services, name, image] if services == "services" && image == "image" => name == service,
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
