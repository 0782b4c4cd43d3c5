//! Plugins come, change and go: what docker-agent does with their files and containers, and auth with their tokens, in the
//! order in which a failure leaves least behind.

use std::{sync::Arc, time::Duration};

use homeport_plugin_manifest::Entry;
use homeport_proto::{
    auth::v1::{CreateTokenRequest, DeleteTokenRequest, TokenKind, TokenName},
    docker::v1::{
        Consent, DeletePluginRequest, DownloadPluginRequest, InstallPluginRequest, ListPluginsRequest,
        PutPluginRequest, RestartPluginRequest, UpdatePluginRequest, UpdatePluginResponse, WriteInstallTokenRequest,
    },
};
use serde_json::Value;

use crate::{
    app::App,
    problem::{Kind, Problem},
    upstream::{of_auth, of_docker, within},
};

/// How long compose, git and registries may take together.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What a person said beside the entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreement {
    /// The concerns that were agreed to.
    pub(crate) concerns: Vec<String>,
    /// That the plugin's token may do everything.
    pub(crate) unscoped_token: bool,
}

/// What came of a change.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All entries as they are now.
    Done(Vec<Value>),
    /// Somebody has to agree to this first.
    Refused(Consent),
}

/// All entries.
pub(crate) async fn list(app: &App) -> Result<Vec<Value>, Problem> {
    let request = within(PATIENCE, ListPluginsRequest {});
    Ok(values(&of_docker(app.upstream.plugins().list_plugins(request).await)?.entries_json))
}

/// The entry of a name, if there is one.
pub(crate) async fn find(app: &App, name: &str) -> Result<Option<Entry>, Problem> {
    let entries: Vec<Entry> = list(app).await?.iter().filter_map(|value| Entry::read(value).ok()).collect();
    let exact = entries.iter().find(|entry| entry.name() == name);
    Ok(exact.or_else(|| entries.iter().find(|entry| entry.name().eq_ignore_ascii_case(name))).cloned())
}

/// Adds or replaces an entry, and starts or stops it.
pub(crate) async fn put(app: &Arc<App>, name: &str, entry: Entry, said: Agreement) -> Result<Outcome, Problem> {
    let request =
        PutPluginRequest { name: name.to_owned(), entry_json: entry.to_json().to_string(), confirmed: said.concerns };
    let work = Arc::clone(app);
    app.finish(async move {
        let put = of_docker(work.upstream.plugins().put_plugin(within(PATIENCE, request)).await)?;
        if let Some(consent) = put.refused {
            return Ok(Outcome::Refused(consent));
        }
        let former = put.former_json.and_then(|text| read(&text));
        if let Some(former) = former.filter(|former| !former.install_token_path().is_empty()) {
            follow(&work, &former, &entry, said.unscoped_token).await?;
        }
        saved(put.problem, &put.entries_json)
    })
    .await
}

/// What is saved is one thing, and whether its containers are as it says another.
fn saved(problem: String, entries_json: &[String]) -> Result<Outcome, Problem> {
    if problem.is_empty() {
        Ok(Outcome::Done(values(entries_json)))
    } else {
        Err(Problem::new(Kind::Internal, problem))
    }
}

/// Removes a plugin with its containers, networks and token. The token ends first, whatever becomes of the rest, and what
/// fails is done by asking again.
pub(crate) async fn delete(app: &Arc<App>, name: String) -> Result<Vec<Value>, Problem> {
    let work = Arc::clone(app);
    app.finish(async move {
        if let Some(entry) = find(&work, &name).await? {
            withdraw(&work, &entry).await?;
        }
        let request = within(PATIENCE, DeletePluginRequest { name });
        let deleted = of_docker(work.upstream.plugins().delete_plugin(request).await)?;
        Ok(values(&deleted.entries_json))
    })
    .await
}

/// Restarts a plugin that is enabled and managed; leaves others alone.
pub(crate) async fn restart(app: &Arc<App>, name: String) -> Result<(), Problem> {
    let work = Arc::clone(app);
    app.finish(async move {
        let request = within(PATIENCE, RestartPluginRequest { name });
        of_docker(work.upstream.plugins().restart_plugin(request).await).map(drop)
    })
    .await
}

/// Fetches a plugin's repository and images again.
pub(crate) async fn update(app: &Arc<App>, name: String) -> Result<UpdatePluginResponse, Problem> {
    let work = Arc::clone(app);
    app.finish(async move {
        let request = within(PATIENCE, UpdatePluginRequest { name });
        of_docker(work.upstream.plugins().update_plugin(request).await).map_err(elsewhere)
    })
    .await
}

/// Fetches a repository and tells what it is.
pub(crate) async fn download(app: &Arc<App>, git_url: String) -> Result<(Entry, Consent), Problem> {
    let work = Arc::clone(app);
    app.finish(async move {
        let request = within(PATIENCE, DownloadPluginRequest { git_url });
        let answer = of_docker(work.upstream.plugins().download_plugin(request).await).map_err(elsewhere)?;
        let entry = read(&answer.entry_json)
            .ok_or_else(|| Problem::new(Kind::Internal, "docker-agent named no plugin; its log has the details"))?;
        Ok((entry, answer.consent.unwrap_or_default()))
    })
    .await
}

