//! What a container can be given: each field with some of its values, as parts of the body that creates it.

use serde_json::{Value, json};

/// What the specs refer to.
pub(crate) struct Surroundings {
    /// Value of the label `homeport.test`.
    pub(crate) test: String,
    pub(crate) front: String,
    /// The first three numbers of its addresses.
    pub(crate) prefix: String,
    pub(crate) back: String,
    pub(crate) back_prefix: String,
    pub(crate) volume: String,
    /// Id of a container to share things with.
    pub(crate) donor: String,
    pub(crate) donor_name: String,
    pub(crate) old_image: Value,
    pub(crate) new_image: Value,
}

/// Where a container is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Bridge,
    Front,
    Both,
    Host,
    None,
    Shared,
}

impl Network {
    pub(crate) const ALL: [Self; 8] =
        [Self::Bridge, Self::Bridge, Self::Front, Self::Front, Self::Both, Self::Host, Self::None, Self::Shared];

    pub(crate) fn mode(self, around: &Surroundings) -> String {
        match self {
            Self::Bridge => "default".to_owned(),
            Self::Front | Self::Both => around.front.clone(),
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
            Self::Shared => format!("container:{}", around.donor),
        }
    }

    pub(crate) fn endpoint(self, around: &Surroundings) -> Value {
        match self {
            Self::Front | Self::Both => json!({ &around.front: {} }),
            _ => json!({}),
        }
    }

    /// A further network, and the container's settings there.
    pub(crate) fn second(self, around: &Surroundings) -> Option<(String, Value)> {
        let address = format!("{}.99", around.back_prefix);
        let settings = json!({ "Aliases": ["api", "backend"], "IPAMConfig": { "IPv4Address": address } });
        (self == Self::Both).then(|| (around.back.clone(), settings))
    }
}

/// Which networks a field can be had in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    Any,
    /// Where the container has a network namespace of its own.
    Own,
    /// Where it has addresses.
    Addressed,
    /// In the engine's own network.
    Bridge,
    /// In a network that somebody made.
    Made,
}

/// Something that a container can be given.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<Value>,
    /// Where docker-agent shows that it was lost: the beginning of a path.
    pub(crate) shown: String,
    within: In,
}

impl Field {
    pub(crate) fn fits(&self, network: Network) -> bool {
        match self.within {
            In::Any => true,
            In::Own => !matches!(network, Network::Host | Network::Shared),
            In::Addressed => matches!(network, Network::Bridge | Network::Front | Network::Both),
            In::Bridge => network == Network::Bridge,
            In::Made => matches!(network, Network::Front | Network::Both),
        }
    }
}

/// All fields.
pub(crate) fn table(around: &Surroundings) -> Vec<Field> {
    let mut table = config();
    table.extend(limits());
    table.extend(host());
    table.extend(mounts(around));
    table.extend(networks(around));
    table
}

/// A field of `Config`, which is what the body consists of.
fn of_config<const N: usize>(name: &'static str, values: [Value; N]) -> Field {
    let values = values.into_iter().map(|value| json!({ name: value })).collect();
    Field { name, values, shown: format!("Config.{name}"), within: In::Any }
}

fn of_host<const N: usize>(name: &'static str, values: [Value; N]) -> Field {
    let values = values.into_iter().map(|value| json!({ "HostConfig": { name: value } })).collect();
    Field { name, values, shown: format!("HostConfig.{name}"), within: In::Any }
}

