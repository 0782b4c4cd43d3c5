//! What a plan changes and what it takes, for the person who has to decide. Pure, like the plan; but nothing in it is
//! part of the plan's hash, because sizes and estimates move while the plan stays the same.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{ImageSource, Plan, SavedFile, Way};
use crate::{
    engine::{Container, Measure, Namespace},
    policy,
};

/// Lines of a file that are shown before and after a change.
const CONTEXT: usize = 1;

/// What a plan changes and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Changes of files.
    pub files: Vec<FileDiff>,
    /// What of the container's specification changes.
    pub spec: Vec<SpecChange>,
    /// How long nobody is served.
    pub downtime: Downtime,
    /// The data that is copied. None: there is none.
    pub data: Option<Measure>,
    /// What the registry is asked.
    pub registry: RegistryCost,
    /// Containers that notice.
    pub dependents: Vec<Dependent>,
}

/// The changed lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// Path on the host.
    pub path: String,
    /// Number of the first line shown, from 1.
    pub line: usize,
    /// Lines, each with `-`, `+` or a space before it.
    pub lines: Vec<String>,
}

/// A field of the container's specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecChange {
    /// Path in the inspect document.
    pub field: String,
    /// Its value now.
    pub before: String,
    /// Its value afterwards.
    pub after: String,
}

/// How long nobody is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Downtime {
    /// Milliseconds.
    pub estimate_ms: u64,
    /// Where the number comes from.
    pub basis: Basis,
}

/// Where an estimate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The last update of this container took that.
    LastUpdate,
    /// Such updates usually take that.
    Rule,
}

/// What the registry is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RegistryCost {
    /// Requests for manifests, those by HEAD among them.
    pub requests: u32,
    /// Of them, those that count against a limit of pulls.
    pub pulls: u32,
    /// The image is here already.
    pub is_present: bool,
}

/// A container that notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependent {
    /// Its name.
    pub container: String,
    /// Why.
    pub reason: DependentReason,
}

/// Why a container notices that another is recreated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DependentReason {
    /// It runs in the other's network.
    SharesNetwork,
    /// It sees the other's processes, or shares memory with it.
    SharesProcesses,
    /// It is linked to the other.
    Linked,
    /// Its compose file says that it needs the other.
    DependsOn,
    /// Its label asks to be restarted after the other.
    RestartAfter,
}

/// What was found out for an outlook, beyond what the plan needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutlookFacts {
    /// The data, measured.
    pub data: Option<Measure>,
    /// The new image is here already.
    pub is_present: bool,
    /// How long the last update of the container interrupted it.
    pub last_downtime: Option<Duration>,
}

/// Looks ahead.
pub fn outlook(plan: &Plan, files: &[SavedFile], facts: OutlookFacts, all: &[Container]) -> Outlook {
    Outlook {
        files: files.iter().map(diff).collect(),
        spec: spec(plan),
        downtime: downtime(plan, facts),
        data: facts.data,
        registry: registry(plan, facts.is_present),
        dependents: dependents(&plan.container.id, &plan.container.name, all),
    }
}

