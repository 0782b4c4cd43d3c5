//! Where events come from: the bus of this machine, or that of another one through its API.

mod address;
mod follow;
mod pause;
mod remote;
mod replay;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use futures::stream::{BoxStream, StreamExt as _};
use homeport_bus_client::{Event, Since, watch};
use homeport_service::{Secret, config::Environment};
use jiff::Timestamp;

use crate::{arguments::Arguments, say, selection::Selection, socket};

pub(crate) use address::Address;

/// What a follower of events sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// What is published from now on arrives.
    Connected,
    /// An event, and when it happened if that is not now.
    Event(Event, Option<Timestamp>),
    /// Events are missing; why.
    Missing(String),
    /// The bus is away, and asked again after a moment; why.
    Lost(String),
}

/// Where events come from and go to.
#[derive(Debug)]
pub(crate) enum Source {
    /// The bus behind this socket, from a point in the past on if there is one.
    Local { socket: PathBuf, since: Option<Since> },
    /// The API at this address, from a point in the past on if there is one.
    Remote { address: Address, token: Secret<String>, since: Option<Since> },
}

impl Source {
    /// What the command line and the environment say.
    pub(crate) fn choose(arguments: &Arguments, environment: &Environment) -> anyhow::Result<Self> {
        let Some(address) = &arguments.address else {
            let socket = socket::path(environment);
            socket::check(&socket)?;
            return Ok(Self::Local { socket, since: arguments.since });
        };
        let address = Address::parse(address).with_context(|| format!("{address:?} is no host[:port]"))?;
        match environment.get("SPR_API_TOKEN").filter(|token| !token.is_empty()) {
            Some(token) => Ok(Self::Remote { address, token: Secret::new(token.to_owned()), since: arguments.since }),
            None => bail!("-addr needs an API token; set SPR_API_TOKEN to one of {address}"),
        }
    }

    /// Its name for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Local { socket, .. } => socket.display().to_string(),
            Self::Remote { address, .. } => address.to_string(),
        }
    }

    /// Whether nothing is missed while the bus is away.
    pub(crate) const fn resumes(&self) -> bool {
        matches!(self, Self::Local { since: Some(_), .. } | Self::Remote { since: Some(_), .. })
    }

    /// Its events, for as long as they are asked for. An error ends them: asking again would not help.
    pub(crate) fn notices(&self, selection: &Selection) -> BoxStream<'static, anyhow::Result<Notice>> {
        match self {
            Self::Local { socket, since: None } => {
                watch(socket.clone(), selection.common_prefix()).map(|notice| Ok(notice.into())).boxed()
            }
            Self::Local { socket, since: Some(since) } => replay::follow(socket, *since, selection.common_prefix()),
            Self::Remote { address, token, since: None } => remote::follow(address.clone(), token.clone()),
            Self::Remote { address, token, since: Some(since) } => {
                remote::replay(address.clone(), token.clone(), *since, &selection.common_prefix())
            }
        }
    }

    /// Publishes, and waits until the bus has taken it.
    pub(crate) async fn publish(&self, topic: &str, value: &str) -> anyhow::Result<()> {
        match self {
            Self::Local { socket, .. } => {
                if let Some(note) = socket::note(socket) {
                    say(&note);
                }
                Ok(homeport_bus_client::deliver(socket, topic.to_owned(), value.to_owned()).await?)
            }
            Self::Remote { address, token, .. } => remote::publish(address, token, topic, value).await,
        }
    }
}

impl From<homeport_bus_client::Notice> for Notice {
    fn from(notice: homeport_bus_client::Notice) -> Self {
        match notice {
            homeport_bus_client::Notice::Connected => Self::Connected,
            homeport_bus_client::Notice::Event(event) => Self::Event(event, None),
            homeport_bus_client::Notice::Lost(reason) => Self::Lost(reason),
        }
    }
}

/// Tells on standard error how the connection fares. The first time that there is none is an error, unless `patient`.
#[derive(Debug)]
pub(crate) struct Reporter {
    name: String,
    resumes: bool,
    patient: bool,
    connected_before: bool,
}

impl Reporter {
    pub(crate) fn new(source: &Source, patient: bool) -> Self {
        Self { name: source.name(), resumes: source.resumes(), patient, connected_before: false }
    }

    /// The text for a notice that is no event, if it needs one.
    pub(crate) fn text(&mut self, notice: &Notice) -> anyhow::Result<Option<String>> {
        Ok(match notice {
            Notice::Connected if std::mem::replace(&mut self.connected_before, true) => Some(
                if self.resumes { "connected again" } else { "connected again; events of the meantime are missing" }
                    .to_owned(),
            ),
            Notice::Connected | Notice::Event(..) => None,
            Notice::Missing(what) => Some(what.clone()),
            Notice::Lost(reason) if self.connected_before || self.patient => {
                self.connected_before = true;
                Some(format!("the bus is away ({reason}); trying again"))
            }
            Notice::Lost(reason) => bail!("cannot follow the bus at {}: {reason}", self.name),
        })
    }

    /// The same, on standard error.
    pub(crate) fn report(&mut self, notice: &Notice) -> anyhow::Result<()> {
        if let Some(text) = self.text(notice)? {
            say(&text);
        }
        Ok(())
    }
}
