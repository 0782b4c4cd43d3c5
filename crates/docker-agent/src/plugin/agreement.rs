//! What may run: compose files that are allowed, and what people agreed to.

use homeport_plugin_manifest::Entry;

use super::{
    Consent, Outcome, Plugins,
    consent::{self, Concern},
    files::blocking,
    project::{self, Project},
};
use crate::error::EngineError;

impl Plugins {
    /// Whether a compose file may be acted upon at all.
    pub(super) async fn allowed(&self, path: &str) -> Result<(), EngineError> {
        self.places.file(path)?;
        if self.files.allowed().await?.iter().any(|allowed| allowed == path) {
            return Ok(());
        }
        Err(EngineError::Argument(format!(
            "ComposeFilePath {path:?} is not among the allowed ones; add it to custom_compose_paths.json"
        )))
    }

    /// Whether an entry may be as it says; with the project that is to be started then. What is disabled gets nothing, so
    /// there is nothing to agree to.
    pub(super) async fn permitted(
        &self,
        entry: &Entry,
        others: &[Entry],
        confirmed: &[String],
    ) -> Result<Outcome<Option<Project>>, EngineError> {
        if !entry.enabled() {
            return Ok(Outcome::Done(None));
        }
        if !entry.compose_file_path().is_empty() {
            return Ok(match self.agreed(entry, others, confirmed).await? {
                Outcome::Done(project) => Outcome::Done(Some(project)),
                Outcome::Refused(consent) => Outcome::Refused(consent),
            });
        }
        // Whoever starts it, the engine's socket is opened by us.
        let concerns: Vec<Concern> = consent::engine(&entry.to_json()).into_iter().collect();
        let missing = self.missing(&engine_key(entry), &concerns, confirmed).await?;
        Ok(missing.map_or(Outcome::Done(None), Outcome::Refused))
    }

    /// The project, if somebody agreed to all that it asks for.
    pub(super) async fn agreed(
        &self,
        entry: &Entry,
        others: &[Entry],
        confirmed: &[String],
    ) -> Result<Outcome<Project>, EngineError> {
        let project = self.places.project(entry, others)?;
        let concerns = self.concerns(entry, &project).await?;
        let missing = self.missing(entry.compose_file_path(), &concerns, confirmed).await?;
        Ok(missing.map_or(Outcome::Done(project), Outcome::Refused))
    }

    pub(super) async fn concerns(&self, entry: &Entry, project: &Project) -> Result<Vec<Concern>, EngineError> {
        let config = self.compose.describe_whole(&project.whole).await?;
        let own = project.own.clone();
        let mut concerns = blocking(move || Ok(consent::concerns(&config, &own))).await?;
        concerns.extend(consent::other_files(&project::text(project.whole.file.clone()).await?));
        concerns.extend(consent::engine(&entry.to_json()));
        Ok(concerns)
    }

    /// What has to be agreed to first. What `confirmed` agrees to is remembered by `key`, with what it is about.
    async fn missing(
        &self,
        key: &str,
        concerns: &[Concern],
        confirmed: &[String],
    ) -> Result<Option<Consent>, EngineError> {
        self.agree_to_newer(key, confirmed).await?;
        if concerns.is_empty() {
            return Ok(None);
        }
        let texts: Vec<String> = concerns.iter().map(|concern| concern.text.clone()).collect();
        let mut known = self.files.known().await?;
        let covers = |agreed: &[String]| texts.iter().all(|text| agreed.contains(text));
        if covers(known.agreed.get(key).map(Vec::as_slice).unwrap_or_default()) {
            return Ok(None);
        }
        // That very list: whoever agrees to more may have read another one.
        if confirmed.len() == texts.len() && covers(confirmed) {
            known.agreed.insert(key.to_owned(), texts);
            self.files.set_known(&known).await?;
            return Ok(None);
        }
        Ok(Some(Consent { score: consent::score(concerns), concerns: texts }))
    }

    /// Agrees to what a refused update asked for, if that very list is confirmed. What holds for the version that is here
    /// stays agreed to, and the next update finds what it needs.
    async fn agree_to_newer(&self, key: &str, confirmed: &[String]) -> Result<(), EngineError> {
        if confirmed.is_empty() {
            return Ok(());
        }
        let mut known = self.files.known().await?;
        let Some(asked) = known.asked.get(key) else { return Ok(()) };
        if asked.len() != confirmed.len() || !asked.iter().all(|text| confirmed.contains(text)) {
            return Ok(());
        }
        known.asked.remove(key);
        let agreed = known.agreed.entry(key.to_owned()).or_default();
        agreed.extend(confirmed.iter().filter(|text| !agreed.contains(text)).cloned().collect::<Vec<_>>());
        self.files.set_known(&known).await
    }

    /// Forgets what was agreed to and, of a clone, that it may run.
    pub(super) async fn forget(&self, entry: &Entry) -> Result<(), EngineError> {
        let path = entry.compose_file_path();
        let mut known = self.files.known().await?;
        let before = known.agreed.len() + known.asked.len();
        known.agreed.retain(|key, _| key != path && *key != engine_key(entry));
        known.asked.remove(path);
        if known.agreed.len() + known.asked.len() != before {
            self.files.set_known(&known).await?;
        }
        if project::is_cloned(path) {
            let mut allowed = self.files.allowed().await?;
            allowed.retain(|allowed| allowed != path);
            self.files.set_allowed(&allowed).await?;
        }
        Ok(())
    }
}

/// What is agreed to for a plugin without a compose file; no such file's path begins with a slash.
fn engine_key(entry: &Entry) -> String {
    format!("/engine/{}", entry.name().to_ascii_lowercase())
}
