//! Which other containers have to follow when one is recreated: those in its network, or in another of its namespaces, lose
//! it, and some ask for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{after::script_of, decide::ROLE_LABEL};
use crate::{
    engine::{Container, Namespace},
    policy,
};

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
    /// Names of containers whose namespaces it lives in, by their kind: the one that is recreated, and others that follow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<Namespace, String>,
    /// Names of those among them that it is linked to, by alias.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
    /// The script that is asked before it is restarted. None: it follows without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// What a container needs when the one that it follows is recreated or restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It lives in a namespace of the other, such as its network, or is linked to it: it is recreated for the new container.
    #[serde(alias = "network")]
    Recreate,
    /// It asks for a restart: by its label, or in its compose file.
    Restart,
}

impl Follower {
    /// Names of the owners of its namespaces. A plan of an older program knew only networks.
    pub fn namespaces(&self) -> BTreeMap<Namespace, &str> {
        if self.shares.is_empty() && self.links.is_empty() && self.need == Need::Recreate {
            return [(Namespace::Network, self.follows.as_str())].into();
        }
        self.shares.iter().map(|(kind, of)| (*kind, of.as_str())).collect()
    }

    /// What it shares with whom and is linked to, for people: `lives in the network of vpn`.
    pub fn shared(&self) -> String {
        let each = self.namespaces().into_iter().map(|(kind, of)| match kind {
            Namespace::Network => format!("lives in the network of {of}"),
            Namespace::Pid => format!("sees the processes of {of}"),
            Namespace::Ipc => format!("shares memory with {of}"),
        });
        // By more than one alias, perhaps.
        let linked: BTreeSet<&String> = self.links.values().collect();
        let links = linked.into_iter().map(|of| format!("is linked to {of}"));
        each.chain(links).collect::<Vec<_>>().join(" and ")
    }
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
        for other in all {
            let is_known = queue.iter().any(|known| known.id == other.id);
            let Some(need) = need(other, owner).filter(|_| !is_known) else { continue };
            if !other.is_up() {
                if other.shared_with(owner).next().is_some() {
                    let (name, owner) = (&other.name, &owner.name);
                    warnings.push(format!("{name}, which is stopped, has to be made again before it can join {owner}"));
                }
            } else if other.label(ROLE_LABEL).is_some() || own == Some(&other.id) {
                warnings.push(format!("{} would have to follow, but is part of Homeport", other.name));
            } else if other.auto_remove && need == Need::Recreate {
                let (name, owner) = (&other.name, &owner.name);
                warnings.push(format!(
                    "{name} cannot do without {owner} and was started with --rm: start it again by hand"
                ));
            } else {
                let (name, follows) = (other.name.clone(), owner.name.clone());
                let (shares, links, script) = (BTreeMap::new(), BTreeMap::new(), script_of(other));
                found.push((Follower { name, follows, need, shares, links, script }, other));
                queue.push(other);
            }
        }
    }
    for (follower, container) in &mut found {
        for owner in &queue {
            follower.shares.extend(container.shared_with(owner).map(|kind| (kind, owner.name.clone())));
            let links = container.links.iter().filter(|(_, of)| **of == owner.name);
            follower.links.extend(links.map(|(alias, of)| (alias.clone(), of.clone())));
        }
        if !(follower.shares.is_empty() && follower.links.is_empty()) {
            follower.need = Need::Recreate;
        }
    }
    (owners_first(found), warnings)
}

/// Each after the one that it follows, and after those whose namespaces it lives in or that it is linked to, which have to
/// be there before it can.
fn owners_first(mut left: Vec<(Follower, &Container)>) -> Vec<(Follower, &Container)> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_left = |name: &String| left.iter().any(|(other, _)| other.name == *name);
        let can_be = |one: &Follower| !one.shares.values().chain(one.links.values()).any(is_left);
        let next = left.iter().position(|(one, _)| can_be(one) && !is_left(&one.follows));
        // Who asks to be restarted after what needs it comes first all the same.
        let next = next.or_else(|| left.iter().position(|(one, _)| can_be(one)));
        ordered.push(left.remove(next.unwrap_or(0)));
    }
    ordered
}

fn need(other: &Container, owner: &Container) -> Option<Need> {
    if other.id == owner.id {
        return None;
    }
    if other.shared_with(owner).next().is_some() || other.links.values().any(|of| *of == owner.name) {
        return Some(Need::Recreate);
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

    /// Containers by name, with labels; `net`, `pid` and `ipc` stand for the namespaces of another.
    fn world(containers: &[(&str, &[(&str, &str)])]) -> Vec<Container> {
        let mut world = World::default();
        for (name, labels) in containers {
            let id_of = |name: &str| world.containers.values().find(|one| one.name == name).map(|one| one.id.clone());
            let kinds = [("net", Namespace::Network), ("pid", Namespace::Pid), ("ipc", Namespace::Ipc)];
            let shared = kinds.into_iter().filter_map(|(key, kind)| {
                let (_, of) = labels.iter().find(|(label, _)| *label == key)?;
                Some((kind, id_of(of)?))
            });
            let shares = shared.collect();
            let id = world.create(name, "app:1", &[], labels);
            world.start(&id);
            world.containers.get_mut(&id).unwrap().shares = shares;
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
            &[("torrent", "vpn", Need::Recreate), ("web", "vpn", Need::Restart), ("ui", "torrent", Need::Restart)],
        );
    }

    #[test]
    fn s7_who_lives_in_several_namespaces_comes_after_all_their_owners() {
        let all = world(&[
            ("vpn", &[]),
            ("sidecar", &[("net", "vpn")]),
            ("debugger", &[("pid", "sidecar"), ("ipc", "vpn")]),
            ("asker", &[("docksmith.restart-after", "vpn"), ("pid", "debugger")]),
            ("late", &[("docksmith.restart-after", "asker")]),
        ]);
        let reordered = [&all[0], &all[3], &all[4], &all[2], &all[1]].map(Clone::clone);
        for all in [all.as_slice(), reordered.as_slice()] {
            let (found, warnings) = followers(&all[0], None, all);
            let names: Vec<_> = found.iter().map(|(one, _)| (one.name.as_str(), one.need)).collect();
            let mut expected = ["sidecar", "debugger", "asker"].map(|name| (name, Need::Recreate)).to_vec();
            expected.push(("late", Need::Restart));
            assert_eq!((names, warnings), (expected, Vec::new()));
            let told = "sees the processes of sidecar and shares memory with vpn";
            assert_eq!(found[1].0.shared(), told);
        }
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
