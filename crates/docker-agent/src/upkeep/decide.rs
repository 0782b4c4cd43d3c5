//! What nothing uses. Values in, values out.

use std::collections::BTreeSet;

use crate::inventory::{Container, Image, Inventory, Network, Volume};

/// States in which a container does nothing and will not by itself.
const ENDED: [&str; 3] = ["exited", "created", "dead"];
/// In the names of containers that belong to an update under way.
const UNDER_WAY: [&str; 2] = [".homeport-new-", ".homeport-old-"];

/// What is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) kinds: BTreeSet<Kind>,
    /// Also images that have a tag.
    pub(crate) tagged_images: bool,
    /// Also volumes that have a name.
    pub(crate) named_volumes: bool,
    /// Names of containers that stay.
    pub(crate) protected: BTreeSet<String>,
}

/// What something is, in the order in which things go: what a container used is unused once it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

/// Something that nothing uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unused {
    pub(crate) kind: Kind,
    /// Of a volume its name.
    pub(crate) id: String,
    /// An image's tags; of everything else the one name.
    pub(crate) names: Vec<String>,
    /// Bytes; 0 if they are not known.
    pub(crate) size: u64,
}

/// What can go, in the order in which it must.
pub(crate) fn unused(inventory: &Inventory, wanted: &Wanted) -> Vec<Unused> {
    let is_wanted = |kind| wanted.kinds.contains(&kind);
    let goes = |container: &&Container| is_wanted(Kind::Container) && has_ended(container, wanted);
    let (gone, stay): (Vec<&Container>, Vec<&Container>) = inventory.containers.iter().partition(goes);
    let networks = inventory.networks.iter().filter(|network| is_wanted(Kind::Network) && is_free(network, &stay));
    let volumes = inventory.volumes.iter().filter(|volume| is_wanted(Kind::Volume) && is_loose(volume, &stay, wanted));
    let images = inventory.images.iter().filter(|image| is_wanted(Kind::Image) && is_idle(image, &stay, wanted));
    let mut all: Vec<Unused> = gone.into_iter().map(Unused::container).collect();
    all.extend(networks.map(Unused::network));
    all.extend(volumes.map(Unused::volume));
    all.extend(images.map(Unused::image));
    all
}

fn has_ended(container: &Container, wanted: &Wanted) -> bool {
    ENDED.contains(&container.state.as_str())
        && !container.is_own
        && !container.is_helper
        && !wanted.protected.contains(&container.name)
        && !UNDER_WAY.iter().any(|part| container.name.contains(part))
}

/// Also a container that does not run needs its networks: without them it cannot be started again.
fn is_free(network: &Network, stay: &[&Container]) -> bool {
    !network.is_default
        && !network.is_special
        && !stay.iter().any(|container| container.networks.contains(&network.name))
}

fn is_loose(volume: &Volume, stay: &[&Container], wanted: &Wanted) -> bool {
    !volume.kept
        && (wanted.named_volumes || volume.is_anonymous)
        && !stay.iter().any(|container| container.volumes.contains(&volume.name))
}

fn is_idle(image: &Image, stay: &[&Container], wanted: &Wanted) -> bool {
    !image.kept
        && (wanted.tagged_images || image.tags.is_empty())
        && !stay.iter().any(|container| container.image_id == image.id)
}

impl Unused {
    fn container(container: &Container) -> Self {
        Self { kind: Kind::Container, id: container.id.clone(), names: vec![container.name.clone()], size: 0 }
    }

    fn network(network: &Network) -> Self {
        Self { kind: Kind::Network, id: network.id.clone(), names: vec![network.name.clone()], size: 0 }
    }

    fn volume(volume: &Volume) -> Self {
        let size = volume.size.unwrap_or_default();
        Self { kind: Kind::Volume, id: volume.name.clone(), names: vec![volume.name.clone()], size }
    }

