//! What a label asks for before and after an update.

use serde::{Deserialize, Serialize};

use super::LabelError;
use crate::{engine::Container, policy};

/// A script that has to agree before the update.
const SCRIPT_LABEL: &str = "pre-update-check";
/// A rehearsal before each update.
const REHEARSE_LABEL: &str = "rehearse";
/// One action after it.
const AFTER_LABEL: &str = "post-update";

/// One action after a successful update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum After {
    /// Restarts containers, one after the other.
    Restart {
        /// Their names.
        containers: Vec<String>,
    },
    /// Restarts services of the same project.
    ComposeRestart {
        /// Their names.
        services: Vec<String>,
    },
    /// Runs a script of the directory of scripts.
    Script {
        /// Its path.
        path: String,
    },
    /// Runs a command of a shell where Homeport runs.
    Exec {
        /// The command.
        command: String,
    },
}

/// Refuses what only the settings allow.
pub(crate) fn permit_after(container: &Container, after: Option<&After>, exec: bool) -> Result<(), LabelError> {
    match after {
        Some(After::Exec { command }) if !exec => Err(LabelError {
            container: container.name.clone(),
            label: AFTER_LABEL,
            value: format!("exec:{command}"),
            problem: "a command for a shell, which scripts.exec of the updater's settings does not allow; put it into a script",
        }),
        _ => Ok(()),
    }
}

/// The script that the container's label names.
pub fn script_of(container: &Container) -> Option<String> {
    policy::value(&container.labels, SCRIPT_LABEL).map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned)
}

/// Whether the container's label asks for a rehearsal before each update. What is stopped is not tried.
pub(super) fn is_rehearsed(container: &Container) -> bool {
    let is_wanted = policy::value(&container.labels, REHEARSE_LABEL)
        .is_some_and(|text| matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "always"));
    is_wanted && container.is_up()
}

/// The action that the container's label asks for.
pub(super) fn after(container: &Container) -> Result<Option<After>, LabelError> {
    let text = policy::value(&container.labels, AFTER_LABEL).map(str::trim).filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok(None) };
    let refused =
        |problem| LabelError { container: container.name.clone(), label: AFTER_LABEL, value: text.to_owned(), problem };
    let (word, rest) = text.split_once(':').unwrap_or((text, ""));
    let list = || -> Vec<String> {
        rest.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    match word {
        "restart" | "compose-restart" if list().is_empty() => Err(refused("without a name of what is to be restarted")),
        "restart" => Ok(Some(After::Restart { containers: list() })),
        "compose-restart" => Ok(Some(After::ComposeRestart { services: list() })),
        "script" => Ok(Some(After::Script { path: rest.trim().to_owned() })),
        "exec" if rest.trim().is_empty() => Err(refused("without a command")),
        "exec" => Ok(Some(After::Exec { command: rest.trim().to_owned() })),
        _ => Err(refused("none of restart:…, compose-restart:…, script:… and exec:…")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::World;

    fn check(text: &str) -> Result<Option<After>, String> {
        let mut world = World::default();
        let id = world.create("web", "app:1", &[], &[("docksmith.post-update", text)]);
        after(&world.containers[&id]).map_err(|error| error.to_string())
    }

    #[test]
    fn s7_one_action_of_each_kind() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(check("restart: a, b"), Ok(Some(After::Restart { containers: list(&["a", "b"]) })));
        assert_eq!(check("compose-restart:db"), Ok(Some(After::ComposeRestart { services: list(&["db"]) })));
        assert_eq!(check("script:/scripts/x.sh"), Ok(Some(After::Script { path: "/scripts/x.sh".to_owned() })));
        assert_eq!(check(""), Ok(None));
        let exec = check("exec:date >/tmp/x").unwrap();
        assert_eq!(exec, Some(After::Exec { command: "date >/tmp/x".to_owned() }));
        let mut world = World::default();
        let id = world.create("web", "app:1", &[], &[]);
        let permitted = |exec_allowed| permit_after(&world.containers[&id], exec.as_ref(), exec_allowed).is_ok();
        assert!(!permitted(false) && permitted(true));
        for wrong in ["restart:", "exec:", "dance:now", "restart"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
