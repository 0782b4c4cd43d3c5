//! Pulling an image by digest, with credentials, progress, and another try where that may help.

use std::time::Duration;

use bollard::{auth::DockerCredentials, models::CreateImageInfo, query_parameters::CreateImageOptionsBuilder};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Credentials, ImageCache, inspect, progress::Progress, tag};
use crate::{document::Document as _, engine::Engine, error::EngineError, name};

/// Pauses before the second and the third try: a registry that restarts is back within seconds.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// Longest silence in the middle of a pull. Unpacking one huge layer on a slow disk is silent for minutes.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);

/// What to pull.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) repository: String,
    pub(crate) digest: Option<String>,
    pub(crate) tag: Option<String>,
    /// Fetch only; leave the tag where it is.
    pub(crate) keep_tag: bool,
}

/// What a pull tells on its way.
#[derive(Debug)]
pub(crate) enum PullStep {
    /// How far it is, and in the engine's words.
    Progress(u32, String),
    /// The image is here.
    Done(Value),
}

impl Pull {
    /// Pulls and tags, telling of each step. A receiver that is gone ends it.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        images: &ImageCache,
        credentials: &Credentials,
        steps: &mpsc::Sender<PullStep>,
    ) -> Result<(), EngineError> {
        name::image(&self.repository)?;
        let reference = self.reference(engine, credentials).await?;
        let mut progress = Progress::default();
        let mut pauses = PAUSES.iter();
        while let Err(error) = self.fetch(engine, credentials, &reference, &mut progress, steps).await {
            // An engine that is away will not be back within the pauses, and whoever asked can ask again.
            let pause = matches!(error, EngineError::Temporary(_)).then(|| pauses.next()).flatten();
            let Some(pause) = pause else { return Err(error) };
            tracing::info!(image.reference = reference, error = %error, "the pull failed and is tried again");
            tokio::time::sleep(*pause).await;
        }
        let image = inspect(engine, &reference).await?;
        if let (Some(name), false) = (&self.tag, self.keep_tag) {
            tag(engine, image.text("Id"), &self.repository, name).await?;
        }
        images.forget();
        let image = inspect(engine, image.text("Id")).await?;
        if steps.send(PullStep::Done(image)).await.is_err() {
            tracing::debug!(image.reference = reference, "whoever asked for the pull is gone");
        }
        Ok(())
    }

    /// `repository@digest`, the digest asked from the registry if need be: pulling by tag would move the tag.
    async fn reference(&self, engine: &Engine, credentials: &Credentials) -> Result<String, EngineError> {
        if let Some(digest) = &self.digest {
            let reference = format!("{}@{digest}", self.repository);
            return name::image(&reference).map(str::to_owned);
        }
        let Some(tag) = &self.tag else {
            return Err(EngineError::Argument("a pull needs a digest or a tag".to_owned()));
        };
        let tagged = format!("{}:{tag}", self.repository);
        name::image(&tagged)?;
        if !self.keep_tag {
            return Ok(tagged);
        }
        let doing = format!("asking the registry for the digest of {tagged}");
        let credential = self.credential(credentials).await?;
        let asked =
            engine.ask(&doing, |docker| async move { docker.inspect_registry_image(&tagged, credential).await });
        let digest = asked.await.map_err(|error| told(&doing, error))?.descriptor.digest.unwrap_or_default();
        Ok(format!("{}@{digest}", self.repository))
    }

    async fn credential(&self, credentials: &Credentials) -> Result<Option<DockerCredentials>, EngineError> {
        let registry = registry(&self.repository);
        Ok(credentials.of(registry).await?.map(|credential| credential.for_engine(registry)))
    }

    async fn fetch(
        &self,
        engine: &Engine,
        credentials: &Credentials,
        reference: &str,
        progress: &mut Progress,
        steps: &mpsc::Sender<PullStep>,
    ) -> Result<(), EngineError> {
        let credential = self.credential(credentials).await?;
        let (image, tag) = reference.split_at(reference.find('@').unwrap_or(self.repository.len()));
        let options = CreateImageOptionsBuilder::default().from_image(image).tag(&tag[1..]).build();
        let docker = engine.docker()?;
        let mut lines = std::pin::pin!(docker.create_image(Some(options), None, credential));
        let doing = format!("pulling {reference}");
        loop {
            let line = tokio::time::timeout(SILENCE_LIMIT, lines.next())
                .await
                .map_err(|_| EngineError::TimedOut { doing: doing.clone(), seconds: SILENCE_LIMIT.as_secs() })?;
            let Some(line) = line else { return Ok(()) };
            let line = line.map_err(|error| told(&doing, engine.error(&doing, error)))?;
            if steps.send(step(progress, &line)).await.is_err() {
                return Err(EngineError::Precondition(format!("{doing} was given up by whoever asked for it")));
            }
        }
    }
}

