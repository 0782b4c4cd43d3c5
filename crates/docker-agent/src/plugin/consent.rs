//! What a compose project asks for beyond its own containers, as sentences that a person can agree to.
//!
//! What is not known to be harmless is a concern: compose learns new keys every year, and one of them will be a way out.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::document::Document as _;

/// As good as root.
const HIGHEST: u32 = 100;

/// Keys of a service that give it nothing beyond its own container.
const HARMLESS: [&str; 52] = [
    "annotations",
    "attach",
    "build",
    "cap_drop",
    "command",
    "container_name",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "develop",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "external_links",
    "extra_hosts",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "labels",
    "links",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "pids_limit",
    "platform",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "scale",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
];
/// Keys that are looked into.
const JUDGED: [&str; 20] = [
    "cap_add",
    "cgroup",
    "configs",
    "deploy",
    "device_cgroup_rules",
    "devices",
    "group_add",
    "ipc",
    "logging",
    "network_mode",
    "networks",
    "pid",
    "ports",
    "privileged",
    "secrets",
    "security_opt",
    "use_api_socket",
    "userns_mode",
    "uts",
    "volumes",
];
/// Where logs may go: to the engine's own keeping.
const LOG_DRIVERS: [&str; 5] = ["", "journald", "json-file", "local", "none"];

/// Keys by which a compose file reads others, and what it takes from them.
const OTHER_FILES: [(&str, &str); 3] =
    [("env_file", "variables"), ("extends", "services"), ("include", "whole projects")];

/// What belongs to the plugin, so that it may be mounted.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// Directories on the host whose parents the plugin cannot write to: exactly these.
    pub(super) exact: Vec<PathBuf>,
    /// The same, to be read only.
    pub(super) exact_read_only: Vec<PathBuf>,
    /// The plugin's own files: everything below, to be read only or written.
    pub(super) below: PathBuf,
}

/// Something that somebody has to agree to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Concern {
    pub(super) text: String,
    pub(super) weight: u32,
}

/// From 0 to 100.
pub(super) fn score(concerns: &[Concern]) -> u32 {
    concerns.iter().map(|concern| concern.weight).sum::<u32>().min(HIGHEST)
}

/// What the `Engine` object of an entry lets a plugin do, see [`crate::broker`]. Whoever agrees to one agrees to that very
/// one.
pub(super) fn engine(entry: &Value) -> Option<Concern> {
    let (_, engine) = entry.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("Engine"))?;
    let text = format!("the plugin may use the container engine, as far as this goes: {engine}");
    (!engine.is_null()).then_some(Concern { text, weight: 15 })
}

/// Concerns about the text of a compose file: what it reads from other files compose has put in place by the time that it
/// describes the project, and the variables of another stack would look like the plugin's own.
pub(super) fn other_files(text: &str) -> Vec<Concern> {
    let mut found = Found(Vec::new());
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let code = lines.join("\n") + "\n";
    for (word, meaning) in OTHER_FILES {
        let is_part =
            |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let mut places = code.match_indices(word);
        if places
            .any(|(at, _)| !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next()))
        {
            found.add(30, format!("the compose file takes {meaning} from other files ({word})"));
        }
    }
    // In quotes a word may be written so that nobody finds it.
    if ["\\x", "\\u", "\\U", "\\\n"].iter().any(|escape| code.contains(escape)) {
        found.add(30, "the compose file hides letters behind escapes".to_owned());
    }
    found.0
}

