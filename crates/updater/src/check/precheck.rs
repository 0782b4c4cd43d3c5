//! Scripts of a person's own, asked before it is said that there is something to update to.

mod scripts;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};

use super::{CheckedContainer, Status};

pub use scripts::ScriptPrechecks;

/// Scripts that run at the same time. They wait for other things more than they compute.
const AT_ONCE: usize = 8;

/// Longest text of a script's that is kept of each container.
const MAX_REASON_BYTES: usize = 4096;

/// What a script said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its path, as the label or the assignment has it.
    pub script: String,
    /// Why not. None: it has nothing against it.
    pub refusal: Option<String>,
}

/// Asks the script of a container, if it has one. The directory of scripts is behind it; tests put a table there.
#[async_trait]
pub trait Prechecks: Send + Sync + 'static {
    /// What the script says. None: there is none.
    async fn ask(&self, container: &CheckedContainer) -> Option<Verdict>;
}

/// Asks the scripts of those for which there is something to do, each once.
pub(super) async fn ask_all(prechecks: &dyn Prechecks, checked: Vec<CheckedContainer>) -> Vec<CheckedContainer> {
    stream::iter(checked).map(|one| ask(prechecks, one)).buffer_unordered(AT_ONCE).collect().await
}

/// Asks the script of one.
pub(super) async fn ask(prechecks: &dyn Prechecks, checked: CheckedContainer) -> CheckedContainer {
    if !matches!(checked.status, Status::UpdateAvailable | Status::UpToDatePinnable) {
        return checked;
    }
    match prechecks.ask(&checked).await {
        Some(verdict) => settled(checked, verdict),
        None => checked,
    }
}

fn settled(mut checked: CheckedContainer, verdict: Verdict) -> CheckedContainer {
    checked.pre_update_check = verdict.script;
    match verdict.refusal {
        Some(mut reason) => {
            reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
            checked.pre_update_check_fail = reason;
            checked.status = Status::UpdateAvailableBlocked;
        }
        None => checked.pre_update_check_pass = true,
    }
    checked
}