/// Takes a downloaded plugin in: lists it, gives it its token, and starts it if its entry says so.
pub(crate) async fn install(app: &Arc<App>, entry: Entry, said: Agreement) -> Result<Outcome, Problem> {
    check_token(&entry, said.unscoped_token)?;
    let work = Arc::clone(app);
    app.finish(async move {
        let mut plugins = work.upstream.plugins();
        let request =
            InstallPluginRequest { entry_json: entry.to_json().to_string(), confirmed: said.concerns.clone() };
        let installed = of_docker(plugins.install_plugin(within(PATIENCE, request)).await).map_err(elsewhere)?;
        if let Some(consent) = installed.refused {
            return Ok(Outcome::Refused(consent));
        }
        let listed = read(&installed.entry_json).unwrap_or(entry.clone());
        if !listed.install_token_path().is_empty() {
            issue(&work, &listed, said.unscoped_token).await?;
        }
        if entry.enabled() {
            let request = PutPluginRequest {
                name: listed.name().to_owned(),
                entry_json: listed.with_enabled(true).to_json().to_string(),
                confirmed: Vec::new(),
            };
            let put = of_docker(plugins.put_plugin(within(PATIENCE, request)).await)?;
            return match put.refused {
                Some(consent) => Ok(Outcome::Refused(consent)),
                None => saved(put.problem, &put.entries_json),
            };
        }
        Ok(Outcome::Done(list(&work).await?))
    })
    .await
}

/// Keeps the token of a plugin to what its entry says now.
async fn follow(app: &App, former: &Entry, entry: &Entry, may_be_unscoped: bool) -> Result<(), Problem> {
    let is_another = subject(former) != subject(entry);
    if is_another || entry.install_token_path().is_empty() {
        withdraw(app, former).await?;
    }
    let place = |entry: &Entry| (entry.install_token_path().to_owned(), entry.scoped_paths());
    if !entry.install_token_path().is_empty() && (is_another || place(former) != place(entry)) {
        issue(app, entry, may_be_unscoped).await?;
    }
    Ok(())
}

fn check_token(entry: &Entry, may_be_unscoped: bool) -> Result<(), Problem> {
    if entry.install_token_path().is_empty() || !entry.scoped_paths().is_empty() || may_be_unscoped {
        return Ok(());
    }
    let name = entry.name();
    Err(Problem::new(
        Kind::Conflict,
        format!(
            "plugin {name} wants a token without ScopedPaths, which may do everything; name its paths, or agree with \
             \"ConfirmUnscopedToken\": true"
        ),
    ))
}

/// Makes the token of a plugin and has it written to where its entry says. A former one ends.
async fn issue(app: &App, entry: &Entry, may_be_unscoped: bool) -> Result<(), Problem> {
    check_token(entry, may_be_unscoped)?;
    withdraw(app, entry).await?;
    let request = CreateTokenRequest {
        name: format!("{}-install-token", entry.name()),
        scopes: entry.scoped_paths(),
        kind: TokenKind::Plugin.into(),
        subject: subject(entry).to_owned(),
        unscoped: may_be_unscoped,
        ..Default::default()
    };
    let made = of_auth(app.upstream.tokens().create_token(request).await)?;
    let request = WriteInstallTokenRequest { name: entry.name().to_owned(), token: made.secret };
    let written = of_docker(app.upstream.plugins().write_install_token(within(PATIENCE, request)).await);
    if written.is_err() {
        // Nobody has it.
        withdraw(app, entry).await?;
    }
    written.map(drop)
}

/// Ends the token of a plugin, if there is one.
async fn withdraw(app: &App, entry: &Entry) -> Result<(), Problem> {
    let name = TokenName { kind: TokenKind::Plugin.into(), subject: subject(entry).to_owned(), ..Default::default() };
    let request = DeleteTokenRequest { token: Some(name), ..Default::default() };
    match of_auth(app.upstream.tokens().delete_token(request).await) {
        Err(problem) if problem.kind() != Kind::NotFound => Err(problem),
        _ => {
            app.gate.forget();
            Ok(())
        }
    }
}

/// What a plugin's token belongs to.
fn subject(entry: &Entry) -> &str {
    if entry.uri().is_empty() { entry.name() } else { entry.uri() }
}

/// What waits for something outside of this machine is nobody's fault here.
fn elsewhere(problem: Problem) -> Problem {
    if problem.kind() == Kind::Unavailable { problem.with_kind(Kind::BadGateway) } else { problem }
}

fn read(text: &str) -> Option<Entry> {
    Entry::read(&serde_json::from_str(text).ok()?).ok()
}

fn values(texts: &[String]) -> Vec<Value> {
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}
