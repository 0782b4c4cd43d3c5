//! A git server of somebody's own: over https, with a certificate of an authority that nobody else knows.

use std::{
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Run, free_port, until};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::World;

/// Of the system.
const PYTHON: &str = "/usr/bin/python3";

/// The authority. What it vouches for is believed by docker-agent alone.
pub struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// Founds it, and tells the docker-agent of an installation that is not there yet.
    pub fn found(run: &Run) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "somebody's own authority");
        let key = KeyPair::generate()?;
        let configs = run.directory.join("configs");
        std::fs::create_dir_all(&configs)?;
        std::fs::write(configs.join("git-root.pem"), params.self_signed(&key)?.pem())?;
        std::fs::write(configs.join("docker-agent.toml"), "[plugins]\ngit_root = \"/configs/git-root.pem\"\n")?;
        Ok(Self(Issuer::new(params, key)))
    }

    /// Certificate and key of an address, as files.
    fn vouch(&self, address: &str, directory: &Path) -> anyhow::Result<[PathBuf; 2]> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([address.to_owned()])?.signed_by(&key, &self.0)?;
        let files = [directory.join("certificate.pem"), directory.join("key.pem")];
        std::fs::write(&files[0], certificate.pem())?;
        std::fs::write(&files[1], key.serialize_pem())?;
        Ok(files)
    }
}

/// This machine's address, as docker-agent's network for repositories has it.
pub fn address_for(world: &World) -> anyhow::Result<String> {
    let gateway = "{{(index .IPAM.Config 0).Gateway}}";
    world.run.engine.docker(&["network", "inspect", "homeport_repositories", "--format", gateway])
}

/// One repository and its server. Dropping it stops the server.
pub struct Repository {
    directory: PathBuf,
    url: String,
    server: Child,
}

impl Repository {
    /// Serves an empty repository at an address of this machine.
    pub fn serve(run: &Run, authority: &Authority, address: &str, name: &str) -> anyhow::Result<Self> {
        let base = run.directory.join("repositories");
        let directory = base.join(format!("{name}.git"));
        std::fs::create_dir_all(&directory)?;
        let [certificate, key] = authority.vouch(address, &base)?;
        let port = free_port()?;
        let server = Command::new(PYTHON)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/git_server.py"))
            .arg(port.to_string())
            .args([&certificate, &key, &base])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("python3 is needed")?;
        let repository = Self { directory, url: format!("https://{address}:{port}/{name}.git"), server };
        until("git's server listens", Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repository)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Commits files as they are to be.
    pub fn commit(&self, files: &[(&str, &str)]) -> Outcome {
        for (name, text) in files {
            std::fs::write(self.directory.join(name), text)?;
        }
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message=x"])
    }

    fn git(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.directory).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]);
        let output = command.args(words).output().context("git is needed")?;
        ensure!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