fn config() -> Vec<Field> {
    vec![
        Field { within: In::Own, ..of_config("Hostname", [json!("web-host"), json!("a.b.c")]) },
        Field { within: In::Own, ..of_config("Domainname", [json!("example.lan")]) },
        of_config("User", [json!("0"), json!("1000:1000"), json!("www-data")]),
        of_config("Env", [json!(["MINE=1"]), json!(["EMPTY=", "MULTI=a=b c\nd"]), json!(["TZ=Europe/Oslo", "LANG"])]),
        of_config("Cmd", [json!(["nginx", "-g", "daemon off;", "-q"]), json!(["sleep", "1000"])]),
        of_config("Entrypoint", [json!(["/bin/sh", "-c", "sleep 1"]), json!(["tini", "--"])]),
        of_config("WorkingDir", [json!("/tmp"), json!("/srv/app")]),
        of_config("Labels", [json!({ "mine": "", "a.b": "c" }), json!({ "traefik.http.routers.x.rule": "Host(`x`)" })]),
        Field {
            within: In::Addressed,
            ..of_config("ExposedPorts", [json!({ "9000/udp": {} }), json!({ "90/tcp": {}, "91/sctp": {} })])
        },
        of_config("StopSignal", [json!("SIGINT"), json!("SIGUSR1")]),
        of_config("StopTimeout", [json!(3), json!(120)]),
        of_config("Tty", [json!(true)]),
        of_config("OpenStdin", [json!(true)]),
        of_config("StdinOnce", [json!(true)]),
        of_config(
            "Healthcheck",
            [
                json!({ "Test": ["CMD", "true"], "Interval": 7_000_000_000_u64, "Retries": 4 }),
                json!({ "Test": ["CMD-SHELL", "exit 0"], "StartPeriod": 9_000_000_000_u64, "Timeout": 2_000_000_000_u64 }),
                json!({ "Test": ["NONE"] }),
            ],
        ),
        of_config("Shell", [json!(["/bin/bash", "-c"])]),
    ]
}

fn limits() -> Vec<Field> {
    vec![
        of_host("Memory", [json!(64 << 20), json!(1 << 30)]),
        of_host("MemoryReservation", [json!(16 << 20), json!(32 << 20)]),
        of_host("CpuShares", [json!(512), json!(2048)]),
        of_host("NanoCpus", [json!(500_000_000), json!(1_000_000_000)]),
        of_host("CpusetCpus", [json!("0"), json!("0-1")]),
        of_host("PidsLimit", [json!(100), json!(1000)]),
        of_host(
            "Ulimits",
            [
                json!([{ "Name": "nofile", "Soft": 1000, "Hard": 2000 }]),
                json!([{ "Name": "core", "Soft": 0, "Hard": 0 }, { "Name": "nproc", "Soft": 64, "Hard": 64 }]),
            ],
        ),
        of_host("OomScoreAdj", [json!(5), json!(-500)]),
        of_host("ShmSize", [json!(8 << 20), json!(256 << 20)]),
        of_host("CgroupParent", [json!("/homeport-test")]),
        of_host("DeviceCgroupRules", [json!(["c 1:3 rwm"]), json!(["b *:* r", "c 10:200 rwm"])]),
    ]
}

fn host() -> Vec<Field> {
    vec![
        of_host("Init", [json!(true), json!(false)]),
        of_host(
            "RestartPolicy",
            [
                json!({ "Name": "unless-stopped" }),
                json!({ "Name": "always" }),
                json!({ "Name": "on-failure", "MaximumRetryCount": 5 }),
            ],
        ),
        of_host("CapAdd", [json!(["NET_ADMIN"]), json!(["SYS_PTRACE", "SYS_NICE"]), json!(["ALL"])]),
        of_host("CapDrop", [json!(["MKNOD"]), json!(["ALL"])]),
        of_host(
            "Devices",
            [
                json!([{ "PathOnHost": "/dev/null", "PathInContainer": "/dev/hp", "CgroupPermissions": "rwm" }]),
                json!([
                    { "PathOnHost": "/dev/zero", "PathInContainer": "/dev/z", "CgroupPermissions": "r" },
                    { "PathOnHost": "/dev/full", "PathInContainer": "/dev/full2", "CgroupPermissions": "rw" },
                ]),
            ],
        ),
        of_host("ExtraHosts", [json!(["db:10.0.0.1"]), json!(["a:10.0.0.1", "b:10.0.0.2"])]).only(In::Own),
        of_host("GroupAdd", [json!(["7"]), json!(["video", "44"])]),
        of_host("IpcMode", [json!("host"), json!("shareable")]),
        of_host("PidMode", [json!("host")]),
        of_host("CgroupnsMode", [json!("host"), json!("private")]),
        of_host("UsernsMode", [json!("host")]),
        of_host("Privileged", [json!(true)]),
        of_host("ReadonlyRootfs", [json!(true)]),
        of_host("SecurityOpt", [json!(["no-new-privileges"]), json!(["seccomp=unconfined", "label=disable"])]),
        of_host("Sysctls", [json!({ "net.core.somaxconn": "200" }), json!({ "net.ipv4.ip_forward": "1" })])
            .only(In::Addressed),
        of_host("Tmpfs", [json!({ "/scratch": "size=1m" }), json!({ "/a": "", "/b": "mode=700,uid=5" })]),
        of_host(
            "LogConfig",
            [
                json!({ "Type": "json-file", "Config": { "max-size": "1m", "max-file": "3" } }),
                json!({ "Type": "none", "Config": {} }),
            ],
        ),
        of_host("MaskedPaths", [json!(["/proc/kcore"])]),
        of_host("ReadonlyPaths", [json!(["/proc/sys"])]),
    ]
}

