//! Whether the tasks of a Swarm service have taken a new image. Pure. A task with a health check runs, in Swarm's words, only
//! once it has passed it, and fails when it does not any more.

use std::collections::BTreeSet;

use crate::engine::Swarm;

/// States from which a task does not come back.
const LOST: [&str; 3] = ["failed", "rejected", "orphaned"];
/// What the manager says of a change that it gave up.
const GIVEN_UP: [&str; 4] = ["paused", "rollback_started", "rollback_paused", "rollback_completed"];

/// How far a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The manager is at it; what for, in words.
    Waiting(String),
    /// As many tasks as are wanted run the image, and none that is wanted runs another.
    Settled,
    /// It will not come to that; why.
    Broken(String),
}

/// Judges the tasks that are not `known` from before.
pub fn judge(swarm: &Swarm, image: &str, known: &BTreeSet<String>) -> Progress {
    if swarm.specified != image {
        return Progress::Broken(match swarm.update_state.as_str() {
            state if state.starts_with("rollback") => {
                format!("the manager went back by itself: {}", swarm.update_message)
            }
            _ => format!("somebody changed it to {} meanwhile", swarm.specified),
        });
    }
    let fresh = || swarm.tasks.iter().filter(|task| task.image == image && !known.contains(&task.id));
    if let Some(lost) = fresh().find(|task| LOST.contains(&task.state.as_str())) {
        return Progress::Broken(format!("task {} {}: {}", short(&lost.id), lost.state, lost.error));
    }
    if GIVEN_UP.contains(&swarm.update_state.as_str()) {
        return Progress::Broken(format!("the manager gave it up: {}", swarm.update_message));
    }
    let wanted = || swarm.tasks.iter().filter(|task| task.desired_state == "running");
    let running = wanted().filter(|task| task.image == image && task.state == "running").count();
    let others = wanted().filter(|task| task.image != image).count();
    let desired = usize::try_from(swarm.desired).unwrap_or(usize::MAX);
    if running >= desired && others == 0 && swarm.update_state != "updating" {
        return Progress::Settled;
    }
    Progress::Waiting(format!("{running} of {desired} tasks run the new version"))
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Task;

    fn task(id: &str, image: &str, state: &str, desired: &str) -> Task {
        Task {
            id: id.to_owned(),
            image: image.to_owned(),
            state: state.to_owned(),
            desired_state: desired.to_owned(),
            error: "exit 1".to_owned(),
        }
    }

    fn check(state: &str, specified: &str, tasks: Vec<Task>) -> Progress {
        let swarm = Swarm {
            desired: 2,
            specified: specified.to_owned(),
            update_state: state.to_owned(),
            tasks,
            ..Swarm::default()
        };
        judge(&swarm, "b", &BTreeSet::from(["k".to_owned()]))
    }

    #[test]
    fn all_that_are_wanted_have_to_run_the_image_and_no_other() {
        let new = |id| task(id, "b", "running", "running");
        assert_eq!(check("completed", "b", vec![new("1"), new("2")]), Progress::Settled);
        assert!(matches!(check("updating", "b", vec![new("1"), new("2")]), Progress::Waiting(_)));
        assert!(matches!(check("completed", "b", vec![new("1")]), Progress::Waiting(_)));
        let old = task("0", "a", "running", "running");
        assert!(matches!(check("completed", "b", vec![new("1"), new("2"), old]), Progress::Waiting(_)));
        let gone = task("0", "a", "shutdown", "shutdown");
        assert_eq!(check("completed", "b", vec![new("1"), new("2"), gone]), Progress::Settled);
    }

    #[test]
    fn one_that_is_lost_is_enough_unless_it_was_lost_before() {
        let lost = |id| task(id, "b", "failed", "shutdown");
        let broken = check("updating", "b", vec![lost("1")]);
        assert!(matches!(&broken, Progress::Broken(why) if why.contains("exit 1")), "{broken:?}");
        assert!(matches!(check("updating", "b", vec![lost("k")]), Progress::Waiting(_)));
        assert!(matches!(check("paused", "b", vec![]), Progress::Broken(_)));
        assert!(matches!(check("rollback_completed", "a", vec![]), Progress::Broken(_)));
        assert!(matches!(check("completed", "c", vec![]), Progress::Broken(_)));
    }
}
