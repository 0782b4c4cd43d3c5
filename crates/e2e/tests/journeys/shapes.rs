//! Compose projects as people write them: each goes to the new version and comes back, and nothing else of it changes.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, free_subnet};
use serde_json::{Value, json};

use crate::World;

/// A project, and what happens to it.
struct Shape {
    name: &'static str,
    /// `{nginx}` and `{redis}` stand for the old images, `{subnet}` for a free network's first three numbers.
    files: &'static [(&'static str, &'static str)],
    /// Services that are updated.
    updated: &'static [&'static str],
    /// Services whose containers are made again with them.
    following: &'static [&'static str],
    /// Whether the next `docker compose up` has nothing to do. Compose takes whoever lives in the namespace of a
    /// container that was replaced for outdated, and whose image changed with that of another for what it is.
    settled: bool,
}

const SHAPE: Shape = Shape { name: "", files: &[], updated: &["web"], following: &[], settled: true };

const SHAPES: [Shape; 13] = [
    Shape {
        name: "waits",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: {nginx}   # waits\n    labels: ['{label}']\n    depends_on:\n      \
             cache: {condition: service_healthy, restart: true}\n      \
             job: {condition: service_completed_successfully}\n  \
             cache:\n    image: {redis}\n    labels: ['{label}']\n    \
             healthcheck: {test: [CMD, redis-cli, ping], interval: 1s}\n  \
             job:\n    image: {redis}\n    labels: ['{label}']\n    entrypoint: ['true']\n",
        )],
        ..SHAPE
    },
    Shape {
        name: "awaited",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: {nginx}\n    labels: ['{label}']\n    scale: 2\n    \
             depends_on: {cache: {condition: service_started, restart: true}}\n  \
             cache:\n    image: {redis}\n    labels: ['{label}']\n    volumes: ['./data:/var/lib/redis']\n",
        )],
        updated: &["cache"],
        ..SHAPE
    },
    Shape {
        name: "scaled",
        files: &[(
            "docker-compose.yml",
            "version: '3.8'\nservices:\n    web:\n        image: '{nginx}'\n        labels: ['{label}']\n        \
             deploy: {replicas: 2}\n        depends_on:\n            - cache\n    \
             cache:\n        image: {redis}\n        labels: ['{label}']\n",
        )],
        ..SHAPE
    },
    Shape {
        name: "several",
        files: &[
            (".env", "# which files\nCOMPOSE_FILE=a.yml:b.yml\nCOMPOSE_PROFILES=debug\nPREFIX=\"shop\"\n"),
            ("a.yml", "services:\n  web:\n    image: {nginx}\n    profiles: [debug]\n    hostname: ${PREFIX}-front\n"),
            (
                "b.yml",
                "services:\n  web:\n    labels: ['{label}']\n    container_name: ${PREFIX:-x}_hp_several\n    \
                 env_file: [{path: none.env, required: false}, web.env]\n",
            ),
            ("web.env", "X=1\nY=\"two words\"\nZ='$dollar'\n"),
        ],
        ..SHAPE
    },
    Shape {
        name: "included",
        files: &[
            (
                "compose.yaml",
                "include:\n  - path: [sub/a.yml, sub/b.yml]\n    env_file: sub/own.env\n\
                 services:\n  top:\n    extends: {file: base.yml, service: base}\n    depends_on: [web]\n",
            ),
            (
                "sub/a.yml",
                "services:\n  web:\n    extends: {file: ../base.yml, service: base}\n    volumes: [./html:/html:ro]\n",
            ),
            ("sub/b.yml", "services:\n  web:\n    environment: {B: \"${B}\"}\n"),
            ("sub/own.env", "B=c\n"),
            ("sub/html/index.html", "x"),
            ("base.yml", "# the base\nservices:\n  base:\n    image: {nginx}\n    labels: ['{label}']\n"),
        ],
        updated: &["web", "top"],
        ..SHAPE
    },
    Shape {
        name: "same-tag",
        files: &[
            (".env", "TAG={old}\n"),
            (
                "compose.yaml",
                "x-app: &app\n  image: {repository}:${TAG}\n  labels: ['{label}']\nservices:\n  \
                 web:\n    <<: *app\n    depends_on: [worker]\n  worker:\n    <<: *app\n    stop_signal: SIGTERM\n",
            ),
        ],
        updated: &["web", "worker"],
        ..SHAPE
    },
    Shape {
        name: "keys",
        files: &[(
            "compose.yaml",
            "x-log: &log\n  logging: {driver: json-file, options: {max-size: 1m, max-file: '2'}}\n\
             services:\n  web:\n    <<: *log\n    image: {nginx}\n    labels: {homeport.test: '{id}', a.b: c d, e: ''}\n    \
             hostname: shop\n    domainname: example.org\n    user: '0:0'\n    working_dir: /srv\n    stop_signal: SIGQUIT\n    \
             stop_grace_period: 3s\n    init: true\n    tty: true\n    ulimits: {nofile: {soft: 2048, hard: 4096}, nproc: 512}\n    \
             sysctls: {net.core.somaxconn: 1024}\n    cap_drop: [MKNOD]\n    devices: ['/dev/null:/dev/xnull:rw']\n    \
             shm_size: 32m\n    extra_hosts: ['db.example:10.0.0.9']\n    dns_search: [example.org]\n    \
             security_opt: ['no-new-privileges:true']\n    pids_limit: 300\n    mem_limit: 256m\n    memswap_limit: 512m\n    \
             cpus: 0.5\n    oom_score_adj: 100\n    group_add: ['44']\n    ipc: shareable\n    restart: on-failure:3\n    \
             expose: ['9000']\n    mac_address: 02:42:ac:11:65:43\n    platform: linux/amd64\n    \
             healthcheck: {test: 'true', interval: 1s, retries: 2}\n    \
             environment: {GREETING: 'Grüße, ☃ $$x', EMPTY: ''}\n    \
             entrypoint: [/bin/sh, -c]\n    command: ['exec nginx -g \"daemon off;\"']\n",
        )],
        ..SHAPE
    },
    Shape {
        name: "files-in",
        files: &[
            (
                "compose.yaml",
                "services:\n  web:\n    image: {nginx}\n    labels: ['{label}']\n    configs: [{source: site, target: /etc/site.conf}, inline]\n    \
                 secrets: [key, {source: passed, target: passed, mode: 0o400}]\n\
                 configs:\n  site: {file: ./site.conf}\n  inline: {content: \"hello ${WHO:-world}\\n\"}\n\
                 secrets:\n  key: {file: ./key}\n  passed: {environment: KEYVAR}\n",
            ),
            (".env", "KEYVAR=of the environment\n"),
            ("site.conf", "a b;\n"),
            ("key", "of the file"),
        ],
        ..SHAPE
    },
    Shape {
        name: "networks",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: {nginx}\n    labels: ['{label}']\n    links: ['cache:kv']\n    networks:\n      \
             front: {aliases: [shop, www], ipv4_address: {subnet}.10, priority: 100}\n      back: {aliases: [inner]}\n  \
             cache:\n    image: {redis}\n    labels: ['{label}']\n    networks: [back]\n\
             networks:\n  front: {labels: ['{label}'], ipam: {config: [{subnet: {subnet}.0/24}]}}\n  \
             back: {labels: ['{label}'], internal: true}\n",
        )],
        ..SHAPE
    },
    Shape {
        name: "volumes",
        files: &[
            ("html/index.html", "x"),
            (
                "compose.yaml",
                "services:\n  web:\n    image: {nginx}\n    labels: ['{label}']\n    read_only: true\n    \
             tmpfs: [/run, /var/log/nginx, '/var/lib/nginx:size=1m']\n    volumes:\n      \
             - {type: bind, source: ./html, target: /html, read_only: true, bind: {propagation: rprivate}}\n      \
             - {type: volume, source: data, target: /data, volume: {nocopy: true}}\n      \
             - {type: tmpfs, target: /scratch, tmpfs: {size: 1048576, mode: 0o1777}}\n      \
             - /anonymous\n      - data:/again:ro\n    volumes_from: ['cache:ro']\n  \
             cache:\n    image: {redis}\n    labels: ['{label}']\n    volumes: ['other:/other']\n\
             volumes:\n  data: {labels: ['{label}'], driver_opts: {type: tmpfs, device: tmpfs, o: 'size=4m'}}\n  other: {labels: ['{label}']}\n",
            ),
        ],
        settled: false,
        ..SHAPE
    },
    Shape {
        name: "names",
        files: &[(
            "compose.yaml",
            "services:\n  web.front_1-x:\n    image: ${REGISTRY:-{registry}}/${NAME:-nginx}:${TAG:-{old}}\n    labels: ['{label}']\n    \
             depends_on: [\"db.x\"]\n  db.x:\n    image: {redis}\n    labels: ['{label}']\n",
        )],
        updated: &["web.front_1-x"],
        ..SHAPE
    },
    Shape {
        name: "spaces",
        files: &[(
            "compose.yaml",
            "services:\n  vpn:\n    image: {redis}\n    labels: ['{label}']\n    hostname: vpn\n    ipc: shareable\n  \
             side:\n    image: {nginx}\n    labels: ['{label}']\n    network_mode: service:vpn\n  \
             debugger:\n    image: {redis}\n    labels: ['{label}']\n    entrypoint: [sleep, inf]\n    \
             network_mode: service:side\n    pid: service:side\n    ipc: service:vpn\n",
        )],
        updated: &["vpn"],
        following: &["side", "debugger"],
        settled: false,
    },
    Shape {
        name: "linked",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: {nginx}\n    labels: ['{label}']\n    network_mode: bridge\n    links: ['cache:kv']\n  \
             cache:\n    image: {redis}\n    labels: ['{label}']\n    network_mode: bridge\n",
        )],
        updated: &["cache"],
        following: &["web"],
        ..SHAPE
    },
];

