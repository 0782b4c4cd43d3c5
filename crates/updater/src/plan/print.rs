//! A plan for people: a numbered line for each step.

use std::fmt;

use super::{After, ImageSource, Kind, Need, Plan, Run, Way};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            Kind::Update => "Update",
            Kind::Rollback => "Roll back",
            Kind::Restart => "Restart",
            Kind::Labels => "Change labels of",
            Kind::Mismatch => "Bring together",
        };
        writeln!(f, "{word} {}: {} → {}", self.container.name, self.image.old_reference, self.image.new_reference)?;
        for (number, line) in self.lines().iter().enumerate() {
            writeln!(f, "{:>2}. {line}", number + 1)?;
        }
        for warning in &self.warnings {
            writeln!(f, "  ! {warning}")?;
        }
        write!(f, "plan {}", &self.hash()[..12])
    }
}

impl Plan {
    /// What is done, in order, in words.
    pub fn lines(&self) -> Vec<String> {
        if let Way::Service { after, .. } = &self.way {
            return self.service_lines(after);
        }
        let name = &self.container.name;
        let mut lines = vec![format!("check that {name} and its files are still as they were when this was planned")];
        if !matches!(self.way, Way::Restart | Way::Stay) {
            lines.push(format!("keep the image {} under a tag of its own", self.image.old_reference));
            lines.push(self.fetch());
        }
        if let Some(script) = &self.script {
            lines.insert(1, format!("ask the script {script}, which has to end with code 0"));
        }
        if self.way == Way::Replace {
            lines.push("create the new container beside the old one and compare them".to_owned());
        }
        if self.has_data() {
            lines.push(format!("copy the data while {name} runs: {}", self.data_names()));
        }
        if self.rehearse {
            lines.push("try the new version without network on a copy of that, and throw it away".to_owned());
        }
        if !self.locks.is_empty() {
            let names: Vec<&str> = self.locks.iter().map(|place| place.container.as_str()).collect();
            lines.push(format!("take the update locks of {}, as soon as none is held", names.join(", ")));
        }
        lines.extend(self.edits.iter().map(|edit| format!("change the {}", edit.change)));
        if self.has_data() || self.way == Way::Replace {
            lines.push(format!("stop {name}"));
        }
        if self.has_data() {
            lines.push("copy what of the data has changed since".to_owned());
        }
        if self.restore.is_some() {
            lines.push("bring back the data of before the update".to_owned());
        }
        if !self.peers.is_empty() {
            let names: Vec<&str> = self.peers.iter().map(|peer| peer.name.as_str()).collect();
            lines.push(format!("do the same to {}, which are of the same service", names.join(", ")));
        }
        lines.push(match &self.way {
            Way::Compose { project, service, .. } => {
                format!("docker compose up of service {service} in project {}, and compare with before", project.name)
            }
            Way::Replace | Way::Service { .. } => format!("give the new container the name {name} and start it"),
            Way::Restart => format!("restart {name}"),
            Way::Stay => format!("leave {name} as it is"),
        });
        lines.push(self.prove());
        lines.extend(self.followers.iter().map(|one| match one.need {
            Need::Recreate => format!("recreate {}, which {}", one.name, one.shared()),
            Need::Restart => format!("restart {}, which asks for it after {}", one.name, one.follows),
        }));
        if let Some(after) = &self.after {
            lines.push(match after {
                After::Restart { containers } => format!("restart {}", containers.join(", ")),
                After::ComposeRestart { services } => format!("restart the services {}", services.join(", ")),
                After::Script { path } => format!("run the script {path}"),
                After::Exec { command } => format!("run the command {command}"),
            });
        }
        lines.push("clean up; if any of this fails, bring everything back as it was".to_owned());
        if self.proof.stays {
            lines.push(format!("but if only the proof fails, leave {name} at its new version and say so"));
        }
        lines
    }

    fn service_lines(&self, after: &str) -> Vec<String> {
        let name = &self.container.name;
        let mut lines = vec![format!("check that service {name} still is as it was when this was planned")];
        lines.extend(
            self.script.as_ref().map(|script| format!("ask the script {script}, which has to end with code 0")),
        );
        lines.push(format!("update the Swarm service to {after}; the rest of its specification stays"));
        lines.push(match self.container.run {
            Run::Never => "leave it without tasks, or to its manager, as it was".to_owned(),
            Run::Always | Run::Job => format!(
                "wait until the manager has replaced all tasks, and none of them has failed for {} s",
                self.proof.stable_ms / 1000
            ),
        });
        lines.push("if any of this fails, give the service back the image that it had".to_owned());
        if self.proof.stays {
            lines.push(format!("but if only the proof fails, leave {name} at its new version and say so"));
        }
        lines
    }

    fn fetch(&self) -> String {
        match &self.image.source {
            ImageSource::Registry { digest } => format!("pull {} by digest {digest}", self.image.new_reference),
            ImageSource::Kept { .. } => format!("take the kept image of {}", self.image.new_reference),
        }
    }

    fn prove(&self) -> String {
        match self.container.run {
            Run::Never => return "leave it stopped, as it was".to_owned(),
            Run::Job => return "let it run: it has to end with code 0".to_owned(),
            Run::Always => {}
        }
        let ports: Vec<String> = self.proof.ports.iter().map(|port| port.port.to_string()).collect();
        let line = format!(
            "wait until it has stayed up for {} s and is healthy by its own check, if it has one",
            self.proof.stable_ms / 1000
        );
        let page = match &self.proof.http {
            Some(http) => format!(", and answers well to {} on port {}", http.path, http.port),
            None => String::new(),
        };
        if ports.is_empty() {
            format!("{line}{page}")
        } else {
            format!("{line} and answers on port {}{page}", ports.join(", "))
        }
    }

    fn data_names(&self) -> String {
        self.data.iter().map(|source| source.source.as_str()).collect::<Vec<_>>().join(", ")
    }
}
