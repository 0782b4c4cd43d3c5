//! Whose an object is: the engine is asked, and answers with the object's label and its id.

use std::{collections::HashMap, time::Duration};

use hyper::Method;
use serde_json::Value;

use super::{LABEL, manifest::Grant, request::Kind, rules::Refusal};
use crate::{document::Document as _, engine::Engine, error::EngineError};

/// Networks that a plugin may have. An engine has room for some thirty, and the others want some too.
const NETWORKS: usize = 8;
/// Volumes that a plugin may have, those apart that have no name and go with their container.
const VOLUMES: usize = 100;

/// Names of other objects in a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) containers: Vec<String>,
    pub(super) networks: Vec<String>,
    /// Volumes that are there must be the plugin's; others are made for it.
    pub(super) volumes: Vec<String>,
}

/// The same by their ids.
#[derive(Debug, Default)]
pub(super) struct Owned {
    pub(super) containers: HashMap<String, String>,
    pub(super) networks: HashMap<String, String>,
}

/// Why an object cannot be worked on.
#[derive(Debug)]
pub(super) enum Reason {
    /// It is another's.
    Refused(Refusal),
    /// It is not there, or the engine is not.
    Engine(EngineError),
}

impl From<EngineError> for Reason {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Asks on behalf of one plugin.
#[derive(Clone)]
pub(super) struct Owner {
    pub(super) engine: Engine,
    pub(super) grant: Grant,
}

impl Owner {
    /// The id of an object of the plugin's own.
    pub(super) async fn id(&self, kind: Kind, name: &str) -> Result<String, Reason> {
        let doing = "looking at an object of a plugin";
        match kind {
            Kind::Container => {
                let document = self.engine.get(doing, &format!("/containers/{name}/json")).await?;
                self.own(name, "container", document.at("Config.Labels"))?;
                Ok(document.text("Id").to_owned())
            }
            Kind::Network => {
                let document = self.engine.get(doing, &format!("/networks/{name}")).await?;
                self.own(name, "network", document.at("Labels"))?;
                Ok(document.text("Id").to_owned())
            }
            Kind::Volume => {
                let document = self.engine.get(doing, &format!("/volumes/{name}")).await?;
                self.own(name, "volume", document.at("Labels"))?;
                Ok(document.text("Name").to_owned())
            }
            Kind::Exec => {
                let document = self.engine.get(doing, &format!("/exec/{name}/json")).await?;
                let container = document.text("ContainerID");
                let inspected = self.engine.get(doing, &format!("/containers/{container}/json")).await?;
                self.own(name, "exec", inspected.at("Config.Labels"))?;
                Ok(document.text("ID").to_owned())
            }
        }
    }

    /// All objects that a document names. Volumes that are not there yet are made, because the engine would make them
    /// without the label.
    pub(super) async fn all(&self, names: &Names) -> Result<Owned, Reason> {
        let mut owned = Owned::default();
        for name in &names.containers {
            owned.containers.insert(name.clone(), self.id(Kind::Container, name).await?);
        }
        for name in &names.networks {
            if !super::resource::is_name(name) {
                return Err(Reason::Refused(format!("{name:?} is no network")));
            }
            owned.networks.insert(name.clone(), self.id(Kind::Network, name).await?);
        }
        for name in &names.volumes {
            match self.id(Kind::Volume, name).await {
                Err(Reason::Engine(error)) if error.is_not_found() => {
                    self.may_create(Kind::Volume).await?;
                    let document = serde_json::json!({ "Name": name, "Labels": { LABEL: self.grant.plugin } });
                    self.engine.post("making a plugin's volume", "/volumes/create", &document).await?;
                    // Another may have made it meanwhile.
                    self.id(Kind::Volume, name).await?;
                }
                other => drop(other?),
            }
        }
        Ok(owned)
    }

    /// The labels of an image, which its containers inherit. None where there is no such image: the engine says so itself.
    pub(super) async fn image_labels(&self, image: &str) -> Result<Vec<String>, Reason> {
        match crate::image::inspect(&self.engine, image).await {
            Ok(image) => Ok(image.fields("Config.Labels").map(|(label, _)| label.clone()).collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// That a volume of this name is the plugin's, or none is there.
    pub(super) async fn may_create_volume(&self, name: &str) -> Result<(), Reason> {
        match self.id(Kind::Volume, name).await {
            Err(Reason::Engine(error)) if error.is_not_found() => Ok(()),
            other => other.map(drop),
        }
    }

    /// That another object of a kind may be made.
    pub(super) async fn may_create(&self, kind: Kind) -> Result<(), Reason> {
        let (path, what, most) = match kind {
            Kind::Container => ("/containers/json?all=1&", "containers", self.grant.max_containers),
            Kind::Network => ("/networks?", "networks", NETWORKS),
            Kind::Volume => ("/volumes?", "volumes", VOLUMES),
            Kind::Exec => return Ok(()),
        };
        let filters = serde_json::json!({ "label": [format!("{LABEL}={}", self.grant.plugin)] }).to_string();
        let path = format!("{path}filters={}", super::query::escape(&filters));
        let found = self.engine.get("counting a plugin's objects", &path).await?;
        let count = found.as_array().map_or_else(|| found.list("Volumes").len(), Vec::len);
        if count < most {
            return Ok(());
        }
        Err(Reason::Refused(format!("the plugin has {count} {what}, which is as many as it may; remove one")))
    }

    fn own(&self, name: &str, what: &str, labels: &Value) -> Result<(), Reason> {
        if labels.get(LABEL).and_then(Value::as_str) == Some(&self.grant.plugin) {
            return Ok(());
        }
        Err(Reason::Refused(format!("{what} {name} is not the plugin's")))
    }
}

/// How long the engine may take for what it answers at once, of a request of this method.
pub(super) fn patience(engine: &Engine, method: &Method) -> Duration {
    // A stop waits for the container, a pull for the registry.
    if *method == Method::GET || *method == Method::HEAD { engine.answer_timeout() } else { Duration::from_secs(900) }
}