fn mounts(around: &Surroundings) -> Vec<Field> {
    let bind = |name, at: &str, binds: Value| {
        let shown = format!("Mounts[{at}]");
        Field { name, values: vec![json!({ "HostConfig": { "Binds": binds } })], shown, within: In::Any }
    };
    let mount = |name, at: &str, mounts: Value| {
        let shown = format!("Mounts[{at}]");
        Field { name, values: vec![json!({ "HostConfig": { "Mounts": mounts } })], shown, within: In::Any }
    };
    let volume = &around.volume;
    vec![
        bind("bind", "/host", json!(["/etc:/host"])),
        bind("bind, read-only", "/host-ro", json!(["/etc:/host-ro:ro"])),
        bind("bind, shared", "/host-shared", json!(["/tmp:/host-shared:rw,rslave"])),
        bind("named volume", "/named", json!([format!("{volume}:/named")])),
        bind("named volume, read-only", "/named-ro", json!([format!("{volume}:/named-ro:ro")])),
        Field {
            name: "anonymous volume",
            values: vec![json!({ "Volumes": { "/anonymous": {} } })],
            shown: "Mounts[/anonymous]".to_owned(),
            within: In::Any,
        },
        mount("anonymous volume as mount", "/anonymous2", json!([{ "Type": "volume", "Target": "/anonymous2" }])),
        mount(
            "named volume as mount",
            "/named2",
            json!([{ "Type": "volume", "Source": volume, "Target": "/named2/", "VolumeOptions": { "NoCopy": true } }]),
        ),
        mount(
            "bind as mount",
            "/host2",
            json!([{ "Type": "bind", "Source": "/usr/share", "Target": "/host2", "ReadOnly": true,
                     "BindOptions": { "Propagation": "rprivate", "NonRecursive": true } }]),
        ),
        mount(
            "tmpfs as mount",
            "/memory",
            json!([{ "Type": "tmpfs", "Target": "/memory", "TmpfsOptions": { "SizeBytes": 1 << 20, "Mode": 448 } }]),
        ),
        Field { shown: "Mounts[/donated]".to_owned(), ..of_host("VolumesFrom", [json!([around.donor_name])]) },
    ]
}

fn networks(around: &Surroundings) -> Vec<Field> {
    let front = |name, values: Vec<Value>| Field {
        name,
        values: values
            .into_iter()
            .map(|value| json!({ "NetworkingConfig": { "EndpointsConfig": { &around.front: value } } }))
            .collect(),
        shown: format!("NetworkSettings.Networks.{}", around.front),
        within: In::Made,
    };
    let address = |last: u8| json!({ "IPAMConfig": { "IPv4Address": format!("{}.{last}", around.prefix) } });
    vec![
        front("alias", vec![json!({ "Aliases": ["www"] }), json!({ "Aliases": ["a", "b.c"] })]),
        front("address", vec![address(77), address(78)]),
        Field { shown: "NetworkSettings.Networks".to_owned(), within: In::Addressed, ..of_config("MacAddress", [json!("02:42:aa:bb:cc:0d")]) },
        of_host("Dns", [json!(["9.9.9.9"]), json!(["9.9.9.9", "1.1.1.1"])]).only(In::Own),
        of_host("DnsSearch", [json!(["example.lan"])]).only(In::Own),
        of_host("DnsOptions", [json!(["ndots:2"])]).only(In::Own),
        of_host(
            "PortBindings",
            [
                json!({ "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }] }),
                json!({ "80/tcp": [{ "HostPort": "18080" }, { "HostPort": "18081" }], "53/udp": [{ "HostPort": "1053" }] }),
            ],
        )
        .only(In::Addressed),
        of_host("PublishAllPorts", [json!(true)]).only(In::Addressed),
        of_host("Links", [json!([format!("{}:database", around.donor_name)])]).only(In::Bridge),
        front("link", vec![json!({ "Links": [format!("{}:database", around.donor_name)] })]),
    ]
}

impl Field {
    fn only(self, within: In) -> Self {
        Self { within, ..self }
    }
}
