//! The bodies of changes of labels, in the spellings of both descriptions.

use std::collections::BTreeMap;

use homeport_proto::updater::v1::{ChangeLabelsRequest, LabelChange, RollBackLabelsRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Labels whose value is yes or no, by their short names.
const SWITCHES: [&str; 6] =
    ["ignore", "allow-latest", "allow-prerelease", "version-pin-major", "version-pin-minor", "version-pin-patch"];

/// Body of a change of one container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::dialect::docksmith) struct Set {
    container: Option<String>,
    container_name: Option<String>,
    /// A map of what is set, or a list of what is taken away.
    labels: Option<Labels>,
    label_names: Option<Vec<String>>,
    ignore: Option<bool>,
    allow_latest: Option<bool>,
    allow_prerelease: Option<bool>,
    version_pin_major: Option<bool>,
    version_pin_minor: Option<bool>,
    version_pin_patch: Option<bool>,
    tag_regex: Option<String>,
    version_min: Option<String>,
    version_max: Option<String>,
    script: Option<String>,
    restart_after: Option<String>,
    no_restart: Option<bool>,
    force: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Labels {
    Set(BTreeMap<String, Text>),
    Remove(Vec<String>),
}

/// A value that people write with or without quotes.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Text {
    Word(String),
    Switch(bool),
    Number(serde_json::Number),
    Nothing(()),
}

/// Body of a change of several.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dialect::docksmith) struct Batch {
    pub(super) operations: Option<Vec<Set>>,
}

/// Body of the way back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dialect::docksmith) struct Rollback {
    batch_group_id: Option<String>,
    operation_ids: Option<Vec<String>>,
    container_names: Option<Vec<String>>,
    force: Option<bool>,
}

impl Set {
    /// What is set. `true` is written as that text; `false` and nothing take the label away.
    pub(super) fn set(self) -> Result<ChangeLabelsRequest, Problem> {
        let mut changes = self.fields();
        match &self.labels {
            Some(Labels::Set(labels)) => {
                for (name, text) in labels {
                    let text = text.clone().into_text();
                    let is_switch = SWITCHES.iter().any(|short| name.strip_prefix("docksmith.") == Some(short));
                    changes.push((name.clone(), if is_switch && text == "false" { String::new() } else { text }));
                }
            }
            Some(Labels::Remove(names)) if names.is_empty() => {}
            Some(Labels::Remove(_)) => {
                return Err(Problem::bad_request("labels is an object of names and values"));
            }
            None => {}
        }
        self.request(changes)
    }

    /// What is taken away.
    pub(super) fn remove(self) -> Result<ChangeLabelsRequest, Problem> {
        let mut names = self.label_names.clone().unwrap_or_default();
        match &self.labels {
            Some(Labels::Remove(more)) => names.extend(more.iter().cloned()),
            Some(Labels::Set(labels)) => names.extend(labels.keys().cloned()),
            None => {}
        }
        self.request(names.into_iter().map(|name| (name, String::new())).collect())
    }

    /// One of several; what is wrong with it is its answer.
    pub(super) fn in_batch(self) -> Result<ChangeLabelsRequest, Value> {
        let name = self.name().unwrap_or_default();
        let failed = |error: &str| json!({ "container": name, "success": false, "error": error });
        if name.is_empty() {
            return Err(failed("container name required"));
        }
        self.set().map_err(|problem| failed(problem.message()))
    }

    fn name(&self) -> Option<String> {
        [&self.container, &self.container_name].into_iter().flatten().find(|name| !name.is_empty()).cloned()
    }