/// A container, as far as it may not change.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    id: String,
    image: String,
    status: String,
}

/// A shape that is up.
struct Standing {
    shape: &'static Shape,
    project: Project,
    files: Vec<(&'static str, String)>,
    before: BTreeMap<String, (String, Seen)>,
}

pub fn s10_10_projects_of_every_shape_go_forward_and_back(world: &World) -> Outcome {
    let standing: Vec<Standing> = SHAPES.iter().map(|shape| Standing::up(world, shape)).collect::<Result<_, _>>()?;
    let names: Vec<&String> = standing.iter().flat_map(Standing::updated).collect();
    let answer = world.stack.post("/api/update/batch", &json!({ "containers": names }))?;
    let operations = answer["operations"].as_array().cloned().unwrap_or_default();
    ensure!(operations.len() == SHAPES.len(), "{answer:#}");
    let ids: Vec<&str> = operations.iter().filter_map(|one| one["operation_id"].as_str()).collect();
    ensure!(ids.len() == operations.len(), "some could not begin: {answer:#}");
    for id in &ids {
        succeeded(&world.stack.wait_for(id, Duration::from_mins(4))?)?;
    }
    for one in &standing {
        one.check(world, true).with_context(|| format!("{}, after the update", one.shape.name))?;
    }
    let mut ways_back = Vec::new();
    for id in ids {
        let answer = world.stack.post("/api/rollback", &json!({ "operation_id": id }))?;
        ways_back.push(answer["operation_id"].as_str().context("no way back")?.to_owned());
    }
    for id in &ways_back {
        succeeded(&world.stack.wait_for(id, Duration::from_mins(4))?)?;
    }
    for one in &standing {
        one.check(world, false).with_context(|| format!("{}, after the way back", one.shape.name))?;
    }
    Ok(())
}

fn succeeded(operation: &Value) -> Outcome {
    let details = operation["batch_details"].as_array().into_iter().flatten();
    let failed = details.filter(|detail| detail["status"] != "complete").count();
    ensure!(operation["status"] == "complete" && failed == 0, "{operation:#}");
    Ok(())
}

impl Standing {
    fn up(world: &World, shape: &'static Shape) -> anyhow::Result<Self> {
        let (nginx, redis) = (world.run.fixtures.versions("nginx")?, world.run.fixtures.versions("redis")?);
        let subnet = free_subnet()?;
        let label = world.run.label();
        let (registry, _) = nginx.repository.rsplit_once('/').context("a registry")?;
        let filled = |text: &str| {
            let values = [
                ("{nginx}", &*nginx.old_image()),
                ("{redis}", &redis.old_image()),
                ("{repository}", &nginx.repository),
                ("{registry}", registry),
                ("{old}", &nginx.old),
                ("{subnet}", &subnet),
                ("{id}", label.split('=').next_back().unwrap_or_default()),
                ("{label}", &label),
            ];
            values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        let files: Vec<(&str, String)> = shape.files.iter().map(|(name, text)| (*name, filled(text))).collect();
        let named: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let project = Project::with_files(&world.run, &format!("hp-shape-{}", shape.name), &named)
            .with_context(|| format!("bringing {} up", shape.name))?;
        let before = seen(world, &project)?;
        Ok(Self { shape, project, files, before })
    }

    fn updated(&self) -> impl Iterator<Item = &String> {
        let is_updated =
            |(_, (service, _)): &(&String, &(String, Seen))| self.shape.updated.contains(&service.as_str());
        self.before.iter().filter(is_updated).map(|(name, _)| name)
    }

    fn check(&self, world: &World, is_new: bool) -> Outcome {
        let (nginx, redis) = (world.run.fixtures.versions("nginx")?, world.run.fixtures.versions("redis")?);
        let now = seen(world, &self.project)?;
        ensure!(now.keys().eq(self.before.keys()), "there are {now:?}");
        for (name, (service, before)) in &self.before {
            let (_, after) = &now[name];
            let is_updated = self.shape.updated.contains(&service.as_str());
            let is_made_again = is_updated || self.shape.following.contains(&service.as_str());
            ensure!(before.status == after.status, "{name} is {} and was {}", after.status, before.status);
            ensure!(is_made_again != (before.id == after.id), "{name} was made again, or should have been");
            let versions = if before.image == nginx.old_image() { &nginx } else { &redis };
            let expected = if is_updated && is_new { versions.new_image() } else { before.image.clone() };
            ensure!(after.image == expected, "{name} has {}", after.image);
        }
        let is_nginx = !matches!(self.shape.name, "awaited" | "spaces" | "linked");
        let versions = if is_nginx { &nginx } else { &redis };
        for (name, text) in &self.files {
            let (old, new) = (versions.old_image(), versions.new_image());
            let expected = match *name {
                _ if !is_new => text.clone(),
                ".env" => text.replace(&format!("TAG={}", versions.old), &format!("TAG={}", versions.new)),
                // One service each has the image that is updated, or all that have it are.
                _ if self.shape.name == "spaces" => text.replacen(&old, &new, 1),
                _ => text
                    .replace(&old, &new)
                    .replace(&format!("TAG:-{}", versions.old), &format!("TAG:-{}", versions.new)),
            };
            let found = self.project.file(name)?;
            ensure!(found == expected, "{name} became\n{found}");
        }
        if self.shape.settled {
            self.project.compose(&["up", "-d"])?;
            let again = seen(world, &self.project)?;
            let ids = |seen: &BTreeMap<String, (String, Seen)>| -> Vec<String> {
                seen.values().map(|(_, seen)| seen.id.clone()).collect()
            };
            ensure!(ids(&again) == ids(&now), "`docker compose up` made something again");
        }
        Ok(())
    }
}

/// The project's containers by name, with their services.
fn seen(world: &World, project: &Project) -> anyhow::Result<BTreeMap<String, (String, Seen)>> {
    let engine = &world.run.engine;
    let filter = format!("label=com.docker.compose.project={}", project.name);
    let names = engine.docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &filter])?;
    let mut found = BTreeMap::new();
    for name in names.lines() {
        let document = engine.inspect(name)?;
        let text = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let service =
            document["Config"]["Labels"]["com.docker.compose.service"].as_str().unwrap_or_default().to_owned();
        let seen = Seen { id: text("/Id"), image: text("/Config/Image"), status: text("/State/Status") };
        found.insert(name.to_owned(), (service, seen));
    }
    Ok(found)
}
