//! Trees of every kind of file, there and back.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    time::{Duration, SystemTime},
};

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

struct Place {
    _directory: tempfile::TempDir,
    source: PathBuf,
    snapshot: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let (source, snapshot) = (directory.path().join("source"), directory.path().join("snapshot"));
    fs::create_dir(&source).unwrap();
    fs::create_dir(&snapshot).unwrap();
    Place { _directory: directory, source, snapshot }
}

impl Place {
    fn take(&self) -> Report {
        run(Direction::Take, &self.snapshot, std::slice::from_ref(&self.source)).unwrap()
    }

    fn restore(&self) -> Report {
        run(Direction::Restore, &self.snapshot, std::slice::from_ref(&self.source)).unwrap()
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// As if the last run had been long ago: nothing that exists counts as changed since.
    fn age(&self) {
        let path = self.snapshot.join("homeport.json");
        let later = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap() + 3_000_000_000;
        fs::write(path, format!(r#"{{"complete":true,"basis":{later}}}"#)).unwrap();
    }
}

/// Everything that can be seen of a tree, one line a file.
fn listing(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inodes = Vec::new();
    list(root, root, &mut lines, &mut inodes);
    lines
}

fn list(root: &Path, path: &Path, lines: &mut Vec<String>, inodes: &mut Vec<u64>) {
    let m = fs::symlink_metadata(path).unwrap();
    let group = if m.nlink() > 1 && !m.is_dir() {
        inodes.iter().position(|inode| *inode == m.ino()).unwrap_or_else(|| {
            inodes.push(m.ino());
            inodes.len() - 1
        })
    } else {
        usize::MAX
    };
    let content = match () {
        () if m.is_file() => hex::encode(fs::read(path).unwrap()),
        () if m.is_symlink() => fs::read_link(path).unwrap().display().to_string(),
        () => String::new(),
    };
    let mut buffer = [0; 1000];
    let attributes = rustix::fs::lgetxattr(path, "user.test", &mut buffer[..]).map(|length| buffer[..length].to_vec());
    let nlink = if m.is_dir() { 0 } else { m.nlink() };
    lines.push(format!(
        "{:?} {:o} {} {} {} {} {nlink} {group} {attributes:?} {} {content}",
        path.strip_prefix(root).unwrap(),
        m.mode(),
        m.uid(),
        m.gid(),
        m.rdev(),
        m.mtime() * 1_000_000_000 + m.mtime_nsec(),
        if m.is_file() { m.len() } else { 0 },
    ));
    if m.is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        for path in names {
            list(root, &path, lines, inodes);
        }
    }
}

fn everything(place: &Place) {
    place.write("plain", "one");
    place.write("deep/er/file", "two");
    place.write("mode", "three");
    fs::set_permissions(place.source.join("mode"), fs::Permissions::from_mode(0o4751)).unwrap();
    std::os::unix::fs::chown(place.source.join("mode"), Some(12), Some(34)).unwrap();
    fs::set_permissions(place.source.join("mode"), fs::Permissions::from_mode(0o4751)).unwrap();
    fs::hard_link(place.source.join("plain"), place.source.join("deep/name")).unwrap();
    symlink("nowhere/at all", place.source.join("link")).unwrap();
    std::os::unix::fs::lchown(place.source.join("link"), Some(5), Some(6)).unwrap();
    for (name, kind) in [("pipe", FileType::Fifo), ("socket", FileType::Socket)] {
        mknodat(CWD, place.source.join(name), kind, Mode::from_raw_mode(0o640), 0).unwrap();
    }
    let sparse = File::create(place.source.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(b"end", (64 << 20) - 3).unwrap();
    sparse.write_all_at(b"middle", 30 << 20).unwrap();
    rustix::fs::setxattr(place.source.join("plain"), "user.test", b"x\0y", rustix::fs::XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(place.source.join("deep"), "user.test", b"d", rustix::fs::XattrFlags::empty()).unwrap();
    fs::create_dir(place.source.join("empty")).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::open(place.source.join("deep")).unwrap().set_modified(past).unwrap();
    fs::set_permissions(&place.source, fs::Permissions::from_mode(0o1777)).unwrap();
}

#[test]
fn every_kind_of_file_comes_back() {
    let place = place();
    everything(&place);
    let before = listing(&place.source);
    let report = place.take();
    assert_eq!(report.files, 8);
    assert_eq!(listing(&place.snapshot.join("0")), before);
    assert!(fs::metadata(place.snapshot.join("0/sparse")).unwrap().blocks() < 1000, "the holes must stay holes");
    fs::remove_dir_all(place.source.join("deep")).unwrap();
    fs::remove_file(place.source.join("pipe")).unwrap();
    place.write("pipe/was/no/directory", "x");
    place.write("new", "x");
    place.write("plain", "changed");
    fs::set_permissions(place.source.join("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    place.restore();
    assert_eq!(listing(&place.source), before);
    place.restore();
    assert_eq!(listing(&place.source), before, "a restore can be repeated");
    assert!(fs::symlink_metadata(place.source.join("socket")).unwrap().file_type().is_socket());
}

#[test]
fn only_what_differs_is_copied() {
    let place = place();
    everything(&place);
    place.take();
    place.age();
    assert_eq!(place.take().copied_bytes, 0);
    place.age();
    place.write("deep/er/file", "another length");
    assert_eq!(place.take().copied_bytes, 14);
    assert_eq!(listing(&place.snapshot.join("0")), listing(&place.source));
}

#[test]
fn a_change_that_hides_behind_size_and_time_is_found() {
    let place = place();
    place.write("file", "old");
    let path = place.source.join("file");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    place.take();
    fs::write(&path, "new").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(place.take().copied_bytes, 3);
    fs::write(&path, "odd").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    place.restore();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn names_of_one_file_are_told_from_two_equal_files() {
    let place = place();
    place.write("a", "same");
    fs::hard_link(place.source.join("a"), place.source.join("b")).unwrap();
    place.take();
    place.age();
    let modified = fs::metadata(place.source.join("a")).unwrap().modified().unwrap();
    fs::remove_file(place.source.join("b")).unwrap();
    place.write("b", "same");
    File::options().write(true).open(place.source.join("b")).unwrap().set_modified(modified).unwrap();
    place.age();
    place.take();
    assert_eq!(listing(&place.snapshot.join("0")), listing(&place.source));
    place.age();
    fs::remove_file(place.source.join("b")).unwrap();
    fs::hard_link(place.source.join("a"), place.source.join("b")).unwrap();
    place.age();
    place.restore();
    assert_eq!(listing(&place.snapshot.join("0")), listing(&place.source));
}

#[test]
fn an_incomplete_snapshot_is_never_restored() {
    let place = place();
    place.write("file", "x");
    place.take();
    let marker = Marker::read(&place.snapshot).unwrap();
    marker.begin(&place.snapshot).unwrap();
    let error = run(Direction::Restore, &place.snapshot, std::slice::from_ref(&place.source)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Incomplete);
    assert_eq!(fs::read(place.source.join("file")).unwrap(), b"x", "nothing was touched");
    place.take();
    place.restore();
}

#[test]
fn several_sources_and_single_files_keep_apart() {
    let place = place();
    place.write("file", "single");
    place.write("sub/x", "1");
    let sources = [place.source.join("file"), place.source.join("sub")];
    run(Direction::Take, &place.snapshot, &sources).unwrap();
    place.write("file", "changed");
    place.write("sub/x", "2");
    run(Direction::Restore, &place.snapshot, &sources).unwrap();
    assert_eq!(fs::read(place.source.join("file")).unwrap(), b"single");
    assert_eq!(fs::read(place.source.join("sub/x")).unwrap(), b"1");
}

#[test]
fn a_disk_that_would_not_hold_it_is_known_before_anything_is_written() {
    let place = place();
    place.write("a/file", &"a".repeat(20_000));
    place.write("b/file", &"b".repeat(20_000));
    let pairs = ["a", "b"].map(|name| (place.source.join(name), place.snapshot.join(name)));
    let taken = |free| copy_onto(disk(free), Direction::Take, &pairs, None);
    assert_eq!(taken(40_000).unwrap_err().kind, FailureKind::NoSpace, "each fits, both do not");
    assert_eq!(fs::read_dir(&place.snapshot).unwrap().count(), 0);
    assert_eq!(taken(80_000).unwrap().copied_bytes, 40_000);
}

/// A disk on which this much is free beside the reserve.
fn disk(free_bytes: u64) -> impl Fn(&Path) -> Result<Disk, FailureDetail> {
    let free_bytes = free_bytes + space::RESERVE_BYTES;
    move |_| Ok(Disk { device: 1, total_bytes: 1 << 40, free_bytes })
}

#[test]
fn what_one_place_gives_back_another_one_may_take() {
    let place = place();
    place.write("a/file", &"a".repeat(20_000));
    place.write("b/small", "b");
    let pairs = ["a", "b"].map(|name| (place.source.join(name), place.snapshot.join(name)));
    // Two names of one file, in both places, and one more that stays for the moment.
    for name in ["a", "b"] {
        fs::create_dir(place.snapshot.join(name)).unwrap();
    }
    let [first, second, third] = ["a/old", "b/old", "third"].map(|name| place.snapshot.join(name));
    fs::write(&first, "x".repeat(20_000)).unwrap();
    fs::hard_link(&first, &second).unwrap();
    fs::hard_link(&first, &third).unwrap();
    let taken = || copy_onto(disk(13_000), Direction::Take, &pairs, None);
    assert_eq!(taken().unwrap_err().kind, FailureKind::NoSpace, "the third name keeps the space");
    fs::remove_file(third).unwrap();
    taken().unwrap();
    assert_eq!(listing(&place.snapshot.join("a")), listing(&pairs[0].0));
    assert_eq!(listing(&place.snapshot.join("b")), listing(&pairs[1].0));
}

#[test]
fn everything_is_removed_before_anything_is_copied() {
    let place = place();
    // A file cannot be copied over a directory, so the first pair fails as it copies.
    place.write("a", "x");
    place.write("b/kept", "x");
    fs::create_dir(place.snapshot.join("a")).unwrap();
    fs::create_dir(place.snapshot.join("b")).unwrap();
    fs::write(place.snapshot.join("b/old"), "x").unwrap();
    let pairs = ["a", "b"].map(|name| (place.source.join(name), place.snapshot.join(name)));
    copy(Direction::Take, &pairs, None).unwrap_err();
    assert!(!place.snapshot.join("b/old").exists() && !place.snapshot.join("b/kept").exists());
    fs::remove_dir(place.snapshot.join("a")).unwrap();
    copy(Direction::Take, &pairs, None).unwrap();
    assert_eq!(listing(&place.snapshot.join("b")), listing(&pairs[1].0), "a repeat finishes it");
}

#[test]
fn a_file_that_is_replaced_in_place_takes_only_what_it_grows_by() {
    let place = place();
    place.write("a", &"a".repeat(20_000));
    fs::write(place.snapshot.join("a"), "b".repeat(18_000)).unwrap();
    let pairs = [(place.source.join("a"), place.snapshot.join("a"))];
    assert_eq!(copy_onto(disk(8191), Direction::Take, &pairs, None).unwrap().copied_bytes, 20_000);
    assert_eq!(listing(&pairs[0].1), listing(&pairs[0].0));
}

#[test]
fn a_source_inside_of_another_one_comes_back_too() {
    let place = place();
    everything(&place);
    let sources = [place.source.clone(), place.source.join("deep")];
    run(Direction::Take, &place.snapshot, &sources).unwrap();
    let before = listing(&place.source.join("deep"));
    place.write("deep/er/file", "changed");
    fs::remove_file(place.source.join("link")).unwrap();
    fs::remove_file(place.source.join("deep/name")).unwrap();
    symlink("elsewhere", place.source.join("deep/new")).unwrap();
    run(Direction::Restore, &place.snapshot, &sources).unwrap();
    let without_links = |lines: Vec<String>| -> Vec<String> {
        // The inner copy knows nothing of a name outside of it, so the link between the two is lost.
        lines.into_iter().filter(|line| !line.starts_with("\"name\"")).collect()
    };
    assert_eq!(without_links(listing(&place.source.join("deep"))), without_links(before));
    assert_eq!(fs::read(place.source.join("deep/name")).unwrap(), b"one");
}

#[test]
fn a_fork_has_a_single_file_as_a_file() {
    let place = place();
    everything(&place);
    let sources = [place.source.join("deep"), place.source.join("mode")];
    run(Direction::Take, &place.snapshot, &sources).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let volumes = ["v0", "v1"].map(|name| directory.path().join(name));
    for volume in &volumes {
        fs::create_dir(volume).unwrap();
    }
    let expected = Forked { places: vec![String::new(), "content".to_owned()] };
    for _ in 0..2 {
        assert_eq!(fork(&place.snapshot, &volumes).unwrap(), expected);
        assert_eq!(listing(&volumes[0]), listing(&place.snapshot.join("0")));
        assert_eq!(listing(&volumes[1].join("content")), listing(&place.snapshot.join("1")));
        // What the new version made of it is undone by the second.
        fs::write(volumes[1].join("content"), "changed").unwrap();
    }
    Marker::read(&place.snapshot).unwrap().begin(&place.snapshot).unwrap();
    assert_eq!(fork(&place.snapshot, &volumes).unwrap_err().kind, FailureKind::Incomplete);
}

/// A step of a program that uses its volume.
#[derive(Debug, Clone)]
enum Step {
    Write(u8, u8),
    Remove(u8),
    Directory(u8),
    Link(u8, u8),
    Symlink(u8, u8),
    Rename(u8, u8),
}

impl Step {
    /// Whatever is impossible does nothing, as in a program that goes on after an error.
    fn act(&self, root: &Path) {
        let path = |name: &u8| {
            let depth = ["", "d1/", "d1/d2/"][usize::from(name % 3)];
            root.join(format!("{depth}d{}", name / 3 % 4))
        };
        drop(match self {
            Self::Write(name, byte) => File::options()
                .append(true)
                .create(true)
                .open(path(name))
                .and_then(|mut file| file.write_all(&vec![*byte; usize::from(*byte)])),
            Self::Remove(name) => fs::remove_file(path(name)).or_else(|_| fs::remove_dir_all(path(name))),
            Self::Directory(name) => fs::create_dir(path(name)),
            Self::Link(from, to) => fs::hard_link(path(from), path(to)),
            Self::Symlink(from, to) => symlink(path(from), path(to)),
            Self::Rename(from, to) => fs::rename(path(from), path(to)),
        });
    }
}

fn act(steps: &[Step], root: &Path) {
    for step in steps {
        step.act(root);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..12u8;
    let step = prop_oneof![
        (name(), any::<u8>()).prop_map(|(a, b)| Step::Write(a, b)),
        name().prop_map(Step::Remove),
        name().prop_map(Step::Directory),
        (name(), name()).prop_map(|(a, b)| Step::Link(a, b)),
        (name(), name()).prop_map(|(a, b)| Step::Symlink(a, b)),
        (name(), name()).prop_map(|(a, b)| Step::Rename(a, b)),
    ];
    prop::collection::vec(step, 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_a_program_does_the_way_back_is_exact(first in steps(), second in steps(), third in steps(), aged: bool) {
        let place = place();
        act(&first, &place.source);
        place.take();
        if aged {
            place.age();
        }
        act(&second, &place.source);
        place.take();
        let taken = listing(&place.source);
        prop_assert_eq!(&listing(&place.snapshot.join("0")), &taken);
        act(&third, &place.source);
        place.restore();
        prop_assert_eq!(listing(&place.source), taken);
    }
}
