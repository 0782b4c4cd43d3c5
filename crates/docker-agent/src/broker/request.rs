//! A request as the broker understands it: which call of the engine's API it is, on which object, with which parameters.

use hyper::Method;
use serde_json::Value;

use super::{
    container,
    manifest::Grant,
    ownership::Names,
    query::{self, Query, decode, escape},
    resource::{self, is_name},
    rules::Refusal,
};

/// The kinds of objects that belong to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Container,
    Network,
    Volume,
    /// A program that runs in a container; it belongs to whom the container belongs to.
    Exec,
}

/// Looks at a document, changes what is to be changed, and says which objects it names.
pub(super) type Judge = fn(&Grant, &mut Value) -> Result<Names, Refusal>;

/// What the request may carry.
#[derive(Clone, Copy)]
pub(super) enum Body {
    Nothing,
    Json(Judge),
    /// Files for the plugin's own container.
    Stream,
}

/// What is done with the engine's answer, or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// It passes.
    Pass,
    /// It may become a conversation.
    Hijack,
    /// A container is made: there may be so many of them.
    CreateContainer,
    /// A network is made: likewise.
    CreateNetwork,
    /// A volume is made: likewise, and one of that name that is another's must not be taken for it.
    CreateVolume,
    /// The list is asked for with the plugin's label, and looked through again.
    List,
    /// Only images that the manifest names are shown.
    ListImages,
    /// Only what a client has to know of the engine is shown.
    Info,
}

/// A call that the rules allow, so far as it can be told without the engine and without the body.
pub(super) struct Call {
    pub(super) method: Method,
    /// `/v1.45`, or nothing.
    version: String,
    /// Segments, decoded.
    segments: Vec<String>,
    /// Which of the segments is the name of an object.
    pub(super) object: Option<(usize, Kind)>,
    pub(super) query: Query,
    pub(super) body: Body,
    pub(super) work: Work,
}

/// Reads the head of a request.
pub(super) fn parse(grant: &Grant, method: &Method, path: &str, query: &str) -> Result<Call, Refusal> {
    let mut segments = path
        .strip_prefix('/')
        .ok_or("the path does not begin with a slash")?
        .split('/')
        .map(|segment| decode(segment, false))
        .collect::<Result<Vec<_>, _>>()?;
    if segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..") || segment.contains(['/', '\\'])) {
        return Err("the path is not clean".to_owned());
    }
    let version = if segments.first().is_some_and(|first| is_version(first)) {
        format!("/{}", segments.remove(0))
    } else {
        String::new()
    };
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let route = route(method, &parts).ok_or("this call is not served to plugins")?;
    if let Some((at, _)) = route.object
        && !is_name(parts[at])
    {
        return Err(format!("{:?} is no name", parts[at]));
    }
    let mut query = query::parse(query, route.query)?;
    match (route.work, &parts[..]) {
        (Work::List, _) => super::filter::restrict(&mut query, &grant.plugin)?,
        (_, ["images", "create"]) => pulled(grant, &query)?,
        (_, ["images", name @ .., _]) if route.work == Work::Pass => {
            let name = name.join("/");
            if !grant.allows_image(&name) {
                return Err(format!("image {name:?} is not among the manifest's Images"));
            }
        }
        (Work::CreateContainer, _) | (_, ["containers", _, "rename"]) => named(&query)?,
        _ => {}
    }
    let Route { object, body, work, .. } = route;
    Ok(Call { method: method.clone(), version, object, query, body, work, segments })
}

fn is_version(segment: &str) -> bool {
    let parts = segment.strip_prefix('v').and_then(|version| version.split_once('.'));
    let number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(major, minor)| number(major) && number(minor))
}

/// Only the images that the manifest names are pulled, and nothing else is made into an image.
fn pulled(grant: &Grant, query: &Query) -> Result<(), Refusal> {
    let text = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let (image, tag) = (text("fromImage"), text("tag"));
    let name = match tag {
        "" if image.rsplit('/').next().is_some_and(|last| last.contains([':', '@'])) => image.to_owned(),
        // The engine would pull all of them.
        "" => return Err("a tag is needed".to_owned()),
        tag if tag.contains(':') => format!("{image}@{tag}"),
        tag => format!("{image}:{tag}"),
    };
    if grant.allows_image(&name) { Ok(()) } else { Err(format!("image {name:?} is not among the manifest's Images")) }
}

