//! What compose files say about one service.

use std::collections::BTreeMap;

use crate::{
    ComposeFileError, File,
    document::{Document, NodeId},
    interpolate::{Expanded, Source},
    project::{Project, extended, resolve},
};

/// What compose files say about one service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its image. None: no file says it.
    pub image: Option<ServiceImage>,
    /// It is built here.
    pub has_build: bool,
    /// Its labels, variables resolved where they can be.
    pub labels: BTreeMap<String, String>,
}

/// The image of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceImage {
    /// As the file has it.
    pub text: String,
    /// Variables resolved.
    pub resolved: String,
    /// The file.
    pub path: String,
    /// The variable of an environment file that the tag, or the whole reference, comes from.
    pub variable: Option<String>,
}

/// Finds a service by the name of its container, else by its own name.
///
/// `files` are all files of the project in compose's order, those that they include or extend before them; `env_files`
/// the project's environment files in their order.
pub fn find_service(
    files: &[File<'_>],
    env_files: &[File<'_>],
    service: &str,
    container_name: Option<&str>,
) -> Result<Service, ComposeFileError> {
    let project = Project::parse(files, env_files)?;
    let name = container_name
        .and_then(|wanted| project.services().into_iter().find(|name| is_container_name(&project, name, wanted)))
        .unwrap_or(service);
    if project.parts(name).is_empty() {
        return Err(ComposeFileError::NoService { service: service.to_owned() });
    }
    Ok(Service {
        name: name.to_owned(),
        image: image(&project, name)?,
        has_build: project.last(name, "build").is_some(),
        labels: labels(&project, name),
    })
}

/// The files that a compose file includes or takes services from, relative ones resolved against its directory. Those
/// whose names hold variables are left out.
pub fn referenced_files(file: File<'_>) -> Result<Vec<String>, ComposeFileError> {
    let mut paths = Vec::new();
    for document in Document::parse_all(file)? {
        if let Some(include) = document.at(&["include"]) {
            for entry in document.sequence(include) {
                collect_texts(&document, document.get(*entry, "path").unwrap_or(*entry), &mut paths);
            }
        }
        let services = document.at(&["services"]).map_or(&[][..], |services| document.mapping(services));
        for (_, service) in services {
            let extends = document.get(*service, "extends").and_then(|node| extended(&document, node));
            paths.extend(extends.and_then(|(_, file)| file).map(str::to_owned));
        }
    }
    paths.retain(|path| !path.contains('$') && !path.contains("://"));
    let mut paths: Vec<_> = paths.iter().map(|path| resolve(file.path, path)).collect();
    paths.dedup();
    Ok(paths)
}

/// The variable that the end of a reference comes from, which is where its tag is.
pub(crate) fn tag_variable(expanded: &Expanded) -> Option<&str> {
    expanded.pieces.iter().rev().find_map(|piece| match &piece.origin.as_ref()?.source {
        Source::Variable { name, .. } if piece.text.contains(|next: char| next.is_ascii_alphanumeric()) => {
            Some(name.as_str())
        }
        _ => None,
    })
}

fn is_container_name(project: &Project<'_>, service: &str, wanted: &str) -> bool {
    let name = project.last(service, "container_name").and_then(|(_, document, node)| document.scalar(node));
    name.is_some_and(|name| project.expand(&name.value).is_ok_and(|name| name.text() == wanted))
}

fn image(project: &Project<'_>, service: &str) -> Result<Option<ServiceImage>, ComposeFileError> {
    let Some(place) = project.image(service) else { return Ok(None) };
    let text = place.scalar.value.clone();
    match project.expand(&text) {
        Ok(expanded) => Ok(Some(ServiceImage {
            resolved: expanded.text(),
            path: place.file.path.to_owned(),
            variable: tag_variable(&expanded).map(str::to_owned),
            text,
        })),
        Err(problem) => Err(ComposeFileError::Variable { service: service.to_owned(), text, problem }),
    }
}

fn labels(project: &Project<'_>, service: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let expand = |text: &str| project.expand(text).map_or_else(|_| text.to_owned(), |expanded| expanded.text());
    for (_, document, node) in project.parts(service) {
        let Some(node) = document.get(node, "labels") else { continue };
        let text = |node: NodeId| document.scalar(node).map_or("", |scalar| scalar.value.as_str());
        for entry in document.sequence(node) {
            let (name, value) = text(*entry).split_once('=').unwrap_or((text(*entry), ""));
            labels.insert(expand(name), expand(value));
        }
        for (name, value) in document.mapping(node) {
            labels.insert(expand(text(*name)), expand(text(*value)));
        }
    }
    labels
}

fn collect_texts(document: &Document, node: NodeId, into: &mut Vec<String>) {
    into.extend(document.scalar(node).map(|scalar| scalar.value.clone()));
    for entry in document.sequence(node) {
        into.extend(document.scalar(*entry).map(|scalar| scalar.value.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "include:\n  - base.yaml\n  - path: [one.yaml, '${X}.yaml']\nservices:\n  web:\n    \
        container_name: ${NAME:-site}\n    image: nginx:${TAG}\n    labels: [docksmith.ignore=true, a]\n  db:\n    \
        build: .\n    labels:\n      homeport.snapshot: off\n      b: '$NAME'\n  other:\n    extends: {file: ../c.yml, \
        service: x}\n";

    fn find(service: &str, container: Option<&str>) -> Result<Service, ComposeFileError> {
        let files = [File { path: "/s/a/compose.yaml", text: MAIN }];
        find_service(&files, &[File { path: "/s/a/.env", text: "TAG=1.26" }], service, container)
    }

    #[test]
    fn a_service_is_found_by_its_container_first() {
        let web = find("db", Some("site")).unwrap();
        assert_eq!(web.name, "web");
        let image = web.image.unwrap();
        assert_eq!((image.text.as_str(), image.resolved.as_str()), ("nginx:${TAG}", "nginx:1.26"));
        assert_eq!(image.variable.as_deref(), Some("TAG"));
        assert_eq!(web.labels["docksmith.ignore"], "true");
        assert_eq!(find("web", Some("a-web-1")).unwrap().name, "web");
        assert_eq!(find("none", None), Err(ComposeFileError::NoService { service: "none".to_owned() }));
    }

    #[test]
    fn both_forms_of_labels_are_read() {
        let db = find("db", None).unwrap();
        assert!(db.has_build && db.image.is_none());
        assert_eq!(db.labels["homeport.snapshot"], "off");
        assert_eq!(db.labels["b"], "$NAME", "a variable that is not set stays as it is");
    }

    #[test]
    fn further_files_are_named() {
        let files = referenced_files(File { path: "/s/a/compose.yaml", text: MAIN }).unwrap();
        assert_eq!(files, ["/s/a/base.yaml", "/s/a/one.yaml", "/s/c.yml"]);
    }

    #[test]
    fn a_variable_without_value_is_an_error() {
        let files = [File { path: "c.yaml", text: MAIN }];
        let error = find_service(&files, &[], "web", None).unwrap_err().to_string();
        assert!(error.contains("nginx:${TAG}") && error.contains("TAG is not set"), "{error}");
    }
}
