//! What happens in the engine, told to the bus.

use std::{collections::HashMap, time::Duration};

use bollard::{
    errors::Error as BollardError,
    models::{EventMessage, EventMessageTypeEnum},
    query_parameters::EventsOptionsBuilder,
};
use futures::{Stream, StreamExt as _};
use homeport_bus_client::Publisher;
use homeport_service::{Context, telemetry::chain};
use serde::Serialize;

use crate::{
    engine::Engine,
    error::EngineError,
    image::ImageCache,
    workshop::{ROLE, ROLE_LABEL, Workshop},
};

/// Pauses before the connection is tried again: an engine restarts within seconds, and a missing one costs nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Something that happened to a container, image, network or volume; topic `docker:<type>:<action>`.
#[derive(Debug, Serialize)]
struct Happened<'a> {
    /// Of a container, image or network; a volume's is its name.
    id: &'a str,
    /// A container's without the leading slash, an image's reference.
    name: &'a str,
    /// A container's image. Absent for everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    /// The engine's word, such as `start`, `die`, `health_status`.
    action: &'a str,
    /// With `health_status`: `healthy` or `unhealthy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'a str>,
    /// With `die`.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    /// Unix seconds.
    time: i64,
}

/// Follows the engine for as long as the service runs, through every restart of it.
pub(crate) struct Watch {
    pub(crate) engine: Engine,
    pub(crate) images: ImageCache,
    pub(crate) workshop: Workshop,
    pub(crate) publisher: Publisher,
}

impl Watch {
    pub(crate) async fn run(self, context: Context) {
        context.drain().run_until_cancelled(self.follow()).await;
    }

    async fn follow(&self) {
        let mut since = None;
        let mut pause = FIRST_PAUSE;
        let mut is_away = false;
        loop {
            match self.connected(&mut since, &mut pause, &mut is_away).await {
                Ok(()) => tracing::info!("the engine ended its events"),
                Err(error) if !is_away => {
                    tracing::warn!(error = chain(&error), "the engine is away; waiting for it");
                    is_away = true;
                }
                Err(_) => {}
            }
            self.engine.forget_version();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn connected(
        &self,
        since: &mut Option<i64>,
        pause: &mut Duration,
        is_away: &mut bool,
    ) -> Result<(), EngineError> {
        let version = self.engine.version().await?;
        tracing::info!(engine.version = version.engine, engine.api_version = %version.api, "connected to the engine");
        (*pause, *is_away) = (FIRST_PAUSE, false);
        self.images.forget();
        Self::say_if_left(self.workshop.sweep().await);
        let types = ["container", "image", "network", "volume"].map(str::to_owned).to_vec();
        let mut options = EventsOptionsBuilder::default().filters(&HashMap::from([("type".to_owned(), types)]));
        if let Some(nanoseconds) = since {
            options = options.since(&format!("{}.{:09}", *nanoseconds / 1_000_000_000, *nanoseconds % 1_000_000_000));
        }
        let docker = self.engine.docker()?;
        let events = self.events(docker.events(Some(options.build())), since);
        let late = async {
            Self::say_if_left(self.workshop.sweep_late().await);
            std::future::pending().await
        };
        tokio::select! {
            ended = events => ended,
            never = late => never,
        }
    }

    fn say_if_left(swept: Result<(), EngineError>) {
        if let Err(error) = swept {
            tracing::warn!(error = chain(&error), "a helper container that was left over could not be removed");
        }
    }

    /// Tells of events until the engine ends them.
    async fn events(
        &self,
        events: impl Stream<Item = Result<EventMessage, BollardError>>,
        since: &mut Option<i64>,
    ) -> Result<(), EngineError> {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    *since = event.time_nano.map(|time| time + 1).or(*since);
                    self.tell(&event);
                }
                // One that is not understood must not end the others.
                Err(BollardError::JsonDataError { message, .. }) => {
                    tracing::debug!(error = message, "an event of the engine was not understood");
                }
                Err(error) => return Err(self.engine.error("following the engine's events", error)),
            }
        }
        Ok(())
    }

    fn tell(&self, event: &EventMessage) {
        let kind = match event.typ {
            Some(EventMessageTypeEnum::CONTAINER) => "container",
            Some(EventMessageTypeEnum::IMAGE) => "image",
            Some(EventMessageTypeEnum::NETWORK) => "network",
            Some(EventMessageTypeEnum::VOLUME) => "volume",
            _ => return,
        };
        if kind == "image" {
            self.images.forget();
        }
        if let Some(happened) = happened(event) {
            self.publisher.publish(format!("docker:{kind}:{}", happened.action), &happened);
        }
    }
}

/// None for what nobody wants to know: Homeport's own helpers, and the commands that health checks run every few seconds
/// (their command lines may also hold secrets).
fn happened(event: &EventMessage) -> Option<Happened<'_>> {
    let actor = event.actor.as_ref()?;
    let attribute = |name: &str| actor.attributes.as_ref()?.get(name).map(String::as_str);
    let (action, detail) = match event.action.as_deref()?.split_once(':') {
        Some((action, detail)) => (action, Some(detail.trim())),
        None => (event.action.as_deref()?, None),
    };
    if action.starts_with("exec_") || attribute(ROLE_LABEL) == Some(ROLE) {
        return None;
    }
    let id = actor.id.as_deref().unwrap_or_default();
    Some(Happened {
        id,
        name: attribute("name").unwrap_or(id),
        image: attribute("image"),
        action,
        health: detail.filter(|_| action == "health_status"),
        exit_code: attribute("exitCode").and_then(|code| code.parse().ok()),
        time: event.time.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(event: Value) -> Option<Value> {
        let event: EventMessage = serde_json::from_value(event).unwrap();
        happened(&event).map(|happened| serde_json::to_value(happened).unwrap())
    }

    #[test]
    fn events_become_small_objects() {
        let attributes = json!({ "image": "nginx:1", "name": "web", "exitCode": "137", "label": "x" });
        let event = json!({ "Type": "container", "Action": "die", "Actor": { "ID": "abc", "Attributes": attributes }, "time": 7 });
        let expected =
            json!({ "id": "abc", "name": "web", "image": "nginx:1", "action": "die", "exit_code": 137, "time": 7 });
        assert_eq!(check(event), Some(expected));
        let event =
            json!({ "Type": "container", "Action": "health_status: healthy", "Actor": { "ID": "abc" }, "time": 7 });
        let expected = json!({ "id": "abc", "name": "abc", "action": "health_status", "health": "healthy", "time": 7 });
        assert_eq!(check(event), Some(expected));
    }

    #[test]
    fn command_lines_and_helpers_are_not_told() {
        assert_eq!(check(json!({ "Action": "exec_create: psql secret", "Actor": { "ID": "abc" } })), None);
        let attributes = json!({ "homeport.role": "helper" });
        assert_eq!(check(json!({ "Action": "start", "Actor": { "ID": "abc", "Attributes": attributes } })), None);
    }
}
