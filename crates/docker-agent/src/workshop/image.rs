//! The image of helper containers: this executable and nothing else, so nothing has to be pulled.

use std::path::Path;

use bollard::{
    body_try_stream,
    query_parameters::{CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder},
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::{ROLE, ROLE_LABEL};
use crate::{engine::Engine, error::EngineError, image::inspect};

/// Where the executable is in the image.
pub(super) const EXECUTABLE: &str = "/homeport";
/// A name that no registry has.
const REPOSITORY: &str = "homeport.local/helper";
/// Digits of the executable's hash in the tag.
const TAG_LENGTH: usize = 12;
/// Tar writes in blocks of this size, and ends with two empty ones.
const BLOCK: u64 = 512;

/// Gives the image of this executable, making it if it is not there, and removes those of former ones.
pub(super) async fn ensure(engine: &Engine, executable: &Path) -> Result<String, EngineError> {
    let unreadable = |source| EngineError::Io { doing: format!("reading {}", executable.display()), source };
    let tag = hash(executable.to_owned()).await.map_err(unreadable)?;
    let reference = format!("{REPOSITORY}:{tag}");
    match inspect(engine, &reference).await {
        Ok(_) => return Ok(reference),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    let file = tokio::fs::File::open(executable).await.map_err(unreadable)?;
    let length = file.metadata().await.map_err(unreadable)?.len();
    let doing = format!("making image {reference}");
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(&tag)
        .changes(vec![format!("LABEL {ROLE_LABEL}={ROLE}")])
        .build();
    engine
        .ask(&doing, |docker| async move {
            let body = body_try_stream(archive(file, length));
            docker.create_image(Some(options), Some(body), None).try_for_each(|_| async { Ok(()) }).await
        })
        .await?;
    if let Err(error) = remove_others(engine, &reference).await {
        // One that a container still uses goes the next time.
        tracing::info!(error = homeport_service::telemetry::chain(&error), "a former helper image stays");
    }
    Ok(reference)
}

async fn hash(executable: std::path::PathBuf) -> std::io::Result<String> {
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hasher = Sha256::new();
        std::io::copy(&mut std::fs::File::open(executable)?, &mut hasher)?;
        let mut text = hex::encode(hasher.finalize());
        text.truncate(TAG_LENGTH);
        Ok(text)
    });
    hashed.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// A tar archive of the one file, made while it is sent.
fn archive(file: tokio::fs::File, length: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    let mut header = tar::Header::new_gnu();
    // The name is shorter than the 100 characters that the header holds.
    drop(header.set_path(EXECUTABLE.trim_start_matches('/')));
    header.set_size(length);
    header.set_mode(0o755);
    header.set_cksum();
    let padding = length.next_multiple_of(BLOCK) - length + 2 * BLOCK;
    let end = Bytes::from(vec![0; usize::try_from(padding).unwrap_or_default()]);
    stream::once(async move { Ok(Bytes::copy_from_slice(header.as_bytes())) })
        .chain(ReaderStream::with_capacity(file, 256 << 10))
        .chain(stream::once(async move { Ok(end) }))
}

async fn remove_others(engine: &Engine, keep: &str) -> Result<(), EngineError> {
    let filters = [("label", vec![format!("{ROLE_LABEL}={ROLE}")])];
    let filters = filters.map(|(key, values)| (key.to_owned(), values)).into();
    let options = ListImagesOptionsBuilder::default().filters(&filters).build();
    let doing = "removing former helper images";
    let images = engine.ask(doing, |docker| async move { docker.list_images(Some(options)).await }).await?;
    for tag in images.into_iter().flat_map(|image| image.repo_tags) {
        if tag != keep && tag.starts_with(REPOSITORY) {
            let options = RemoveImageOptionsBuilder::default().build();
            engine.ask(doing, |docker| async move { docker.remove_image(&tag, Some(options), None).await }).await?;
        }
    }
    Ok(())
}
