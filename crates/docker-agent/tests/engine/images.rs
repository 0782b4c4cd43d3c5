//! Pulling by digest, tagging.

use homeport_proto::docker::v1::{GetImageRequest, Image, PullImageRequest, TagImageRequest, UntagImageRequest};
use tonic::{Code, Status};

use crate::world::{NEW, World, docker, patient, try_docker};

const REPOSITORY: &str = "127.0.0.1:5000/nginx";

fn digest(reference: &str) -> String {
    let digests = docker(&["image", "inspect", "--format", "{{join .RepoDigests \" \"}}", reference]);
    let own = digests.split(' ').find_map(|digest| digest.strip_prefix("127.0.0.1:5000/nginx@"));
    own.unwrap_or_else(|| panic!("{reference} was never pushed")).to_owned()
}

async fn pull(world: &World, request: PullImageRequest) -> Result<(Vec<u32>, Image), Status> {
    let mut stream = world.images().pull_image(patient(request)).await?.into_inner();
    let (mut percents, mut image) = (Vec::new(), None);
    while let Some(step) = stream.message().await? {
        percents.push(step.percent);
        image = step.image.or(image);
    }
    Ok((percents, image.unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pulled_by_digest_and_tagged() {
    let world = World::new();
    let tag = world.name("tag");
    let request =
        PullImageRequest { repository: REPOSITORY.to_owned(), digest: digest(NEW), tag: tag.clone(), keep_tag: false };
    let kept = PullImageRequest { keep_tag: true, ..request.clone() };
    let reference = format!("{REPOSITORY}:{tag}");
    let (percents, image) = pull(&world, kept).await.unwrap();
    assert!(percents.is_sorted() && percents.last() == Some(&100), "{percents:?}");
    assert!(!image.repo_tags.contains(&reference));
    let (_, image) = pull(&world, request).await.unwrap();
    assert!(image.repo_tags.contains(&reference), "{:?}", image.repo_tags);
    assert_eq!((image.os.as_str(), image.architecture.is_empty()), ("linux", false));
    for _ in 0..2 {
        world.images().untag_image(patient(UntagImageRequest { reference: reference.clone() })).await.unwrap();
    }
    assert!(try_docker(&["image", "inspect", &reference]).is_err());
    docker(&["image", "inspect", NEW]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_resolved_without_being_moved() {
    let world = World::new();
    let request = PullImageRequest {
        repository: REPOSITORY.to_owned(),
        digest: String::new(),
        tag: "1.26.3".to_owned(),
        keep_tag: true,
    };
    let (_, image) = pull(&world, request).await.unwrap();
    assert_eq!(image.id, docker(&["image", "inspect", "--format", "{{.Id}}", NEW]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_refuses_is_told_apart() {
    let world = World::new();
    let check = async |repository: &str, digest: String| {
        let request =
            PullImageRequest { repository: repository.to_owned(), digest, tag: String::new(), keep_tag: true };
        pull(&world, request).await.unwrap_err()
    };
    let nowhere = format!("sha256:{}", "0".repeat(64));
    let status = check(REPOSITORY, nowhere.clone()).await;
    assert_eq!(status.code(), Code::NotFound, "{}", status.message());
    let status = check("127.0.0.1:1/nginx", nowhere).await;
    assert_eq!(status.code(), Code::Unavailable, "{}", status.message());
    let status = check(REPOSITORY, "not a digest".to_owned()).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_moved() {
    let world = World::new();
    let repository = format!("homeport.local/rollback/{}", world.id);
    let reference = format!("{repository}:one");
    for image in [crate::world::OLD, NEW] {
        let request =
            TagImageRequest { image: image.to_owned(), repository: repository.clone(), tag: "one".to_owned() };
        world.images().tag_image(patient(request)).await.unwrap();
        let id = docker(&["image", "inspect", "--format", "{{.Id}}", image]);
        let found = world.images().get_image(patient(GetImageRequest { image: reference.clone() })).await.unwrap();
        assert_eq!(found.into_inner().image.unwrap().id, id);
    }
    world.images().untag_image(patient(UntagImageRequest { reference })).await.unwrap();
    let status = world.images().untag_image(patient(UntagImageRequest { reference: "sha256:abc".to_owned() })).await;
    assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
}