    fn fields(&self) -> Vec<(String, String)> {
        let switches = [
            self.ignore,
            self.allow_latest,
            self.allow_prerelease,
            self.version_pin_major,
            self.version_pin_minor,
            self.version_pin_patch,
        ];
        let texts = [
            ("tag-regex", &self.tag_regex),
            ("version-min", &self.version_min),
            ("version-max", &self.version_max),
            ("pre-update-check", &self.script),
            ("restart-after", &self.restart_after),
        ];
        let switch = |(name, value): (&str, Option<bool>)| {
            Some((name.to_owned(), if value? { "true".to_owned() } else { String::new() }))
        };
        let switches = SWITCHES.into_iter().zip(switches).filter_map(switch);
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)));
        switches.chain(texts).map(|(name, value)| (format!("docksmith.{name}"), value)).collect()
    }

    fn request(self, changes: Vec<(String, String)>) -> Result<ChangeLabelsRequest, Problem> {
        let container = self.name().ok_or_else(|| Problem::bad_request("container is required"))?;
        if changes.is_empty() {
            return Err(Problem::bad_request("no labels specified"));
        }
        let change = |(name, value): (String, String)| LabelChange { name, remove: value.is_empty(), value };
        Ok(ChangeLabelsRequest {
            container,
            changes: changes.into_iter().map(change).collect(),
            no_restart: self.no_restart.unwrap_or_default(),
            force: self.force.unwrap_or_default(),
            requested_by: String::new(),
        })
    }
}

impl Text {
    fn into_text(self) -> String {
        match self {
            Self::Word(text) => text,
            Self::Switch(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Nothing(()) => String::new(),
        }
    }
}

impl Rollback {
    pub(super) fn request(self) -> Result<RollBackLabelsRequest, Problem> {
        let batch_group_id = self.batch_group_id.unwrap_or_default();
        let operation_ids = self.operation_ids.unwrap_or_default();
        if batch_group_id.is_empty() && operation_ids.is_empty() {
            return Err(Problem::bad_request("batch_group_id or operation_ids required"));
        }
        Ok(RollBackLabelsRequest {
            batch_group_id,
            operation_ids,
            containers: self.container_names.unwrap_or_default(),
            force: self.force.unwrap_or_default(),
            requested_by: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(body: Value) -> Vec<(String, Option<String>)> {
        let body: Set = serde_json::from_value(body).unwrap();
        changes(body.set().unwrap())
    }

    fn changes(request: ChangeLabelsRequest) -> Vec<(String, Option<String>)> {
        request.changes.into_iter().map(|one| (one.name, (!one.remove).then_some(one.value))).collect()
    }

    #[test]
    fn both_spellings_mean_the_same() {
        let expected =
            [("docksmith.ignore".to_owned(), Some("true".to_owned())), ("docksmith.tag-regex".to_owned(), None)];
        assert_eq!(set(json!({ "container": "a", "ignore": true, "tag_regex": "" })), expected);
        let labels = json!({ "docksmith.ignore": true, "docksmith.tag-regex": "" });
        assert_eq!(set(json!({ "container": "a", "labels": labels })), expected);
        assert_eq!(set(json!({ "container": "a", "labels": { "docksmith.ignore": "false" } }))[0].1, None);
        assert_eq!(
            set(json!({ "container": "a", "labels": { "docksmith.x": "false" } }))[0].1.as_deref(),
            Some("false")
        );
        for body in [json!({ "label_names": ["x"] }), json!({ "labels": ["x"] })] {
            let body = Set { container: Some("a".to_owned()), ..serde_json::from_value(body).unwrap() };
            assert_eq!(changes(body.remove().unwrap()), [("x".to_owned(), None)]);
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let said = |body: Value| serde_json::from_value::<Set>(body).unwrap().set().unwrap_err().message().to_owned();
        assert_eq!(said(json!({ "ignore": true })), "container is required");
        assert_eq!(said(json!({ "container": "a" })), "no labels specified");
        let rollback = Rollback::default().request().unwrap_err();
        assert_eq!(rollback.message(), "batch_group_id or operation_ids required");
        assert_eq!(Set::default().in_batch().unwrap_err()["error"], "container name required");
    }
}
