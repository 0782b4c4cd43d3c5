//! The images that the shapes name by placeholders.

use anyhow::Context as _;
use homeport_e2e::{Run, Versions};
use reqwest::{blocking::Client, header};

/// What the registry lists, in the media types that a manifest may have.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// Two versions of each of two servers.
#[derive(Debug)]
pub(crate) struct Images {
    nginx: Image,
    redis: Image,
}

#[derive(Debug)]
struct Image {
    versions: Versions,
    /// Of the older and the newer one.
    digests: [String; 2],
}

impl Images {
    pub(crate) fn of(run: &Run) -> anyhow::Result<Self> {
        let image = |name: &str| -> anyhow::Result<Image> {
            let versions = run.fixtures.versions(name)?;
            let digests = [digest(&versions.repository, &versions.old)?, digest(&versions.repository, &versions.new)?];
            Ok(Image { versions, digests })
        };
        Ok(Self { nginx: image("nginx")?, redis: image("redis")? })
    }

    /// Placeholders and what they stand for.
    pub(crate) fn values(&self) -> anyhow::Result<[(&'static str, String); 10]> {
        let (nginx, redis) = (&self.nginx.versions, &self.redis.versions);
        let (registry, _) = nginx.repository.rsplit_once('/').context("a repository of a registry")?;
        let [old_digest, new_digest] = self.nginx.digests.clone();
        Ok([
            ("{nginx}", nginx.old_image()),
            ("{nginx-new}", nginx.new_image()),
            ("{nginx-digest}", old_digest),
            ("{nginx-new-digest}", new_digest),
            ("{redis}", redis.old_image()),
            ("{redis-new}", redis.new_image()),
            ("{repository}", nginx.repository.clone()),
            ("{registry}", registry.to_owned()),
            ("{old}", nginx.old.clone()),
            ("{new}", nginx.new.clone()),
        ])
    }

    /// The image that a container has after its update.
    pub(crate) fn newer(&self, image: &str) -> anyhow::Result<String> {
        [&self.nginx, &self.redis]
            .into_iter()
            .find_map(|known| {
                let rest = image.strip_prefix(&known.versions.old_image())?;
                let [old, new] = &known.digests;
                Some(format!("{}{}", known.versions.new_image(), rest.replace(old, new)))
            })
            .with_context(|| format!("{image} is none that is updated"))
    }
}

fn digest(repository: &str, tag: &str) -> anyhow::Result<String> {
    let (registry, name) = repository.split_once('/').context("a repository of a registry")?;
    let url = format!("http://{registry}/v2/{name}/manifests/{tag}");
    let answer = Client::new().head(url).header(header::ACCEPT, MANIFESTS).send()?.error_for_status()?;
    let digest = answer.headers().get("docker-content-digest").context("the registry states no digest")?;
    Ok(digest.to_str()?.to_owned())
}