    fn image(image: &Image) -> Self {
        let size = image.unshared.unwrap_or(image.size);
        Self { kind: Kind::Image, id: image.id.clone(), names: image.tags.clone(), size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, state: &str) -> Container {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Container {
            id: format!("id-{name}"),
            name: name.to_owned(),
            state: state.to_owned(),
            image_id: format!("sha256:{name}"),
            networks: owned(&[name]),
            volumes: owned(&[name]),
            ..Container::default()
        }
    }

    fn image(name: &str, tags: &[&str]) -> Image {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Image {
            id: format!("sha256:{name}"),
            kept: tags.iter().any(|tag| tag.starts_with("homeport.local/")),
            tags,
            size: 10,
            ..Image::default()
        }
    }

    fn network(name: &str) -> Network {
        Network { id: format!("id-{name}"), name: name.to_owned(), ..Network::default() }
    }

    fn volume(name: &str, is_anonymous: bool, kept: bool) -> Volume {
        Volume { name: name.to_owned(), is_anonymous, kept, size: Some(5), ..Volume::default() }
    }

    fn inventory() -> Inventory {
        Inventory {
            containers: vec![
                container("web", "running"),
                container("paused", "paused"),
                container("old", "exited"),
                container("fresh", "created"),
                container("queued", "exited"),
                container("web.homeport-old-1234abcd", "exited"),
                Container { is_own: true, ..container("init", "exited") },
                Container { is_helper: true, ..container("help", "created") },
            ],
            images: vec![
                image("web", &["web:1"]),
                image("old", &["old:1", "old:latest"]),
                image("queued", &["queued:1"]),
                image("loose", &[]),
                image("tagged", &["tagged:1"]),
                image("kept", &["homeport.local/rollback/web:1", "web:0"]),
                image("help", &["homeport.local/helper:1"]),
            ],
            networks: vec![
                network("web"),
                network("old"),
                network("queued"),
                network("nobody"),
                Network { is_default: true, ..network("bridge") },
                Network { is_special: true, ..network("ingress") },
            ],
            volumes: vec![
                volume("web", false, false),
                volume("old", false, false),
                volume("nobody", false, false),
                volume("anonymous", true, false),
                volume("homeport-snapshot-1", false, true),
                volume("homeport-snapshot-2", true, true),
            ],
        }
    }

    fn check(kinds: &[Kind], tagged: bool, named: bool, expected: &[&str]) {
        let wanted = Wanted {
            kinds: kinds.iter().copied().collect(),
            tagged_images: tagged,
            named_volumes: named,
            protected: ["queued".to_owned()].into(),
        };
        let found: Vec<String> = unused(&inventory(), &wanted).into_iter().map(|item| item.id).collect();
        assert_eq!(found, expected, "{wanted:?}");
    }

    #[test]
    fn s2_7_containers_that_ended_go_but_not_ours_nor_those_that_work_needs() {
        check(&[Kind::Container], true, true, &["id-old", "id-fresh"]);
    }

    #[test]
    fn s2_7_images_without_a_tag_go_and_others_only_when_asked() {
        check(&[Kind::Image], false, false, &["sha256:loose"]);
        check(&[Kind::Image], true, false, &["sha256:loose", "sha256:tagged"]);
    }

    #[test]
    fn s2_7_what_a_stopped_container_needs_stays() {
        check(&[Kind::Network], false, false, &["id-nobody"]);
        check(&[Kind::Volume], false, true, &["nobody", "anonymous"]);
    }

    #[test]
    fn s2_7_named_volumes_go_only_when_asked_and_copies_never() {
        check(&[Kind::Volume], false, false, &["anonymous"]);
    }

    #[test]
    fn what_a_pruned_container_used_goes_with_it_containers_first() {
        let all = [Kind::Image, Kind::Volume, Kind::Network, Kind::Container];
        check(
            &all,
            true,
            true,
            &[
                "id-old",
                "id-fresh",
                "id-old",
                "id-nobody",
                "old",
                "nobody",
                "anonymous",
                "sha256:old",
                "sha256:loose",
                "sha256:tagged",
            ],
        );
    }

    #[test]
    fn nothing_is_wanted_nothing_goes() {
        check(&[], true, true, &[]);
    }
}