fn named(query: &Query) -> Result<(), Refusal> {
    match query.iter().find(|(name, _)| name == "name") {
        Some((_, name)) if !is_name(name.strip_prefix('/').unwrap_or(name)) => Err(format!("{name:?} is no name")),
        _ => Ok(()),
    }
}

struct Route {
    object: Option<(usize, Kind)>,
    query: &'static [&'static str],
    body: Body,
    work: Work,
}

impl Route {
    const fn new(query: &'static [&'static str]) -> Self {
        Self { object: None, query, body: Body::Nothing, work: Work::Pass }
    }

    const fn of(kind: Kind, query: &'static [&'static str]) -> Self {
        Self { object: Some((1, kind)), query, body: Body::Nothing, work: Work::Pass }
    }

    const fn body(self, judge: Judge) -> Self {
        Self { body: Body::Json(judge), ..self }
    }

    const fn work(self, work: Work) -> Self {
        Self { work, ..self }
    }
}

/// Every call that there is for plugins. What is not here is refused.
#[expect(clippy::match_same_arms, reason = "a line for each call, whatever another one takes")]
fn route(method: &Method, parts: &[&str]) -> Option<Route> {
    use Kind::{Container, Exec, Network, Volume};
    const FILTERS: &[&str] = &["filters"];
    Some(match (method.as_str(), parts) {
        ("GET" | "HEAD", ["_ping"]) | ("GET", ["version"]) => Route::new(&[]),
        ("GET", ["info"]) => Route::new(&[]).work(Work::Info),
        ("GET", ["events"]) => Route::new(&["since", "until", "filters"]).work(Work::List),

        ("GET", ["containers", "json"]) => Route::new(&["all", "limit", "size", "filters"]).work(Work::List),
        ("POST", ["containers", "create"]) => {
            Route::new(&["name", "platform"]).body(container::judge).work(Work::CreateContainer)
        }
        ("POST", ["containers" | "volumes" | "networks", "prune"]) => Route::new(FILTERS).work(Work::List),
        ("GET", ["containers", _, "json"]) => Route::of(Container, &["size"]),
        ("GET", ["containers", _, "top"]) => Route::of(Container, &["ps_args"]),
        ("GET", ["containers", _, "logs"]) => {
            Route::of(Container, &["follow", "stdout", "stderr", "since", "until", "timestamps", "tail", "details"])
        }
        ("GET", ["containers", _, "changes" | "export"]) => Route::of(Container, &[]),
        ("GET", ["containers", _, "stats"]) => Route::of(Container, &["stream", "one-shot"]),
        ("POST", ["containers" | "exec", _, "resize"]) => {
            let kind = if parts[0] == "exec" { Exec } else { Container };
            Route::of(kind, &["h", "w"])
        }
        ("POST", ["containers", _, "start"]) => Route::of(Container, &["detachKeys"]),
        ("POST", ["containers", _, "stop" | "restart"]) => Route::of(Container, &["signal", "t"]),
        ("POST", ["containers", _, "kill"]) => Route::of(Container, &["signal"]),
        ("POST", ["containers", _, "rename"]) => Route::of(Container, &["name"]),
        ("POST", ["containers", _, "pause" | "unpause"]) => Route::of(Container, &[]),
        ("POST", ["containers", _, "wait"]) => Route::of(Container, &["condition"]),
        ("POST", ["containers", _, "attach"]) => {
            Route::of(Container, &["detachKeys", "logs", "stream", "stdin", "stdout", "stderr"]).work(Work::Hijack)
        }
        ("DELETE", ["containers", _]) => Route::of(Container, &["v", "force", "link"]),
        ("GET" | "HEAD", ["containers", _, "archive"]) => Route::of(Container, &["path"]),
        ("PUT", ["containers", _, "archive"]) => {
            let route = Route::of(Container, &["path", "noOverwriteDirNonDir", "copyUIDGID"]);
            Route { body: Body::Stream, ..route }
        }
        ("POST", ["containers", _, "exec"]) => Route::of(Container, &[]).body(resource::exec),
        ("POST", ["exec", _, "start"]) => Route::of(Exec, &[]).body(resource::exec_start).work(Work::Hijack),
        ("GET", ["exec", _, "json"]) => Route::of(Exec, &[]),

        ("GET", ["images", "json"]) => Route::new(&["all", "digests", "shared-size"]).work(Work::ListImages),
        ("POST", ["images", "create"]) => Route::new(&["fromImage", "tag", "platform"]),
        ("GET", ["images", .., "json"]) => Route::new(&["manifests", "platform"]),

        ("GET", ["networks"]) => Route::new(FILTERS).work(Work::List),
        ("POST", ["networks", "create"]) => Route::new(&[]).body(resource::network).work(Work::CreateNetwork),
        ("GET", ["networks", _]) => Route::of(Network, &["verbose", "scope"]),
        ("DELETE", ["networks", _]) => Route::of(Network, &[]),
        ("POST", ["networks", _, "connect"]) => Route::of(Network, &[]).body(resource::connect),
        ("POST", ["networks", _, "disconnect"]) => Route::of(Network, &[]).body(resource::disconnect),

        ("GET", ["volumes"]) => Route::new(FILTERS).work(Work::List),
        ("POST", ["volumes", "create"]) => Route::new(&[]).body(resource::volume).work(Work::CreateVolume),
        ("GET", ["volumes", _]) => Route::of(Volume, &[]),
        ("DELETE", ["volumes", _]) => Route::of(Volume, &["force"]),
        _ => return None,
    })
}

