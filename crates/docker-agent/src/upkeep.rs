//! Taking away what nobody needs: one thing that is named, or everything that nothing uses.

pub(crate) mod decide;

use homeport_bus_client::Publisher;
use homeport_service::telemetry::chain;
use serde::Serialize;
use serde_json::Value;

use crate::{
    container::encoded, document::Document as _, engine::Engine, error::EngineError, image::ImageCache, inventory,
    inventory::Sizes, name, own,
};
use decide::{Kind, Unused, Wanted};

/// Topic of [`Removed`].
const REMOVED: &str = "docker:removed";

/// Images, networks or volumes were removed because somebody asked for it.
#[derive(Debug, Serialize)]
struct Removed<'a> {
    /// Who asked. Empty: Homeport itself.
    requested_by: &'a str,
    /// `remove` of one thing, or `prune` of all that nothing uses.
    action: &'static str,
    /// Ids; of volumes their names.
    items: Vec<&'a str>,
    /// Bytes that this gave back, as far as it is known.
    space_reclaimed: u64,
}

/// What went, or would go.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    pub(crate) items: Vec<Unused>,
    pub(crate) space_reclaimed: u64,
}

/// What came of removing an image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ImageChange {
    Untagged(String),
    Deleted(String),
}

/// Removes things.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) engine: Engine,
    pub(crate) containers: crate::container::Containers,
    pub(crate) images: ImageCache,
    pub(crate) sizes: Sizes,
    pub(crate) publisher: Publisher,
}

impl Upkeep {
    /// Removes an image, or one of its tags.
    pub(crate) async fn remove_image(
        &self,
        image: &str,
        force: bool,
        by: &str,
    ) -> Result<Vec<ImageChange>, EngineError> {
        let described = crate::image::inspect(&self.engine, name::image(image)?).await?;
        if described.texts("RepoTags").iter().any(|tag| tag.starts_with(inventory::KEPT_REPOSITORIES)) {
            return Err(kept(&format!("image {image}")));
        }
        let removed = self.delete_image(image, force).await?;
        self.images.forget();
        self.tell(by, "remove", vec![described.text("Id")], 0);
        Ok(removed)
    }

    /// Removes a network.
    pub(crate) async fn remove_network(&self, network: &str, by: &str) -> Result<(), EngineError> {
        let path = format!("/networks/{}", encoded(network));
        let described = self.engine.get(&format!("looking for network {network}"), &path).await?;
        if self.own_networks().await?.contains(&described.text("Name").to_owned()) {
            return Err(EngineError::Forbidden(format!("network {network} is one of Homeport's own and stays")));
        }
        self.engine.delete(&format!("removing network {network}"), &path).await?;
        self.tell(by, "remove", vec![described.text("Id")], 0);
        Ok(())
    }

    /// Removes a volume with its data.
    pub(crate) async fn remove_volume(&self, volume: &str, force: bool, by: &str) -> Result<(), EngineError> {
        let path = format!("/volumes/{}", name::volume(volume)?);
        let described = self.engine.get(&format!("looking for volume {volume}"), &path).await?;
        if described.labels("Labels").contains_key(crate::snapshot::ID_LABEL) {
            return Err(kept(&format!("volume {volume}")));
        }
        self.engine.delete(&format!("removing volume {volume}"), &format!("{path}?force={force}")).await?;
        self.tell(by, "remove", vec![volume], 0);
        Ok(())
    }

    /// Removes what nothing uses, or only says what that would be.
    pub(crate) async fn prune(&self, wanted: &Wanted, dry_run: bool, by: &str) -> Result<Pruned, EngineError> {
        let own = own::container_id(&self.containers).await?;
        let inventory = inventory::take(&self.engine, own.as_deref(), &self.sizes, true).await?;
        let mut unused = decide::unused(&inventory, wanted);
        for item in unused.iter_mut().filter(|item| item.kind == Kind::Container) {
            item.size = self.written_by(&item.id).await;
        }
        if dry_run {
            let space_reclaimed = unused.iter().map(|item| item.size).sum();
            return Ok(Pruned { items: unused, space_reclaimed });
        }
        let has_images = unused.iter().any(|item| item.kind == Kind::Image);
        let before = if has_images { self.layers().await } else { None };
        let mut items = Vec::new();
        for item in unused {
            if self.remove_unused(&item).await? {
                items.push(item);
            }
        }
        self.images.forget();
        let after = if has_images { self.layers().await } else { None };
        let of_images: u64 = match (before, after) {
            (Some(before), Some(after)) => before.saturating_sub(after),
            _ => items.iter().filter(|item| item.kind == Kind::Image).map(|item| item.size).sum(),
        };
        let of_others: u64 = items.iter().filter(|item| item.kind != Kind::Image).map(|item| item.size).sum();
        let space_reclaimed = of_images + of_others;
        self.tell(by, "prune", items.iter().map(|item| item.id.as_str()).collect(), space_reclaimed);
        Ok(Pruned { items, space_reclaimed })
    }

