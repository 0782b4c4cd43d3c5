//! `init-state`, run as root like in its container, and as somebody.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use crate::double::Double;

#[test]
fn everything_is_there_with_its_mode_and_running_again_changes_nothing() {
    let double = Double::start();
    let look = || {
        let folders = ["state/api", "state/plugins", "state/auth", "state/docker", "state/updater", "state/gateway"];
        let configs =
            ["configs/base", "configs/plugins", "configs/base/api.json", "configs/base/custom_compose_paths.json"];
        let paths = folders.iter().chain(&configs).map(|path| {
            let data = fs::metadata(double.home().join(path)).unwrap();
            (*path, data.mode() & 0o7777, data.uid(), data.gid())
        });
        paths.collect::<Vec<_>>()
    };
    let line = "init-state --gateway-uid 20001 --bus-uid 20002 --auth-uid 20003 --updater-uid 20005 --gid 20000";
    double.run(line).check(0, "");
    let first = look();
    let modes: Vec<u32> = first.iter().map(|(_, mode, ..)| *mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o750, 0o750, 0o750, 0o700, 0o750, 0o750, 0o640, 0o640]);
    let me = fs::metadata(double.home()).unwrap();
    if me.uid() == 0 {
        let owners: Vec<u32> = first.iter().map(|(.., uid, _)| *uid).collect();
        assert_eq!(owners, [20002, 0, 20003, 0, 20005, 20001, 0, 0, 0, 0]);
        assert!(first.iter().all(|(.., gid)| *gid == 20000));
    }

    let base = double.home().join("configs/base");
    fs::write(base.join("api.json"), r#"{"Plugins":[{"Name":"mine"}]}"#).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).unwrap();
    double.run(line).check(0, "");
    assert!(fs::read_to_string(base.join("api.json")).unwrap().contains("mine"));
    assert_eq!(fs::metadata(&base).unwrap().mode() & 0o777, 0o700, "settings belong to whoever made them");
}

#[test]
fn files_of_a_service_are_handed_over_but_nothing_below_docker() {
    let double = Double::start();
    let state = double.home().join("state");
    for file in ["auth/auth.db", "docker/copy"] {
        fs::create_dir_all(state.join(file).parent().unwrap()).unwrap();
        fs::write(state.join(file), "").unwrap();
    }
    double.run("init-state --auth-uid 20003 --docker-uid 20004").check(0, "");
    let owner = |file: &str| fs::metadata(state.join(file)).unwrap().uid();
    if owner("docker") == 20004 {
        assert_eq!((owner("auth/auth.db"), owner("docker/copy")), (20003, 0));
    }
}
