//! Images for several platforms, as buildx pushes them: an index with an attestation beside each image.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Server;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// `sha256:…` of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The configuration of an image for a platform; what the engine calls the image's id is its digest.
pub(crate) fn config(architecture: &str) -> String {
    json!({ "os": "linux", "architecture": architecture, "rootfs": { "type": "layers", "diff_ids": [] } }).to_string()
}

impl Server {
    /// Puts an index there, with an image for each architecture and an attestation that says `built` of each.
    pub(crate) async fn push_index(&self, repository: &str, tag: &str, architectures: &[&str], built: &str) {
        let mut entries = Vec::new();
        for architecture in architectures {
            let image = self.push_manifest(repository, &config(architecture)).await;
            let platform = json!({ "os": "linux", "architecture": architecture });
            entries.push(entry(&image, &platform, &json!({})));
            let said = self.push_manifest(repository, &json!({ "of": image.0, "built": built }).to_string()).await;
            let unknown = json!({ "os": "unknown", "architecture": "unknown" });
            let about = json!({
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": image.0,
            });
            entries.push(entry(&said, &unknown, &about));
        }
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string();
        self.put_manifest(repository, tag, INDEX, index).await;
    }

    /// Digest and size of a manifest without layers.
    async fn push_manifest(&self, repository: &str, config: &str) -> (String, usize) {
        let blob = self.push_blob(repository, config).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "size": config.len(), "digest": blob },
            "layers": [],
        });
        let manifest = manifest.to_string();
        let (digest, size) = (digest(manifest.as_bytes()), manifest.len());
        self.put_manifest(repository, &digest, MANIFEST, manifest).await;
        (digest, size)
    }
}

fn entry((digest, size): &(String, usize), platform: &Value, annotations: &Value) -> Value {
    json!({ "mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform, "annotations": annotations })
}
