//! Making a container again with another image, for containers that no compose file describes.

mod config;
mod host;
mod network;

use serde_json::{Value, json};

use super::{
    Containers, Inspected,
    compare::{Difference, compare},
    encoded,
};
use crate::{
    document::Document as _,
    engine::{ApiVersion, Engine},
    error::EngineError,
    image, name,
};

/// The label by which leftovers of an operation are found.
pub(crate) const OPERATION_LABEL: &str = "homeport.operation";

/// What to make.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    /// Inspect document of the container to equal.
    pub(crate) old: Value,
    /// Reference or id of the image to use.
    pub(crate) image: String,
    pub(crate) name: String,
    pub(crate) operation: String,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) differences: Vec<Difference>,
}

impl Replacement {
    /// Creates it without starting it, and says in what else it would differ from the old one. What fails leaves nothing.
    ///
    /// Addresses that are fixed may still be in use by the old one: the engine takes them when a container starts.
    pub(crate) async fn make(&self, engine: &Engine, containers: &Containers) -> Result<Made, EngineError> {
        name::container(&self.name)?;
        let old_image = old_image(engine, &self.old).await?;
        let new_image = image::inspect(engine, &self.image).await?;
        self.clear(containers).await?;
        let creation = self.creation(&old_image, engine.version().await?.api);
        let path = format!("/containers/create?name={}", encoded(&self.name));
        let doing = format!("creating container {} from {}", self.name, self.image);
        let created = engine.post(&doing, &path, &creation.body).await?;
        let id = created.text("Id").to_owned();
        let finished = async {
            creation.attach(engine, &id).await?;
            containers.document(&id).await
        };
        match finished.await {
            Ok(new) => {
                let before = Inspected { container: self.old.clone(), image: old_image.into() };
                let after = Inspected { container: new, image: new_image.into() };
                Ok(Made { id, differences: compare(&before, &after) })
            }
            Err(error) => {
                // It was never started, so volumes that it has to itself are empty.
                containers.remove(&id, true, true).await?;
                Err(error)
            }
        }
    }

    /// Removes what an earlier try of the same operation made under the same name.
    async fn clear(&self, containers: &Containers) -> Result<(), EngineError> {
        let present = match containers.document(&self.name).await {
            Ok(present) => present,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        let ours = present.at("Config.Labels").get(OPERATION_LABEL).and_then(Value::as_str) == Some(&self.operation);
        // Docker finds containers by the beginning of an id, too: only the name itself is in the way.
        let named = present.text("Name").trim_start_matches('/') == self.name;
        match (named, ours) {
            (false, _) => Ok(()),
            (true, true) => containers.remove(present.text("Id"), true, true).await,
            (true, false) => Err(EngineError::Precondition(format!(
                "the name {} is in use by another container; remove or rename it",
                self.name
            ))),
        }
    }

    fn creation(&self, old_image: &Value, api: ApiVersion) -> Creation {
        let mut body = config::of(&self.old, old_image);
        body["Image"] = json!(self.image);
        if !body["Labels"].is_object() {
            body["Labels"] = json!({});
        }
        body["Labels"][OPERATION_LABEL] = json!(self.operation);
        body["HostConfig"] = host::of(&self.old);
        network::of(&self.old, api, body)
    }
}

/// The `HostConfig` to make a container with that has all that another one has.
pub(crate) fn host_config(old: &Value) -> Value {
    host::of(old)
}

/// How to make a container.
struct Creation {
    /// The body of the request that creates it.
    body: Value,
    /// Networks that the engine's API takes only afterwards, with the container's settings in each.
    connect: Vec<(String, Value)>,
    /// Networks that it gets by being created but must not be in.
    disconnect: Vec<String>,
}

impl Creation {
    async fn attach(&self, engine: &Engine, id: &str) -> Result<(), EngineError> {
        for (network, endpoint) in &self.connect {
            let body = json!({ "Container": id, "EndpointConfig": endpoint });
            let doing = format!("connecting container {id} to network {network}");
            engine.post(&doing, &format!("/networks/{}/connect", encoded(network)), &body).await?;
        }
        for network in &self.disconnect {
            let body = json!({ "Container": id, "Force": true });
            let doing = format!("disconnecting container {id} from network {network}");
            let left = engine.post(&doing, &format!("/networks/{}/disconnect", encoded(network)), &body).await;
            match left {
                // Engines from API 1.44 on attach it to nothing but what was named.
                Err(EngineError::Refused { message, .. }) if message.contains("is not connected") => {}
                result => drop(result?),
            }
        }
        Ok(())
    }
}

/// The old image tells what the person who made the container had not chosen.
async fn old_image(engine: &Engine, old: &Value) -> Result<Value, EngineError> {
    match image::inspect(engine, old.text("Image")).await {
        Err(error) if error.is_not_found() => Err(EngineError::Precondition(format!(
            "the image {} that container {} was made from is gone, so its own settings cannot be told from those of the image; pull that version again",
            old.text("Config.Image"),
            old.text("Name").trim_start_matches('/'),
        ))),
        result => result,
    }
}
