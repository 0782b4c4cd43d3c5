//! `homeport history show`

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    cli::{Session, api, output},
    command::Remote,
};

/// How far back an operation is looked for by the beginning of its id.
const LOOK_BACK: u32 = 500;

/// Which one.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Its id, or the beginning of it
    operation: String,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Prints its document: there is no better form for all of it.
pub(super) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let id = whole_id(session, &arguments.operation).await?;
    output::json(&session.api.get(&format!("/api/operations/{}", api::encode(&id))).await?)
}

async fn whole_id(session: &Session, beginning: &str) -> anyhow::Result<String> {
    if beginning.len() >= 36 {
        return Ok(beginning.to_owned());
    }
    let document = session.api.get(&format!("/api/operations?limit={LOOK_BACK}")).await?;
    let page: api::Operations = session.api.typed(&document)?;
    let mut found = page.operations.into_iter().filter(|one| one.operation_id.starts_with(beginning));
    let first = found
        .next()
        .with_context(|| format!("nothing that has ended begins with {beginning}; `homeport history` shows the ids"))?;
    if found.next().is_some() {
        bail!("several operations begin with {beginning}; write more of the id");
    }
    Ok(first.operation_id)
}
