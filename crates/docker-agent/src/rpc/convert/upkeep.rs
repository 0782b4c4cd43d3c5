//! What is to be removed, and what was.

use homeport_proto::docker::v1::{PruneRequest, PruneResponse, PrunedResource, RemovedImage, ResourceKind};

use crate::upkeep::{
    ImageChange, Pruned,
    decide::{Kind, Unused, Wanted},
};

pub(in crate::rpc) fn removed_image(change: ImageChange) -> RemovedImage {
    match change {
        ImageChange::Untagged(untagged) => RemovedImage { untagged, deleted: String::new() },
        ImageChange::Deleted(deleted) => RemovedImage { untagged: String::new(), deleted },
    }
}

pub(in crate::rpc) fn wanted_prune(request: &PruneRequest) -> Wanted {
    let kind = |kind| match kind {
        ResourceKind::Unspecified => None,
        ResourceKind::Container => Some(Kind::Container),
        ResourceKind::Image => Some(Kind::Image),
        ResourceKind::Network => Some(Kind::Network),
        ResourceKind::Volume => Some(Kind::Volume),
    };
    Wanted {
        kinds: request.kinds().filter_map(kind).collect(),
        tagged_images: request.tagged_images,
        named_volumes: request.named_volumes,
        protected: request.protected_containers.iter().cloned().collect(),
    }
}

pub(in crate::rpc) fn pruned(pruned: Pruned) -> PruneResponse {
    PruneResponse {
        resources: pruned.items.into_iter().map(resource).collect(),
        space_reclaimed_bytes: pruned.space_reclaimed,
    }
}

fn resource(item: Unused) -> PrunedResource {
    let kind = match item.kind {
        Kind::Container => ResourceKind::Container,
        Kind::Network => ResourceKind::Network,
        Kind::Volume => ResourceKind::Volume,
        Kind::Image => ResourceKind::Image,
    };
    PrunedResource { kind: kind.into(), id: item.id, name: item.names.join(" "), size_bytes: item.size }
}
