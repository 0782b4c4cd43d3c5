//! Which stage a step belongs to, in the words that clients know, and how far along it is.

use super::step;
use crate::plan::Kind;

/// A stage, in the words that clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// Per cent of the whole at its beginning.
    pub from: u32,
    /// Per cent of the whole at its end.
    pub to: u32,
    /// What it is about, in words.
    pub message: &'static str,
}

impl Stage {
    /// Per cent of the whole at this much of the stage.
    pub fn percent(&self, of_stage: u32) -> u32 {
        self.from + (self.to - self.from) * of_stage.min(100) / 100
    }
}

/// The stage of a step. None: it is too short to be told of, or, as `validate`, a part of what was told before.
pub fn stage_of(step: &str, kind: Kind) -> Option<Stage> {
    let (name, from, to, message) = match (kind, step) {
        (Kind::Restart, step) => restarting(step)?,
        (Kind::Labels, step) => labelling(step)?,
        (Kind::Mismatch, step) => fixing(step)?,
        (Kind::Update | Kind::Rollback, step) => updating(step)?,
    };
    Some(Stage { name, from, to, message })
}

type Words = (&'static str, u32, u32, &'static str);

fn restarting(step: &str) -> Option<Words> {
    Some(match step {
        step::SCRIPT => ("validating", 10, 14, "asking the script"),
        step::ASK_FOLLOWERS => ("validating", 15, 18, "asking the scripts of the containers that depend on it"),
        step::LOCK => ("locking", 18, 20, "taking the update locks"),
        step::RESTART => ("stopping", 20, 40, "restarting the container"),
        step::SETTLE => ("health_check", 60, 80, "waiting until it is healthy"),
        step::FOLLOW => ("restarting_dependents", 80, 95, "restarting the containers that depend on it"),
        _ => return None,
    })
}

fn labelling(step: &str) -> Option<Words> {
    Some(match step {
        step::SCRIPT => ("validating", 5, 8, "asking the script"),
        step::LOCK => ("locking", 8, 10, "taking the update locks"),
        step::EDIT => ("updating_compose", 10, 30, "changing the labels in the compose file"),
        step::RECREATE => ("stopping", 40, 70, "making the container again with them"),
        step::HEALTH => ("health_check", 90, 95, "waiting until it has proved itself"),
        step::FOLLOW => ("restarting_dependents", 95, 98, "restarting the containers that depend on it"),
        _ => return None,
    })
}

/// The file is changed only where the container is not, and then first.
fn fixing(step: &str) -> Option<Words> {
    match step {
        step::PULL => Some(("pulling_image", 20, 60, "pulling the image")),
        step::EDIT => Some(("updating_compose", 60, 95, "changing the compose file")),
        step => updating(step),
    }
}

/// The order is ours, and so is where the steps lie that Docksmith has not; what it has is where its clients expect it, as far
/// as nothing then goes backwards.
fn updating(step: &str) -> Option<Words> {
    Some(match step {
        step::SCRIPT => ("validating", 5, 20, "asking the script"),
        step::PULL => ("pulling_image", 30, 60, "pulling the image"),
        step::CREATE => ("validating", 60, 61, "creating the new container beside the old one"),
        step::COPY => ("backup", 61, 62, "copying the data"),
        step::REHEARSE => ("rehearsing", 62, 63, "trying the new version on a copy of its data"),
        step::LOCK => ("locking", 63, 64, "taking the update locks"),
        step::EDIT => ("updating_compose", 64, 65, "changing the compose file"),
        step::STOP => ("stopping", 65, 66, "stopping the old version"),
        step::SYNC => ("backup", 66, 68, "copying what of the data has changed since"),
        step::RESTORE => ("backup", 68, 69, "bringing back the data"),
        step::RECREATE | step::SWAP => ("recreating", 70, 80, "starting the new version"),
        step::FOLLOW => ("restarting_dependents", 95, 98, "restarting the containers that depend on it"),
        step::HEALTH => ("health_check", 80, 95, "waiting until the new version has proved itself"),
        _ => return None,
    })
}
