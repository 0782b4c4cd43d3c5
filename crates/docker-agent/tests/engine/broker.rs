//! The engine broker: what a plugin may do with the real command line, and what it may not with raw requests.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::world::{World, docker, try_docker};

const IMAGE: &str = crate::world::OLD;

/// A plugin with a socket, and something on the engine that is not its own.
struct Plugin {
    world: World,
    socket: PathBuf,
    name: String,
}

impl Plugin {
    fn new(engine: &Value) -> Self {
        let world = World::new();
        let name = world.name("plugin");
        let base = world.directory.path().join("configs/base");
        std::fs::create_dir_all(&base).unwrap();
        std::fs::create_dir_all(world.directory.path().join("state/plugins")).unwrap();
        let list = json!({ "Plugins": [{ "Name": name, "Enabled": true, "Engine": engine }] });
        std::fs::write(base.join("api.json"), list.to_string()).unwrap();
        let socket = world.directory.path().join("state/plugins").join(&name).join("engine.sock");
        until(|| UnixStream::connect(&socket).is_ok());
        Self { world, socket, name }
    }

    fn usual() -> Self {
        Self::new(&json!({ "Images": [IMAGE], "Ports": [18_931], "MaxContainers": 4, "MaxMemoryMiB": 128 }))
    }

    /// The real command line on the plugin's socket.
    fn docker(&self, words: &[&str]) -> Result<String, String> {
        self.docker_with(words, "")
    }

