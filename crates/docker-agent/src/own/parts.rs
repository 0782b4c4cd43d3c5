//! The containers that this installation consists of, and their restart.

use std::{collections::HashMap, time::Duration};

use homeport_service::{Context, telemetry::chain};
use serde_json::Value;

use super::{PROJECT_LABEL, container_id, is_helper};
use crate::{container::Containers, document::Document as _, error::EngineError, workshop::ROLE_LABEL};

/// Between the answer and the first restart: it may be on its way through one of those that restart.
const GRACE: Duration = Duration::from_secs(1);

/// A running container of this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
}

/// Those of the same compose project that say so, ordered by name, and last the one that this process is in.
pub(crate) async fn parts(containers: &Containers) -> Result<Vec<Part>, EngineError> {
    let own = container_id(containers).await?.ok_or_else(|| {
        EngineError::Precondition(
            "Homeport does not run in containers here; look after its processes where they were started".to_owned(),
        )
    })?;
    let own = containers.document(&own).await?;
    let mut parts = Vec::new();
    if let Some(project) = own.at("Config.Labels").get(PROJECT_LABEL).and_then(Value::as_str) {
        let labels =
            HashMap::from([(ROLE_LABEL.to_owned(), String::new()), (PROJECT_LABEL.to_owned(), project.to_owned())]);
        for id in containers.ids(false, &labels).await? {
            match containers.document(&id).await {
                Ok(document) if document.text("Id") == own.text("Id") || is_helper(&document) => {}
                Ok(document) => parts.push(Part::of(&document)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
    }
    parts.sort_by(|one, other| one.name.cmp(&other.name));
    parts.push(Part::of(&own));
    Ok(parts)
}

impl Part {
    fn of(document: &Value) -> Self {
        Self {
            id: document.text("Id").to_owned(),
            name: document.text("Name").trim_start_matches('/').to_owned(),
            image: document.text("Config.Image").to_owned(),
        }
    }
}

/// Begins to restart all of them, one after the other, and gives their names. The engine carries out the last one, which
/// ends this process, by itself.
pub(crate) async fn restart(containers: &Containers, context: &Context) -> Result<Vec<String>, EngineError> {
    let parts = parts(containers).await?;
    let names = parts.iter().map(|part| part.name.clone()).collect();
    let (containers, drain) = (containers.clone(), context.drain().clone());
    let restarts = async move {
        tokio::time::sleep(GRACE).await;
        for part in parts {
            if let Err(error) = containers.restart(&part.id, None).await {
                tracing::error!(container.name = part.name, error = chain(&error), "cannot restart a part of Homeport");
            }
        }
    };
    // The end of this process must not wait for the answer to the call that ends it.
    context.spawn("restart", async move {
        drain.run_until_cancelled(restarts).await;
    });
    Ok(names)
}
