//! docker-agent's part in plugins, in memory.

use homeport_proto::docker::v1::{self as docker, plugin_service_server::PluginService};
use serde_json::Value;
use tonic::{Request, Status};

use super::{Fake, Reply, World, reply};

impl World {
    fn entries(&self) -> Vec<String> {
        self.plugins.lock().unwrap().iter().map(Value::to_string).collect()
    }

    /// What is not agreed to.
    fn refusal(&self, confirmed: &[String]) -> Option<docker::Consent> {
        let concerns = self.concerns.lock().unwrap().clone();
        (concerns != confirmed).then_some(docker::Consent { concerns, score: 40 })
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.plugins.lock().unwrap().iter().position(|entry| entry["Name"] == name)
    }
}

#[tonic::async_trait]
impl PluginService for Fake {
    async fn list_plugins(&self, _: Request<docker::ListPluginsRequest>) -> Reply<docker::ListPluginsResponse> {
        reply(docker::ListPluginsResponse { entries_json: self.0.entries() })
    }

    async fn put_plugin(&self, request: Request<docker::PutPluginRequest>) -> Reply<docker::PutPluginResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let entry: Value = serde_json::from_str(&request.entry_json).unwrap();
        if entry["URI"] == "taken" {
            return Err(Status::invalid_argument("URI is taken"));
        }
        if let Some(refused) = self.0.refusal(&request.confirmed) {
            let entries_json = self.0.entries();
            return reply(docker::PutPluginResponse { entries_json, refused: Some(refused), ..Default::default() });
        }
        let stuck = entry["URI"] == "stuck";
        let problem = if stuck { "plugin new is saved, but port 80 is in use".to_owned() } else { String::new() };
        let position = self.0.position(&request.name);
        let former = {
            let mut plugins = self.0.plugins.lock().unwrap();
            if let Some(index) = position {
                Some(std::mem::replace(&mut plugins[index], entry))
            } else {
                plugins.push(entry);
                None
            }
        };
        let former_json = former.map(|former| former.to_string());
        reply(docker::PutPluginResponse { entries_json: self.0.entries(), refused: None, former_json, problem })
    }

    async fn delete_plugin(
        &self,
        request: Request<docker::DeletePluginRequest>,
    ) -> Reply<docker::DeletePluginResponse> {
        let name = request.into_inner().name;
        let index = self.0.position(&name).ok_or_else(|| Status::not_found(format!("there is no plugin {name}")))?;
        let former_json = self.0.plugins.lock().unwrap().remove(index).to_string();
        reply(docker::DeletePluginResponse { entries_json: self.0.entries(), former_json })
    }

    async fn restart_plugin(
        &self,
        request: Request<docker::RestartPluginRequest>,
    ) -> Reply<docker::RestartPluginResponse> {
        self.0.note(request.into_inner());
        reply(docker::RestartPluginResponse {})
    }

    async fn update_plugin(
        &self,
        request: Request<docker::UpdatePluginRequest>,
    ) -> Reply<docker::UpdatePluginResponse> {
        let concerns = vec!["service a is privileged".to_owned()];
        let refused = match request.into_inner().name.as_str() {
            "away" => return Err(Status::unavailable("fetching failed")),
            "more" => Some(docker::Consent { concerns, score: 100 }),
            _ => None,
        };
        reply(docker::UpdatePluginResponse { git_updated: true, image_updated: false, refused })
    }

    async fn download_plugin(
        &self,
        request: Request<docker::DownloadPluginRequest>,
    ) -> Reply<docker::DownloadPluginResponse> {
        let entry = serde_json::json!({
            "Name": "new", "URI": "new", "Enabled": true, "GitURL": request.into_inner().git_url,
            "InstallTokenPath": "/configs/plugins/new/token", "ScopedPaths": ["/status:r"], "Own": 1,
        });
        let consent = docker::Consent { concerns: self.0.concerns.lock().unwrap().clone(), score: 40 };
        reply(docker::DownloadPluginResponse { entry_json: entry.to_string(), consent: Some(consent) })
    }

    async fn install_plugin(
        &self,
        request: Request<docker::InstallPluginRequest>,
    ) -> Reply<docker::InstallPluginResponse> {
        let request = request.into_inner();
        if let Some(refused) = self.0.refusal(&request.confirmed) {
            return reply(docker::InstallPluginResponse { refused: Some(refused), entry_json: String::new() });
        }
        // As the real one, which remembers what was agreed to.
        self.0.concerns.lock().unwrap().clear();
        let mut entry: Value = serde_json::from_str(&request.entry_json).unwrap();
        entry["Enabled"] = false.into();
        self.0.plugins.lock().unwrap().push(entry.clone());
        reply(docker::InstallPluginResponse { refused: None, entry_json: entry.to_string() })
    }

    async fn write_install_token(
        &self,
        request: Request<docker::WriteInstallTokenRequest>,
    ) -> Reply<docker::WriteInstallTokenResponse> {
        let docker::WriteInstallTokenRequest { name, token } = request.into_inner();
        if name == "unwritable" {
            return Err(Status::permission_denied("the path leads to somewhere else"));
        }
        self.0.written.lock().unwrap().push((name, token));
        reply(docker::WriteInstallTokenResponse {})
    }

    async fn get_compose_paths(
        &self,
        _: Request<docker::GetComposePathsRequest>,
    ) -> Reply<docker::GetComposePathsResponse> {
        reply(docker::GetComposePathsResponse { paths: vec!["plugins/hello/docker-compose.yml".to_owned()] })
    }

    async fn set_compose_paths(
        &self,
        request: Request<docker::SetComposePathsRequest>,
    ) -> Reply<docker::SetComposePathsResponse> {
        self.0.note(request.into_inner());
        reply(docker::SetComposePathsResponse {})
    }
}
