//! Sizes of volumes, measured in the background: the engine walks every file for them, which takes seconds on a large host.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use homeport_service::{Context, telemetry::chain};
use serde_json::Value;

use crate::{document::Document as _, engine::Engine, error::EngineError};

/// Sizes older than this are measured again when somebody asks for them.
const FRESH: Duration = Duration::from_secs(300);
/// After this long a measurement is given up.
const LIMIT: Duration = Duration::from_secs(600);

/// What is known of the volumes' sizes. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sizes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    by_name: BTreeMap<String, u64>,
    measured: Option<Instant>,
    is_measuring: bool,
}

impl Sizes {
    /// Bytes of each volume, as of the last measurement.
    pub(crate) fn known(&self) -> BTreeMap<String, u64> {
        self.lock().by_name.clone()
    }

    /// Begins a measurement, unless one is under way or the last one is fresh. Returns at once.
    pub(crate) fn refresh(&self, engine: &Engine, context: &Context) {
        {
            let mut state = self.lock();
            if state.is_measuring || state.measured.is_some_and(|at| at.elapsed() < FRESH) {
                return;
            }
            state.is_measuring = true;
        }
        let (sizes, engine, drain) = (self.clone(), engine.clone(), context.drain().clone());
        context.spawn("measure volumes", async move {
            let measured = drain.run_until_cancelled(measure(&engine)).await;
            let mut state = sizes.lock();
            state.is_measuring = false;
            state.measured = Some(Instant::now());
            match measured {
                Some(Ok(by_name)) => state.by_name = by_name,
                Some(Err(error)) => tracing::info!(error = chain(&error), "the volumes could not be measured"),
                None => {}
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn measure(engine: &Engine) -> Result<BTreeMap<String, u64>, EngineError> {
    let usage = engine.get_within(LIMIT, "measuring volumes", "/system/df?type=volume&verbose=true").await?;
    Ok(read(&usage))
}

/// Older engines list volumes at the top, newer ones below `VolumeUsage`. A driver that cannot tell says -1.
fn read(usage: &Value) -> BTreeMap<String, u64> {
    let volumes = usage.list("Volumes").iter().chain(usage.list("VolumeUsage.Items"));
    let size = |volume: &Value| volume.at("UsageData.Size").as_u64();
    volumes.filter_map(|volume| Some((volume.text("Name").to_owned(), size(volume)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        let volumes = json!([
            { "Name": "a", "UsageData": { "Size": 5 } }, { "Name": "b", "UsageData": { "Size": -1 } }, { "Name": "c" },
        ]);
        let expected = BTreeMap::from([("a".to_owned(), 5)]);
        assert_eq!(read(&json!({ "Volumes": volumes })), expected);
        assert_eq!(read(&json!({ "VolumeUsage": { "Items": volumes } })), expected);
    }
}