impl Call {
    /// The object's name as the request has it.
    pub(super) fn object_name(&self) -> Option<(Kind, &str)> {
        self.object.map(|(at, kind)| (kind, self.segments[at].as_str()))
    }

    /// Puts the object's id in the place of its name.
    pub(super) fn bind(&mut self, id: String) {
        if let Some((at, _)) = self.object {
            self.segments[at] = id;
        }
    }

    /// The kind of object that it makes.
    pub(super) const fn makes(&self) -> Option<Kind> {
        match self.work {
            Work::CreateContainer => Some(Kind::Container),
            Work::CreateNetwork => Some(Kind::Network),
            Work::CreateVolume => Some(Kind::Volume),
            _ => None,
        }
    }

    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Which list the answer holds.
    pub(super) fn listed(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    /// The path and query as the engine gets them.
    pub(super) fn target(&self) -> String {
        // An image's name keeps its colons and its at sign, and its slashes are segments.
        let segments: Vec<String> =
            self.segments.iter().map(|segment| escape(segment).replace("%3A", ":").replace("%40", "@")).collect();
        let path = format!("{}/{}", self.version, segments.join("/"));
        if self.query.is_empty() { path } else { format!("{path}?{}", query::encode(&self.query)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &Method, target: &str) -> Result<String, Refusal> {
        let grant = Grant {
            plugin: "a".to_owned(),
            images: vec!["alpine:3".parse().unwrap(), "r.io/x/any".parse().unwrap()],
            ports: vec![],
            max_containers: 1,
            max_memory_bytes: 1 << 20,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        parse(&grant, method, path, query).map(|call| call.target())
    }

    #[test]
    fn what_is_understood_is_what_is_sent() {
        for (method, target, expected) in [
            (Method::GET, "/v1.41/containers/web/json?size=1", "/v1.41/containers/web/json?size=1"),
            (Method::GET, "/%63ontainers/w%65b/json", "/containers/web/json"),
            (Method::GET, "/images/r.io/x/any:1/json", "/images/r.io/x/any:1/json"),
            (Method::POST, "/images/create?fromImage=alpine&tag=3", "/images/create?fromImage=alpine&tag=3"),
            (Method::POST, "/images/create?fromImage=alpine:3", "/images/create?fromImage=alpine%3A3"),
        ] {
            assert_eq!(parsed(&method, target).as_deref(), Ok(expected), "{target}");
        }
        let list = parsed(&Method::GET, "/containers/json").unwrap();
        assert!(list.contains("homeport.plugin%3Da"), "{list}");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (method, target) in [
            (Method::POST, "/images/create?fromImage=alpine"),
            (Method::POST, "/images/create?fromImage=alpine&tag=4"),
            (Method::POST, "/images/create?fromImage=evil.io/x/any&tag=1"),
            (Method::POST, "/images/create?tag=3"),
            (Method::GET, "/images/other:1/json"),
            (Method::GET, "/images/r.io/x/../../containers/json"),
            (Method::GET, "/containers/web/../other/json"),
            (Method::GET, "/containers/a%2fb/json"),
            (Method::GET, "/containers/%00/json"),
            (Method::GET, "/containers/-x/json"),
            (Method::GET, "/v1.x/containers/json"),
            (Method::GET, "/containers/json/"),
            (Method::GET, "containers/json"),
            (Method::POST, "/containers/create?name=../x"),
            (Method::POST, "/containers/web/rename?name=a/b"),
            (Method::DELETE, "/containers"),
        ] {
            assert!(parsed(&method, target).is_err(), "{method} {target}");
        }
    }
}
