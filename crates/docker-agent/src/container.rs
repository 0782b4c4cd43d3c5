//! Containers: found, started, stopped, and made again.

pub(crate) mod compare;
mod endpoint;
pub(crate) mod replace;

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::{document::Document as _, engine::Engine, error::EngineError, image::ImageCache, name};

/// How many containers are inspected at the same time; the engine works through them one by one anyway.
const INSPECTIONS_AT_ONCE: usize = 8;
/// The engine's own grace period where a container has none.
const DEFAULT_GRACE_SECONDS: i64 = 10;

/// A container and the image that it was made from, both as the engine describes them.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    pub(crate) container: Value,
    /// Null if the image is gone.
    pub(crate) image: std::sync::Arc<Value>,
}

/// The containers of an engine.
#[derive(Clone)]
pub(crate) struct Containers {
    engine: Engine,
    images: ImageCache,
}

impl Containers {
    pub(crate) fn new(engine: Engine, images: ImageCache) -> Self {
        Self { engine, images }
    }

    /// Those that carry every one of the labels, ordered by name. An empty value asks for the label with any value.
    pub(crate) async fn list(
        &self,
        all: bool,
        labels: &HashMap<String, String>,
    ) -> Result<Vec<Inspected>, EngineError> {
        let ids = self.ids(all, labels).await?;
        let inspected: Vec<Option<Inspected>> = futures::stream::iter(ids)
            .map(|id| async move {
                match self.inspect(&id).await {
                    Ok(inspected) => Ok(Some(inspected)),
                    // It vanished since it was listed.
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .buffered(INSPECTIONS_AT_ONCE)
            .try_collect()
            .await?;
        let mut list: Vec<Inspected> = inspected.into_iter().flatten().collect();
        list.sort_by(|a, b| a.container.text("Name").cmp(b.container.text("Name")));
        Ok(list)
    }

    /// Ids of those that carry every one of the labels.
    pub(crate) async fn ids(&self, all: bool, labels: &HashMap<String, String>) -> Result<Vec<String>, EngineError> {
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| if value.is_empty() { key.clone() } else { format!("{key}={value}") })
            .collect();
        let filters = encoded(&serde_json::json!({ "label": wanted }).to_string());
        let path = format!("/containers/json?all={all}&filters={filters}");
        let list = self.engine.get("listing containers", &path).await?;
        let ids = list.as_array().into_iter().flatten().map(|entry| entry.text("Id").to_owned());
        Ok(ids.collect())
    }

    /// One, by id, beginning of an id, or name.
    pub(crate) async fn inspect(&self, reference: &str) -> Result<Inspected, EngineError> {
        let container = self.document(reference).await?;
        let image = self.images.of(container.text("Image")).await?;
        Ok(Inspected { container, image })
    }

    /// The inspect document of one.
    pub(crate) async fn document(&self, reference: &str) -> Result<Value, EngineError> {
        let path = format!("/containers/{}/json", name::container(reference)?);
        self.engine.get(&format!("inspecting container {reference}"), &path).await
    }

    pub(crate) async fn start(&self, reference: &str) -> Result<(), EngineError> {
        let reference = name::container(reference)?;
        let doing = format!("starting container {reference}");
        // Starting may mean unpacking a large volume or waiting for a slow network driver.
        let limit = self.engine.answer_timeout() * 2;
        self.engine
            .ask_within(limit, &doing, |docker| async move { docker.start_container(reference, None).await })
            .await
    }

    /// Stops with the container's own signal, and its own grace period unless given another. One that is stopped or gone
    /// is stopped.
    pub(crate) async fn stop(&self, reference: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
        let document = match self.document(reference).await {
            Ok(document) => document,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        let id = document.text("Id");
        let options = timeout.map(|timeout| StopContainerOptionsBuilder::default().t(seconds(timeout)).build());
        let doing = format!("stopping container {reference}");
        let stopped = self
            .engine
            .ask_within(self.patience(&document, timeout), &doing, |docker| async move {
                docker.stop_container(id, options).await
            })
            .await;
        match stopped {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Stops as [`Containers::stop`] does and starts again, as one request, so that the engine goes through with it.
    pub(crate) async fn restart(&self, reference: &str, timeout: Option<Duration>) -> Result<(), EngineError> {
        let document = self.document(reference).await?;
        let id = document.text("Id");
        let options = timeout.map(|timeout| RestartContainerOptionsBuilder::default().t(seconds(timeout)).build());
        let limit = self.patience(&document, timeout) + self.engine.answer_timeout();
        self.engine
            .ask_within(limit, &format!("restarting container {reference}"), |docker| async move {
                docker.restart_container(id, options).await
            })
            .await
    }

    /// Sends a signal to a running container.
    pub(crate) async fn kill(&self, reference: &str, signal: &str) -> Result<(), EngineError> {
        let reference = name::container(reference)?;
        if !signal.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte)) {
            return Err(EngineError::Argument(format!("'{signal}' is no name of a signal")));
        }
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        self.engine
            .ask(&format!("sending {signal} to container {reference}"), |docker| async move {
                docker.kill_container(reference, Some(options)).await
            })
            .await
    }

    /// Freezes a running container. One that is paused is fine.
    pub(crate) async fn pause(&self, reference: &str) -> Result<(), EngineError> {
        let document = self.document(reference).await?;
        if document.flag("State.Paused") {
            return Ok(());
        }
        let id = document.text("Id");
        self.engine
            .ask(&format!("pausing container {reference}"), |docker| async move { docker.pause_container(id).await })
            .await
    }

    /// Undoes a pause. One that is not paused is fine.
    pub(crate) async fn unpause(&self, reference: &str) -> Result<(), EngineError> {
        let document = self.document(reference).await?;
        if !document.flag("State.Paused") {
            return Ok(());
        }
        let id = document.text("Id");
        self.engine
            .ask(
                &format!("unpausing container {reference}"),
                |docker| async move { docker.unpause_container(id).await },
            )
            .await
    }

    /// How long a stop may take: the grace period, and a moment for the engine.
    fn patience(&self, document: &Value, timeout: Option<Duration>) -> Duration {
        let own = document.at("Config.StopTimeout").as_i64().unwrap_or(DEFAULT_GRACE_SECONDS);
        // A negative grace period means to wait for ever; the caller's deadline then ends it.
        let own = u64::try_from(own).map_or(Duration::from_secs(24 * 3600), Duration::from_secs);
        timeout.unwrap_or(own) + self.engine.answer_timeout()
    }

    /// Removes a container; one that is gone is removed. With `volumes`, those go too that the engine made for it alone
    /// and that no other container uses.
    pub(crate) async fn remove(&self, reference: &str, force: bool, volumes: bool) -> Result<(), EngineError> {
        let reference = name::container(reference)?;
        let doing = format!("removing container {reference}");
        let options = RemoveContainerOptionsBuilder::default().force(force).v(volumes).build();
        let limit = self.engine.answer_timeout() * 2;
        let removed = self
            .engine
            .ask_within(limit, &doing, |docker| async move { docker.remove_container(reference, Some(options)).await })
            .await;
        match removed {
            Err(error) if error.is_not_found() => Ok(()),
            Err(EngineError::Refused { status: 409, message, .. }) if message.contains("already in progress") => {
                self.gone(reference).await
            }
            result => result,
        }
    }

    /// Gives a container a name. The one that it has already is fine.
    pub(crate) async fn rename(&self, reference: &str, to: &str) -> Result<(), EngineError> {
        let to = name::container(to)?;
        let document = self.document(reference).await?;
        if document.text("Name").trim_start_matches('/') == to {
            return Ok(());
        }
        let id = document.text("Id");
        let options = RenameContainerOptionsBuilder::default().name(to).build();
        self.engine
            .ask(&format!("renaming container {reference} to {to}"), |docker| async move {
                docker.rename_container(id, options).await
            })
            .await
    }

    /// Waits for a removal that somebody else began.
    async fn gone(&self, reference: &str) -> Result<(), EngineError> {
        let limit = self.engine.answer_timeout();
        let gone = async {
            loop {
                match self.document(reference).await {
                    Err(error) if error.is_not_found() => return Ok(()),
                    Err(error) => return Err(error),
                    Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        let doing = format!("removing container {reference}");
        let late = |_| Err(EngineError::TimedOut { doing, seconds: limit.as_secs() });
        tokio::time::timeout(limit, gone).await.unwrap_or_else(late)
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

/// A query value with everything encoded that could end it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
        encoded
    })
}
