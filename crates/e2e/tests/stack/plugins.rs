//! A plugin's life: from somebody's repository to a URL, newer, and gone without a trace, in the stack of containers.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};

use crate::{
    World,
    repository::{Repository, address_for},
};

const NAME: &str = "greeter";
const PROJECT: &str = "label=com.docker.compose.project=plugin-user-greeter";
/// How soon a change of the list is in force.
const SOON: Duration = Duration::from_secs(1);

/// The administrator, who shows the password with every request.
pub struct Admin<'a> {
    world: &'a World,
    http: Client,
    password: String,
}

impl<'a> Admin<'a> {
    pub fn of(world: &'a World) -> anyhow::Result<Self> {
        let file = world.installation.state().join("auth/initial-admin-password");
        let password = std::fs::read_to_string(file)?.trim().to_owned();
        Ok(Self { world, http: Client::builder().timeout(Duration::from_mins(2)).build()?, password })
    }

    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let request = self.http.request(method, format!("{}{path}", self.world.installation.url()));
        let mut request = request.basic_auth("admin", Some(&self.password));
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request.send()?)
    }

    pub fn put(&self, path: &str, body: &Value, expected: u16) -> anyhow::Result<Value> {
        let (status, answer) = self.call(Method::PUT, path, Some(body))?;
        ensure!(status == expected, "PUT {path}: {status} {answer}");
        Ok(answer)
    }

    pub fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        self.call(Method::GET, path, None)
    }

    /// Waits until the plugin's URL answers so.
    fn says(&self, status: u16, words: &str, limit: Duration) -> Outcome {
        until(&format!("/plugins/{NAME}/ answers {status} {words:?}"), limit, || {
            self.get(&format!("/plugins/{NAME}/"))
                .is_ok_and(|(found, body)| found == status && body.as_str().is_some_and(|body| body.contains(words)))
        })
    }
}

