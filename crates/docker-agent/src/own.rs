//! The container that docker-agent itself runs in.

mod parts;

use serde_json::Value;

use crate::{
    container::Containers, document::Document as _, error::EngineError, inventory, self_update::SELF_UPDATE_ROLE,
    workshop,
};

pub(crate) use parts::{Part, parts, restart};

/// Compose's own label, by which the processes of one installation belong together.
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// Its id; none if this process runs in none that the engine knows, such as in one of another engine.
pub(crate) async fn container_id(containers: &Containers) -> Result<Option<String>, EngineError> {
    let mounts = tokio::fs::read_to_string("/proc/self/mountinfo").await.unwrap_or_default();
    let Some(id) = id_in(&mounts) else { return Ok(None) };
    match containers.document(id).await {
        Ok(document) => Ok(Some(document.text("Id").to_owned())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Engines mount `resolv.conf` and its like from a directory that has the container's id as its name.
fn id_in(mounts: &str) -> Option<&str> {
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(3))
        .filter_map(|root| root.split_once("/containers/"))
        .filter_map(|(_, rest)| rest.split('/').next())
        .find(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a container is one of Homeport's helpers.
pub(crate) fn is_helper(container: &Value) -> bool {
    let role = container.at("Config.Labels").get(workshop::ROLE_LABEL).and_then(Value::as_str);
    role.is_some_and(is_helpers_role)
}

/// Whether whoever has this role comes and goes.
pub(crate) fn is_helpers_role(role: &str) -> bool {
    [workshop::ROLE, SELF_UPDATE_ROLE].contains(&role)
}

/// Marks Homeport's own processes: this one, those of its compose project, and those that say so.
pub(crate) fn mark(containers: &mut [inventory::Container], own_id: Option<&str>) {
    let own = containers.iter().find(|container| Some(container.id.as_str()) == own_id);
    let project = own.and_then(|own| own.labels.get(PROJECT_LABEL)).cloned();
    for container in containers {
        let is_of_project = project.is_some() && container.labels.get(PROJECT_LABEL) == project.as_ref();
        let says_so = container.labels.contains_key(workshop::ROLE_LABEL) && !container.is_helper;
        container.is_own = Some(container.id.as_str()) == own_id || is_of_project || says_so;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_in_the_mounts() {
        let id = "0123456789abcdef".repeat(4);
        let line =
            format!("700 690 8:1 /var/lib/docker/containers/{id}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw");
        assert_eq!(id_in(&format!("1 2 0:1 / / rw - overlay overlay rw\n{line}\n")), Some(id.as_str()));
        assert_eq!(id_in("1 2 0:1 /var/lib/containers/storage /x rw"), None);
    }
}
