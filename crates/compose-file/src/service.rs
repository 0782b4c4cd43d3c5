//! What compose files say about one service.

use std::collections::BTreeMap;

use crate::{
    ComposeFileError, Sources,
    interpolate::{Expanded, Source},
    project::Project,
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
pub fn find_service(
    sources: &Sources,
    service: &str,
    container_name: Option<&str>,
) -> Result<Service, ComposeFileError> {
    let project = Project::parse(sources)?;
    let name = container_name
        .and_then(|wanted| project.services().into_iter().find(|name| is_container_name(&project, name, wanted)))
        .unwrap_or(service);
    let parts = project.parts(name);
    if parts.is_empty() {
        return Err(ComposeFileError::NoService { service: service.to_owned() });
    }
    Ok(Service {
        name: name.to_owned(),
        image: image(&project, name)?,
        has_build: parts.iter().any(|part| part.document.get(part.node, "build").is_some()),
        labels: labels(&project, name),
    })
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
    let parts = project.parts(service);
    let name = parts.iter().rev().find_map(|part| Some(project.shown(part, &part.scalar("container_name")?.value)));
    name.is_some_and(|name| name == wanted)
}

fn image(project: &Project<'_>, service: &str) -> Result<Option<ServiceImage>, ComposeFileError> {
    let Some(place) = project.image(service) else { return Ok(None) };
    let text = place.scalar.value.clone();
    match project.expand_image(&place) {
        Ok(expanded) => Ok(Some(ServiceImage {
            resolved: expanded.text(),
            path: place.file.path.to_owned(),
            variable: tag_variable(&expanded).map(str::to_owned),
            text,
        })),
        Err(problem) => Err(ComposeFileError::Variable { service: service.to_owned(), text, problem }),
    }
}

pub(crate) fn labels(project: &Project<'_>, service: &str) -> BTreeMap<String, String> {
    let values = project.values(service).into_iter();
    values.filter_map(|(path, value)| Some((path.strip_prefix("labels.")?.to_owned(), value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "include:\n  - base.yaml\n  - path: [one.yaml, '${X}.yaml']\nservices:\n  web:\n    \
        container_name: ${NAME:-site}\n    image: nginx:${TAG}\n    labels: [docksmith.ignore=true, a]\n  db:\n    \
        build: .\n    labels:\n      homeport.snapshot: off\n      b: '$NAME'\n  other:\n    extends: {file: ../c.yml, \
        service: x}\n";

    /// The first is the compose file that compose gets.
    fn sources(files: &[(&str, &str)]) -> Sources {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Sources { config_files: vec![files[0].0.to_owned()], texts: texts.collect(), ..Sources::default() }
    }

    fn find(service: &str, container: Option<&str>) -> Result<Service, ComposeFileError> {
        find_service(&sources(&[("/s/a/compose.yaml", MAIN), ("/s/a/.env", "TAG=1.26")]), service, container)
    }

    #[test]
    fn s9_a_service_is_found_by_its_container_first() {
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
        let missing = |files: &[(&str, &str)]| sources(files).missing().unwrap();
        let main = ("/s/a/compose.yaml", MAIN);
        let expected = ["/s/a/.env", "/s/a/base.yaml", "/s/a/one.yaml", "/s/c.yml"];
        assert_eq!(missing(&[main]), expected);
        let deeper = ("/s/a/base.yaml", "include: [{path: x/y.yaml, project_directory: .., env_file: [z.env]}]");
        let expected = ["/s/a/one.yaml", "/s/a/x/y.yaml", "/s/a/z.env", "/s/c.yml"];
        assert_eq!(missing(&[main, deeper, ("/s/a/.env", "")]), expected);
    }

    #[test]
    fn a_variable_without_value_is_an_error() {
        let error = find_service(&sources(&[("/c.yaml", MAIN)]), "web", None).unwrap_err().to_string();
        assert!(error.contains("nginx:${TAG}") && error.contains("TAG is not set"), "{error}");
    }
}
