//! Which other containers have to follow when one is recreated: those in its network lose it, and some ask for it.

use serde::{Deserialize, Serialize};

use super::{after::script_of, decide::ROLE_LABEL};
use crate::{engine::Container, policy};

/// Label with the names, separated by commas, of containers after whose restart this one is restarted.
const RESTART_AFTER: &str = "restart-after";
/// In which compose notes `service:condition:restart` for each service that one depends on.
const DEPENDS_ON: &str = "com.docker.compose.depends_on";

/// A container that follows another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// Its name.
    pub name: String,
    /// Name of the container that it follows.
    pub follows: String,
    /// What it needs.
    pub need: Need,
    /// The script that is asked before it is restarted. None: it follows without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// What a container needs when the one that it follows is recreated or restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It lives in the other's network: it is recreated in that of the new container.
    Network,
    /// It asks for a restart: by its label, or in its compose file.
    Restart,
}

/// The running containers that follow `subject`, directly or through others, in the order in which they do. With them, why
/// some cannot.
pub fn followers<'a>(
    subject: &Container,
    own: Option<&str>,
    all: &'a [Container],
) -> (Vec<(Follower, &'a Container)>, Vec<String>) {
    let (mut found, mut warnings): (Vec<(Follower, &Container)>, _) = (Vec::new(), Vec::new());
    let mut queue = vec![subject];
    let mut at = 0;
    while let Some(owner) = queue.get(at).copied() {
        at += 1;
        for other in all.iter().filter(|other| other.is_up()) {
            let is_known = queue.iter().any(|known| known.id == other.id);
            let Some(need) = need(other, owner).filter(|_| !is_known) else { continue };
            if other.label(ROLE_LABEL).is_some() || own == Some(&other.id) {
                warnings.push(format!("{} would have to follow, but is part of Homeport", other.name));
            } else if other.auto_remove && need == Need::Network {
                warnings.push(format!(
                    "{} loses its network and was started with --rm: start it again by hand",
                    other.name
                ));
            } else {
                let (name, follows) = (other.name.clone(), owner.name.clone());
                found.push((Follower { name, follows, need, script: script_of(other) }, other));
                queue.push(other);
            }
        }
    }
    (found, warnings)
}

fn need(other: &Container, owner: &Container) -> Option<Need> {
    if other.id == owner.id {
        return None;
    }
    // It may have been given the name or the beginning of the id.
    let shares = other
        .network_mode
        .strip_prefix("container:")
        .is_some_and(|of| of == owner.id || of == owner.name || (of.len() >= 12 && owner.id.starts_with(of)));
    if shares {
        return Some(Need::Network);
    }
    let names = policy::value(&other.labels, RESTART_AFTER).unwrap_or_default();
    let is_asked = names.split(',').map(str::trim).any(|name| !name.is_empty() && name == owner.name);
    (is_asked || depends_on(other, owner, true)).then_some(Need::Restart)
}

/// Whether one of two containers that are restarted together comes after the other.
pub fn depends(other: &Container, owner: &Container) -> bool {
    need(other, owner).is_some() || depends_on(other, owner, false)
}

/// Whether its compose file says `depends_on` of the other's service, with `restart: true` if that is asked for.
fn depends_on(other: &Container, owner: &Container, restart: bool) -> bool {
    let label =
        |container: &Container, name: &str| container.label(&format!("com.docker.compose.{name}")).map(str::to_owned);
    let project = label(owner, "project");
    let Some(service) = label(owner, "service").filter(|_| project.is_some() && project == label(other, "project"))
    else {
        return false;
    };
    other.label(DEPENDS_ON).unwrap_or_default().split(',').any(|entry| {
        let mut parts = entry.trim().split(':');
        parts.next() == Some(&service) && (!restart || parts.nth(1) == Some("true"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::World;

    /// Containers by name, with labels; `net` stands for the network of another.
    fn world(containers: &[(&str, &[(&str, &str)])]) -> Vec<Container> {
        let mut world = World::default();
        for (name, labels) in containers {
            let net = labels.iter().find(|(key, _)| *key == "net").map(|(_, of)| *of);
            let owner =
                net.and_then(|of| world.containers.values().find(|one| one.name == of)).map(|one| one.id.clone());
            let id = world.create(name, "app:1", &[], labels);
            world.start(&id);
            if let Some(owner) = owner {
                world.containers.get_mut(&id).unwrap().network_mode = format!("container:{owner}");
            }
        }
        world.containers.values().cloned().collect()
    }

    fn check(containers: &[(&str, &[(&str, &str)])], expected: &[(&str, &str, Need)]) {
        let all = world(containers);
        let subject = all.iter().find(|one| one.name == containers[0].0).unwrap();
        let (found, warnings) = followers(subject, None, &all);
        let found: Vec<_> = found.iter().map(|(one, _)| (one.name.as_str(), one.follows.as_str(), one.need)).collect();
        assert_eq!(found, expected, "{warnings:?}");
    }

    #[test]
    fn s7_what_lives_in_the_network_or_asks_for_it_follows() {
        let compose = |service: &'static str, needs: &'static str| {
            [("com.docker.compose.project", "p"), ("com.docker.compose.service", service), (DEPENDS_ON, needs)]
        };
        check(
            &[
                ("vpn", &compose("vpn", "")),
                ("torrent", &[("net", "vpn")]),
                ("ui", &[("docksmith.restart-after", "x, torrent")]),
                ("web", &compose("web", "db:service_started:true,vpn:service_healthy:true")),
                ("mail", &compose("mail", "vpn:service_started:false")),
                ("other", &[("docksmith.restart-after", "")]),
            ],
            &[("torrent", "vpn", Need::Network), ("web", "vpn", Need::Restart), ("ui", "torrent", Need::Restart)],
        );
    }

    #[test]
    fn s7_circles_are_cut_and_homeport_stays() {
        check(
            &[
                ("a", &[("docksmith.restart-after", "b")]),
                ("b", &[("docksmith.restart-after", "a")]),
                ("c", &[("docksmith.restart-after", "a,c,b")]),
            ],
            &[("b", "a", Need::Restart), ("c", "a", Need::Restart)],
        );
        check(&[("a", &[]), ("gateway", &[("net", "a"), (ROLE_LABEL, "gateway")])], &[]);
    }
}
