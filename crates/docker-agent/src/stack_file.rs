//! Files of compose projects: only those that the labels of some container lead to.

mod remembered;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use tokio::sync::Semaphore;

use self::remembered::Remembered;
use crate::{
    compose::PROJECT_LABEL, config::Settings, document::Document as _, engine::Engine, error::EngineError, name,
};

/// The largest file that is read or written: a compose file of 1 MiB has some twenty thousand lines.
const MAX_BYTES: u64 = 1 << 20;
/// For a file that is new, which never happens here; an existing one keeps its own.
const MODE: u32 = 0o600;
/// Files that are worked on at the same time. A check asks for those of hundreds of containers at once; a thread for each
/// would make no disk faster, and keep memory of its own.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Access to the files of compose projects.
#[derive(Clone)]
pub(crate) struct StackFiles {
    engine: Engine,
    settings: Arc<Settings>,
    remembered: Arc<Remembered>,
    /// From the comparison with what is expected to the replacement, nobody else writes.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// Where a project's files are, by the labels of one of its containers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    files: Vec<PathBuf>,
    directory: Option<PathBuf>,
}

impl StackFiles {
    /// `state` is the directory in which it is remembered what was read by right.
    pub(crate) fn new(engine: Engine, settings: Arc<Settings>, state: &Path) -> Self {
        let remembered = Arc::new(Remembered::new(state.join("stack-files.json")));
        Self { engine, settings, remembered, writing: Arc::default() }
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Vec<u8>, EngineError> {
        let path = self.admitted(path).await?;
        blocking(&path.clone(), move || read(&path)).await
    }

    /// Replaces a file that holds `expected`. One that holds the new content already was written by a call whose answer
    /// got lost.
    pub(crate) async fn write(&self, path: &str, content: Vec<u8>, expected: Vec<u8>) -> Result<(), EngineError> {
        if content.len() as u64 > MAX_BYTES {
            return Err(EngineError::Argument(format!("the new content of {path} is larger than 1 MiB")));
        }
        let path = self.admitted(path).await?;
        let _writing = self.writing.lock().await;
        blocking(&path.clone(), move || {
            let present = read(&path)?;
            if present == content {
                return Ok(());
            }
            if present != expected {
                return Err(EngineError::Changed(format!(
                    "{} was changed by somebody else in the meantime",
                    path.display()
                )));
            }
            homeport_service::file::replace(&path, &content, MODE).map_err(|source| failed("writing", &path, source))
        })
        .await
    }

    /// The file with all links followed, if it may be touched.
    ///
    /// What was admitted once stays so: the way back from an update has to work when the last container is gone.
    async fn admitted(&self, path: &str) -> Result<PathBuf, EngineError> {
        let asked = PathBuf::from(name::absolute(path, "the file's path")?);
        let (named, shown) = (asked.clone(), asked.clone());
        let resolved =
            blocking(&shown, move || named.canonicalize().map_err(|source| failed("reading", &named, source)));
        let path = match resolved.await {
            // Where docker-agent runs in a container, it sees the directories of stacks and no others.
            Err(error) if error.is_not_found() && !self.in_stacks(&asked) => return Err(outside(&asked)),
            result => result?,
        };
        if !self.in_stacks(&path) {
            return Err(outside(&path));
        }
        if self.remembered.holds(&path) {
            return Ok(path);
        }
        if !self.places().await?.iter().any(|places| places.lead_to(&path)) {
            return Err(EngineError::Forbidden(format!(
                "{} belongs to no container's compose project",
                path.display()
            )));
        }
        self.remembered.add(&path)?;
        Ok(path)
    }

    fn in_stacks(&self, path: &Path) -> bool {
        let roots = &self.settings.stacks;
        roots.is_empty() || roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| path.starts_with(root))
    }

    async fn places(&self) -> Result<Vec<Places>, EngineError> {
        let filters = crate::container::encoded(&serde_json::json!({ "label": [PROJECT_LABEL] }).to_string());
        let list =
            self.engine.get("listing containers", &format!("/containers/json?all=true&filters={filters}")).await?;
        Ok(list.as_array().into_iter().flatten().map(|entry: &Value| Places::of(&entry.labels("Labels"))).collect())
    }
}

