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
mod images;
mod itself;
mod plugins;
mod repository;
mod serve;
mod up;

use std::process::ExitCode;

use homeport_e2e::{Run, Scenario, conclude, free_port, is_nightly};

use crate::{repository::Authority, up::Installation};

/// What the scenarios share.
pub struct World {
    pub installation: Installation,
    pub authority: Authority,
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
    ("plugins::come_from_a_repository_and_leave_nothing", plugins::come_from_a_repository_and_leave_nothing),
    (
        "plugins::a_repository_of_an_authority_that_nobody_named_is_refused",
        plugins::a_repository_of_an_authority_that_nobody_named_is_refused,
    ),
    ("up::down_and_up_keep_the_state", up::down_and_up_keep_the_state),
    ("itself::it_goes_forward_and_back_as_a_whole", itself::it_goes_forward_and_back_as_a_whole),
    ("itself::whoever_dies_it_ends_in_one_version", itself::whoever_dies_it_ends_in_one_version),
    ("serve::all_from_one_command_drain", serve::all_from_one_command_drain),
    ("serve::nothing_outlives_a_kill_of_it", serve::nothing_outlives_a_kill_of_it),
];

/// What takes more than a day's run has room for, on a stack that stands.
const NIGHTLY: &[Scenario<World>] = &[
    (
        "images::of_homeport_are_built_and_docker_agent_has_a_git_that_fetches",
        images::of_homeport_are_built_and_docker_agent_has_a_git_that_fetches,
    ),
    (
        "images::of_the_plugins_that_ship_answer_behind_the_stack",
        images::of_the_plugins_that_ship_answer_behind_the_stack,
    ),
];

fn main() -> ExitCode {
    let mut scenarios = SCENARIOS.to_vec();
    if is_nightly() {
        // Before those that take the stack down.
        let at = scenarios.iter().position(|(name, _)| name.starts_with("up::down")).unwrap_or_default();
        scenarios.splice(at..at, NIGHTLY.iter().copied());
    }
    conclude(world, scenarios, 1)
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("stack")?;
    Ok(World { installation: Installation::new(&run, free_port()?), authority: Authority::found(&run)?, run })
}