    fn docker_with(&self, words: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new("docker")
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn good(&self, words: &[&str]) -> String {
        self.docker(words).unwrap_or_else(|error| panic!("docker {}: {error}", words.join(" ")))
    }

    /// Status and body of a raw request.
    fn raw(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer to {method} {path}: {answer:?}")), answer)
    }

    fn create(&self, change: impl Fn(&mut Value)) -> (u16, String) {
        let mut document = json!({ "Image": IMAGE });
        change(&mut document);
        self.raw("POST", "/containers/create", &document.to_string())
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // Its things carry no label of the test's.
        let filter = format!("label=homeport.plugin={}", self.name);
        for (list, remove) in [
            (&["ps", "-aq"][..], &["rm", "-f", "-v"][..]),
            (&["volume", "ls", "-q"], &["volume", "rm", "-f"]),
            (&["network", "ls", "-q"], &["network", "rm"]),
        ] {
            let found = try_docker(&[list, &["--filter", &filter]].concat()).unwrap_or_default();
            let found: Vec<&str> = found.split_whitespace().collect();
            if !found.is_empty() {
                drop(try_docker(&[remove, &found].concat()));
            }
        }
    }
}

fn until(condition: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_work_passes() {
    let plugin = Plugin::usual();
    let name = |name: &str| plugin.world.name(name);
    let (web, network, volume) = (name("web"), name("net"), name("data"));
    let foreign = plugin.world.run("foreign", &[IMAGE]);

    assert!(plugin.good(&["version", "--format", "{{.Server.Version}}"]).contains('.'));
    assert!(plugin.good(&["info", "--format", "{{.NCPU}}"]).parse::<u32>().unwrap() > 0);
    assert!(plugin.good(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).contains(IMAGE));
    assert!(plugin.good(&["image", "inspect", "--format", "{{.Os}}", IMAGE]).contains("linux"));
    plugin.good(&["network", "create", &network]);
    plugin.good(&["volume", "create", &volume]);
    let data = format!("{volume}:/data");
    let implicit = format!("{}:/more", name("implicit"));
    let run = ["run", "-d", "--name", &web, "--network", &network, "-v", &data, "-v", &implicit, "--memory", "64m"];
    let id = plugin.good(&[&run[..], &["-p", "127.0.0.1:18931:80", IMAGE]].concat());
    assert_eq!(plugin.good(&["ps", "-q", "--no-trunc"]), id, "and nothing of {foreign}");
    assert_eq!(plugin.good(&["inspect", "--format", "{{.Name}}", &web]), format!("/{web}"));
    assert_eq!(plugin.good(&["exec", &web, "echo", "hello"]), "hello");
    assert_eq!(plugin.docker_with(&["exec", "-i", &web, "cat"], "through\n").unwrap(), "through");
    assert!(plugin.good(&["exec", "-t", &web, "echo", "tty"]).contains("tty"));
    assert_eq!(plugin.good(&["run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2"]), "out");
    assert_eq!(plugin.docker_with(&["run", "--rm", "-i", IMAGE, "cat"], "attached\n").unwrap(), "attached");
    assert!(plugin.docker(&["logs", "--tail", "5", &web]).is_ok());
    let file = plugin.world.directory.path().join("file");
    std::fs::write(&file, "copied").unwrap();
    plugin.good(&["cp", file.to_str().unwrap(), &format!("{web}:/data/file")]);
    assert_eq!(plugin.good(&["exec", &web, "cat", "/data/file"]), "copied");
    plugin.good(&["cp", &format!("{web}:/data/file"), plugin.world.directory.path().join("back").to_str().unwrap()]);
    assert!(plugin.good(&["top", &web]).contains("PID"));
    assert!(plugin.good(&["stats", "--no-stream", "--format", "{{.Name}}", &web]).contains(&web));
    assert!(plugin.good(&["diff", &web]).contains('/'));
    plugin.good(&["pause", &web]);
    plugin.good(&["unpause", &web]);
    plugin.good(&["network", "disconnect", &network, &web]);
    plugin.good(&["network", "connect", &network, &web]);
    plugin.good(&["restart", "-t", "1", &web]);
    plugin.good(&["rename", &web, &format!("{web}2")]);
    plugin.good(&["rename", &format!("{web}2"), &web]);
    plugin.good(&["stop", "-t", "1", &web]);
    assert_eq!(plugin.good(&["wait", &web]).parse::<i32>().map(|code| code >= 0), Ok(true));
    plugin.good(&["start", &web]);
    plugin.good(&["kill", &web]);
    let events = plugin.good(&["events", "--since", "5m", "--until", "0s", "--format", "{{.Actor.Attributes.name}}"]);
    assert!(events.contains(&web) && !events.contains("foreign"), "{events}");
    plugin.good(&["rm", "-f", &web]);
    plugin.good(&["network", "rm", &network]);
    let volumes = plugin.good(&["volume", "ls", "-q"]);
    assert!(volumes.contains(&volume) && volumes.contains(&name("implicit")), "{volumes}");
    plugin.good(&["volume", "rm", &volume]);
    plugin.good(&["container", "prune", "-f"]);
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Running}}", &foreign]),
        "true",
        "nothing of others is touched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_refused() {
    let plugin = Plugin::usual();
    let foreign = plugin.world.run("foreign", &[IMAGE]);
    let label = plugin.world.label();
    let (volume, network) = (plugin.world.name("theirs"), plugin.world.name("their-net"));
    docker(&["volume", "create", "--label", &label, &volume]);
    docker(&["network", "create", "--label", &label, &network]);
    let own = plugin.good(&["create", "--name", &plugin.world.name("own"), IMAGE]);

