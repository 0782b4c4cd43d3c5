//! `PluginService`.

use homeport_plugin_manifest::Entry;
use homeport_proto::docker::v1::{
    Consent as ConsentMessage, DeletePluginRequest, DeletePluginResponse, DownloadPluginRequest,
    DownloadPluginResponse, GetComposePathsRequest, GetComposePathsResponse, InstallPluginRequest,
    InstallPluginResponse, ListPluginsRequest, ListPluginsResponse, PutPluginRequest, PutPluginResponse,
    RestartPluginRequest, RestartPluginResponse, SetComposePathsRequest, SetComposePathsResponse, UpdatePluginRequest,
    UpdatePluginResponse, WriteInstallTokenRequest, WriteInstallTokenResponse, plugin_service_server::PluginService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};
use crate::plugin::{Consent, Outcome, Plugins, Saved, entry};

#[tonic::async_trait]
impl PluginService for Rpc {
    async fn list_plugins(&self, _: Request<ListPluginsRequest>) -> Result<Response<ListPluginsResponse>, Status> {
        answer(self.0.plugins.list().await, |entries| ListPluginsResponse { entries_json: texts(&entries) })
    }

    async fn put_plugin(&self, request: Request<PutPluginRequest>) -> Result<Response<PutPluginResponse>, Status> {
        let PutPluginRequest { name, entry_json, confirmed } = request.into_inner();
        let put = async {
            let outcome = self.0.plugins.put(&name, entry(&entry_json)?, &confirmed).await?;
            Ok((outcome, all(&self.0.plugins).await?))
        };
        answer(put.await, |(outcome, entries_json)| match outcome {
            Outcome::Done(Saved { former, problem }) => {
                let former_json = former.map(|former| text(&former));
                PutPluginResponse { entries_json, refused: None, former_json, problem }
            }
            Outcome::Refused(consent) => {
                PutPluginResponse { entries_json, refused: Some(consent.into()), ..PutPluginResponse::default() }
            }
        })
    }

    async fn delete_plugin(
        &self,
        request: Request<DeletePluginRequest>,
    ) -> Result<Response<DeletePluginResponse>, Status> {
        let name = request.into_inner().name;
        let deleted = async { Ok((self.0.plugins.delete(&name).await?, all(&self.0.plugins).await?)) };
        answer(deleted.await, |(former, entries_json)| DeletePluginResponse {
            entries_json,
            former_json: text(&former),
        })
    }

    async fn restart_plugin(
        &self,
        request: Request<RestartPluginRequest>,
    ) -> Result<Response<RestartPluginResponse>, Status> {
        answer(self.0.plugins.restart(&request.into_inner().name).await, |()| RestartPluginResponse {})
    }

    async fn update_plugin(
        &self,
        request: Request<UpdatePluginRequest>,
    ) -> Result<Response<UpdatePluginResponse>, Status> {
        answer(self.0.plugins.update(&request.into_inner().name).await, |(updated, refused)| UpdatePluginResponse {
            git_updated: updated.git,
            image_updated: updated.image,
            refused: refused.map(Into::into),
        })
    }

    async fn download_plugin(
        &self,
        request: Request<DownloadPluginRequest>,
    ) -> Result<Response<DownloadPluginResponse>, Status> {
        answer(self.0.plugins.download(&request.into_inner().git_url).await, |(entry, consent)| {
            DownloadPluginResponse { entry_json: text(&entry), consent: Some(consent.into()) }
        })
    }

    async fn install_plugin(
        &self,
        request: Request<InstallPluginRequest>,
    ) -> Result<Response<InstallPluginResponse>, Status> {
        let InstallPluginRequest { entry_json, confirmed } = request.into_inner();
        let installed = async { self.0.plugins.install(entry(&entry_json)?, &confirmed).await };
        answer(installed.await, |outcome| match outcome {
            Outcome::Done(entry) => InstallPluginResponse { refused: None, entry_json: text(&entry) },
            Outcome::Refused(consent) => {
                InstallPluginResponse { refused: Some(consent.into()), entry_json: String::new() }
            }
        })
    }

    async fn write_install_token(
        &self,
        request: Request<WriteInstallTokenRequest>,
    ) -> Result<Response<WriteInstallTokenResponse>, Status> {
        let WriteInstallTokenRequest { name, token } = request.into_inner();
        answer(self.0.plugins.write_token(&name, token).await, |()| WriteInstallTokenResponse {})
    }

    async fn get_compose_paths(
        &self,
        _: Request<GetComposePathsRequest>,
    ) -> Result<Response<GetComposePathsResponse>, Status> {
        answer(self.0.plugins.compose_paths().await, |paths| GetComposePathsResponse { paths })
    }

    async fn set_compose_paths(
        &self,
        request: Request<SetComposePathsRequest>,
    ) -> Result<Response<SetComposePathsResponse>, Status> {
        let set = self.0.plugins.set_compose_paths(&request.into_inner().paths).await;
        answer(set, |()| SetComposePathsResponse {})
    }
}

impl From<Consent> for ConsentMessage {
    fn from(consent: Consent) -> Self {
        Self { concerns: consent.concerns, score: consent.score }
    }
}

async fn all(plugins: &Plugins) -> Result<Vec<String>, crate::error::EngineError> {
    Ok(texts(&plugins.list().await?))
}

fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(text).collect()
}

fn text(entry: &Entry) -> String {
    entry.to_json().to_string()
}
