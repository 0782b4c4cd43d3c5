//! What a compose that was killed in the middle of a recreation leaves behind.
//!
//! Compose recreates container `old`, called `name`, in these steps: create the new one as `<first 12 of old's id>_name`,
//! stop `old`, remove `old`, rename the new one to `name`, start it. So a container with such a name is
//!
//! - superfluous while `old` is still there: nothing was ever done with it, and `old` has the data of its anonymous
//!   volumes and the name. It is removed, and whether `old` must be recreated is decided anew.
//! - the only one there is once `old` is gone, and the only one that knows the anonymous volumes. It gets its name.
//! - superfluous again if `old` is gone and something else has the name by now.
//!
//! One that has ever been started is never removed, whatever its name. A container whose own id its name begins with was
//! set aside by Compose v1, and belongs to whoever did that. Several containers of one scaled service are each recreated
//! on their own, so each rule is about one name at a time.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    container::Containers,
    document::{Document as _, short_id},
    error::EngineError,
};

/// What to do with a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Remove it, by id.
    Remove(String),
    /// Give it a name, by id.
    Rename(String, String),
}

/// What to do with the containers of one service.
pub(super) fn resolve(containers: &[Value]) -> Vec<Action> {
    let present: HashSet<&str> = containers.iter().map(|container| short_id(container.text("Id"))).collect();
    let mut names: HashSet<&str> = containers.iter().map(name).collect();
    let mut actions = Vec::new();
    for container in containers {
        let Some((old, wanted)) = temporary_name(name(container)) else { continue };
        let (id, untouched) = (container.text("Id"), container.text("State.Status") == "created");
        if old == short_id(id) {
            continue;
        }
        let superfluous = present.contains(old) || names.contains(wanted);
        if superfluous && untouched {
            actions.push(Action::Remove(id.to_owned()));
        } else if !superfluous {
            names.insert(wanted);
            actions.push(Action::Rename(id.to_owned(), wanted.to_owned()));
        }
    }
    actions
}

/// Does it. Its own anonymous volumes, which nothing ever wrote to, go with a container that is removed.
pub(super) async fn act(containers: &Containers, action: &Action) -> Result<(), EngineError> {
    match action {
        Action::Remove(id) => {
            tracing::info!(container.id = id, "removing what an interrupted recreation left behind");
            containers.remove(id, false, true).await
        }
        Action::Rename(id, name) => {
            tracing::info!(container.id = id, container.name = name, "finishing an interrupted recreation");
            containers.rename(id, name).await
        }
    }
}

fn name(container: &Value) -> &str {
    container.text("Name").trim_start_matches('/')
}

/// The short id and the name that a temporary name is made of.
fn temporary_name(name: &str) -> Option<(&str, &str)> {
    let (id, rest) = name.split_once('_')?;
    let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (is_id && !rest.is_empty()).then_some((id, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OLD: &str = "aaaaaaaaaaaa";

    fn container(id: &str, name: &str, status: &str) -> Value {
        json!({ "Id": id.repeat(64 / id.len()), "Name": format!("/{name}"), "State": { "Status": status } })
    }

    fn check(containers: &[Value], expected: &[Action]) {
        assert_eq!(resolve(containers), expected);
    }

    #[test]
    fn a_new_one_beside_the_old_one_goes() {
        let old = container("a", "web-1", "exited");
        let new = container("b", &format!("{OLD}_web-1"), "created");
        check(&[old, new], &[Action::Remove("b".repeat(64))]);
    }

    #[test]
    fn a_new_one_without_the_old_one_takes_its_place() {
        let new = container("b", &format!("{OLD}_web-1"), "created");
        check(std::slice::from_ref(&new), &[Action::Rename("b".repeat(64), "web-1".to_owned())]);
        let another = container("c", "web-1", "running");
        check(&[new, another], &[Action::Remove("b".repeat(64))]);
    }

    #[test]
    fn a_scaled_service_keeps_all_of_its_containers() {
        let containers = [
            container("c", "web-1", "running"),
            container("a", "web-2", "running"),
            container("b", &format!("{OLD}_web-2"), "created"),
            container("d", "web-3", "exited"),
            container("e", "ffffffffffff_web-4", "created"),
        ];
        let expected = [Action::Remove("b".repeat(64)), Action::Rename("e".repeat(64), "web-4".to_owned())];
        check(&containers, &expected);
    }

    #[test]
    fn what_ever_ran_and_what_only_looks_like_it_stays() {
        check(&[container("a", "web-1", "running"), container("b", &format!("{OLD}_web-1"), "exited")], &[]);
        check(&[container("a", &format!("{OLD}_web-1"), "exited")], &[]);
        check(&[container("b", "my_web-1", "created"), container("c", "abcdef012345_", "created")], &[]);
    }
}