fn answer(response: reqwest::blocking::Response) -> anyhow::Result<(u16, Value)> {
    let status = response.status().as_u16();
    let text = response.text()?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

/// A server on a unix socket that says something, and has an open port besides, which has to be agreed to.
fn compose(image: &str, label: &str, words: &str) -> String {
    format!(
        "services:
  web:
    image: {image}
    labels: [\"{label}\"]
    stop_signal: SIGKILL
    environment:
      CONF: |
        events {{}}
        http {{ server {{
          listen unix:/state/plugins/{NAME}/socket;
          location / {{ default_type text/plain; return 200 \"{words}\"; }}
        }} }}
    command: [sh, -c, 'rm -f /state/plugins/{NAME}/socket; printf %s \"$$CONF\" > /tmp/c; exec nginx -c /tmp/c -g \"daemon off;\"']
    volumes: ['${{SUPERDIR}}./state/plugins/{NAME}:/state/plugins/{NAME}']
    ports: ['127.0.0.1::80']
networks:
  default:
    labels: [\"{label}\"]
"
    )
}

pub fn come_from_a_repository_and_leave_nothing(world: &World) -> Outcome {
    let (engine, admin) = (&world.run.engine, Admin::of(world)?);
    let address = address_for(world)?;
    let repository = Repository::serve(&world.run, &world.authority, &address, NAME)?;
    let versions = world.run.fixtures.versions("nginx")?;
    let manifest = json!({
        "Name": NAME, "URI": NAME, "UnixPath": format!("/state/plugins/{NAME}/socket"),
        "InstallTokenPath": format!("/configs/plugins/{NAME}/token"), "ScopedPaths": ["/status:r"],
    });
    let manifest = manifest.to_string();
    let commit = |image: &str, words: &str| {
        let compose = compose(image, &world.run.label(), words);
        repository.commit(&[("docker-compose.yml", &compose), ("plugin.json", &manifest)])
    };
    commit(&versions.old_image(), "hello")?;

    // What it asks for is shown, and nothing happens until somebody agrees to that very list.
    let mut entry = admin.put("/plugin/download_info", &json!(repository.url()), 200)?;
    let concerns = json!(["service web opens a free port of the host"]);
    ensure!(entry["Concerns"] == concerns && entry["Score"].as_u64() > Some(0), "{entry}");
    entry["Enabled"] = true.into();
    let refused = admin.put("/plugin/complete_install", &entry, 409)?;
    ensure!(refused["error"] == "consent_required" && refused["Concerns"] == concerns, "{refused}");
    ensure!(refused["Score"] == entry["Score"], "{refused}");
    entry["Confirm"] = json!(["something else"]);
    admin.put("/plugin/complete_install", &entry, 409)?;
    ensure!(engine.containers(PROJECT)?.is_empty() && admin.get(&format!("/plugins/{NAME}/"))?.0 == 404);

    entry["Confirm"] = concerns;
    let installed = admin.put("/plugin/complete_install", &entry, 200)?;
    ensure!(installed.as_array().is_some_and(|list| list.iter().any(|one| one["Name"] == NAME)), "{installed}");
    admin.says(200, "hello", Duration::from_secs(10))?;
    let file = world.installation.state().with_file_name("configs").join("plugins").join(NAME).join("token");
    let token = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let with_token = |path: &str| -> anyhow::Result<u16> {
        let url = format!("{}{path}", world.installation.url());
        Ok(admin.http.get(url).bearer_auth(&token).send()?.status().as_u16())
    };
    ensure!(token.len() == 43 && with_token("/status")? == 200 && with_token("/tokens")? == 401, "its token");

    let line = format!("/plugins_api/{NAME}");
    let mut listed = installed.as_array().into_iter().flatten().find(|one| one["Name"] == NAME).cloned();
    let listed = listed.as_mut().context("it is not listed")?;
    listed["Enabled"] = false.into();
    admin.put(&line, listed, 200)?;
    admin.says(404, "", SOON)?;
    let running = engine.docker(&["ps", "--quiet", "--filter", PROJECT])?;
    ensure!(running.is_empty(), "what is disabled runs: {running}");
    listed["Enabled"] = true.into();
    admin.put(&line, listed, 200)?;
    admin.says(200, "hello", Duration::from_secs(10))?;

    commit(&versions.new_image(), "hello again")?;
    let updated = admin.put(&format!("{line}/update_container"), &json!({}), 200)?;
    ensure!(updated["Updated"] == true && updated["GitUpdated"] == true, "{updated}");
    admin.says(200, "hello again", Duration::from_secs(10))?;
    let image = engine.docker(&["ps", "--filter", PROJECT, "--format", "{{.Image}}"])?;
    ensure!(image == versions.new_image(), "it runs {image}");

    let (status, left) = admin.call(Method::DELETE, &line, Some(&json!({})))?;
    ensure!(status == 200 && !left.to_string().contains(NAME), "{status} {left}");
    admin.says(404, "", SOON)?;
    let networks = engine.docker(&["network", "ls", "--quiet", "--filter", PROJECT])?;
    ensure!(engine.containers(PROJECT)?.is_empty() && networks.is_empty(), "something is left: {networks}");
    ensure!(!file.exists(), "its token is left in {}", file.display());
    ensure!(with_token("/status")? == 401, "its token outlives it");
    Ok(())
}

pub fn a_repository_of_an_authority_that_nobody_named_is_refused(world: &World) -> Outcome {
    let admin = Admin::of(world)?;
    let address = address_for(world)?;
    // The same authority, and a certificate for another address than the one that is asked.
    let repository = Repository::serve(&world.run, &world.authority, "192.0.2.1", "other")?;
    let url = repository.url().replace("192.0.2.1", &address);
    let refused = admin.put("/plugin/download_info", &json!(url), 502)?;
    ensure!(refused.to_string().contains("certificate"), "{refused}");
    Ok(())
}
