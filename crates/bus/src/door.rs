//! What the clients of one socket may do.

use std::sync::Arc;

use tokio::net::unix::UCred;
use tonic::{Request, Status, transport::server::UdsConnectInfo};

use crate::{
    broker::{Broker, Filter, Origin, Protocol},
    config::ClientSection,
};

/// A socket, as far as it has limits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Door {
    limits: Option<Arc<Limits>>,
}

#[derive(Debug)]
struct Limits {
    socket: Arc<str>,
    publish: Vec<String>,
    subscribe: Arc<[String]>,
}

impl Door {
    /// The socket of one client.
    pub(crate) fn of(client: &ClientSection) -> Self {
        let socket = client.socket.display().to_string().into();
        let (publish, subscribe) = (client.publish.clone(), client.subscribe.clone().into());
        Self { limits: Some(Arc::new(Limits { socket, publish, subscribe })) }
    }

    /// Whether its clients may do everything.
    pub(crate) const fn is_open(&self) -> bool {
        self.limits.is_none()
    }

    /// A name that no client of another socket can use.
    pub(crate) fn own(&self, name: &str) -> String {
        match &self.limits {
            None => name.replace('\n', " "),
            Some(limits) => format!("{}\n{}", limits.socket, name.replace('\n', " ")),
        }
    }

    pub(crate) fn origin(&self, protocol: Protocol, peer: Option<UCred>) -> Origin {
        Origin {
            protocol,
            pid: peer.and_then(|peer| peer.pid()),
            uid: peer.map(|peer| peer.uid()),
            socket: self.limits.as_ref().map(|limits| Arc::clone(&limits.socket)).unwrap_or_default(),
        }
    }

    /// Whether its clients may publish this; counted if not.
    pub(crate) fn may_publish(&self, broker: &Broker, topic: &str) -> bool {
        let Some(limits) = &self.limits else { return true };
        let may = begins(topic, &limits.publish);
        if !may {
            broker.deny(&limits.socket, "publish", topic);
        }
        may
    }

    /// The filter of `pubservice` as far as its clients may see: one that reaches into the value reaches other topics too.
    pub(crate) fn joined(&self, prefix: String) -> Filter {
        match &self.limits {
            None => Filter::Joined(prefix),
            Some(limits) => Filter::JoinedWithin(prefix, Arc::clone(&limits.subscribe)),
        }
    }

    /// Whether its clients may have what this filter asks for; counted if not.
    pub(crate) fn may_subscribe(&self, broker: &Broker, filter: &Filter) -> bool {
        let Some(limits) = &self.limits else { return true };
        let everything = [String::new()];
        let prefixes = if filter.prefixes().is_empty() { &everything[..] } else { filter.prefixes() };
        let denied = prefixes.iter().find(|prefix| !begins(prefix, &limits.subscribe));
        if let Some(prefix) = denied {
            broker.deny(&limits.socket, "subscribe", prefix);
        }
        denied.is_none()
    }

    /// [`Door::may_publish`] as gRPC says it.
    pub(crate) fn publish(&self, broker: &Broker, topic: &str) -> Result<(), Status> {
        self.may_publish(broker, topic).then_some(()).ok_or_else(|| denied("publish", topic))
    }

    /// [`Door::may_subscribe`] as gRPC says it.
    pub(crate) fn subscribe(&self, broker: &Broker, filter: &Filter) -> Result<(), Status> {
        self.may_subscribe(broker, filter).then_some(()).ok_or_else(|| denied("subscribe to", filter.prefix()))
    }

    /// Refuses what only clients of the common socket may see.
    pub(crate) fn open(&self) -> Result<(), Status> {
        let refused = || Status::permission_denied("this socket is for one client; ask on the common one");
        self.is_open().then_some(()).ok_or_else(refused)
    }
}

fn denied(action: &str, topic: &str) -> Status {
    Status::permission_denied(format!("this socket may not {action} {topic}; configs/bus.toml says what it may"))
}

fn begins(text: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix))
}

/// Who is calling.
pub(crate) fn peer<T>(request: &Request<T>) -> Option<UCred> {
    request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred)
}