    let mut refused = 0;
    let mut check = |(status, answer): (u16, String), what: &str| {
        assert_eq!(status, 403, "{what}: {answer}");
        assert!(answer.contains("\"message\""), "{what}: {answer}");
        refused += 1;
    };
    // Others' objects, by name and by id, in every way there is.
    let theirs = plugin.world.name("foreign");
    let short = &foreign[..12];
    for (method, rest) in [
        ("GET", "/json"),
        ("GET", "/logs?stdout=1"),
        ("GET", "/top"),
        ("GET", "/stats?stream=0"),
        ("GET", "/export"),
        ("GET", "/archive?path=/etc"),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/kill"),
        ("POST", "/restart"),
        ("POST", "/pause"),
        ("POST", "/rename?name=x"),
        ("POST", "/wait"),
        ("POST", "/attach?stream=1&stdout=1"),
        ("DELETE", "?force=1"),
    ] {
        check(plugin.raw(method, &format!("/containers/{theirs}{rest}"), ""), rest);
    }
    check(plugin.raw("GET", &format!("/v1.41/containers/{foreign}/json"), ""), "by id");
    check(plugin.raw("GET", &format!("/containers/{short}/json"), ""), "by the beginning of an id");
    check(plugin.raw("POST", &format!("/containers/{theirs}/exec"), r#"{"Cmd":["id"]}"#), "exec in another's");
    check(plugin.raw("PUT", &format!("/containers/{theirs}/archive?path=/"), ""), "files into another's");
    check(plugin.raw("GET", &format!("/volumes/{volume}"), ""), "another's volume");
    check(plugin.raw("DELETE", &format!("/volumes/{volume}"), ""), "another's volume removed");
    check(plugin.raw("POST", "/volumes/create", &json!({ "Name": volume }).to_string()), "another's volume taken");
    check(plugin.raw("GET", &format!("/networks/{network}"), ""), "another's network");
    check(plugin.raw("DELETE", &format!("/networks/{network}"), ""), "another's network removed");
    let connect = json!({ "Container": own }).to_string();
    check(plugin.raw("POST", &format!("/networks/{network}/connect"), &connect), "into another's network");
    check(plugin.raw("POST", "/networks/host/disconnect", &connect), "out of the host's");
    let exec = docker_exec(&foreign);
    check(plugin.raw("POST", &format!("/exec/{exec}/start"), r#"{"Detach":true}"#), "another's exec");
    check(plugin.raw("GET", &format!("/exec/{exec}/json"), ""), "another's exec seen");
    // Containers that would reach out.
    let host =
        |key: &'static str, value: Value| move |document: &mut Value| document["HostConfig"] = json!({ key: value });
    check(plugin.create(|document| document["Image"] = "127.0.0.1:5000/redis:7.0.0".into()), "another image");
    check(plugin.create(|document| document["Image"] = foreign_image().into()), "an image by its id");
    check(plugin.create(host("Privileged", json!(true))), "privileges");
    check(plugin.create(host("Binds", json!(["/:/host"]))), "the host's files");
    check(plugin.create(host("Binds", json!([format!("{volume}:/x")]))), "another's volume mounted");
    check(plugin.create(host("Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/h" }]))), "a bind mount");
    check(plugin.create(host("Mounts", json!([{ "Type": "volume", "Source": volume, "Target": "/h" }]))), "its mount");
    check(plugin.create(host("VolumesFrom", json!([theirs]))), "another's volumes");
    check(plugin.create(host("NetworkMode", json!("host"))), "the host's network");
    check(plugin.create(host("NetworkMode", json!(network))), "another's network");
    check(plugin.create(host("NetworkMode", json!(format!("container:{theirs}")))), "another's namespace");
    check(plugin.create(host("PidMode", json!("host"))), "the host's processes");
    check(plugin.create(host("CapAdd", json!(["ALL"]))), "capabilities");
    check(plugin.create(host("Devices", json!([{ "PathOnHost": "/dev/sda" }]))), "devices");
    check(plugin.create(host("SecurityOpt", json!(["seccomp=unconfined"]))), "no seccomp");
    check(plugin.create(host("PortBindings", json!({ "80/tcp": [{ "HostPort": "22" }] }))), "another port");
    check(plugin.create(host("Memory", json!(1_u64 << 40))), "too much memory");
    check(plugin.create(|document| document["Labels"] = json!({ "homeport.plugin": "other" })), "another's label");
    check(
        plugin.create(|document| document["NetworkingConfig"] = json!({ "EndpointsConfig": { "host": {} } })),
        "host",
    );
    check(plugin.create(|document| document["Future"] = json!(1)), "a field of tomorrow");
    let twice = format!(r#"{{"Image":"{IMAGE}","HostConfig":{{}},"hostconfig":{{"Privileged":true}}}}"#);
    check(plugin.raw("POST", "/containers/create", &twice), "a field in another case");
    check(plugin.raw("POST", &format!("/containers/{own}/start"), r#"{"Binds":["/:/h"]}"#), "settings at the start");
    check(
        plugin.raw("POST", &format!("/containers/{own}/exec"), r#"{"Cmd":["id"],"Privileged":true}"#),
        "privileged exec",
    );
    check(
        plugin.raw("POST", "/volumes/create", r#"{"DriverOpts":{"type":"none","o":"bind","device":"/"}}"#),
        "a volume of the host's",
    );
    check(plugin.raw("POST", "/networks/create", r#"{"Name":"x","Driver":"macvlan"}"#), "a network of the host's");
    check(
        plugin.raw("POST", "/networks/create", r#"{"Name":"x","IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}}"#),
        "a subnet",
    );
    // Calls and spellings.
    for (method, path) in [
        ("POST", "/build"),
        ("POST", "/images/load"),
        ("GET", "/images/get?names=x"),
        ("POST", "/commit?container=x"),
        ("POST", "/images/create?fromImage=evil.example/x&tag=1"),
        ("POST", "/images/create?fromSrc=-&repo=x"),
        ("DELETE", "/images/x"),
        ("POST", "/images/prune"),
        ("GET", "/system/df"),
        ("POST", "/auth"),
        ("GET", "/swarm"),
        ("POST", "/swarm/init"),
        ("POST", "/session"),
        ("GET", "/plugins"),
        ("GET", "/secrets"),
        ("POST", "/services/create"),
        ("GET", "/distribution/x/json"),
        ("GET", "/containers/x/attach/ws"),
        ("POST", "/containers/x/update"),
        ("GET", "//containers/json"),
        ("GET", "/containers/../info"),
        ("GET", "/containers/%2e%2e/info"),
        ("GET", "/containers/x%2f..%2fy/json"),
        ("GET", "/v1.41/v1.41/containers/json"),
        ("GET", "/v1/containers/json"),
        ("GET", "/containers/json?filters=x"),
        ("GET", "/containers/json?filters={%22since%22:[%22x%22]}"),
        ("GET", "/containers/json?all=1&all=0"),
        ("GET", "/containers/json?other=1"),
        ("GET", "/Containers/json"),
        ("OPTIONS", "/containers/json"),
        ("PATCH", "/containers/json"),
    ] {
        check(plugin.raw(method, path, ""), path);
    }
    assert!(refused >= 80, "only {refused} were tried");
    assert_eq!(docker(&["inspect", "--format", "{{.State.Running}}", &foreign]), "true");

    // What is there already stays the bound.
    for index in 0..3 {
        plugin.good(&["create", "--name", &plugin.world.name(&format!("more{index}")), IMAGE]);
    }
    assert!(plugin.docker(&["create", IMAGE]).unwrap_err().contains("as many as it may"));
    // Also for those who ask for several at once.
    docker(&["rm", "-f", &plugin.world.name("more0")]);
    let made = std::thread::scope(|scope| {
        let create = || plugin.docker(&["create", IMAGE]).is_ok();
        let tries: Vec<_> = (0..6).map(|_| scope.spawn(create)).collect();
        tries.into_iter().map(|each| usize::from(each.join().unwrap())).sum::<usize>()
    });
    assert_eq!(made, 1);
    let network = |index: usize| plugin.docker(&["network", "create", &plugin.world.name(&format!("many{index}"))]);
    assert_eq!((0..10).filter(|index| network(*index).is_ok()).count(), 8);

    // Rights that are taken back are gone within a second, and requests under way with them.
    let list = plugin.world.directory.path().join("configs/base/api.json");
    std::fs::write(list, r#"{"Plugins":[]}"#).unwrap();
    until(|| UnixStream::connect(&plugin.socket).is_err());
}

/// A program in another's container, that is not started.
fn docker_exec(container: &str) -> String {
    let address = crate::world::engine();
    let mut stream = UnixStream::connect(address.strip_prefix("unix://").unwrap()).unwrap();
    let body = r#"{"Cmd":["id"]}"#;
    let head = format!(
        "POST /containers/{container}/exec HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json"
    );
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split("\"Id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn foreign_image() -> String {
    docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE])
}