/// The registry in a repository's name, `docker.io` if it names none.
pub(super) fn registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

fn step(progress: &mut Progress, line: &CreateImageInfo) -> PullStep {
    let status = line.status.as_deref().unwrap_or_default();
    let detail = line.progress_detail.as_ref();
    let current = detail.and_then(|detail| detail.current).unwrap_or_default();
    let total = detail.and_then(|detail| detail.total).unwrap_or_default();
    let percent = progress.update(line.id.as_deref(), status, current, total);
    let message = line.id.as_ref().map_or_else(|| status.to_owned(), |id| format!("{id}: {status}"));
    PullStep::Progress(percent, message)
}

/// What a registry's refusal means. The engine passes it on as text only, and under changing status codes.
fn told(doing: &str, error: EngineError) -> EngineError {
    let EngineError::Refused { status, message, .. } = &error else { return error };
    let text = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let told = format!("{doing} failed: {message}");
    // In this order: Docker Hub says of a missing image that it "does not exist or may require 'docker login'".
    if says(&["no space left", "disk quota exceeded"]) {
        EngineError::NoSpace(format!("{told}; free some space on the engine's disk"))
    } else if says(&["toomanyrequests", "too many requests", "rate limit"]) {
        EngineError::Temporary(told)
    } else if says(&["unauthorized", "authentication required", "denied", "no basic auth credentials", "forbidden"]) {
        EngineError::Forbidden(format!("{told}; log in to the registry with an account that may pull it"))
    } else if says(&["not found", "manifest unknown", "name unknown", "does not exist", "no matching manifest"]) {
        EngineError::NotFound(told)
    } else if *status == 400 {
        EngineError::Argument(told)
    } else {
        EngineError::Temporary(told)
    }
}

#[cfg(test)]
mod tests {
    use homeport_service::status::Coded as _;
    use tonic::Code;

    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let check = |message: &str| {
            told("pulling x", EngineError::Refused { doing: String::new(), status: 500, message: message.to_owned() })
                .code()
        };
        assert_eq!(check("manifest for nginx:9 not found: manifest unknown: manifest unknown"), Code::NotFound);
        assert_eq!(
            check("pull access denied for x, repository does not exist or may require 'docker login'"),
            Code::PermissionDenied
        );
        assert_eq!(check("unauthorized: authentication required"), Code::PermissionDenied);
        assert_eq!(check("write /var/lib/docker/tmp/x: no space left on device"), Code::ResourceExhausted);
        assert_eq!(check("toomanyrequests: You have reached your pull rate limit"), Code::Unavailable);
        assert_eq!(check("Get https://r/v2/: dial tcp 1.2.3.4:443: connect: connection refused"), Code::Unavailable);
        assert_eq!(check("unexpected EOF"), Code::Unavailable);
    }

    #[test]
    fn a_repository_names_its_registry() {
        assert_eq!(registry("nginx"), "docker.io");
        assert_eq!(registry("library/nginx"), "docker.io");
        assert_eq!(registry("docker.io/library/nginx"), "docker.io");
        assert_eq!(registry("127.0.0.1:5000/nginx"), "127.0.0.1:5000");
        assert_eq!(registry("localhost/nginx"), "localhost");
    }
}
