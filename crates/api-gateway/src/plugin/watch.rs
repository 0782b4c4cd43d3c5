//! `api.json` acts as soon as it is changed, by whomever and however.

use std::{
    fs::Metadata,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use homeport_plugin_manifest::FileError;
use homeport_service::{Context, telemetry::chain};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::{Registry, entry};
use crate::{config::ms, metrics};

/// A file larger than this is not read: thousands of plugins fit in.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// An editor writes a file in several steps; wait for the last one.
const SETTLE: Duration = Duration::from_millis(50);

/// Why the file was not taken over.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("cannot read {path}; the plugins stay as they were")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is larger than {MAX_FILE_BYTES} bytes; the plugins stay as they were")]
    TooLarge { path: PathBuf },
    #[error("{path} cannot be used; the plugins stay as they were")]
    File { path: PathBuf, source: FileError },
}

/// What tells one state of the file from another without reading it. `None`: there is no file.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// Reads the file now, and again whenever it changes, until the gateway drains.
pub(crate) async fn follow(context: &Context, registry: Arc<Registry>) {
    let path = context.paths().configs.join("base").join("api.json");
    let changed = Arc::new(Notify::new());
    let mut follower = Follower { path, registry, seen: None };
    follower.reload().await;
    let drain = context.drain().clone();
    context.spawn("plugins", async move {
        // Kept for as long as its reports are wanted.
        let _watcher = follower.watch(&changed);
        let period = ms(follower.registry.config().poll_ms.max(10));
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                () = changed.notified() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(period) => {}
            }
            follower.look().await;
        }
    });
}

struct Follower {
    path: PathBuf,
    registry: Arc<Registry>,
    seen: Stamp,
}

impl Follower {
    /// Reports changes in the file's directory: the file itself is usually replaced, not written to. Where that does
    /// not work, looking at it every half a second is enough.
    fn watch(&self, changed: &Arc<Notify>) -> Option<RecommendedWatcher> {
        let changed = Arc::clone(changed);
        let report = move |event: notify::Result<notify::Event>| {
            // Reading the file is an event too, and ours.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                changed.notify_one();
            }
        };
        let directory = self.path.parent()?;
        let watcher = notify::recommended_watcher(report).and_then(|mut watcher| {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        watcher
            .inspect_err(|error| {
                tracing::info!(error = chain(error), "changes of api.json are not reported here; it is polled");
            })
            .ok()
    }

    async fn look(&mut self) {
        if stamp(&self.path).await != self.seen {
            self.reload().await;
        }
    }

    async fn reload(&mut self) {
        self.seen = stamp(&self.path).await;
        match self.read().await {
            Ok(count) => {
                metrics::count_reload("ok", count);
                tracing::info!(plugins = count, "plugins are loaded");
            }
            Err(error) => {
                metrics::count_reload("failed", self.registry.len());
                tracing::warn!(error = chain(&error), "api.json was not taken over");
            }
        }
    }

    async fn read(&self) -> Result<usize, ReloadError> {
        let path = self.path.clone();
        let text = tokio::task::spawn_blocking(move || read_file(&path)).await;
        let text = text.unwrap_or_else(|error| {
            Err(ReloadError::Read { path: self.path.clone(), source: io::Error::other(error) })
        })?;
        let Some(text) = text else { return Ok(self.registry.replace(Vec::new())) };
        let (entries, errors) = entry::read(&text, self.registry.root())
            .map_err(|source| ReloadError::File { path: self.path.clone(), source })?;
        for error in errors {
            tracing::warn!(error = chain(&error), "a plugin is left out");
        }
        Ok(self.registry.replace(entries))
    }
}

/// The file's content. `None`: there is none, which means that there are no plugins.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, ReloadError> {
    let failed = |source| ReloadError::Read { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(ReloadError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(text))
}

async fn stamp(path: &Path) -> Stamp {
    let stamp = |file: Metadata| (file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.size());
    tokio::fs::metadata(path).await.ok().map(stamp)
}
