//! What meets the world: plugins that ship, the guide for their authors, and requests that no client should send. The shipped
//! binaries without an engine.
#![allow(missing_docs, unreachable_pub, reason = "the names of the scenarios say what they show")]

mod browser;
mod events;
mod guide;
mod hostile;
mod identity;
mod plugins;
mod raw;

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use homeport_e2e::{Scenario, Stack, conclude, is_nightly, root, scratch, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::identity::{People, devices, ends, guesses, record, secrets, sessions, supervisor};

/// Nobody listens here; nothing of this needs an engine.
const NO_ENGINE: &str = "unix:///nonexistent/docker.sock";

/// What the scenarios share.
pub struct World {
    pub stack: Stack,
    pub people: People,
}

const SCENARIOS: &[Scenario<World>] = &[
    ("plugins::hello_has_a_page", plugins::hello_has_a_page),
    ("plugins::db_answers_as_curl_asks_it", plugins::db_answers_as_curl_asks_it),
    ("plugins::dyndns_keeps_a_real_name_server", plugins::dyndns_keeps_a_real_name_server),
    ("plugins::notify_is_built_and_tells_of_events", plugins::notify_is_built_and_tells_of_events),
    ("plugins::a_refusal_of_the_engine_is_in_the_record", plugins::a_refusal_of_the_engine_is_in_the_record),
    ("guide::from_an_empty_folder_to_a_url", guide::from_an_empty_folder_to_a_url),
    ("guide::publishing_and_following_in_python", guide::publishing_and_following_in_python),
    ("guide::kept_events_in_python", guide::kept_events_in_python),
    ("guide::publishing_and_following_in_go", guide::publishing_and_following_in_go),
    ("guide::kept_events_in_go", guide::kept_events_in_go),
    ("events::the_bus_shows_its_figures", events::the_bus_shows_its_figures),
    ("events::what_the_bus_keeps_is_read_from_afar", events::what_the_bus_keeps_is_read_from_afar),
    ("events::a_websocket_asks_for_the_second_factor", events::a_websocket_asks_for_the_second_factor),
    (
        "events::a_token_that_may_not_have_all_events_is_told_to_fail",
        events::a_token_that_may_not_have_all_events_is_told_to_fail,
    ),
    ("identity::guesses::of_passwords_is_slowed_down_by_address", guesses::of_passwords_is_slowed_down_by_address),
    (
        "identity::guesses::with_every_request_is_slowed_down_by_different_guesses",
        guesses::with_every_request_is_slowed_down_by_different_guesses,
    ),
    ("identity::guesses::of_words_is_slowed_down", guesses::of_words_is_slowed_down),
    ("identity::sessions::begin_with_a_jwt_and_end_at_once", sessions::begin_with_a_jwt_and_end_at_once),
    ("identity::sessions::a_token_reaches_its_scopes_and_ends", sessions::a_token_reaches_its_scopes_and_ends),
    (
        "identity::sessions::take_the_second_factor_once_there_is_one",
        sessions::take_the_second_factor_once_there_is_one,
    ),
    ("identity::ends::of_a_session_by_logout_and_revocation", ends::of_a_session_by_logout_and_revocation),
    ("identity::ends::of_all_sessions_by_a_new_password", ends::of_all_sessions_by_a_new_password),
    ("identity::ends::of_an_account_that_is_disabled_or_deleted", ends::of_an_account_that_is_disabled_or_deleted),
    ("identity::ends::of_a_token_that_is_deleted", ends::of_a_token_that_is_deleted),
    ("identity::devices::words_let_one_device_in", devices::words_let_one_device_in),
    ("identity::devices::words_from_the_drawer_have_their_uses", devices::words_from_the_drawer_have_their_uses),
    ("identity::supervisor::of_two_keys_one_is_good_at_any_moment", supervisor::of_two_keys_one_is_good_at_any_moment),
    ("identity::record::of_a_change_outlives_the_gateway", record::of_a_change_outlives_the_gateway),
    ("identity::record::shows_a_changed_byte", record::shows_a_changed_byte),
    ("identity::secrets::are_neither_logged_nor_shown_nor_kept", secrets::are_neither_logged_nor_shown_nor_kept),
    ("hostile::framing_that_could_be_read_twice", hostile::framing_that_could_be_read_twice),
    ("hostile::heads_without_measure", hostile::heads_without_measure),
    ("hostile::paths_with_tricks", hostile::paths_with_tricks),
    ("hostile::clients_without_haste", hostile::clients_without_haste),
    ("hostile::plugins_that_answer_garbage", hostile::plugins_that_answer_garbage),
];

/// What takes more than a day's run has room for.
const NIGHTLY: &[Scenario<World>] = &[("browser::reads_and_tries_the_api", browser::reads_and_tries_the_api)];

fn main() -> ExitCode {
    let scenarios = if is_nightly() { [SCENARIOS, NIGHTLY].concat() } else { SCENARIOS.to_vec() };
    conclude(world, scenarios, 1)
}

fn world() -> anyhow::Result<World> {
    // Short enough for a test, and the only settings that are not those of a user.
    let settings = [
        ("HOMEPORT_GATEWAY__HTTP__HEADER_TIMEOUT_MS", "1500"),
        ("HOMEPORT_GATEWAY__HTTP__BODY_TIMEOUT_MS", "1500"),
        ("HOMEPORT_GATEWAY__PLUGINS__HEADER_TIMEOUT_MS", "1500"),
    ];
    Ok(World { stack: Stack::over(&scratch("edge")?, NO_ENGINE, &settings)?, people: People::start()? })
}

impl World {
    /// The socket of a plugin, in a directory that is there.
    pub fn socket(&self, name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.stack.directory().join("state/plugins").join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(directory.join("socket"))
    }

    /// Lists a plugin as its manifest has it, and waits until the gateway serves it.
    pub fn list(&self, manifest: &Value) -> anyhow::Result<()> {
        let file = self.stack.directory().join("configs/base/api.json");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|_| "{}".to_owned());
        let mut list: Value = serde_json::from_str(&text)?;
        let mut plugins = list["Plugins"].as_array().cloned().unwrap_or_default();
        plugins.retain(|plugin| plugin["Name"] != manifest["Name"]);
        plugins.push(manifest.clone());
        list["Plugins"] = plugins.into();
        std::fs::write(&file, list.to_string())?;
        let path = format!("/plugins/{}/", manifest["URI"].as_str().context("a manifest needs a URI")?);
        until("the plugin is served", Duration::from_secs(5), || {
            self.stack
                .request(Method::GET, &path, None)
                .is_ok_and(|(status, _)| status != 404 || is_running(self, manifest))
        })
    }

    /// The manifest of a plugin that ships.
    pub fn manifest(&self, name: &str) -> anyhow::Result<Value> {
        let path = root().join("plugins").join(name).join("plugin.json");
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// What the gateway answers, its status and text.
    pub fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        self.stack.request(Method::GET, path, None)
    }

    /// Publishes an event through the gateway.
    pub fn publish(&self, topic: &str, value: &Value) -> anyhow::Result<()> {
        let body = json!({ "topic": topic, "value": value.to_string() });
        let (status, answer) = self.stack.request(Method::POST, "/events", Some(&body))?;
        anyhow::ensure!(status == 204, "publishing was answered with {status}: {answer}");
        Ok(())
    }
}

/// A plugin may answer 404 by itself; its own words are no line of the gateway's.
fn is_running(world: &World, manifest: &Value) -> bool {
    let path = format!("/plugins/{}/", manifest["URI"].as_str().unwrap_or_default());
    world.get(&path).is_ok_and(|(_, body)| body != "404 page not found\n")
}

/// A program that ends with the test.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("cannot start {command:?}"))
    }

    /// The same with what it writes in a file.
    pub fn start_writing(command: &mut Command, output: &Path) -> anyhow::Result<Self> {
        let output = File::create(output)?;
        let child = command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn();
        child.map(Self).with_context(|| format!("cannot start {command:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
