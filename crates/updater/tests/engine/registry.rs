//! The registry client against Docker's own registry: the one of the fixtures, and ones started for a test.

mod server;

use std::sync::Arc;

use async_trait::async_trait;
use homeport_image_ref::{Policy, Reference, Tag, newest};
use homeport_service::Secret;
use homeport_updater::registry::{
    Anonymous, Client, Credential, CredentialError, Credentials, Freshness, Platform, RegistryConfig, RegistryError,
};

use server::{Server, TokenService, index};

/// The registry of the fixtures.
const FIXTURES: &str = "127.0.0.1:5000";

struct User(&'static str, &'static str);

#[async_trait]
impl Credentials for User {
    async fn credential(&self, _registry: &str) -> Result<Option<Credential>, CredentialError> {
        Ok(Some(Credential { username: self.0.to_owned(), secret: Secret::new(self.1.to_owned()) }))
    }
}

fn config() -> RegistryConfig {
    RegistryConfig { retry_delay_ms: 1, ..RegistryConfig::default() }
}

fn client(credentials: impl Credentials) -> Client {
    Client::new(&config(), Arc::new(credentials)).unwrap()
}

fn fixture(name: &str) -> Reference {
    format!("{FIXTURES}/{name}").parse().unwrap()
}

#[tokio::test]
async fn the_newer_nginx_of_the_fixtures_is_found() {
    let (client, image) = (client(Anonymous), fixture("nginx:1.22.1"));
    let list = client.tags(&image, Freshness::Remembered).await.unwrap();
    let newer = newest(&Tag::parse("1.22.1"), &list.tags, &Policy::default()).unwrap();
    assert_eq!(newer.as_str(), "1.26.3");
    let old = client.digest(&image).await.unwrap();
    let new = client.digest(&image.with_tag(newer)).await.unwrap();
    assert_ne!(old, new);
    let pinned = image.without_tag().with_digest(new.clone());
    assert_eq!(client.digest(&pinned).await.unwrap(), new, "a digest leads to itself");
}

#[tokio::test]
async fn what_the_registry_lacks_is_not_found() {
    let client = client(Anonymous);
    let error = client.digest(&fixture("nginx:0.0.1")).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let error = client.tags(&fixture("no/such/image"), Freshness::Remembered).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn s8_long_lists_are_read_to_their_end() {
    let server = Server::start("").await;
    server.push("many", (0..1010).map(|number| format!("1.0.{number}"))).await;
    let list = client(Anonymous).tags(&server.image("many"), Freshness::Remembered).await.unwrap();
    assert_eq!((list.tags.len(), list.truncated), (1010, false));
    let newer = newest(&Tag::parse("1.0.0"), &list.tags, &Policy::default()).unwrap();
    assert_eq!(newer.as_str(), "1.0.1009");
}

#[tokio::test]
async fn s8_passwords_open_a_registry_that_has_some() {
    let server = Server::start_with_password().await;
    let image = server.image("x:1");
    let right = client(User("user", "secret")).digest(&image).await.unwrap_err();
    assert!(right.is_not_found(), "let in, and nothing there: {right}");
    let wrong = client(User("user", "wrong")).digest(&image).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::Unauthorized { anonymous: false, .. }), "{wrong}");
    let none = client(Anonymous).digest(&image).await.unwrap_err();
    assert!(matches!(none, RegistryError::Unauthorized { anonymous: true, .. }), "{none}");
}

#[tokio::test]
async fn s8_tls_needs_a_certificate_that_is_trusted() {
    let server = Server::start_with_tls().await;
    let ca_file = Some(server.ca_file());
    let trusting = Client::new(&RegistryConfig { ca_file, ..config() }, Arc::new(Anonymous)).unwrap();
    let error = trusting.digest(&server.image("x:1")).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let error = client(Anonymous).digest(&server.image("x:1")).await.unwrap_err();
    assert!(!error.is_not_found(), "{error}");
}

#[tokio::test]
async fn s8_a_registry_may_want_to_know_its_clients_by_certificate() {
    let server = Server::start_with_client_certificates().await;
    let certs_dir = Some(server.certs_dir());
    let known = Client::new(&RegistryConfig { certs_dir, ..config() }, Arc::new(Anonymous)).unwrap();
    let error = known.digest(&server.image("x:1")).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let ca_file = Some(server.ca_file());
    let unknown = Client::new(&RegistryConfig { ca_file, ..config() }, Arc::new(Anonymous)).unwrap();
    let error = unknown.digest(&server.image("x:1")).await.unwrap_err();
    assert!(!error.is_not_found(), "{error}");
}

#[tokio::test]
async fn s8_a_token_opens_one_repository_as_often_as_it_is_asked() {
    let service = TokenService::start().await;
    let server = Server::start_with_tokens(&service).await;
    let client = client(Anonymous);
    for tag in ["o/x:1", "o/x:2", "o/x:3"] {
        let error = client.digest(&server.image(tag)).await.unwrap_err();
        assert!(error.is_not_found(), "let in, and nothing there: {error}");
    }
    assert_eq!(service.given(), 1);
    let error = client.digest(&server.image("o/y:1")).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert_eq!(service.given(), 2, "another repository, another token");
}

/// Contract, section 8: an OCI index as buildx pushes it, with attestations beside the images.
#[tokio::test]
async fn s8_an_index_has_images_for_some_platforms_and_may_be_rebuilt_for_others_alone() {
    let server = Server::start("").await;
    let client = client(Anonymous);
    let linux = |architecture: &str| Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: String::new(),
    };
    let image = server.image("o/multi:1.0");
    let at = async |fresh| image.without_tag().with_digest(client.digest_as_of(&image, fresh).await.unwrap());
    server.push_index("o/multi", "1.0", &["amd64", "arm64"], "on monday").await;
    let before = at(Freshness::Remembered).await;
    assert!(client.is_for(&before, &linux("amd64")).await.unwrap());
    assert!(!client.is_for(&before, &linux("riscv64")).await.unwrap());
    assert!(!client.is_for(&before, &linux("unknown")).await.unwrap(), "an attestation is no image");
    let id = index::digest(index::config("amd64").as_bytes());
    assert!(client.leads_to(&before, &linux("amd64"), &[], &id).await.unwrap());
    assert!(!client.leads_to(&before, &linux("arm64"), &[], &id).await.unwrap());
    // Only what is said about the images differs.
    server.push_index("o/multi", "1.0", &["amd64", "arm64"], "on tuesday").await;
    let after = at(Freshness::Since(tokio::time::Instant::now())).await;
    assert_ne!(before, after);
    assert!(client.leads_to(&after, &linux("amd64"), &[], &id).await.unwrap());
}

/// Contract, section 8: a registry by name, plain where the settings say so, reached at another place.
#[tokio::test]
async fn s8_a_named_registry_is_plain_where_that_is_configured() {
    let server = Server::start("").await;
    server.push("o/x", ["1".to_owned()].into_iter()).await;
    let rewrite = [("registry.example".to_owned(), server.authority())].into();
    let plain_http = vec!["registry.example".to_owned()];
    let image: Reference = "registry.example/o/x:1".parse().unwrap();
    let settings = RegistryConfig { rewrite, plain_http, ..config() };
    let client = Client::new(&settings, Arc::new(Anonymous)).unwrap();
    assert!(client.digest(&image).await.is_ok());
    let list = client.tags(&image, Freshness::Remembered).await.unwrap();
    assert_eq!(list.tags, [Tag::parse("1")]);
}
