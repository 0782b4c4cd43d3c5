//! Containers that depend on the one that is updated.

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, free_port};

use crate::{World, broken::server_header};

/// One service lives in the network of another, one container of `docker run` too, and a third asks for a restart.
pub fn s10_6_what_lives_in_a_network_moves_with_it(world: &World) -> Outcome {
    let (engine, label) = (&world.run.engine, world.run.label());
    let (nginx, redis) = (world.run.fixtures.versions("nginx")?, world.run.fixtures.versions("redis")?);
    let port = free_port()?;
    let compose = format!(
        "services:\n  web:\n    image: {}\n    ports: ['127.0.0.1:{port}:80']\n    labels: [\"{label}\"]\n  side:\n    \
         image: {}\n    network_mode: service:web\n    labels: [\"{label}\"]\n  asker:\n    image: {}\n    \
         labels: [\"{label}\", docksmith.restart-after=hp-followers-web-1]\n",
        nginx.old_image(),
        redis.old_image(),
        redis.old_image()
    );
    let project = Project::up(&world.run, "hp-followers", &compose)?;
    let web = project.container("web")?;
    let lone = "hp-followers-lone";
    let network = format!("container:{web}");
    // Nothing that listens: the port of the other redis is taken in that network.
    let run_lone = || {
        let words = ["run", "-d", "--name", lone, "--label", &label, "--network", &network, "-v", "/kept"];
        engine.docker(&[&words[..], &["--entrypoint", "sleep", &redis.old_image(), "100000"]].concat())
    };
    run_lone()?;
    engine.docker(&["exec", lone, "sh", "-c", "echo kept > /kept/file"])?;
    let followers = [project.container("side")?, lone.to_owned()];
    let check = |what: &str| -> Outcome {
        let owner = engine.inspect(&web)?["Id"].as_str().context("an id")?.to_owned();
        for name in &followers {
            let found = engine.inspect(name)?;
            let mode = found["HostConfig"]["NetworkMode"].as_str().unwrap_or_default();
            ensure!(mode == format!("container:{owner}"), "{what}: {name} is in {mode} and not in {owner}");
            ensure!(found["State"]["Running"] == true, "{what}: {name} does not run");
            // The port of the web server answers from inside: the network is shared, and alive.
            engine
                .docker(&["exec", name, "sh", "-c", "exec 3<>/dev/tcp/127.0.0.1/80"])
                .or_else(|_| engine.docker(&["exec", name, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80"]))?;
        }
        ensure!(engine.docker(&["exec", lone, "cat", "/kept/file"])? == "kept", "{what}: data was lost");
        let left = engine.docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", "name=hp-followers"])?;
        ensure!(left.lines().count() == 4, "{what}: there are {left}");
        Ok(())
    };
    let started =
        |name: &str| -> anyhow::Result<String> { Ok(engine.inspect(name)?["State"]["StartedAt"].to_string()) };
    let asker = project.container("asker")?;
    let before = started(&asker)?;

    world.stack.update(&web, Some(&nginx.new))?;
    ensure!(server_header(port)?.contains(&nginx.new), "the new version does not answer");
    check("after the update")?;
    ensure!(started(&asker)? != before, "what asks for a restart was not restarted");

    // A version that exits is taken back, and what had followed follows back.
    let exits = world.run.fixtures.versions("nginx-exits")?;
    engine.docker(&["pull", "-q", &nginx.old_image()])?;
    let text = project.file("compose.yaml")?.replace(&nginx.new_image(), &exits.old_image());
    std::fs::write(project.directory.join("compose.yaml"), &text)?;
    project.compose(&["up", "-d", "--force-recreate", "web", "side"])?;
    engine.docker(&["rm", "-f", "-v", lone])?;
    run_lone()?;
    engine.docker(&["exec", lone, "sh", "-c", "echo kept > /kept/file"])?;
    let operation = world.stack.start_update(&web, Some(&exits.new))?;
    let operation = world.stack.wait_for(&operation, std::time::Duration::from_secs(120))?;
    ensure!(operation["status"] == "failed" && operation["rollback_occurred"] == true, "{operation:#}");
    ensure!(project.file("compose.yaml")? == text, "the file became\n{}", project.file("compose.yaml")?);
    check("after the way back")
}
