//! Scripts in their directory, by label or by assignment.

use async_trait::async_trait;
use homeport_service::telemetry::chain;
use homeport_store::Store;

use super::{Prechecks, Verdict};
use crate::{
    check::CheckedContainer,
    policy::value,
    script::{Occasion, ScriptError, Scripts},
    store::script::assigned,
};

/// Label with the path of a script.
const LABEL: &str = "pre-update-check";

/// Asks the script that a container's label names, else the one that was assigned to it.
#[derive(Debug, Clone)]
pub struct ScriptPrechecks {
    scripts: Scripts,
    store: Store,
}

impl ScriptPrechecks {
    /// Scripts of this directory, assigned in this store.
    pub const fn new(scripts: Scripts, store: Store) -> Self {
        Self { scripts, store }
    }

    async fn script(&self, container: &CheckedContainer) -> Option<String> {
        if let Some(path) = value(&container.labels, LABEL).filter(|path| !path.trim().is_empty()) {
            return Some(path.to_owned());
        }
        let assigned = assigned(&self.store, &container.container_name).await.unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "it is not known which script is assigned");
            None
        });
        assigned.map(|assigned| assigned.path)
    }
}

#[async_trait]
impl Prechecks for ScriptPrechecks {
    async fn ask(&self, container: &CheckedContainer) -> Option<Verdict> {
        let script = self.script(container).await?;
        let occasion = Occasion {
            container_id: container.container_id.clone(),
            container_name: container.container_name.clone(),
            image: container.image.clone(),
            stack: container.stack.clone(),
            current_version: container.current_tag.clone(),
            target_version: container.default_target().unwrap_or_default().to_owned(),
            reason: "check",
        };
        let refusal = self.scripts.ask(&script, &occasion).await.err().map(|error| reason(&error));
        Some(Verdict { script, refusal })
    }
}

/// What the script printed is its reason; where it printed nothing, how it ended.
fn reason(error: &ScriptError) -> String {
    match error {
        ScriptError::Refused { output, .. } if !output.trim().is_empty() => output.trim().to_owned(),
        error => chain(error),
    }
}
