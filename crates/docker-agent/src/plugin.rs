//! Plugins: what is listed, what may run, and the compose projects that run it.
//!
//! `api.json`, the list of allowed compose files and the plugins' own files are written by this process alone. A compose
//! file is acted upon if its path is exactly one of the allowed ones and a person has agreed to what it asks for beyond its
//! own containers; both are read again before every action.

mod agreement;
mod consent;
#[cfg(test)]
pub(crate) mod double;
mod event;
mod files;
mod git;
mod project;
mod removal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use homeport_bus_client::Publisher;
use homeport_plugin_manifest::{Entry, EntryError, File, RuleError};
use homeport_service::{Context, telemetry::chain};
use serde_json::Value;

use self::{
    event::Events,
    files::{Files, blocking},
    git::{Fresh, Git, Repository},
    project::Places,
};
use crate::{
    broker::Made, compose::Compose, config::Settings, document::Document as _, engine::Engine, error::EngineError,
};

/// Name of the file at the root of a plugin's repository.
const MANIFEST: &str = "plugin.json";
/// The only runtime that there is here.
const RUNTIME: &str = "default";

/// All plugins of this installation.
#[derive(Clone)]
pub(crate) struct Plugins {
    compose: Compose,
    engine: Engine,
    made: Made,
    places: Places,
    files: Files,
    git: Git,
    protocols: Arc<[String]>,
    events: Events,
    /// One change at a time: they share files, and what is allowed must not change between the look and the act.
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// Something that a person has to agree to first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) concerns: Vec<String>,
    pub(crate) score: u32,
}

/// What came of a request that may need consent.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    Done(T),
    Refused(Consent),
}

/// An entry that is saved.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The one that it replaced.
    pub(crate) former: Option<Entry>,
    /// Why its containers are not as it says. Empty: they are.
    pub(crate) problem: String,
}

/// What an update found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Updated {
    pub(crate) git: bool,
    pub(crate) image: bool,
}

impl Plugins {
    pub(crate) fn new(
        compose: Compose,
        engine: Engine,
        settings: Arc<Settings>,
        context: &Context,
        publisher: Publisher,
    ) -> Self {
        Self {
            compose,
            made: Made::new(engine.clone()),
            engine,
            places: Places::new(&settings, context.paths().state.clone()),
            files: Files::new(&context.paths().configs, &context.state_dir()),
            protocols: settings.plugins.git_protocols.clone().into(),
            git: Git(settings),
            events: Events(publisher),
            changing: Arc::default(),
        }
    }

    /// The entries in the order of the file. What is none is left out.
    pub(crate) async fn list(&self) -> Result<Vec<Entry>, EngineError> {
        Ok(self.files.list().await?.read().0)
    }

    /// Adds or replaces an entry and makes its containers what it says. Gives the entry that was replaced.
    pub(crate) async fn put(
        &self,
        name: &str,
        entry: Entry,
        confirmed: &[String],
    ) -> Result<Outcome<Saved>, EngineError> {
        let _changing = self.changing.lock().await;
        let mut list = self.files.list().await?;
        let former = list.find(name).or_else(|| list.find(entry.name()));
        let others = others(&list, former.as_ref(), &entry);
        self.check(&others, &entry)?;
        if !entry.compose_file_path().is_empty() {
            self.allowed(entry.compose_file_path()).await?;
        }
        let project = match self.permitted(&entry, &others, confirmed).await? {
            Outcome::Refused(consent) => return Ok(Outcome::Refused(consent)),
            Outcome::Done(project) => project,
        };
        list.put(name, &entry);
        self.files.set_list(&list).await?;
        let failed = self.follow(former.as_ref(), &entry, project.as_ref()).await.err();
        let problem = failed.map(|error| format!("plugin {} is saved, but {}", entry.name(), chain(&error)));
        Ok(Outcome::Done(Saved { former, problem: problem.unwrap_or_default() }))
    }

