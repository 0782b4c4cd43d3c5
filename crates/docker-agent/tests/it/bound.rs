//! `bound`: a program dies with the process that it was started for.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_homeport-docker-agent");

#[test]
fn the_program_runs_in_place() {
    let me = std::process::id().to_string();
    let output = Command::new(PROGRAM).args(["bound", &me, "--", "echo", "a b", "--"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"a b --\n");
}

#[test]
fn it_does_not_start_for_a_process_that_is_gone() {
    let output = Command::new(PROGRAM).args(["bound", "1", "--", "echo", "no"]).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone"));
}

#[test]
fn it_dies_with_its_parent() {
    // The shell is the parent that gets killed; it tells the number of the bound program first.
    let script = format!("{PROGRAM} bound $$ -- sleep 1000 & echo $!; wait");
    let mut parent = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(parent.stdout.take().unwrap()), &mut line).unwrap();
    let name = || std::fs::read_to_string(format!("/proc/{}/comm", line.trim())).unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(10);
    while name().trim() != "sleep" {
        assert!(Instant::now() < end, "the program never started");
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    while name().trim() == "sleep" && !is_dead(line.trim()) {
        assert!(Instant::now() < end, "the program outlived its parent");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_dead(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}
