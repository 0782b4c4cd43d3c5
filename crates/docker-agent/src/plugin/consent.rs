//! What a compose project asks for beyond its own containers, as sentences that a person can agree to.
//!
//! What is not known to be harmless is a concern: compose learns new keys every year, and one of them will be a way out.

mod mounts;

use std::path::Path;

use serde_json::Value;

pub(super) use self::mounts::Own;
use self::mounts::{Mounts, host_path};
use crate::{broker, document::Document as _};

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
    let engine = broker::engine_of(entry)?;
    let text = format!("the plugin may use the container engine, as far as this goes: {engine}");
    Some(Concern { text, weight: 15 })
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

/// All concerns about a project, as `docker compose config --format json` describes it, in a fixed order. Looks at the
/// files that it mounts.
pub(super) fn concerns(config: &Value, own: &Own) -> Vec<Concern> {
    let mut found = Found(Vec::new());
    let mounts = Mounts::of(config, own);
    for (name, service) in config.fields("services") {
        Judge { name, mounts: &mounts, found: &mut found }.service(service);
    }
    found.volumes(config, own);
    found.networks(config, own);
    found.files(config, &mounts);
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

    fn volumes(&mut self, config: &Value, own: &Own) {
        for (key, volume) in config.fields("volumes") {
            let device = volume.text("driver_opts.device");
            if !device.is_empty() {
                let (thing, weight) = host_path(Path::new(device), false);
                self.add(weight, format!("volume {key} is {thing}"));
            } else if !matches!(volume.text("driver"), "" | "local") {
                self.add(20, format!("volume {key} uses the driver {}", volume.text("driver")));
            }
            self.foreign("volume", key, volume, own);
        }
    }

    fn networks(&mut self, config: &Value, own: &Own) {
        for (key, network) in config.fields("networks") {
            self.foreign("network", key, network, own);
            if !matches!(network.text("driver"), "" | "bridge") {
                self.add(30, format!("network {key} uses the driver {}", network.text("driver")));
            }
        }
    }

    /// Compose takes what is there by that name, with no more than a warning if another project made it.
    fn foreign(&mut self, what: &str, key: &str, thing: &Value, own: &Own) {
        let name = thing.text("name");
        if !thing.flag("external") && own.names(name) {
            return;
        }
        let called = if name.is_empty() || name == key { String::new() } else { format!(", called {name},") };
        self.add(20, format!("{what} {key}{called} belongs to something else"));
    }

    fn files(&mut self, config: &Value, mounts: &Mounts) {
        for kind in ["configs", "secrets"] {
            for (name, source) in config.fields(kind) {
                let file = source.text("file");
                if let Some((weight, thing)) = mounts.path(Path::new(file), true).filter(|_| !file.is_empty()) {
                    self.add(weight, format!("{kind} {name} reads {thing}"));
                }
            }
        }
    }
}

struct Judge<'a> {
    name: &'a str,
    mounts: &'a Mounts<'a>,
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
                let mounts = self.mounts;
                self.each_value(value, |mount| mounts.judge(mount));
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
            project: "x".to_owned(),
            other_projects: vec!["x_y".to_owned()],
            exact: vec!["/hp/state/plugins/x".into()],
            exact_read_only: vec!["/hp/state/api".into()],
            below: "/hp/plugins/x".into(),
        }
    }

    fn check(service: &Value, expected: &[&str]) {
        let config =
            json!({ "name": "x", "services": { "s": service }, "networks": { "default": { "name": "x_default" } } });
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
            "volumes": { "v": { "driver_opts": { "type": "none", "o": "bind", "device": "/srv/x" } } },
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
                "volume v is /srv/x of the host",
            ]
        );
    }

    #[test]
    fn volumes_and_networks_of_another_project_are_named() {
        let config = json!({
            "name": "x",
            "volumes": { "a": { "name": "nextcloud_data" }, "b": { "name": "x_b" }, "c": { "name": "xdata" } },
            "networks": {
                "default": { "name": "x_default" }, "d": { "name": "proxy" }, "e": { "name": "x_y_default" },
                "f": { "name": "other", "external": true },
            },
        });
        let found: Vec<String> = concerns(&config, &own()).into_iter().map(|concern| concern.text).collect();
        assert_eq!(
            found,
            [
                "network d, called proxy, belongs to something else",
                "network e, called x_y_default, belongs to something else",
                "network f, called other, belongs to something else",
                "volume a, called nextcloud_data, belongs to something else",
                "volume c, called xdata, belongs to something else",
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
        // Of two spellings the one that the broker goes by.
        let found = engine(&json!({ "ENGINE": {}, "Engine": { "Images": ["alpine:3"] } })).unwrap();
        assert!(found.text.contains("alpine:3"), "{}", found.text);
    }
}
