//! What an update of Homeport would do, for people and for programs: without what is secret in its job.

use std::fmt;

use serde::Serialize;

use super::SelfJob;
use crate::{
    engine::Source,
    plan::{Basis, Downtime, FileDiff, Outlook, OutlookFacts, RegistryCost, SpecChange, diff, sha256},
};

/// Version of the form below.
const FORM: u32 = 1;

/// What an update of Homeport would do. Equal ones have equal hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfPlan {
    form: u32,
    kind: &'static str,
    parts: Vec<PlannedPart>,
    edits: Vec<PlannedEdit>,
    data: Vec<Source>,
    force: bool,
    #[serde(skip)]
    diffs: Vec<FileDiff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PlannedPart {
    container: String,
    id: String,
    old_reference: String,
    new_reference: String,
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PlannedEdit {
    path: String,
    before_sha256: String,
    after_sha256: String,
}

impl SelfPlan {
    /// What a job would do.
    pub fn of(job: &SelfJob) -> Self {
        let part = |part: &super::Part| PlannedPart {
            container: part.container.name.clone(),
            id: part.container.id.clone(),
            old_reference: part.old_reference.clone(),
            new_reference: part.new_reference.clone(),
            digest: part.digest.clone(),
        };
        let edit = |file: &crate::plan::SavedFile| PlannedEdit {
            path: file.path.clone(),
            before_sha256: sha256(file.before.as_bytes()),
            after_sha256: sha256(file.after.as_bytes()),
        };
        Self {
            form: FORM,
            kind: "self_update",
            parts: job.parts.iter().map(part).collect(),
            edits: job.files.iter().map(edit).collect(),
            data: job.data.clone(),
            force: job.force,
            diffs: job.files.iter().map(diff).collect(),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// SHA-256 over everything that was decided, hexadecimal.
    pub fn hash(&self) -> String {
        sha256(self.to_json().as_bytes())
    }

    /// What it changes and takes. All containers are down from the stop of the last to the start of the first, and each
    /// takes about two seconds to come up, one after the other.
    pub fn outlook(&self, facts: OutlookFacts, repositories: u32) -> Outlook {
        let image = |part: &PlannedPart| SpecChange {
            field: format!("Config.Image of {}", part.container),
            before: part.old_reference.clone(),
            after: part.new_reference.clone(),
        };
        let files = facts.data.map_or(0, |data| data.files / 20);
        let parts = u64::try_from(self.parts.len()).unwrap_or_default();
        let (requests, pulls) = if facts.is_present { (repositories, 0) } else { (repositories * 3, repositories) };
        Outlook {
            files: self.diffs.clone(),
            spec: self.parts.iter().map(image).collect(),
            downtime: Downtime { estimate_ms: 2_000 * parts + 1_000 + files, basis: Basis::Rule },
            data: facts.data,
            registry: RegistryCost { requests, pulls, is_present: facts.is_present },
            dependents: Vec::new(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let names = || self.parts.iter().map(|part| part.container.as_str()).collect::<Vec<_>>().join(", ");
        let mut lines = vec!["wait until nothing else is under way, and let nothing begin".to_owned()];
        for part in &self.parts {
            let line = format!("pull {} by digest {}", part.new_reference, part.digest);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.push("start a container beside Homeport, which does the rest".to_owned());
        lines.push(format!("create the new containers beside the old ones and compare them: {}", names()));
        lines.extend(self.edits.iter().map(|edit| format!("change the version in {}", edit.path)));
        lines.push("stop the old containers, and copy what they remember".to_owned());
        lines.push("start the new ones in their order; each has to be healthy, and docker-agent to answer".to_owned());
        lines.push("clean up; if any of this fails, bring the old version of Homeport back as it was".to_owned());
        lines
    }
}

impl fmt::Display for SelfPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Update Homeport itself:")?;
        for part in &self.parts {
            writeln!(f, "    {}: {} → {}", part.container, part.old_reference, part.new_reference)?;
        }
        for (number, line) in self.lines().iter().enumerate() {
            writeln!(f, "{:>2}. {line}", number + 1)?;
        }
        write!(f, "plan {}", &self.hash()[..12])
    }
}
