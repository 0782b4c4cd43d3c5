//! `cargo xtask up`, what it starts, and `down`; and `homeport serve` for machines without compose.
//!
//! The scenarios follow each other in this order, on one stack.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unnecessary_wraps,
    reason = "the names of the scenarios say what they show"
)]

mod containers;
mod itself;
mod serve;
mod up;

use std::process::ExitCode;

use homeport_e2e::{Run, Scenario, conclude, free_port};

use crate::up::Installation;

/// What the scenarios share.
pub struct World {
    pub installation: Installation,
    pub run: Run,
}

const SCENARIOS: &[Scenario<World>] = &[
    ("up::it_ends_healthy_and_says_where", up::it_ends_healthy_and_says_where),
    ("up::again_changes_nothing", up::again_changes_nothing),
    ("containers::none_has_more_rights_than_it_needs", containers::none_has_more_rights_than_it_needs),
    ("containers::an_update_works_from_inside", containers::an_update_works_from_inside),
    (
        "containers::it_reads_its_own_logs_and_restarts_as_a_whole",
        containers::it_reads_its_own_logs_and_restarts_as_a_whole,
    ),
    ("up::down_and_up_keep_the_state", up::down_and_up_keep_the_state),
    ("itself::it_goes_forward_and_back_as_a_whole", itself::it_goes_forward_and_back_as_a_whole),
    ("itself::whoever_dies_it_ends_in_one_version", itself::whoever_dies_it_ends_in_one_version),
    ("serve::all_from_one_command_drain", serve::all_from_one_command_drain),
    ("serve::nothing_outlives_a_kill_of_it", serve::nothing_outlives_a_kill_of_it),
];

fn main() -> ExitCode {
    match world() {
        Ok(world) => conclude(world, SCENARIOS, 1),
        Err(error) => {
            eprintln!("cannot start: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("stack")?;
    Ok(World { installation: Installation::new(&run, free_port()?), run })
}