/// All concerns about a project, as `docker compose config --format json` describes it, in a fixed order.
pub(super) fn concerns(config: &Value, own: &Own) -> Vec<Concern> {
    let mut found = Found(Vec::new());
    for (name, service) in config.at("services").as_object().into_iter().flatten() {
        Judge { name, own, found: &mut found }.service(service);
    }
    for (name, volume) in config.at("volumes").as_object().into_iter().flatten() {
        let device = volume.at("driver_opts").text("device");
        if !device.is_empty() {
            let (thing, weight) = host_path(Path::new(device), false);
            found.add(weight, format!("volume {name} is {thing}"));
        } else if !matches!(volume.text("driver"), "" | "local") {
            found.add(20, format!("volume {name} uses the driver {}", volume.text("driver")));
        }
        if volume.flag("external") {
            found.add(20, format!("volume {name} belongs to something else"));
        }
    }
    for (name, network) in config.at("networks").as_object().into_iter().flatten() {
        if network.flag("external") {
            found.add(20, format!("network {name} belongs to something else"));
        }
        if !matches!(network.text("driver"), "" | "bridge") {
            found.add(30, format!("network {name} uses the driver {}", network.text("driver")));
        }
    }
    for kind in ["configs", "secrets"] {
        for (name, source) in config.at(kind).as_object().into_iter().flatten() {
            let file = source.text("file");
            if !file.is_empty() && !own.holds(Path::new(file), true) {
                found.add(host_path(Path::new(file), true).1, format!("{kind} {name} reads {file} of the host"));
            }
        }
    }
    let known = ["configs", "name", "networks", "secrets", "services", "version", "volumes"];
    for key in config.as_object().into_iter().flat_map(|map| map.keys()) {
        if !known.contains(&key.as_str()) && !key.starts_with("x-") {
            found.add(HIGHEST, format!("the project uses {key}, which is not known to be harmless"));
        }
    }
    found.0.sort();
    found.0.dedup();
    found.0
}

struct Found(Vec<Concern>);

impl Found {
    fn add(&mut self, weight: u32, text: String) {
        self.0.push(Concern { text, weight });
    }
}

struct Judge<'a> {
    name: &'a str,
    own: &'a Own,
    found: &'a mut Found,
}

impl Judge<'_> {
    fn add(&mut self, weight: u32, text: impl AsRef<str>) {
        self.found.add(weight, format!("service {} {}", self.name, text.as_ref()));
    }

    fn service(&mut self, service: &Value) {
        for (key, value) in service.as_object().into_iter().flatten() {
            let is_empty = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if is_empty || HARMLESS.contains(&key.as_str()) || key.starts_with("x-") {
                continue;
            }
            if JUDGED.contains(&key.as_str()) {
                self.judged(key, value);
            } else {
                self.add(HIGHEST, format!("uses {key}, which is not known to be harmless"));
            }
        }
    }

    fn judged(&mut self, key: &str, value: &Value) {
        match key {
            "privileged" => self.add(HIGHEST, "is privileged"),
            "use_api_socket" => self.add(HIGHEST, "gets the engine's socket"),
            "cap_add" => self.each(value, |capability| (40, format!("gets the capability {capability}"))),
            "devices" | "device_cgroup_rules" => self.each(value, |device| (40, format!("gets the device {device}"))),
            "group_add" => self.each(value, |group| (10, format!("is in group {group} of the host"))),
            "security_opt" => self.each(value, |option| {
                let weight = if is_tightening(option) { 0 } else { 50 };
                (weight, format!("has the security option {option}"))
            }),
            "network_mode" | "pid" | "ipc" | "uts" | "cgroup" | "userns_mode" => self.namespace(key, value),
            "ports" => self.each_value(value, |port| {
                let published = port.text("published");
                let published =
                    if published.is_empty() { "a free port".to_owned() } else { format!("port {published}") };
                Some((10, format!("opens {published} of the host")))
            }),
            "volumes" => {
                let own = self.own.clone();
                self.each_value(value, |mount| mounted(mount, &own));
            }
            "logging" => {
                let driver = value.text("driver");
                if !LOG_DRIVERS.contains(&driver) {
                    self.add(20, format!("sends its logs to {driver}"));
                }
            }
            "deploy" if !value.at("resources.reservations.devices").as_array().is_none_or(Vec::is_empty) => {
                self.add(40, "gets devices of the host");
            }
            // What they lead to is judged where it is defined.
            _ => {}
        }
    }

    fn namespace(&mut self, key: &str, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        let what = match key {
            "network_mode" => "network",
            "pid" => "processes",
            "ipc" => "shared memory",
            "uts" => "host name",
            "cgroup" => "control groups",
            _ => "user ids",
        };
        match text {
            "none" | "private" | "bridge" | "default" | "shareable" => {}
            "host" => self.add(if key == "pid" { 80 } else { 50 }, format!("shares the {what} of the host")),
            // One of the same project is none of anybody else's.
            _ if text.starts_with("service:") => {}
            _ => self.add(50, format!("shares the {what} of {text}")),
        }
    }

    fn each(&mut self, list: &Value, judge: impl Fn(&str) -> (u32, String)) {
        self.each_value(list, |item| {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            let (weight, text) = judge(&text);
            (weight > 0).then_some((weight, text))
        });
    }

    fn each_value(&mut self, list: &Value, judge: impl Fn(&Value) -> Option<(u32, String)>) {
        for item in list.as_array().into_iter().flatten() {
            if let Some((weight, text)) = judge(item) {
                self.add(weight, text);
            }
        }
    }
}