    /// Removes one thing; false if it has come into use or gone meanwhile.
    async fn remove_unused(&self, item: &Unused) -> Result<bool, EngineError> {
        let id = &item.id;
        let removed = match item.kind {
            Kind::Container => self.containers.remove(id, false, false).await,
            Kind::Network => {
                self.engine.delete("pruning a network", &format!("/networks/{}", encoded(id))).await.map(drop)
            }
            Kind::Volume => {
                self.engine.delete("pruning a volume", &format!("/volumes/{}", encoded(id))).await.map(drop)
            }
            Kind::Image => self.remove_unused_image(item).await,
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.is_away() => Err(error),
            Err(error) => {
                tracing::info!(resource.id = id, error = chain(&error), "left alone by the pruning");
                Ok(false)
            }
        }
    }

    /// Tag by tag, because the engine removes an image with several only by force; the last takes the image along.
    async fn remove_unused_image(&self, item: &Unused) -> Result<(), EngineError> {
        if item.names.is_empty() {
            return self.delete_image(&item.id, false).await.map(drop);
        }
        for tag in &item.names {
            self.delete_image(tag, false).await?;
        }
        Ok(())
    }

    async fn delete_image(&self, image: &str, force: bool) -> Result<Vec<ImageChange>, EngineError> {
        let path = format!("/images/{}?force={force}", name::image(image)?);
        let removed = self.engine.delete(&format!("removing image {image}"), &path).await?;
        let change = |entry: &Value| match (entry.text("Untagged"), entry.text("Deleted")) {
            ("", "") => None,
            ("", id) => Some(ImageChange::Deleted(id.to_owned())),
            (reference, _) => Some(ImageChange::Untagged(reference.to_owned())),
        };
        Ok(removed.as_array().into_iter().flatten().filter_map(change).collect())
    }

    /// Bytes that a container has written into its own layer; 0 if the engine does not say.
    async fn written_by(&self, id: &str) -> u64 {
        let path = format!("/containers/{}/json?size=true", encoded(id));
        let document = self.engine.get("measuring a container", &path).await;
        document.ok().and_then(|document| document.at("SizeRw").as_u64()).unwrap_or_default()
    }

    /// Bytes of all layers of all images; none if the engine does not say.
    async fn layers(&self) -> Option<u64> {
        let usage = self.engine.get("measuring images", "/system/df?type=image").await.ok()?;
        ["LayersSize", "ImageUsage.TotalSize"].into_iter().find_map(|field| usage.at(field).as_u64())
    }

    async fn own_networks(&self) -> Result<Vec<String>, EngineError> {
        let own = own::container_id(&self.containers).await?;
        let inventory = inventory::take(&self.engine, own.as_deref(), &self.sizes, false).await?;
        let own = inventory.containers.into_iter().filter(|container| container.is_own);
        Ok(own.flat_map(|container| container.networks).filter(|name| name != "bridge").collect())
    }

    fn tell(&self, requested_by: &str, action: &'static str, items: Vec<&str>, space_reclaimed: u64) {
        if !items.is_empty() {
            tracing::info!(requested_by, action, count = items.len(), space_bytes = space_reclaimed, "removed");
            self.publisher.publish(REMOVED, &Removed { requested_by, action, items, space_reclaimed });
        }
    }
}

fn kept(what: &str) -> EngineError {
    EngineError::Forbidden(format!("{what} is kept by Homeport for the way back from an update and cannot be removed"))
}
