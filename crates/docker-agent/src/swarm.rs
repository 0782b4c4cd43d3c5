//! Services of a Swarm. The manager places their tasks and replaces them; here a service is seen as one thing, and changed
//! by changing its image and nothing else of its specification.

use serde_json::{Value, json};

use crate::{container::encoded, document::Document as _, engine::Engine, error::EngineError, image, name};

/// Label of the containers in which the tasks of services run.
pub(crate) const SERVICE_ID_LABEL: &str = "com.docker.swarm.service.id";
/// Services that are looked at; more than fit on a machine whose engine this is.
const MAX_SERVICES: usize = 1000;
/// Tasks of a service that are told of, the newest: the manager keeps five former ones for each that runs.
const MAX_TASKS: usize = 500;
/// Tries to change a service that somebody else changes at the same time.
const TRIES: u32 = 5;
/// What the manager says when the specification is not the newest.
const OUT_OF_SEQUENCE: &str = "out of sequence";

/// The services that this engine manages.
#[derive(Clone)]
pub(crate) struct Swarm {
    engine: Engine,
}

/// A service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// As the engine describes it.
    pub(crate) document: Value,
    /// Its image as this engine has it. Null if it does not.
    pub(crate) image: Value,
    /// Its tasks, newest first. None: they were not asked for.
    pub(crate) tasks: Option<Vec<Value>>,
}

impl Service {
    /// Its image as it is specified, with its digest if it has one.
    pub(crate) fn specified(&self) -> &str {
        self.document.text("Spec.TaskTemplate.ContainerSpec.Image")
    }
}

impl Swarm {
    pub(crate) const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// All services; none where the engine manages no Swarm.
    pub(crate) async fn list(&self) -> Result<Vec<Service>, EngineError> {
        let answer = self.engine.get("listing Swarm services", "/services?status=true").await;
        let Some(list) = known(managed(answer))? else { return Ok(Vec::new()) };
        let mut services = Vec::new();
        for document in list.as_array().into_iter().flatten().take(MAX_SERVICES) {
            services.push(self.service(document.clone(), None).await?);
        }
        Ok(services)
    }

    /// A service by its name or id, with its tasks.
    pub(crate) async fn find(&self, wanted: &str) -> Result<Option<Service>, EngineError> {
        let Some(document) = self.document(wanted).await? else { return Ok(None) };
        let filters = encoded(&json!({ "service": [document.text("ID")] }).to_string());
        let tasks = self.engine.get("listing the tasks of a service", &format!("/tasks?filters={filters}")).await?;
        let mut tasks: Vec<Value> = tasks.as_array().cloned().unwrap_or_default();
        tasks.sort_by(|a, b| b.text("CreatedAt").cmp(a.text("CreatedAt")));
        tasks.truncate(MAX_TASKS);
        Ok(Some(self.service(document, Some(tasks)).await?))
    }

    /// Makes a service use an image, with the rest of its specification as it is. One that does already is left alone.
    pub(crate) async fn set_image(&self, wanted: &str, reference: &str) -> Result<(), EngineError> {
        name::image(reference)?;
        for _ in 0..TRIES {
            let document = self.document(wanted).await?;
            let document = document.ok_or_else(|| EngineError::NotFound(format!("there is no service {wanted}")))?;
            if document.text("Spec.TaskTemplate.ContainerSpec.Image") == reference {
                return Ok(());
            }
            let mut spec = document.at("Spec").clone();
            spec["TaskTemplate"]["ContainerSpec"]["Image"] = json!(reference);
            let (id, version) = (document.text("ID"), document.number("Version.Index"));
            // The credentials for the registry are those that the service was made with.
            let path = format!("/services/{}/update?version={version}&registryAuthFrom=spec", encoded(id));
            match self.engine.post(&format!("updating service {wanted} to {reference}"), &path, &spec).await {
                Err(EngineError::Refused { message, .. }) if message.contains(OUT_OF_SEQUENCE) => {}
                result => return result.map(drop),
            }
        }
        Err(EngineError::Changed(format!("service {wanted} is changed all the time by somebody else")))
    }

    async fn document(&self, wanted: &str) -> Result<Option<Value>, EngineError> {
        let path = format!("/services/{}", encoded(name::container(wanted)?));
        match managed(self.engine.get(&format!("looking at service {wanted}"), &path).await) {
            Err(error) if error.is_not_found() => Ok(None),
            // Docker finds services by the beginning of an id, too.
            Ok(Some(found)) if found.at("Spec").text("Name") == wanted || found.text("ID") == wanted => Ok(Some(found)),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn service(&self, document: Value, tasks: Option<Vec<Value>>) -> Result<Service, EngineError> {
        let reference = document.text("Spec.TaskTemplate.ContainerSpec.Image");
        let image = match image::inspect(&self.engine, reference).await {
            Err(error) if error.is_not_found() => Value::Null,
            result => result?,
        };
        Ok(Service { document, image, tasks })
    }
}

/// None: the engine is in no Swarm, or does not manage it.
fn managed(answer: Result<Value, EngineError>) -> Result<Option<Value>, EngineError> {
    match answer {
        Err(EngineError::Refused { status: 406 | 503, message, .. }) if message.contains("swarm") => Ok(None),
        result => result.map(Some),
    }
}

/// None: the engine knows no such thing as a Swarm, as one that serves only a part of Docker's API may not.
fn known(list: Result<Option<Value>, EngineError>) -> Result<Option<Value>, EngineError> {
    match list {
        Err(error) if error.is_not_found() => Ok(None),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_without_a_swarm_has_no_services() {
        let check = |status, message: &str, is_none| {
            let (doing, message) = ("listing".to_owned(), message.to_owned());
            let list = known(managed(Err(EngineError::Refused { doing, status, message })));
            assert_eq!(matches!(list, Ok(None)), is_none, "{status} {list:?}");
        };
        check(503, "This node is not a swarm manager.", true);
        check(404, "Not Found", true);
        check(503, "the engine is being stopped", false);
        check(500, "database is locked", false);
        assert!(matches!(known(managed(Ok(json!([])))), Ok(Some(list)) if list == json!([])));
    }
}