impl Places {
    fn of(labels: &HashMap<String, String>) -> Self {
        let paths = |key: &str| {
            let list = labels.get(key).map(String::as_str).unwrap_or_default();
            list.split(',').filter(|path| path.starts_with('/')).map(PathBuf::from).collect::<Vec<_>>()
        };
        let mut files = paths("com.docker.compose.project.config_files");
        files.extend(paths("com.docker.compose.project.environment_file"));
        let directory = labels.get("com.docker.compose.project.working_dir").filter(|path| path.starts_with('/'));
        Self { files, directory: directory.map(PathBuf::from) }
    }

    /// Whether a path, all links followed, is a file of the project: named by it, its `.env`, or one that its files may
    /// include, which are YAML or variables below its directory.
    fn lead_to(&self, path: &Path) -> bool {
        let is = |named: &Path| named.canonicalize().is_ok_and(|named| named == path);
        let below = |directory: &Path| {
            directory.canonicalize().is_ok_and(|directory| directory != Path::new("/") && path.starts_with(directory))
        };
        self.files.iter().any(|file| is(file))
            || self
                .directory
                .as_ref()
                .is_some_and(|directory| is(&directory.join(".env")) || (is_includable(path) && below(directory)))
    }
}

fn outside(path: &Path) -> EngineError {
    let path = path.display();
    EngineError::Forbidden(format!("{path} is outside the directories of stacks; add its directory to HOMEPORT_STACKS"))
}

fn is_includable(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    matches!(extension.as_str(), "yml" | "yaml" | "env") || name == ".env" || name.starts_with(".env.")
}

fn read(path: &Path) -> Result<Vec<u8>, EngineError> {
    let read = |source| failed("reading", path, source);
    let metadata = std::fs::metadata(path).map_err(read)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(EngineError::Precondition(format!("{} is no file of at most 1 MiB", path.display())));
    }
    std::fs::read(path).map_err(read)
}

fn failed(doing: &str, path: &Path, source: io::Error) -> EngineError {
    EngineError::Io { doing: format!("{doing} {}", path.display()), source }
}

async fn blocking<T, F>(path: &Path, work: F) -> Result<T, EngineError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, EngineError> + Send + 'static,
{
    let _turn = TURNS.acquire().await;
    let result = tokio::task::spawn_blocking(work).await;
    result.unwrap_or_else(|error| Err(failed("working on", path, io::Error::other(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(directory: &Path) -> Places {
        let labels = [
            (
                "com.docker.compose.project.config_files",
                format!("{0}/compose.yaml,{0}/../outside.yaml", directory.display()),
            ),
            ("com.docker.compose.project.working_dir", directory.display().to_string()),
        ];
        Places::of(&labels.map(|(key, value)| (key.to_owned(), value)).into())
    }

    #[test]
    fn s9_only_the_files_of_the_project_are_led_to() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let stack = root.join("stack");
        std::fs::create_dir_all(stack.join("sub")).unwrap();
        for file in [
            "stack/compose.yaml",
            "stack/.env",
            "stack/sub/inc.yml",
            "stack/sub/.env.prod",
            "stack/data.db",
            "outside.yaml",
            "other.yaml",
            ".env",
        ] {
            std::fs::write(root.join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(root.join("other.yaml"), stack.join("link.yaml")).unwrap();
        let check = |file: &str| project(&stack).lead_to(&root.join(file).canonicalize().unwrap());
        for file in ["stack/compose.yaml", "stack/.env", "stack/sub/inc.yml", "stack/sub/.env.prod", "outside.yaml"] {
            assert!(check(file), "{file}");
        }
        for file in ["stack/data.db", "other.yaml", ".env", "stack/link.yaml", "stack/../other.yaml", "stack/sub"] {
            assert!(!check(file), "{file}");
        }
    }
}
