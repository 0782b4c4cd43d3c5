//! `homeport images`, `homeport networks`, `homeport volumes`

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    Session, api, output,
    size::size,
    table::{or_dash, render},
};
use crate::command::Remote;

/// Images, networks or volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Images,
    Networks,
    Volumes,
}

/// What to do with them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    remote: Remote,
}

/// What to do with one of them.
#[derive(Debug, Subcommand)]
enum Command {
    /// Remove some; what Homeport keeps for the way back from an update is refused
    Remove(Remove),
}

/// What goes.
#[derive(Debug, Args)]
struct Remove {
    /// Their ids or names
    #[arg(required = true, value_name = "ID|NAME")]
    names: Vec<String>,
    /// Also what has several names or is used by containers that do not run
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Arguments {
    pub(crate) const fn remote(&self) -> &Remote {
        match &self.command {
            Some(Command::Remove(remove)) => &remove.remote,
            None => &self.remote,
        }
    }
}

/// Shows them, or removes some.
pub(crate) async fn run(session: &Session, kind: Kind, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.command {
        None => list(session, kind).await,
        Some(Command::Remove(wanted)) => remove(session, kind, wanted).await,
    }
}

async fn list(session: &Session, kind: Kind) -> anyhow::Result<()> {
    let document = session.api.get(&format!("/api/{}", kind.path())).await?;
    if session.json {
        return output::json(&document[kind.path()]);
    }
    let list = &document[kind.path()];
    let text = match kind {
        Kind::Images => images(&session.api.typed::<Vec<api::Image>>(list)?),
        Kind::Networks => networks(&session.api.typed::<Vec<api::Network>>(list)?),
        Kind::Volumes => volumes(&session.api.typed::<Vec<api::Volume>>(list)?),
    };
    Ok(output::text(&text)?)
}

async fn remove(session: &Session, kind: Kind, wanted: &Remove) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for name in &wanted.names {
        let path = format!("/api/{}/{}?force={}", kind.path(), api::encode(name), wanted.force);
        let request = session.api.endless_request(Method::DELETE, &path).timeout(super::action::LIMIT);
        documents.push(session.api.data(request).await?);
        if !session.json {
            output::text(&format!("{name} was removed"))?;
        }
    }
    if session.json { output::json(&documents) } else { Ok(()) }
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Networks => "networks",
            Self::Volumes => "volumes",
        }
    }
}

fn images(images: &[api::Image]) -> String {
    let rows = images.iter().map(|image| {
        let used = match (image.kept, image.in_use) {
            (true, _) => "kept for a rollback",
            (false, true) => "in use",
            (false, false) => "unused",
        };
        [short(&image.id), or_dash(Some(&image.tags.join(" "))), size(image.size), used.to_owned()]
    });
    render(["ID", "TAGS", "SIZE", ""], rows)
}

fn networks(networks: &[api::Network]) -> String {
    let rows = networks.iter().map(|network| {
        let users = if network.is_default { "the engine's own".to_owned() } else { network.containers.join(" ") };
        [network.name.clone(), network.driver.clone(), network.scope.clone(), or_dash(Some(&users))]
    });
    render(["NETWORK", "DRIVER", "SCOPE", "CONTAINERS"], rows)
}

fn volumes(volumes: &[api::Volume]) -> String {
    let rows = volumes.iter().map(|volume| {
        let users = if volume.kept { "kept for a rollback".to_owned() } else { volume.containers.join(" ") };
        let size = u64::try_from(volume.size).map_or_else(|_| or_dash(None), size);
        [volume.name.clone(), volume.driver.clone(), size, or_dash(Some(&users))]
    });
    render(["VOLUME", "DRIVER", "SIZE", "CONTAINERS"], rows)
}

/// As docker shows it.
fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables() {
        let list = json!([
            { "id": "sha256:0123456789abcdef", "tags": ["nginx:1", "nginx:latest"], "size": 187_000_000, "in_use": true },
            { "id": "sha256:fedcba9876543210", "tags": [], "size": 5, "dangling": true },
            { "id": "sha256:aaaaaaaaaaaaaaaa", "tags": ["homeport.local/rollback/web:x"], "kept": true },
        ]);
        insta::assert_snapshot!(images(&serde_json::from_value::<Vec<_>>(list).unwrap()), @r"
        ID            TAGS                           SIZE
        0123456789ab  nginx:1 nginx:latest           187 MB  in use
        fedcba987654  –                              5 B     unused
        aaaaaaaaaaaa  homeport.local/rollback/web:x  0 B     kept for a rollback
        ");
        let list = json!([
            { "name": "bridge", "driver": "bridge", "scope": "local", "is_default": true },
            { "name": "front", "driver": "bridge", "scope": "local", "containers": ["db", "web"] },
        ]);
        insta::assert_snapshot!(networks(&serde_json::from_value::<Vec<_>>(list).unwrap()), @r"
        NETWORK  DRIVER  SCOPE  CONTAINERS
        bridge   bridge  local  the engine's own
        front    bridge  local  db web
        ");
        let list = json!([
            { "name": "data", "driver": "local", "size": 2_000, "containers": ["db"] },
            { "name": "new", "driver": "local", "size": -1 },
        ]);
        insta::assert_snapshot!(volumes(&serde_json::from_value::<Vec<_>>(list).unwrap()), @r"
        VOLUME  DRIVER  SIZE    CONTAINERS
        data    local   2.0 kB  db
        new     local   –       –
        ");
    }
}
