//! One run of the scenarios: its name, its directory, and the removal of what it made.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Engine, Fixtures, Outcome};

/// What all scenarios of a run share.
#[derive(Debug)]
pub struct Run {
    /// Unique among the runs on this machine; value of the label `homeport.test`.
    pub id: String,
    /// Directory for stacks, state and logs; below `target`, so that it is easy to look at after a failure.
    pub directory: PathBuf,
    /// The engine.
    pub engine: Engine,
    /// The images.
    pub fixtures: Fixtures,
}

impl Run {
    /// A new run; removes what an earlier one of the same kind may have left.
    pub fn new(kind: &str) -> anyhow::Result<Self> {
        let id = format!("{kind}-{}", std::process::id());
        let directory = root().join("target/e2e").join(&id);
        std::fs::create_dir_all(&directory)?;
        let run = Self { id, directory, engine: Engine::find()?, fixtures: Fixtures::load()? };
        run.clean_up();
        Ok(run)
    }

    /// The label that everything of this run carries, `key=value`.
    pub fn label(&self) -> String {
        format!("homeport.test={}", self.id)
    }

    /// Removes every container, volume and network that carries the label `homeport.test`, and what Homeport made.
    pub fn clean_up(&self) {
        for filter in ["label=homeport.test", "label=homeport.role", "label=homeport.operation"] {
            self.remove(&["ps", "-aq", "--filter", filter], &["rm", "-f", "-v"]);
        }
        for filter in ["label=homeport.test", "label=homeport.snapshot"] {
            self.remove(&["volume", "ls", "-q", "--filter", filter], &["volume", "rm", "-f"]);
        }
        self.remove(&["network", "ls", "-q", "--filter", "label=homeport.test"], &["network", "rm"]);
        let kept = ["images", "--format", "{{.Repository}}:{{.Tag}}", "homeport.local/rollback/*"];
        self.remove(&kept, &["rmi"]);
    }

    fn remove(&self, list: &[&str], remove: &[&str]) {
        let Ok(listed) = self.engine.docker(list) else { return };
        for object in listed.lines() {
            let mut command = remove.to_vec();
            command.push(object);
            if let Err(error) = self.engine.docker(&command) {
                eprintln!("left behind: {object}: {error:#}");
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// A scenario by name.
pub type Scenario<T> = (&'static str, fn(&T) -> Outcome);

/// Runs scenarios that share what `world` makes, which is dropped before the result is returned.
pub fn conclude<T, N, F>(
    world: impl FnOnce() -> anyhow::Result<T>,
    scenarios: impl IntoIterator<Item = (N, F)>,
    threads: usize,
) -> ExitCode
where
    T: Send + Sync + 'static,
    N: Into<String>,
    F: Fn(&T) -> Outcome + Send + 'static,
{
    // First, because wrong ones end this process, and a world has processes that nobody would end then.
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(threads);
    let world = match world() {
        Ok(world) => Arc::new(world),
        Err(error) => {
            eprintln!("cannot start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let trials = scenarios
        .into_iter()
        .map(|(name, scenario)| {
            let world = Arc::clone(&world);
            Trial::test(name, move || scenario(&world).map_err(|error| Failed::from(format!("{error:#}"))))
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    conclusion.exit_code()
}

/// The workspace's directory.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

/// An empty directory below `target`.
pub fn scratch(name: &str) -> anyhow::Result<PathBuf> {
    let directory = root().join("target/e2e").join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// Whether everything is to be tried as often as there is a whole night for: `HOMEPORT_TEST_NIGHTLY` is set.
pub fn is_nightly() -> bool {
    variable("HOMEPORT_TEST_NIGHTLY").is_some()
}

/// An environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "a test run has no settings of its own")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
