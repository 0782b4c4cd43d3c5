//! Whether a snapshot is complete, and when the run that made it so began.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FailureDetail, FailureKind, failed};

/// The file in a snapshot's volume, beside the numbered sources.
const FILE: &str = "homeport.json";

/// What a snapshot says about itself.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    complete: bool,
    /// When the last complete run began, in nanoseconds since 1970; of a snapshot that never had one, when its first run
    /// did. Files that changed later are copied again.
    basis: Option<i64>,
}

impl Marker {
    /// The marker of a snapshot; a new one has none and counts as incomplete.
    pub(super) fn read(snapshot: &Path) -> Result<Self, FailureDetail> {
        let path = snapshot.join(FILE);
        match fs::read(&path) {
            // One that a crash left unreadable says nothing, so everything is looked at again.
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed("reading", &path, &error)),
        }
    }

    /// What was never completed must not replace anything.
    pub(super) fn expect_complete(&self) -> Result<(), FailureDetail> {
        if self.complete {
            return Ok(());
        }
        Err(FailureDetail::new(
            FailureKind::Incomplete,
            "the snapshot was never completed, so there is nothing to go back to",
        ))
    }

    pub(super) const fn basis(&self) -> Option<i64> {
        self.basis
    }

    /// Marks the snapshot incomplete, and says when that was.
    pub(super) fn begin(&self, snapshot: &Path) -> Result<i64, FailureDetail> {
        let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        Self { complete: false, basis: self.basis.or(Some(now)) }.write(snapshot)?;
        Ok(now)
    }

    /// Marks the snapshot complete as of a run that began then.
    pub(super) fn finish(snapshot: &Path, began: i64) -> Result<(), FailureDetail> {
        Self { complete: true, basis: Some(began) }.write(snapshot)
    }

    fn write(&self, snapshot: &Path) -> Result<(), FailureDetail> {
        let path = snapshot.join(FILE);
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        homeport_service::file::replace(&path, &bytes, 0o600).map_err(|error| failed("writing", &path, &error))
    }
}
