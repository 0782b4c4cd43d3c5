//! Services with several containers.

use anyhow::ensure;
use homeport_e2e::{Outcome, Project};

use crate::World;

pub fn all_containers_of_a_service_go_and_come_back_together(world: &World) -> Outcome {
    let (nginx, exits) = (world.run.fixtures.versions("nginx")?, world.run.fixtures.versions("nginx-exits")?);
    let compose = |image: &str| {
        format!(
            "services:\n  web:\n    image: {image}\n    deploy: {{replicas: 3}}\n    volumes: [/kept]\n    \
             labels: [\"{{label}}\"]\n"
        )
    };
    for (name, versions, works) in [("hp-scaled", &nginx, true), ("hp-scaled-exits", &exits, false)] {
        let project = Project::up(&world.run, name, &compose(&versions.old_image()))?;
        let before = project.file("compose.yaml")?;
        let containers: Vec<String> = (1..=3).map(|number| format!("{name}-web-{number}")).collect();
        let volumes = || -> anyhow::Result<Vec<String>> {
            let volume = |name: &String| Ok(world.run.engine.inspect(name)?["Mounts"][0]["Name"].to_string());
            containers.iter().map(volume).collect()
        };
        let kept = volumes()?;
        let operation = world.stack.start_update(&containers[1], Some(&versions.new))?;
        let operation = world.stack.wait_for(&operation, std::time::Duration::from_secs(180))?;
        let status = if works { "complete" } else { "failed" };
        ensure!(operation["status"] == status, "{operation:#}");
        let (image, file) = if works {
            (versions.new_image(), before.replace(&versions.old, &versions.new))
        } else {
            (versions.old_image(), before)
        };
        for container in &containers {
            let found = world.run.engine.inspect(container)?;
            ensure!(found["Config"]["Image"] == image.as_str(), "{container} is {}", found["Config"]["Image"]);
            ensure!(found["State"]["Running"] == true, "{container} does not run");
        }
        ensure!(volumes()? == kept, "the volumes became {:?} instead of {kept:?}", volumes()?);
        ensure!(project.file("compose.yaml")? == file, "the file became\n{}", project.file("compose.yaml")?);
        let all = world.run.engine.containers(&format!("label=com.docker.compose.project={name}"))?;
        ensure!(all.len() == 3, "there are {all:?}");
    }
    Ok(())
}
