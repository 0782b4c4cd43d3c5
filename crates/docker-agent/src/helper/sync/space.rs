//! Whether the disks hold what plans take, all of them together.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use super::{
    FailureDetail, failed,
    plan::{Inode, Plan},
};
use crate::helper::FailureKind;

/// Below this much free space nothing is begun even if the copy would just fit: file systems need some for themselves.
pub(super) const RESERVE_BYTES: u64 = 16 << 20;

/// The room that a place is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    pub(super) device: u64,
    pub(super) total_bytes: u64,
    pub(super) free_bytes: u64,
}

impl Disk {
    /// Of what is there, or is going to be.
    pub(super) fn of(path: &Path) -> Result<Self, FailureDetail> {
        let place = if path.exists() { path } else { path.parent().unwrap_or(path) };
        let unknown = |error| failed("asking for the free space of", place, &error);
        let device = fs::metadata(place).map_err(unknown)?.dev();
        let space = rustix::fs::statvfs(place).map_err(|error| unknown(error.into()))?;
        Ok(Self { device, total_bytes: space.f_blocks * space.f_frsize, free_bytes: space.f_bavail * space.f_frsize })
    }
}

/// Before anything is written: what plans take, each on its disk, must fit into what is free there and what they remove.
/// That holds because everything is removed before anything is copied.
pub(super) fn check<'a>(plans: impl IntoIterator<Item = (&'a Plan, Disk)>) -> Result<(), FailureDetail> {
    // A volume with a quota shows that as its size and free space, and shares neither with the rest of its device.
    let mut rooms: BTreeMap<(u64, u64), Room> = BTreeMap::new();
    let mut gone: HashMap<Inode, u64> = HashMap::new();
    for (plan, disk) in plans {
        let fresh = Room { needed_bytes: 0, free_bytes: disk.free_bytes };
        let room = rooms.entry((disk.device, disk.total_bytes)).or_insert(fresh);
        room.needed_bytes = room.needed_bytes.saturating_add(plan.needed_bytes);
        room.free_bytes = room.free_bytes.saturating_add(plan.freed_bytes);
        for (inode, lost) in &plan.lost {
            let names = gone.entry(*inode).or_default();
            let was_there = *names < lost.of;
            *names += lost.names;
            if was_there && *names >= lost.of {
                room.free_bytes = room.free_bytes.saturating_add(lost.bytes);
            }
        }
    }
    rooms.values().try_for_each(Room::check)
}

/// What is asked of one disk.
struct Room {
    needed_bytes: u64,
    free_bytes: u64,
}

impl Room {
    fn check(&self) -> Result<(), FailureDetail> {
        let needed_bytes = self.needed_bytes.saturating_add(RESERVE_BYTES);
        if self.needed_bytes == 0 || needed_bytes <= self.free_bytes {
            return Ok(());
        }
        let [needed, free] = [needed_bytes, self.free_bytes].map(|bytes| bytes.div_ceil(1 << 20));
        Err(FailureDetail::new(FailureKind::NoSpace, format!("{needed} MiB are needed and {free} MiB are free")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helper::sync::plan::Lost;

    const MEBIBYTE: u64 = 1 << 20;

    fn plan(needed: u64, freed: u64) -> Plan {
        Plan { needed_bytes: needed * MEBIBYTE, freed_bytes: freed * MEBIBYTE, ..Plan::default() }
    }

    /// A disk of 1000 MiB, with this much free beside the reserve.
    fn disk(device: u64, free: u64) -> Disk {
        Disk { device, total_bytes: 1000 * MEBIBYTE, free_bytes: free * MEBIBYTE + RESERVE_BYTES }
    }

    fn fits(plans: &[(Plan, Disk)]) -> bool {
        match check(plans.iter().map(|(plan, disk)| (plan, *disk))) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind, FailureKind::NoSpace);
                false
            }
        }
    }

    #[test]
    fn plans_of_one_disk_share_what_is_free_and_what_they_remove() {
        assert!(fits(&[(plan(6, 0), disk(1, 10))]));
        assert!(!fits(&[(plan(6, 0), disk(1, 10)), (plan(6, 0), disk(1, 10))]));
        assert!(fits(&[(plan(6, 0), disk(1, 10)), (plan(6, 0), disk(2, 10))]), "each has a disk of its own");
        assert!(fits(&[(plan(16, 0), disk(1, 10)), (plan(0, 6), disk(1, 10))]), "the other one makes room");
        assert!(!fits(&[(plan(16, 0), disk(1, 10)), (plan(0, 6), disk(2, 10))]), "not on another disk");
        assert!(fits(&[(plan(0, 0), Disk { device: 1, total_bytes: 0, free_bytes: 0 })]), "nothing fits everywhere");
    }

    #[test]
    fn a_quota_is_a_disk_of_its_own() {
        let quota = Disk { total_bytes: 100 * MEBIBYTE, ..disk(1, 5) };
        assert!(fits(&[(plan(4, 0), quota), (plan(9, 0), disk(1, 10))]));
        assert!(!fits(&[(plan(6, 0), quota), (plan(1, 0), disk(1, 10))]));
    }

    #[test]
    fn a_file_with_several_names_gives_its_space_back_with_the_last() {
        let losing = |needed: u64, names: u64| Plan {
            lost: HashMap::from([((1, 7), Lost { names, of: 3, bytes: 8 * MEBIBYTE })]),
            ..plan(needed, 0)
        };
        assert!(!fits(&[(losing(8, 2), disk(1, 0))]));
        assert!(fits(&[(losing(8, 3), disk(1, 0))]));
        assert!(fits(&[(losing(8, 2), disk(1, 0)), (losing(0, 1), disk(1, 0))]), "the last name is in the other plan");
        assert!(!fits(&[(losing(8, 3), disk(1, 0)), (losing(8, 3), disk(1, 0))]), "but only once");
    }
}