fn spec(plan: &Plan) -> Vec<SpecChange> {
    let change = |field: &str, before: &str, after: &str| SpecChange {
        field: field.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let image = &plan.image;
    let mut changes = Vec::new();
    if image.old_reference != image.new_reference {
        changes.push(change("Config.Image", &image.old_reference, &image.new_reference));
    }
    let new = match &image.source {
        ImageSource::Registry { digest } => digest,
        ImageSource::Kept { image_id, .. } => image_id,
    };
    changes.push(change("Image", &image.old_id, new));
    changes
}

/// Without a measurement: a container is replaced within two seconds; where data is copied, the files are looked at once
/// more while nobody is served, which takes a second for twenty thousand of them.
fn downtime(plan: &Plan, facts: OutlookFacts) -> Downtime {
    if let Some(last) = facts.last_downtime {
        let estimate_ms = u64::try_from(last.as_millis()).unwrap_or(u64::MAX);
        return Downtime { estimate_ms, basis: Basis::LastUpdate };
    }
    let mut estimate_ms = 2_000;
    if plan.has_data() || plan.way == Way::Replace {
        estimate_ms += 1_000;
    }
    if let Some(data) = facts.data {
        estimate_ms += 1_000 + data.files / 20;
    }
    Downtime { estimate_ms, basis: Basis::Rule }
}

/// The digest is asked for by HEAD, which counts against no limit. A pull asks for an index and for a manifest, and is
/// counted once.
const fn registry(plan: &Plan, is_present: bool) -> RegistryCost {
    match (&plan.image.source, is_present) {
        (ImageSource::Kept { .. }, true) => RegistryCost { requests: 0, pulls: 0, is_present },
        (ImageSource::Registry { .. }, true) => RegistryCost { requests: 1, pulls: 0, is_present },
        (_, false) => RegistryCost { requests: 3, pulls: 1, is_present },
    }
}

/// Containers that notice when another is recreated, by name.
pub fn dependents(id: &str, name: &str, all: &[Container]) -> Vec<Dependent> {
    let subject = all.iter().find(|container| container.id == id);
    let label = |container: &Container, name: &str| container.labels.get(name).cloned().unwrap_or_default();
    let place = |container: &Container| {
        (label(container, "com.docker.compose.project"), label(container, "com.docker.compose.service"))
    };
    let (project, service) = subject.map(place).unwrap_or_default();
    let reason = |other: &Container| {
        let shared = subject.and_then(|subject| other.shared_with(subject).next());
        if let Some(first) = shared {
            let is_network = first == Namespace::Network;
            return Some(if is_network { DependentReason::SharesNetwork } else { DependentReason::SharesProcesses });
        }
        if other.links.values().any(|of| of == name) {
            return Some(DependentReason::Linked);
        }
        let after = policy::value(&other.labels, "restart-after").unwrap_or_default();
        if after.split(',').any(|wanted| wanted.trim() == name) {
            return Some(DependentReason::RestartAfter);
        }
        let needs = label(other, "com.docker.compose.depends_on");
        let is_needed = !project.is_empty()
            && place(other).0 == project
            && needs.split(',').filter_map(|need| need.split(':').next()).any(|need| need == service);
        is_needed.then_some(DependentReason::DependsOn)
    };
    let mut found: Vec<Dependent> = all
        .iter()
        .filter(|other| other.id != id && other.is_up())
        .filter_map(|other| Some(Dependent { container: other.name.clone(), reason: reason(other)? }))
        .collect();
    found.sort_by(|a, b| a.container.cmp(&b.container));
    found
}

/// The lines between the first and the last that differ, with a little of what is around them. What lies between two
/// changes of one file is shown with them: an edit changes one line, or few that are near each other.
pub(crate) fn diff(file: &SavedFile) -> FileDiff {
    let (before, after): (Vec<&str>, Vec<&str>) = (file.before.lines().collect(), file.after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let rest = before.len().min(after.len()) - same;
    let tail = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(CONTEXT);
    let line = |sign: char, text: &&str| format!("{sign} {text}");
    let mut lines: Vec<String> = before[from..same].iter().map(|text| line(' ', text)).collect();
    lines.extend(before[same..before.len() - tail].iter().map(|text| line('-', text)));
    lines.extend(after[same..after.len() - tail].iter().map(|text| line('+', text)));
    lines.extend(after[after.len() - tail..].iter().take(CONTEXT).map(|text| line(' ', text)));
    FileDiff { path: file.path.clone(), line: from + 1, lines }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}, line {}:", file.path, file.line)?;
            file.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        for change in &self.spec {
            writeln!(f, "{}: {} → {}", change.field, change.before, change.after)?;
        }
        let basis = match self.downtime.basis {
            Basis::LastUpdate => "as the last update",
            Basis::Rule => "as a rule",
        };
        let seconds = self.downtime.estimate_ms.div_ceil(1_000);
        writeln!(f, "Interruption: about {seconds} s, {basis}")?;
        if let Some(data) = self.data {
            let (size, free) = (mebibytes(data.needed_bytes), mebibytes(data.free_bytes));
            writeln!(f, "Copy of the data: {size} MiB in {} files; {free} MiB are free", data.files)?;
        }
        let RegistryCost { requests, pulls, is_present } = self.registry;
        let present = if is_present { "; the image is here already" } else { "" };
        write!(f, "Registry: {requests} requests, {pulls} of them counted as a pull{present}")?;
        for dependent in &self.dependents {
            let why = match dependent.reason {
                DependentReason::SharesNetwork => "runs in its network",
                DependentReason::Linked => "is linked to it",
                DependentReason::SharesProcesses => "shares processes or memory with it",
                DependentReason::DependsOn => "depends on it",
                DependentReason::RestartAfter => "asks to be restarted after it",
            };
            write!(f, "\n{} {why}", dependent.container)?;
        }
        Ok(())
    }
}

/// Rounded up.
pub(crate) const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::World;

    fn check(before: &str, after: &str) -> (usize, Vec<String>) {
        let diff = diff(&SavedFile { path: "/c".to_owned(), before: before.to_owned(), after: after.to_owned() });
        (diff.line, diff.lines)
    }

    #[test]
    fn a_diff_shows_the_changed_line_and_its_neighbours() {
        let (line, lines) = check("a\nb\nimage: x:1\nc\nd\n", "a\nb\nimage: x:2\nc\nd\n");
        assert_eq!((line, lines.join("|")), (2, "  b|- image: x:1|+ image: x:2|  c".to_owned()));
        let (line, lines) = check("TAG=1", "TAG=2");
        assert_eq!((line, lines.join("|")), (1, "- TAG=1|+ TAG=2".to_owned()));
        assert_eq!(check("a\na\n", "a\na\na\n").1.join("|"), "  a|+ a");
    }

    #[test]
    fn whoever_notices_is_named_with_the_reason() {
        let mut world = World::default();
        world.images.insert("i".to_owned());
        let labels = |service| [("com.docker.compose.project", "p"), ("com.docker.compose.service", service)];
        let id = world.create("db", "i", &[], &labels("db"));
        let mut web = labels("web").to_vec();
        web.push(("com.docker.compose.depends_on", "db:service_healthy:true,cache:service_started:false"));
        let web = world.create("web", "i", &[], &web);
        let after = world.create("mail", "i", &[], &[("docksmith.restart-after", "x, db")]);
        let other = world.create("other", "i", &[], &[("docksmith.restart-after", "db2")]);
        for id in [&id, &web, &after, &other] {
            world.start(id);
        }
        let all: Vec<Container> = world.containers.values().cloned().collect();
        let found: Vec<_> = dependents(&id, "db", &all).into_iter().map(|d| (d.container, d.reason)).collect();
        let expected = [("mail", DependentReason::RestartAfter), ("web", DependentReason::DependsOn)];
        assert_eq!(found, expected.map(|(name, reason)| (name.to_owned(), reason)));
    }
}
