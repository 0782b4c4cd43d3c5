//! `ImageService`.

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use homeport_proto::docker::v1::{
    GetImageRequest, GetImageResponse, ListImagesRequest, ListImagesResponse, PullImageRequest, PullImageResponse,
    TagImageRequest, TagImageResponse, UntagImageRequest, UntagImageResponse, image_service_server::ImageService,
};
use homeport_service::status::to_status;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::{
    document::Document as _,
    error::EngineError,
    image::{self, Pull, PullStep},
};

/// How many images are described at the same time.
const DESCRIBED_AT_ONCE: usize = 8;
/// Progress that the caller has not read yet; when it is full the pull waits.
const UNREAD_STEPS: usize = 64;

#[tonic::async_trait]
impl ImageService for Rpc {
    type PullImageStream = std::pin::Pin<Box<dyn Stream<Item = Result<PullImageResponse, Status>> + Send>>;

    async fn list_images(&self, _: Request<ListImagesRequest>) -> Result<Response<ListImagesResponse>, Status> {
        let images = &self.0.images;
        let listed = async {
            let list = image::list(&self.0.engine).await?;
            // The list itself lacks the platform.
            stream::iter(list)
                .map(|entry| async move {
                    let described = images.of(entry.text("Id")).await?;
                    Ok::<_, EngineError>(convert::image(&described, &entry))
                })
                .buffered(DESCRIBED_AT_ONCE)
                .try_collect()
                .await
        };
        answer(listed.await, |images| ListImagesResponse { images })
    }

    async fn get_image(&self, request: Request<GetImageRequest>) -> Result<Response<GetImageResponse>, Status> {
        let described = image::inspect(&self.0.engine, &request.into_inner().image).await;
        answer(described, |image| GetImageResponse { image: Some(convert::image(&image, &image)) })
    }

    async fn pull_image(&self, request: Request<PullImageRequest>) -> Result<Response<Self::PullImageStream>, Status> {
        let request = request.into_inner();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let pull = Pull {
            repository: request.repository,
            digest: given(request.digest),
            tag: given(request.tag),
            keep_tag: request.keep_tag,
        };
        let agent = self.0.clone();
        let (sender, receiver) = mpsc::channel(UNREAD_STEPS);
        // The end of the pull comes after everything that it told.
        let end =
            stream::once(async move { pull.run(&agent.engine, &agent.images, &agent.credentials, &sender).await })
                .filter_map(|result| async move { result.err().map(|error| Err(to_status(&error))) });
        let steps = ReceiverStream::new(receiver).map(|step| Ok(response(step)));
        Ok(Response::new(Box::pin(stream::select(steps, end))))
    }

    async fn tag_image(&self, request: Request<TagImageRequest>) -> Result<Response<TagImageResponse>, Status> {
        let request = request.into_inner();
        let tagged = image::tag(&self.0.engine, &request.image, &request.repository, &request.tag).await;
        self.0.images.forget();
        answer(tagged, |()| TagImageResponse {})
    }

    async fn untag_image(&self, request: Request<UntagImageRequest>) -> Result<Response<UntagImageResponse>, Status> {
        let untagged = image::untag(&self.0.engine, &request.into_inner().reference).await;
        self.0.images.forget();
        answer(untagged, |()| UntagImageResponse {})
    }
}

fn response(step: PullStep) -> PullImageResponse {
    match step {
        PullStep::Progress(percent, message) => PullImageResponse { percent, message, image: None },
        PullStep::Done(image) => PullImageResponse {
            percent: 100,
            message: "Pull complete".to_owned(),
            image: Some(convert::image(&image, &image)),
        },
    }
}
