//! The part of the table that manages plugins.

use super::super::{plugin, ui_session};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

/// An entry of `api.json`.
pub(super) const PLUGIN: &str = r#"{"Name": "hello", "URI": "hello", "UnixPath": "/state/plugins/hello/socket", "Enabled": true, "Plus": false, "GitURL": "", "ComposeFilePath": "plugins/hello/docker-compose.yml", "HasUI": false, "SandboxedUI?": true, "HasTopology": false, "Icon": "", "InstallTokenPath": "", "ScopedPaths?": ["/plugins/hello:r"], "NetworkCapabilities?": {}, "Runtime": "", "AvailableRuntimes?": [""], "OpenAPI?": ""}"#;

/// The same as a body, of which nearly everything may be left out.
const BODY: &str = r#"{"Name": "hello", "URI?": "hello", "UnixPath?": "/state/plugins/hello/socket", "Enabled?": true, "ComposeFilePath?": "plugins/hello/docker-compose.yml", "Confirm?": ["service hello opens port 80 of the host"], "ConfirmUnscopedToken?": false}"#;

const CONSENT: &str =
    "somebody has to agree to `Concerns` first, by sending them again as `Confirm`; nothing was started";
const AWAY: &str = "the repository or a registry does not answer";
const URL: &str = r#""https://example.org/plugin.git""#;
const ALL: Answer = Answer::json(r##"["#Plugin"]"##);
const PASSWORD: &str = "Needs the password with this very request, as `Basic`: what it does is as much as being root.";

/// Every one of them.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/plugins_api", plugin::slash, "Leads to the list of plugins")
            .answers(Answer::Nothing(http::StatusCode::MOVED_PERMANENTLY)),
        Route::get("/plugins_api/", plugin::list, "All plugins").answers(ALL),
        Route::put("/plugins_api/{name}", plugin::put, "Adds or replaces a plugin, and starts or stops its containers")
            .admin()
            .detail(
                "The body is the whole entry; keys that Homeport does not know stay. A changed repository, and `Confirm`, \
                 need the password with this very request, as `Basic`, and the second factor of whoever has one. When containers do not start, the entry is saved \
                 all the same and the answer is 500 with compose's words.",
            )
            .body(BODY)
            .refuses(&[(Kind::Conflict, CONSENT), (Kind::Internal, "it is saved, but its containers are not as it says; compose's words")])
            .answers(ALL),
        Route::delete("/plugins_api/{name}", plugin::delete, "Removes a plugin with containers, networks and token")
            .admin()
            .detail("Data and volumes stay.")
            .refuses(&[(Kind::NotFound, "there is no such plugin")])
            .answers(ALL),
        Route::put("/plugins_api/{name}/restart", plugin::restart, "Restarts the containers of an enabled plugin")
            .answers(Answer::empty()),
        Route::put(
            "/plugins_api/{name}/update_container",
            plugin::update,
            "Fetches a plugin's repository and images again, and starts what is newer",
        )
        .refuses(&[
            (Kind::NotFound, "it is unknown, disabled, or has no compose file"),
            (Kind::Conflict, "the newer version asks for more than was agreed to"),
            (Kind::BadGateway, AWAY),
        ])
        .answers(Answer::json(r#"{"Updated": true, "GitUpdated": true, "ImageUpdated": false}"#)),
        Route::get("/plugin/custom_compose_paths", plugin::compose_paths, "The compose files that may be acted upon")
            .second_factor()
            .whole()
            .detail(PASSWORD)
            .answers(Answer::json(r#"["plugins/hello/docker-compose.yml"]"#)),
        Route::put("/plugin/custom_compose_paths", plugin::set_compose_paths, "Replaces that list")
            .second_factor()
            .whole()
            .detail(PASSWORD)
            .body(r#"["plugins/hello/docker-compose.yml"]"#)
            .answers(Answer::empty()),
        Route::put("/plugin/download_info", plugin::download, "Fetches a repository and tells what it is")
            .second_factor()
            .whole()
            .detail(PASSWORD)
            .body(URL)
            .refuses(&[(Kind::BadGateway, AWAY)])
            .answers(Answer::json(
                r#"{"Name": "hello", "URI": "hello", "ComposeFilePath": "plugins/user/hello/docker-compose.yml", "RuntimeReady": true, "RuntimeUnavailableReason?": "", "FallbackRuntime?": "default", "FallbackComposeFilePath?": "", "Concerns": ["service hello opens port 80 of the host"], "Score": 10}"#,
            )),
        Route::put("/plugin/complete_install", plugin::install, "Installs what was fetched")
            .second_factor()
            .whole()
            .detail(PASSWORD)
            .body(BODY)
            .refuses(&[(Kind::Conflict, CONSENT), (Kind::BadGateway, AWAY)])
            .answers(ALL),
        Route::put("/plugin/install_user_url", plugin::install_url, "Fetches and installs a plugin that asks for nothing")
            .second_factor()
            .whole()
            .detail(PASSWORD)
            .body(URL)
            .refuses(&[(Kind::Conflict, CONSENT), (Kind::BadGateway, AWAY)])
            .answers(ALL),
        Route::put("/plugin/ui_session", ui_session::create, "A token for the page of a plugin, for ten minutes")
            .detail("It reaches `/plugins/<URI>` alone, and acts for whoever asked.")
            .reads()
            .body(r#"{"pluginURI": "hello", "protocolVersion": 1, "replaceSessionId?": ""}"#)
            .refuses(&[
                (Kind::Forbidden, "there is no enabled plugin with a page in a sandbox"),
                (Kind::Conflict, "another `protocolVersion` than 1"),
            ])
            .answers(Answer::Json(
                http::StatusCode::CREATED,
                r#"{"token": "sprui1_x", "sessionId": "1", "pluginURI": "hello", "expiresAt?": 1753264000000, "protocolVersion": 1}"#,
            )),
        Route::delete("/plugin/ui_session/{id}", ui_session::delete, "Ends such a token")
            .reads()
            .answers(Answer::Nothing(http::StatusCode::NO_CONTENT)),
        // As it was before, for credentials that may do everything: others could rewrite what they themselves may do.
        Route::get("/plugins", plugin::former_list, "All plugins, as before SPR 1.2").whole().answers(ALL),
        Route::put("/plugins/{name}", plugin::former_put, "As `PUT /plugins_api/{name}`, as before SPR 1.2")
            .whole()
            .body(BODY)
            .refuses(&[(Kind::Conflict, CONSENT)])
            .answers(ALL),
        Route::delete("/plugins/{name}", plugin::former_delete, "As `DELETE /plugins_api/{name}`, as before SPR 1.2")
            .whole()
            .refuses(&[(Kind::NotFound, "there is no such plugin")])
            .answers(ALL),
    ]
}
