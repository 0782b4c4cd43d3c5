//! Docker's own registry as a process of the test.

mod certificates;
pub(crate) mod index;
mod tokens;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use homeport_image_ref::Reference;
use tempfile::TempDir;

pub(crate) use tokens::TokenService;

/// `user` with the password `secret`.
const PASSWORDS: &str = "user:$2b$04$QEcJ58CIzIU7AQkuYOkfEeMg7sUm23cpIDyF85jI.7mD6nj5ia6DS\n";

/// Tenths of a second that the process may take until it listens.
const STEPS: u32 = 300;

/// Tags that are put there at a time.
const AT_ONCE: usize = 8;

/// A registry of its own; it ends with its value.
pub(crate) struct Server {
    process: Child,
    directory: TempDir,
    port: u16,
    http: reqwest::Client,
}

impl Server {
    /// Starts one with further settings, in YAML.
    pub(crate) async fn start(settings: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "", settings).await
    }

    pub(crate) async fn start_with_password() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("passwords");
        std::fs::write(&file, PASSWORDS).unwrap();
        let settings = format!("auth: {{htpasswd: {{realm: test, path: \"{}\"}}}}\n", file.display());
        Self::start_in(directory, "", &settings).await
    }

    pub(crate) async fn start_with_tls() -> Self {
        let directory = tempfile::tempdir().unwrap();
        certificates::write(directory.path());
        let tls = tls(directory.path(), "");
        Self::start_in(directory, &tls, "").await
    }

    /// One that wants to see a certificate of the client's, from the same authority as its own.
    pub(crate) async fn start_with_client_certificates() -> Self {
        let directory = tempfile::tempdir().unwrap();
        certificates::write(directory.path());
        let clients = format!(", clientcas: [\"{}\"]", directory.path().join("ca.pem").display());
        let tls = tls(directory.path(), &clients);
        Self::start_in(directory, &tls, "").await
    }

    /// One that wants tokens of a service.
    pub(crate) async fn start_with_tokens(service: &TokenService) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        std::fs::write(&bundle, service.certificate()).unwrap();
        let settings = format!(
            "auth: {{token: {{realm: \"{}\", service: registry.test, issuer: token.test, rootcertbundle: \"{}\"}}}}\n",
            service.realm(),
            bundle.display()
        );
        Self::start_in(directory, "", &settings).await
    }

    async fn start_in(directory: TempDir, http: &str, settings: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let storage = directory.path().join("storage");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: \"{}\"}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"{http}}}\n{settings}",
            storage.display()
        );
        let file = directory.path().join("config.yml");
        std::fs::write(&file, text).unwrap();
        let process = Command::new(program())
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry must be installed; it is in the package of that name");
        let http = reqwest::Client::builder().build().unwrap();
        let server = Self { process, directory, port, http };
        for _ in 0..STEPS {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("docker-registry does not listen");
    }

    /// An image of this registry.
    pub(crate) fn image(&self, name: &str) -> Reference {
        format!("127.0.0.1:{}/{name}", self.port).parse().unwrap()
    }

    /// A directory as Docker's `certs.d`, with what this registry wants from a client.
    pub(crate) fn certs_dir(&self) -> PathBuf {
        let (from, base) = (self.directory.path(), self.directory.path().join("certs.d"));
        let to = base.join(format!("127.0.0.1:{}", self.port));
        std::fs::create_dir_all(&to).unwrap();
        for (name, target) in [("ca.pem", "ca.crt"), ("cert.pem", "client.cert"), ("key.pem", "client.key")] {
            std::fs::copy(from.join(name), to.join(target)).unwrap();
        }
        base
    }

    /// The certificate that its own is signed by.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Puts an empty image there under all these tags.
    pub(crate) async fn push(&self, repository: &str, tags: impl Iterator<Item = String>) {
        let digest = self.push_blob(repository, "{}").await;
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2, "digest": digest},
            "layers": [],
        });
        let manifest = manifest.to_string();
        let puts = tags.map(|tag| {
            let manifest = manifest.clone();
            async move { self.put_manifest(repository, &tag, kind, manifest).await }
        });
        stream::iter(puts).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Puts a blob there and returns its digest.
    async fn push_blob(&self, repository: &str, content: &str) -> String {
        let digest = index::digest(content.as_bytes());
        let upload = self.http.post(format!("{}/v2/{repository}/blobs/uploads/", self.base())).send().await.unwrap();
        let location = upload.headers()["location"].to_str().unwrap().to_owned();
        let put = self.http.put(location).query(&[("digest", digest.as_str())]).body(content.to_owned());
        let status = put.send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
        digest
    }

    async fn put_manifest(&self, repository: &str, which: &str, kind: &str, manifest: String) {
        let put = self.http.put(format!("{}/v2/{repository}/manifests/{which}", self.base()));
        let status = put.header("content-type", kind).body(manifest).send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
    }

    fn base(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// The settings of its TLS.
/// `HOMEPORT_TEST_REGISTRY`, else what is installed.
fn program() -> std::ffi::OsString {
    std::env::var_os("HOMEPORT_TEST_REGISTRY").unwrap_or_else(|| "docker-registry".into())
}

fn tls(directory: &Path, clients: &str) -> String {
    let path = |name: &str| directory.join(name).display().to_string();
    format!(", tls: {{certificate: \"{}\", key: \"{}\"{clients}}}", path("cert.pem"), path("key.pem"))
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