impl Own {
    fn holds(&self, path: &Path, read_only: bool) -> bool {
        let is_plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        is_plain
            && (self.exact.iter().any(|own| own == path)
                || (read_only && self.exact_read_only.iter().any(|own| own == path))
                || path.starts_with(&self.below))
    }
}

fn mounted(mount: &Value, own: &Own) -> Option<(u32, String)> {
    let (source, read_only) = (mount.text("source"), mount.flag("read_only"));
    match mount.text("type") {
        "volume" | "tmpfs" => None,
        "bind" if own.holds(Path::new(source), read_only) => None,
        "bind" => {
            let (thing, weight) = host_path(Path::new(source), read_only);
            let how = if read_only { "reads" } else { "writes to" };
            Some((weight, format!("{how} {thing}")))
        }
        other => Some((HIGHEST, format!("mounts something of the type {other}"))),
    }
}

/// How bad it is to have a path of the host.
fn host_path(path: &Path, read_only: bool) -> (String, u32) {
    let text = path.display();
    let holds_socket = ["/", "/run", "/var", "/var/run"].iter().any(|directory| path == Path::new(directory));
    let is_socket = path.extension().is_some_and(|extension| extension == "sock" || extension == "socket");
    if is_socket || path.ends_with("docker") {
        (format!("{text}, the engine's socket or what may be it"), HIGHEST)
    } else if holds_socket {
        (format!("{text} of the host, where the engine's socket is"), HIGHEST)
    } else {
        (format!("{text} of the host"), if read_only { 20 } else { 40 })
    }
}

