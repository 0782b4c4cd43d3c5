//! Services of compose projects.

use anyhow::ensure;
use homeport_e2e::{Outcome, Project, free_port};

use crate::{World, broken::server_header};

/// A compose file of one nginx, with what people put into theirs.
pub fn nginx(image: &str, port: u16) -> String {
    format!(
        "# The web server of the house. This comment stays.\n\
         services:\n  web:\n    image: \"{image}\"   # pinned on purpose\n    \
         ports:\n      - '127.0.0.1:{port}:80'\n\n    labels: [\"{{label}}\"]\n    environment: &env\n      \
         GREETING:   hello\n"
    )
}

pub fn s10_1_nginx_is_updated_and_only_the_tag_changes(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let project = Project::up(&world.run, "hp-nginx", &nginx(&versions.old_image(), port))?;
    let before = project.file("compose.yaml")?;
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");

    let checked = world.stack.get(&format!("/api/container/{}/recheck", project.container("web")?))?;
    ensure!(checked["status"] == "UPDATE_AVAILABLE", "the check found {checked:#}");
    ensure!(checked["latest_version"] == versions.new.as_str(), "the check offers {checked:#}");

    let operation = world.stack.update(&project.container("web")?, None)?;
    ensure!(operation["old_version"] == versions.old.as_str(), "{operation:#}");
    ensure!(operation["batch_details"][0]["old_digest"].as_str().is_some(), "{operation:#}");
    ensure!(server_header(port)?.contains(&versions.new), "the new version does not answer");
    let expected = before.replace(&versions.old, &versions.new);
    ensure!(project.file("compose.yaml")? == expected, "the file became\n{}", project.file("compose.yaml")?);

    let status = world.stack.get("/api/status")?;
    ensure!(status["containers"].as_array().is_some_and(|list| !list.is_empty()), "{status:#}");
    Ok(())
}

pub fn s9_the_tag_in_an_env_file_is_the_one_that_changes(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let image = format!("{}:${{WEB_TAG:-0.1}}", versions.repository);
    let environment = format!("# tags\nWEB_TAG={}\nOTHER='kept as it is'\n", versions.old);
    let files = [("compose.yaml", &*nginx(&image, port)), (".env", &*environment)];
    let project = Project::with_files(&world.run, "hp-env", &files)?;
    let before = project.file("compose.yaml")?;
    world.stack.update(&project.container("web")?, Some(&versions.new))?;
    ensure!(server_header(port)?.contains(&versions.new), "the new version does not answer");
    ensure!(project.file("compose.yaml")? == before, "the compose file was touched");
    ensure!(project.file(".env")? == environment.replace(&versions.old, &versions.new), "{}", project.file(".env")?);
    Ok(())
}

/// An override, an included file, and an environment that the container gets too: the version is one of its variables.
pub fn s10_10_several_files_and_a_version_that_the_container_sees(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let label = world.run.label();
    let files = [
        ("compose.yaml", "include: [sub/web.yaml]\n".to_owned()),
        (
            "sub/web.yaml",
            format!(
                "# included\nservices:\n  web:\n    image: {}:${{TAG:?}}\n    env_file: [{{path: ../.env}}]\n    labels: [\"{label}\"]\n",
                versions.repository
            ),
        ),
        ("compose.override.yaml", format!("services:\n  web:\n    ports: ['127.0.0.1:{port}:80']\n")),
        (".env", format!("TAG={} # of nginx\nOTHER=x\n", versions.old)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let project = Project::with_files(&world.run, "hp-several", &files)?;
    let container = project.container("web")?;
    let operation = world.stack.update(&container, Some(&versions.new))?;
    ensure!(server_header(port)?.contains(&versions.new), "the override was lost, or the new version does not answer");
    for (name, text) in files {
        let expected = if name == ".env" { text.replace(&versions.old, &versions.new) } else { text.to_owned() };
        ensure!(project.file(name)? == expected, "{name} became\n{}", project.file(name)?);
    }
    let environment = world.run.engine.inspect(&container)?["Config"]["Env"].to_string();
    ensure!(environment.contains(&format!("TAG={}", versions.new)), "{environment}");

    let answer = world.stack.post("/api/rollback", &serde_json::json!({"operation_id": operation["operation_id"]}))?;
    let rollback = world
        .stack
        .wait_for(answer["operation_id"].as_str().unwrap_or_default(), std::time::Duration::from_secs(90))?;
    ensure!(rollback["status"] == "complete", "{rollback:#}");
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");
    Ok(())
}