    /// Restarts the containers of one that is enabled; leaves others alone.
    pub(crate) async fn restart(&self, name: &str) -> Result<(), EngineError> {
        let _changing = self.changing.lock().await;
        let Some(entry) = self.files.list().await?.find(name).filter(is_managed) else { return Ok(()) };
        self.allowed(entry.compose_file_path()).await?;
        // The engine looks at what is mounted anew, which an update that nobody agreed to may have changed.
        let Outcome::Done(project) = self.agreed(&entry, &self.others(&entry).await?, &[]).await? else {
            return Err(EngineError::Precondition(format!(
                "plugin {} asks for what nobody has agreed to; put its entry again to see what",
                entry.name()
            )));
        };
        self.events.docker(event::STARTING, entry.name(), entry.compose_file_path());
        let restarted = self.compose.restart_whole(&project.whole.name).await;
        if restarted.map_err(|error| self.failed(&entry, error))? == 0 {
            return self.start(&entry, &project, false).await;
        }
        self.events.docker(event::STARTED, entry.name(), entry.compose_file_path());
        Ok(())
    }

    /// Fetches repository and images again, and brings the project to them. What was fetched goes again unless all of it may
    /// be used: else the former containers would find its files when they start the next time.
    pub(crate) async fn update(&self, name: &str) -> Result<(Updated, Option<Consent>), EngineError> {
        let _changing = self.changing.lock().await;
        let entry = self.files.list().await?.find(name).filter(is_managed).ok_or_else(|| {
            EngineError::NotFound(format!("plugin {name} is not there, not enabled, or has no compose file"))
        })?;
        self.allowed(entry.compose_file_path()).await?;
        let newer = self.fetch_again(&entry).await?;
        let mut updated = Updated { git: newer.is_some(), image: false };
        let project = match self.agreed(&entry, &self.others(&entry).await?, &[]).await? {
            Outcome::Done(project) => project,
            Outcome::Refused(consent) => {
                self.files.set_asked(entry.compose_file_path(), &consent.concerns).await?;
                blocking(move || {
                    drop(newer);
                    Ok(())
                })
                .await?;
                return Ok((updated, Some(consent)));
            }
        };
        let before = self.images(&project).await?;
        self.pull(&project).await?;
        if let Some(newer) = newer {
            self.keep(newer).await?;
        }
        updated.image = self.images(&project).await? != before;
        self.start(&entry, &project, updated.git).await?;
        Ok((updated, None))
    }

    /// Clones a repository, or takes what is newer, and reads what it says of itself.
    pub(crate) async fn download(&self, url: &str) -> Result<(Entry, Consent), EngineError> {
        let _changing = self.changing.lock().await;
        let downloaded = self.downloaded(url).await;
        downloaded.inspect_err(|error| self.events.download(event::NOT_DOWNLOADED, url, &chain(error)))
    }

    /// Takes a downloaded plugin in, without starting it.
    pub(crate) async fn install(&self, entry: Entry, confirmed: &[String]) -> Result<Outcome<Entry>, EngineError> {
        let _changing = self.changing.lock().await;
        let (name, url) = (entry.name().to_owned(), entry.git_url().to_owned());
        let installed = self.take_in(entry, confirmed).await;
        match &installed {
            Err(error) => self.events.install(event::NOT_INSTALLED, &name, &url, &chain(error)),
            Ok(Outcome::Refused(_)) => self.events.install(event::INSTALLING, &name, &url, "consent is needed"),
            Ok(Outcome::Done(_)) => self.events.install(event::INSTALLING, &name, &url, "installed"),
        }
        installed
    }

    /// Writes a plugin's token to where its entry says.
    pub(crate) async fn write_token(&self, name: &str, token: String) -> Result<(), EngineError> {
        let entry = self.files.list().await?.find(name).ok_or_else(|| unknown(name))?;
        let written = match entry.token_file() {
            Ok(place) => self.files.set_token(&place, token).await,
            Err(error) => Err(broken(&error)),
        };
        written.inspect_err(|error| {
            self.events.install(event::NOT_INSTALLED, entry.name(), entry.git_url(), &chain(error));
        })
    }

    pub(crate) async fn compose_paths(&self) -> Result<Vec<String>, EngineError> {
        self.files.allowed().await
    }

    pub(crate) async fn set_compose_paths(&self, paths: &[String]) -> Result<(), EngineError> {
        let _changing = self.changing.lock().await;
        for path in paths {
            self.places.file(path)?;
        }
        self.files.set_allowed(paths).await
    }

