//! `/plugins_api` and `/plugin`: plugins are listed, installed, changed and removed.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use homeport_plugin_manifest::Entry;
use homeport_proto::docker::v1::{Consent, GetComposePathsRequest, SetComposePathsRequest};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    app::App,
    extract::Verbatim,
    gate::Caller,
    middleware::moved,
    plugin::lifecycle::{self, Agreement, Outcome},
    problem::Problem,
    upstream::of_docker,
};

type Answer = Result<Response, Problem>;

/// How to agree, to an entry and to what an update brings, whose request has no body.
const AGAIN: &str = "nothing was started; to agree, send the request again with these Concerns as Confirm";
const NEWER: &str =
    "nothing was changed; to agree, put the plugin's entry with these Concerns as Confirm, and update again";

/// `GET /plugins_api`.
pub(super) async fn slash() -> Response {
    moved("/plugins_api/", None)
}

/// `GET /plugins_api/`.
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer {
    Ok(line(StatusCode::OK, &lifecycle::list(&app).await?.into()))
}

/// `PUT /plugins_api/{name}`: the body is the whole entry. `Confirm` in it agrees to what its containers ask for.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    caller: Caller,
    Verbatim(body): Verbatim,
) -> Answer {
    let (entry, said) = entry(body)?;
    let name = name.trim();
    if !entry.install_token_path().is_empty() {
        // Its scopes may reach further than those of the caller.
        caller.require_unscoped()?;
    }
    let is_agreement = !said.concerns.is_empty() || said.unscoped_token;
    if is_agreement || (!entry.git_url().is_empty() && !only_switches(&app, name, &entry).await?) {
        caller.require_password()?;
        app.gate.require_factor(&app.upstream, &caller).await?;
    }
    Ok(outcome(lifecycle::put(&app, name, entry, said).await?))
}