/// Options that take something away.
fn is_tightening(option: &str) -> bool {
    let (key, value) = option.split_once([':', '=']).unwrap_or((option, "true"));
    key == "no-new-privileges" && value == "true"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own() -> Own {
        Own {
            exact: vec!["/hp/state/plugins/x".into()],
            exact_read_only: vec!["/hp/state/api".into()],
            below: "/hp/plugins/x".into(),
        }
    }

    fn check(service: &Value, expected: &[&str]) {
        let config = json!({ "name": "x", "services": { "s": service }, "networks": { "default": { "name": "x" } } });
        let found: Vec<String> = concerns(&config, &own()).into_iter().map(|concern| concern.text).collect();
        let expected: Vec<String> = expected.iter().map(|text| format!("service s {text}")).collect();
        assert_eq!(found, expected, "{service}");
    }

    #[test]
    fn a_modest_service_asks_for_nothing() {
        check(
            &json!({
                "image": "x", "command": null, "entrypoint": null, "network_mode": "none", "read_only": true, "init": true,
                "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "privileged": false, "x-own": {},
                "logging": { "driver": "journald" }, "networks": { "default": null },
                "volumes": [
                    { "type": "bind", "source": "/hp/state/plugins/x", "target": "/state/plugins/x" },
                    { "type": "bind", "source": "/hp/plugins/x/a", "target": "/a", "read_only": true },
                    { "type": "bind", "source": "/hp/state/api", "target": "/state/api", "read_only": true },
                    { "type": "volume", "source": "data", "target": "/data" },
                ],
            }),
            &[],
        );
    }

    #[test]
    fn mounts_of_the_host_are_named() {
        let mount = |source: &str, read_only: bool| json!({ "volumes": [{ "type": "bind", "source": source, "target": "/x", "read_only": read_only }] });
        check(&mount("/etc", true), &["reads /etc of the host"]);
        check(&mount("/hp/state/auth", false), &["writes to /hp/state/auth of the host"]);
        check(&mount("/hp/state/api", false), &["writes to /hp/state/api of the host"]);
        check(&mount("/hp/state/plugins/x/link", true), &["reads /hp/state/plugins/x/link of the host"]);
        check(&mount("/hp/plugins/x/../../state/auth", true), &["reads /hp/plugins/x/../../state/auth of the host"]);
        check(&mount("/", true), &["reads / of the host, where the engine's socket is"]);
        check(
            &mount("/var/run/docker.sock", true),
            &["reads /var/run/docker.sock, the engine's socket or what may be it"],
        );
    }

    #[test]
    fn privileges_are_named() {
        check(&json!({ "privileged": true }), &["is privileged"]);
        check(
            &json!({ "cap_add": ["SYS_ADMIN", "NET_RAW"] }),
            &["gets the capability NET_RAW", "gets the capability SYS_ADMIN"],
        );
        check(&json!({ "devices": [{ "source": "/dev/kvm" }] }), &["gets the device {\"source\":\"/dev/kvm\"}"]);
        check(
            &json!({ "network_mode": "host", "pid": "host" }),
            &["shares the network of the host", "shares the processes of the host"],
        );
        check(&json!({ "network_mode": "container:other" }), &["shares the network of container:other"]);
        check(&json!({ "security_opt": ["seccomp=unconfined"] }), &["has the security option seccomp=unconfined"]);
        check(
            &json!({ "security_opt": ["no-new-privileges:false"] }),
            &["has the security option no-new-privileges:false"],
        );
        check(&json!({ "ports": [{ "target": 80, "published": "80" }] }), &["opens port 80 of the host"]);
        check(&json!({ "use_api_socket": true }), &["gets the engine's socket"]);
        check(&json!({ "provider": { "type": "x" } }), &["uses provider, which is not known to be harmless"]);
        check(
            &json!({ "volumes_from": ["container:other"] }),
            &["uses volumes_from, which is not known to be harmless"],
        );
        check(
            &json!({ "post_start": [{ "privileged": true }] }),
            &["uses post_start, which is not known to be harmless"],
        );
    }

    #[test]
    fn what_a_project_defines_beside_its_services_counts_too() {
        let config = json!({
            "services": {},
            "volumes": { "v": { "driver_opts": { "type": "none", "o": "bind", "device": "/etc" } } },
            "networks": { "n": { "external": true }, "m": { "driver": "macvlan" } },
            "secrets": { "s": { "file": "/etc/shadow" } },
            "configs": { "c": { "file": "/hp/plugins/x/conf" } },
            "models": { "m": {} },
        });
        let found: Vec<String> = concerns(&config, &own()).into_iter().map(|concern| concern.text).collect();
        assert_eq!(
            found,
            [
                "network m uses the driver macvlan",
                "network n belongs to something else",
                "secrets s reads /etc/shadow of the host",
                "the project uses models, which is not known to be harmless",
                "volume v is /etc of the host",
            ]
        );
    }

    #[test]
    fn what_is_read_from_other_files_is_named() {
        let found = |text: &str| other_files(text).into_iter().map(|concern| concern.text).collect::<Vec<_>>();
        assert!(found("# env_file: x\nservices: {a: {image: include_me, labels: [extends_x]}}\n").is_empty());
        for (text, words) in [
            ("services:\n  a:\n    env_file: /opt/stacks/db/.env\n", "env_file"),
            ("services: {a: {\"env_file\": x}}", "env_file"),
            ("services: {a: {extends: {file: /x.yml}}}", "extends"),
            ("include: [/opt/stacks/db/compose.yaml]", "include"),
            ("services: {a: {\"env\\u005ffile\": x}}", "escapes"),
            ("services: {a: {? \"env_\\\n  file\"\n: x}}", "escapes"),
        ] {
            let found = found(text);
            assert!(found.len() == 1 && found[0].contains(words), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_score_has_an_end() {
        let config = json!({ "services": { "s": { "privileged": true, "cap_add": ["ALL"], "pid": "host" } } });
        assert_eq!(score(&concerns(&config, &own())), 100);
        assert_eq!(score(&[]), 0);
    }

    #[test]
    fn the_engine_is_a_concern_of_its_own() {
        assert_eq!(engine(&json!({ "Name": "a" })), None);
        assert_eq!(engine(&json!({ "Engine": null })), None);
        let found = engine(&json!({ "engine": { "Images": ["alpine:3"] } })).unwrap();
        assert!(found.text.contains("alpine:3"), "{}", found.text);
    }
}