    /// The other entries as they are listed now.
    async fn others(&self, entry: &Entry) -> Result<Vec<Entry>, EngineError> {
        Ok(others(&self.files.list().await?, None, entry))
    }

    fn check(&self, others: &[Entry], entry: &Entry) -> Result<(), EngineError> {
        entry.check(others, self.places.state()).map_err(|error| broken(&error))?;
        if entry.runtime() != RUNTIME && entry.runtime() != "kvm" {
            return Err(EngineError::Argument(format!("there is no runtime {}; use default", entry.runtime())));
        }
        project::check(entry, others)
    }

    /// Makes containers what an entry that was just saved says.
    async fn follow(
        &self,
        former: Option<&Entry>,
        entry: &Entry,
        project: Option<&project::Project>,
    ) -> Result<(), EngineError> {
        let left = former.filter(|former| former.compose_file_path() != entry.compose_file_path());
        let stopped = match left {
            Some(former) => self.stop(former).await,
            None => Ok(()),
        };
        let followed = match project {
            _ if stopped.is_err() => stopped,
            Some(project) => self.start(entry, project, false).await,
            None => self.stop(entry).await,
        };
        // After those that could go on making more, and whatever became of them.
        let ended = match former {
            Some(former) => self.end_engine(former, entry).await,
            None => Ok(()),
        };
        followed.and(ended)
    }

    async fn start(&self, entry: &Entry, project: &project::Project, again: bool) -> Result<(), EngineError> {
        self.events.docker(event::STARTING, entry.name(), entry.compose_file_path());
        self.compose.up_whole(&project.whole, again).await.map_err(|error| self.failed(entry, error))?;
        self.events.docker(event::STARTED, entry.name(), entry.compose_file_path());
        Ok(())
    }

    /// Tells everybody that containers are not what they should be.
    fn failed(&self, entry: &Entry, error: EngineError) -> EngineError {
        let message = chain(&error);
        tracing::warn!(plugin.name = entry.name(), error = message, "the containers of a plugin are not as it says");
        self.events.docker_failure("compose", &message, entry.compose_file_path());
        error
    }

    async fn pull(&self, project: &project::Project) -> Result<(), EngineError> {
        let Err(error) = self.compose.pull_whole(&project.whole).await else { return Ok(()) };
        // A registry that is away stops nobody who has the images.
        if self.images(project).await?.iter().all(|(_, id)| !id.is_empty()) {
            tracing::warn!(
                error = chain(&error),
                "the images of a plugin could not be looked for; those that are here stay"
            );
            return Ok(());
        }
        Err(match error {
            EngineError::Precondition(text) => EngineError::Temporary(text),
            error => error,
        })
    }

    /// Reference and id of each image of a project; an id is empty where there is no such image.
    async fn images(&self, project: &project::Project) -> Result<Vec<(String, String)>, EngineError> {
        let config = self.compose.describe_whole(&project.whole).await?;
        let mut images = Vec::new();
        for service in config.at("services").as_object().into_iter().flat_map(|map| map.values()) {
            let reference = service.text("image");
            let id = match crate::image::inspect(&self.engine, reference).await {
                Ok(image) => image.text("Id").to_owned(),
                Err(error) if error.is_not_found() => String::new(),
                Err(error) => return Err(error),
            };
            images.push((reference.to_owned(), id));
        }
        Ok(images)
    }

    /// What the repository of an entry has that is newer, in its place.
    async fn fetch_again(&self, entry: &Entry) -> Result<Option<Fresh>, EngineError> {
        if entry.git_url().is_empty() || !project::is_cloned(entry.compose_file_path()) {
            return Ok(None);
        }
        let repository = Repository::parse(entry.git_url(), &self.protocols)?;
        // Another repository's files must not end up in this one's place.
        if project::of_repository(&repository.name) != entry.compose_file_path() {
            return Ok(None);
        }
        self.fetch(&repository).await
    }

    async fn fetch(&self, repository: &Repository) -> Result<Option<Fresh>, EngineError> {
        let (head, directory) = (self.git.head(repository).await?, self.places.clone_of(&repository.name));
        let known = self.files.known().await?;
        if known.commits.get(&repository.name) == Some(&head) && directory.is_dir() {
            self.events.download(event::EXISTS, &repository.url, "");
            return Ok(None);
        }
        self.git.fetch(repository, head, directory).await.map(Some)
    }

