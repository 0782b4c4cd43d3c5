//! The digests of tags.

use homeport_image_ref::{DOCKER_HUB, Digest, Reference};
use reqwest::{Method, header::HeaderMap};
use sha2::{Digest as _, Sha256};

use super::{
    Client, Freshness, RegistryError,
    budget::Urgency,
    client::urgency,
    manifest::{self, Manifest, malformed},
};

/// Header with the digest of a manifest.
const DIGEST_HEADER: &str = "docker-content-digest";

impl Client {
    /// The digest that a reference's tag points at now or, at most, as long ago as digests are remembered. A reference
    /// that has a digest and no tag gives that digest, if it exists.
    pub async fn digest(&self, reference: &Reference) -> Result<Digest, RegistryError> {
        self.digest_as_of(reference, Freshness::Remembered).await
    }

    /// The digest, as new as asked.
    pub async fn digest_as_of(&self, reference: &Reference, fresh: Freshness) -> Result<Digest, RegistryError> {
        let which = which(reference);
        let fetch = |_| self.counted(self.fetch_digest(reference, &which, urgency(fresh)));
        self.digests().get(&manifest::key(reference, &which), fresh, fetch).await
    }

    /// The digest, as new as asked, of a tag whose platforms are asked for next ([`Client::is_for`]). When it is seen for
    /// the first time, its manifest is asked for, which tells both; but not on Docker Hub, where that is a pull.
    pub async fn digest_to_offer(&self, reference: &Reference, fresh: Freshness) -> Result<Digest, RegistryError> {
        let (which, urgency) = (which(reference), urgency(fresh));
        let fetch = async |known: Option<Digest>| {
            if known.is_none() && reference.registry() != DOCKER_HUB {
                match self.fetch_digest_in_full(reference, &which, urgency).await {
                    // Where pulls are scarce, HEAD may still be free.
                    Err(RegistryError::RateLimited { .. }) => {}
                    answer => return answer,
                }
            }
            self.fetch_digest(reference, &which, urgency).await
        };
        let fetch = |known| self.counted(fetch(known));
        self.digests().get(&manifest::key(reference, &which), fresh, fetch).await
    }

    /// Asks with HEAD, which registries do not count as a pull, and with GET only where that does not tell.
    async fn fetch_digest(
        &self,
        reference: &Reference,
        which: &str,
        urgency: Urgency,
    ) -> Result<Digest, RegistryError> {
        match self.ask_manifest(reference, which, Method::HEAD, urgency).await {
            Ok(answer) => {
                if let Some(digest) = stated_digest(&answer.headers) {
                    return Ok(digest);
                }
            }
            // Some registries do not know HEAD.
            Err(RegistryError::Malformed { .. }) => {}
            Err(error) => return Err(error),
        }
        self.fetch_digest_in_full(reference, which, urgency).await
    }

    /// Asks with GET, and remembers what the digest stands for.
    async fn fetch_digest_in_full(
        &self,
        reference: &Reference,
        which: &str,
        urgency: Urgency,
    ) -> Result<Digest, RegistryError> {
        let answer = self.ask_manifest(reference, which, Method::GET, urgency).await?;
        let (stated, own) = (stated_digest(&answer.headers), sha256(&answer.body));
        if let Some(stated) = &stated
            && stated.algorithm() == "sha256"
            && Some(stated) != own.as_ref()
        {
            let problem = format!("its contents do not have the digest {stated} that it states");
            return Err(malformed(reference, &problem));
        }
        let manifest = Manifest::read(&answer.body);
        let is_manifest = manifest.is_some() || serde_json::from_slice::<serde_json::Map<_, _>>(&answer.body).is_ok();
        let digest = stated.or_else(|| own.filter(|_| is_manifest));
        let digest = digest.ok_or_else(|| malformed(reference, "it is no manifest"))?;
        if let Some(manifest) = manifest {
            self.manifests().learn(&manifest::key(reference, digest.as_str()), manifest);
        }
        Ok(digest)
    }
}

/// The tag that a reference means, or its digest if it has nothing else.
fn which(reference: &Reference) -> String {
    let digest = || reference.digest().map_or_else(String::new, ToString::to_string);
    reference.tag_or_latest().map_or_else(digest, str::to_owned)
}

/// The digest that an answer says it has.
fn stated_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(DIGEST_HEADER)?.to_str().ok()?.parse().ok()
}

/// The digest of some bytes.
fn sha256(bytes: &[u8]) -> Option<Digest> {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes))).parse().ok()
}