/// `DELETE /plugins_api/{name}`. A body is of no matter.
pub(super) async fn delete(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer {
    Ok(line(StatusCode::OK, &lifecycle::delete(&app, name.trim().to_owned()).await?.into()))
}

/// `PUT /plugins_api/{name}/restart`.
pub(super) async fn restart(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<(), Problem> {
    lifecycle::restart(&app, name.trim().to_owned()).await
}

/// `PUT /plugins_api/{name}/update_container`.
pub(super) async fn update(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer {
    let updated = lifecycle::update(&app, name.trim().to_owned()).await?;
    if let Some(consent) = updated.refused {
        return Ok(refused(&consent, NEWER));
    }
    let body = json!({
        "Updated": updated.git_updated || updated.image_updated,
        "GitUpdated": updated.git_updated,
        "ImageUpdated": updated.image_updated,
    });
    Ok(line(StatusCode::OK, &body))
}

/// `GET /plugin/custom_compose_paths`.
pub(super) async fn compose_paths(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    caller.require_password()?;
    let paths = of_docker(app.upstream.plugins().get_compose_paths(GetComposePathsRequest {}).await)?.paths;
    Ok(line(StatusCode::OK, &paths.into()))
}

/// `PUT /plugin/custom_compose_paths`.
pub(super) async fn set_compose_paths(
    State(app): State<Arc<App>>,
    caller: Caller,
    Verbatim(body): Verbatim,
) -> Result<(), Problem> {
    caller.require_password()?;
    let paths: Vec<String> = serde_json::from_value(body)
        .map_err(|error| Problem::bad_request(format!("invalid request body: {error}; it is a list of texts")))?;
    let mut plugins = app.upstream.plugins();
    app.finish(async move { of_docker(plugins.set_compose_paths(SetComposePathsRequest { paths }).await) })
        .await
        .map(drop)
}

/// `PUT /plugin/download_info`: what would be installed, and what it asks for.
pub(super) async fn download(State(app): State<Arc<App>>, caller: Caller, Verbatim(body): Verbatim) -> Answer {
    caller.require_password()?;
    let (entry, consent) = lifecycle::download(&app, url(&body)?).await?;
    let mut answer = entry.to_json();
    let is_default = entry.runtime() == "default";
    answer["RuntimeReady"] = is_default.into();
    if !is_default {
        answer["RuntimeUnavailableReason"] = format!("there is no runtime {} here", entry.runtime()).into();
        answer["FallbackRuntime"] = "default".into();
        answer["FallbackComposeFilePath"] = entry.compose_file_path().into();
    }
    answer["Concerns"] = consent.concerns.into();
    answer["Score"] = consent.score.into();
    Ok(line(StatusCode::OK, &answer))
}

/// `PUT /plugin/complete_install`: the entry as the person confirmed it.
pub(super) async fn install(State(app): State<Arc<App>>, caller: Caller, Verbatim(body): Verbatim) -> Answer {
    caller.require_password()?;
    let (entry, said) = entry(body)?;
    Ok(outcome(lifecycle::install(&app, entry, said).await?))
}

/// `PUT /plugin/install_user_url`: both at once, for a plugin that asks for nothing.
pub(super) async fn install_url(State(app): State<Arc<App>>, caller: Caller, Verbatim(body): Verbatim) -> Answer {
    caller.require_password()?;
    let (entry, consent) = lifecycle::download(&app, url(&body)?).await?;
    if !consent.concerns.is_empty() {
        return Ok(refused(&consent, AGAIN));
    }
    Ok(outcome(lifecycle::install(&app, entry, Agreement::default()).await?))
}

/// `GET /plugins`.
pub(super) async fn former_list(app: State<Arc<App>>, caller: Caller) -> Answer {
    caller.require_unscoped()?;
    list(app).await
}

/// `PUT /plugins/{name}`.
pub(super) async fn former_put(app: State<Arc<App>>, name: Path<String>, caller: Caller, body: Verbatim) -> Answer {
    caller.require_unscoped()?;
    put(app, name, caller, body).await
}

/// `DELETE /plugins/{name}`.
pub(super) async fn former_delete(app: State<Arc<App>>, name: Path<String>, caller: Caller) -> Answer {
    caller.require_unscoped()?;
    delete(app, name).await
}

/// Whether an entry is as it is listed, but for whether it is enabled.
async fn only_switches(app: &App, name: &str, entry: &Entry) -> Result<bool, Problem> {
    let former = match lifecycle::find(app, name).await? {
        Some(former) => Some(former),
        None => lifecycle::find(app, entry.name()).await?,
    };
    Ok(former.is_some_and(|former| former.differs_at_most_in_enabled(entry)))
}

/// The entry of a body, and what was said beside it.
fn entry(mut body: Value) -> Result<(Entry, Agreement), Problem> {
    let mut said = Agreement::default();
    if let Some(map) = body.as_object_mut() {
        let mut take = |key: &str| {
            let spelled = map.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned();
            spelled.and_then(|key| map.remove(&key))
        };
        if let Some(concerns) = take("Confirm") {
            said.concerns = serde_json::from_value(concerns)
                .map_err(|_| Problem::bad_request("Confirm is the list of Concerns, as it was shown"))?;
        }
        said.unscoped_token = take("ConfirmUnscopedToken") == Some(Value::Bool(true));
        // What `download_info` added is no part of the entry.
        for key in [
            "RuntimeReady",
            "RuntimeUnavailableReason",
            "FallbackRuntime",
            "FallbackComposeFilePath",
            "Concerns",
            "Score",
        ] {
            take(key);
        }
    }
    let entry = Entry::read(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok((entry, said))
}

fn url(body: &Value) -> Result<String, Problem> {
    let url = body.as_str().filter(|url| !url.is_empty());
    url.map(str::to_owned).ok_or_else(|| Problem::bad_request("the body is a JSON text: the address of a repository"))
}

fn outcome(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Done(entries) => line(StatusCode::OK, &entries.into()),
        Outcome::Refused(consent) => refused(&consent, AGAIN),
    }
}

/// The list that somebody has to agree to, for people and for programs.
fn refused(consent: &Consent, message: &str) -> Response {
    let body = json!({
        "error": "consent_required",
        "Concerns": consent.concerns,
        "Score": consent.score,
        "message": message,
    });
    line(StatusCode::CONFLICT, &body)
}

fn line(status: StatusCode, body: &Value) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, content_type)], format!("{body}\n")).into_response()
}