    async fn keep(&self, fresh: Fresh) -> Result<(), EngineError> {
        let mut known = self.files.known().await?;
        known.commits.insert(fresh.repository.name.clone(), fresh.commit.clone());
        self.files.set_known(&known).await?;
        self.events.download(event::DOWNLOADED, &fresh.repository.url, "");
        blocking(move || {
            fresh.keep();
            Ok(())
        })
        .await
    }

    async fn downloaded(&self, url: &str) -> Result<(Entry, Consent), EngineError> {
        let repository = Repository::parse(url, &self.protocols)?;
        let path = project::of_repository(&repository.name);
        // One that is installed changes by an update alone.
        let list = self.files.list().await?.read().0;
        if let Some(other) =
            list.iter().find(|entry| entry.compose_file_path() == path && entry.git_url() != repository.url)
        {
            return Err(EngineError::Precondition(format!(
                "plugin {} comes from another repository of that name; delete it first",
                other.name()
            )));
        }
        if !list.iter().any(|entry| entry.compose_file_path() == path)
            && let Some(fresh) = self.fetch(&repository).await?
        {
            self.keep(fresh).await?;
        }
        let manifest = self.places.clone_of(&repository.name).join(MANIFEST);
        let entry = project::manifest(manifest).await?;
        let entry = entry.with_compose_file_path(&path).with_git_url(&repository.url);
        let others = others_of(list, None, &entry);
        let concerns = self.concerns(&entry, &self.places.project(&entry, &others)?).await?;
        let consent = Consent {
            score: consent::score(&concerns),
            concerns: concerns.into_iter().map(|concern| concern.text).collect(),
        };
        Ok((entry, consent))
    }

    async fn take_in(&self, entry: Entry, confirmed: &[String]) -> Result<Outcome<Entry>, EngineError> {
        let repository = Repository::parse(entry.git_url(), &self.protocols)?;
        let path = project::of_repository(&repository.name);
        let entry = entry.with_compose_file_path(&path).with_enabled(false);
        if !self.places.clone_of(&repository.name).is_dir() {
            return Err(EngineError::Argument(format!("{} was not downloaded", repository.url)));
        }
        let mut list = self.files.list().await?;
        let former = list.find(entry.name());
        let others = others(&list, former.as_ref(), &entry);
        self.check(&others, &entry)?;
        let project = match self.agreed(&entry, &others, confirmed).await? {
            Outcome::Done(project) => project,
            Outcome::Refused(consent) => return Ok(Outcome::Refused(consent)),
        };
        let mut allowed = self.files.allowed().await?;
        if !allowed.contains(&path) {
            allowed.push(path);
            self.files.set_allowed(&allowed).await?;
        }
        list.put(entry.name(), &entry);
        self.files.set_list(&list).await?;
        self.pull(&project).await?;
        Ok(Outcome::Done(entry))
    }
}

/// All entries but the one that an entry replaces, or is.
fn others(list: &File, former: Option<&Entry>, entry: &Entry) -> Vec<Entry> {
    others_of(list.read().0, former, entry)
}

fn others_of(list: Vec<Entry>, former: Option<&Entry>, entry: &Entry) -> Vec<Entry> {
    let is_replaced = |other: &Entry| match former {
        Some(former) => former.name() == other.name(),
        None => other.name().eq_ignore_ascii_case(entry.name()),
    };
    list.into_iter().filter(|other| !is_replaced(other)).collect()
}

fn is_managed(entry: &Entry) -> bool {
    entry.enabled() && !entry.compose_file_path().is_empty()
}

fn unknown(name: &str) -> EngineError {
    EngineError::NotFound(format!("there is no plugin {name}"))
}

fn broken(error: &RuleError) -> EngineError {
    EngineError::Argument(error.to_string())
}

/// An entry that came as text.
pub(crate) fn entry(text: &str) -> Result<Entry, EngineError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| EngineError::Argument(format!("the plugin's entry is no JSON: {error}")))?;
    Entry::read(&value).map_err(|error: EntryError| EngineError::Argument(error.to_string()))
}
