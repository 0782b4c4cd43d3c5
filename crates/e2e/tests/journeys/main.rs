//! What a person does with Homeport, from the first check to the way back. One stack serves all scenarios.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unnecessary_wraps,
    reason = "the names of the scenarios say what they show"
)]

mod access;
mod broken;
mod by_hand;
mod compose;
mod data;
mod docker_run;
mod events;
mod failures;
mod followers;
mod held;
mod pipelines;
mod rivals;
mod scaled;
mod swarm;

use std::process::ExitCode;

use homeport_e2e::{Run, Scenario, Stack, conclude};

/// What the scenarios share.
pub struct World {
    pub stack: Stack,
    pub run: Run,
}

/// A version that is up for five seconds counts as staying up: the broken image exits after three.
const SETTINGS: [(&str, &str); 2] =
    [("HOMEPORT_UPDATER__HEALTH__STABLE_MS", "5000"), ("HOMEPORT_UPDATER__HEALTH__PORT_TIMEOUT_MS", "8000")];

const SCENARIOS: &[Scenario<World>] = &[
    (
        "compose::s10_1_nginx_is_updated_and_only_the_tag_changes",
        compose::s10_1_nginx_is_updated_and_only_the_tag_changes,
    ),
    (
        "compose::s9_the_tag_in_an_env_file_is_the_one_that_changes",
        compose::s9_the_tag_in_an_env_file_is_the_one_that_changes,
    ),
    (
        "compose::s10_10_several_files_and_a_version_that_the_container_sees",
        compose::s10_10_several_files_and_a_version_that_the_container_sees,
    ),
    ("followers::s10_6_what_lives_in_a_network_moves_with_it", followers::s10_6_what_lives_in_a_network_moves_with_it),
    (
        "scaled::all_containers_of_a_service_go_and_come_back_together",
        scaled::all_containers_of_a_service_go_and_come_back_together,
    ),
    ("docker_run::s10_1_nothing_is_lost", docker_run::s10_1_nothing_is_lost),
    (
        "swarm::a_service_is_one_thing_and_goes_forward_and_back",
        swarm::a_service_is_one_thing_and_goes_forward_and_back,
    ),
    ("broken::one_that_exits_is_rolled_back", broken::one_that_exits_is_rolled_back),
    ("broken::one_that_never_answers_is_rolled_back", broken::one_that_never_answers_is_rolled_back),
    ("broken::one_that_is_unhealthy_is_rolled_back", broken::one_that_is_unhealthy_is_rolled_back),
    ("broken::one_of_docker_run_is_rolled_back", broken::one_of_docker_run_is_rolled_back),
    ("data::s10_3_redis_goes_forward_and_back_with_its_data", data::s10_3_redis_goes_forward_and_back_with_its_data),
    ("data::postgres_that_refuses_its_data_is_rolled_back", data::postgres_that_refuses_its_data_is_rolled_back),
    ("events::an_update_is_seen_everywhere", events::an_update_is_seen_everywhere),
    ("access::every_route_needs_a_credential", access::every_route_needs_a_credential),
    ("access::a_scoped_token_reaches_only_its_paths", access::a_scoped_token_reaches_only_its_paths),
    ("access::a_plugin_appears_within_a_second", access::a_plugin_appears_within_a_second),
    ("by_hand::s2_8_a_container_is_looked_at_and_worked_on", by_hand::s2_8_a_container_is_looked_at_and_worked_on),
    ("by_hand::s2_7_networks_and_volumes_come_and_go", by_hand::s2_7_networks_and_volumes_come_and_go),
    ("by_hand::s2_8_a_log_is_read_and_followed", by_hand::s2_8_a_log_is_read_and_followed),
    ("by_hand::s2_7_pruning_keeps_the_way_back", by_hand::s2_7_pruning_keeps_the_way_back),
    ("by_hand::s2_3_settings_and_history_are_kept", by_hand::s2_3_settings_and_history_are_kept),
    ("failures::unknown_things_are_said_clearly", failures::unknown_things_are_said_clearly),
    ("failures::an_invalid_compose_file_stops_the_update", failures::an_invalid_compose_file_stops_the_update),
    ("failures::a_registry_that_answers_nonsense_is_named", failures::a_registry_that_answers_nonsense_is_named),
    ("failures::a_container_removed_midway_is_put_back", failures::a_container_removed_midway_is_put_back),
    (
        "failures::s10_1_a_tag_that_does_not_exist_changes_nothing",
        failures::s10_1_a_tag_that_does_not_exist_changes_nothing,
    ),
    (
        "failures::a_full_disk_is_noticed_before_anything_changes",
        failures::a_full_disk_is_noticed_before_anything_changes,
    ),
    ("failures::a_deleted_image_is_kept_for_the_way_back", failures::a_deleted_image_is_kept_for_the_way_back),
    (
        "pipelines::s10_5_a_container_and_a_stack_are_restarted_in_order",
        pipelines::s10_5_a_container_and_a_stack_are_restarted_in_order,
    ),
    ("pipelines::s10_7_labels_are_set_and_taken_back", pipelines::s10_7_labels_are_set_and_taken_back),
    (
        "pipelines::s10_7_labels_of_what_does_not_come_up_are_put_back",
        pipelines::s10_7_labels_of_what_does_not_come_up_are_put_back,
    ),
    ("pipelines::s10_8_a_mismatch_is_fixed_and_taken_back", pipelines::s10_8_a_mismatch_is_fixed_and_taken_back),
    (
        "pipelines::s10_3_a_failed_update_stays_where_that_is_wanted",
        pipelines::s10_3_a_failed_update_stays_where_that_is_wanted,
    ),
    ("held::an_update_is_held_to_its_plan", held::an_update_is_held_to_its_plan),
    ("held::a_script_that_says_no_is_final", held::a_script_that_says_no_is_final),
    ("held::a_lock_of_the_application_is_waited_for", held::a_lock_of_the_application_is_waited_for),
    ("held::force_breaks_a_lock_and_says_whose", held::force_breaks_a_lock_and_says_whose),
    ("held::s2_4_by_hand_a_lock_is_a_423", held::s2_4_by_hand_a_lock_is_a_423),
    ("held::one_that_fails_its_rehearsal_is_never_started", held::one_that_fails_its_rehearsal_is_never_started),
    ("held::a_rehearsal_on_a_copy_leaves_the_data_alone", held::a_rehearsal_on_a_copy_leaves_the_data_alone),
    ("held::a_single_file_is_rehearsed_as_a_file", held::a_single_file_is_rehearsed_as_a_file),
    ("rivals::two_clients_at_once_leave_one_whole_version", rivals::two_clients_at_once_leave_one_whole_version),
];

fn main() -> ExitCode {
    conclude(world, SCENARIOS.iter().copied(), 3)
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("journeys")?;
    let scripts = held::scripts(&run).display().to_string();
    let mut settings = SETTINGS.to_vec();
    settings.push(("HOMEPORT_UPDATER__SCRIPTS__DIRECTORY", &scripts));
    let stack = Stack::start(&run, "homeport", &settings)?;
    Ok(World { stack, run })
}
