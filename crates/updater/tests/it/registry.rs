//! The registry client against registries that behave, and ones that do not.

pub(crate) mod fake;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::StatusCode;
use homeport_image_ref::{Digest, Reference, Tag};
use homeport_service::{Secret, clock::SystemClock};
use homeport_store::Store;
use homeport_updater::registry::{
    Anonymous, Client, Credential, CredentialError, Credentials, Freshness, Platform, RegistryConfig, RegistryError,
    WithGithub, keep, load, schema,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use fake::{Asked, Fake, reply};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct User(&'static str, &'static str);

#[async_trait]
impl Credentials for User {
    async fn credential(&self, _registry: &str) -> Result<Option<Credential>, CredentialError> {
        Ok(Some(Credential { username: self.0.to_owned(), secret: Secret::new(self.1.to_owned()) }))
    }
}

fn config() -> RegistryConfig {
    RegistryConfig { retry_delay_ms: 1, timeout_ms: 2_000, retry_after_limit_ms: 1_500, ..RegistryConfig::default() }
}

fn anonymous() -> Client {
    Client::new(&config(), Arc::new(Anonymous)).unwrap()
}

fn texts(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::as_str).collect()
}

#[tokio::test]
async fn s8_digests_come_by_head_and_are_remembered() {
    let fake = Fake::start(|_| reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "")).await;
    let (client, image) = (anonymous(), fake.image("o/x:1.2"));
    for _ in 0..3 {
        assert_eq!(client.digest(&image).await.unwrap().as_str(), DIGEST);
    }
    assert_eq!(fake.log(), ["HEAD /v2/o/x/manifests/1.2"]);
    let accept = fake.header(0, "accept");
    for kind in ["oci.image.index.v1", "manifest.list.v2", "oci.image.manifest.v1", "distribution.manifest.v2"] {
        assert!(accept.contains(kind), "{accept}");
    }
    client.digest_as_of(&image, Freshness::Since(Instant::now())).await.unwrap();
    assert_eq!(fake.log().len(), 2);
}

#[tokio::test]
async fn without_the_header_the_contents_are_hashed() {
    let manifest = r#"{"schemaVersion":2}"#;
    let fake = Fake::start(move |_| reply(StatusCode::OK, &[], manifest)).await;
    let digest = anonymous().digest(&fake.image("x:1")).await.unwrap();
    assert_eq!(digest.hex(), hex::encode(<sha2::Sha256 as sha2::Digest>::digest(manifest)));
    assert_eq!(fake.log(), ["HEAD /v2/x/manifests/1", "GET /v2/x/manifests/1"]);
}

#[tokio::test]
async fn a_digest_that_does_not_fit_the_contents_is_refused() {
    let fake = Fake::start(|asked| match asked.method.as_str() {
        "HEAD" => reply(StatusCode::METHOD_NOT_ALLOWED, &[], ""),
        _ => reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "{}"),
    })
    .await;
    let error = anonymous().digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Malformed { problem, .. } if problem.contains(DIGEST)), "{error}");
}

#[tokio::test]
async fn s8_lists_are_read_page_by_page() {
    let fake = Fake::start(|asked| match asked.query.as_str() {
        "n=1000" => {
            reply(StatusCode::OK, &[("link", "</v2/x/tags/list?cursor=abc>; rel=\"next\"")], r#"{"tags":["1","a b"]}"#)
        }
        _ => reply(StatusCode::OK, &[], r#"{"name":"x","tags":["2"]}"#),
    })
    .await;
    let (client, image) = (anonymous(), fake.image("x:1"));
    let (a, b) = tokio::join!(client.tags(&image, Freshness::Remembered), client.tags(&image, Freshness::Remembered));
    assert_eq!(texts(&a.unwrap().tags), ["1", "2"]);
    assert_eq!(texts(&b.unwrap().tags), ["1", "2"]);
    assert_eq!(fake.log(), ["GET /v2/x/tags/list?n=1000", "GET /v2/x/tags/list?cursor=abc"], "one listing for both");
}

#[tokio::test]
async fn lists_that_never_end_are_cut_and_circles_found() {
    let endless = Fake::start(|asked| {
        let page: u32 = asked.query.trim_start_matches("p=").parse().unwrap_or(0);
        let link = format!("<?p={}>; rel=\"next\"", page + 1);
        reply(StatusCode::OK, &[("link", &link)], &format!(r#"{{"tags":["{page}"]}}"#))
    })
    .await;
    let list = anonymous().tags(&endless.image("x"), Freshness::Remembered).await.unwrap();
    assert!(list.truncated);
    assert_eq!((list.tags.len(), endless.log().len()), (100, 100));
    let circle =
        Fake::start(|_| reply(StatusCode::OK, &[("link", "<?n=1000>; rel=\"next\"")], r#"{"tags":["1"]}"#)).await;
    let error = anonymous().tags(&circle.image("x"), Freshness::Remembered).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    let elsewhere =
        Fake::start(|_| reply(StatusCode::OK, &[("link", "<http://evil.example/>; rel=\"next\"")], r#"{"tags":[]}"#))
            .await;
    let error = anonymous().tags(&elsewhere.image("x"), Freshness::Remembered).await.unwrap_err();
    assert!(error.to_string().contains("another host, evil.example"), "{error}");
}

#[tokio::test]
async fn an_empty_repository_has_no_tags() {
    let fake = Fake::start(|_| reply(StatusCode::OK, &[], r#"{"name":"x","tags":null}"#)).await;
    assert!(anonymous().tags(&fake.image("x"), Freshness::Remembered).await.unwrap().tags.is_empty());
}

/// A registry that wants a token of its own service, which wants `user` and `secret`, or nobody.
async fn token_registry(wanted: &'static str) -> Fake {
    Fake::start(move |asked| match asked.path.as_str() {
        "/token" if asked.header("authorization") == wanted => {
            reply(StatusCode::OK, &[], r#"{"access_token":"t0k3n","expires_in":300}"#)
        }
        "/token" => reply(StatusCode::UNAUTHORIZED, &[], "no"),
        _ if asked.header("authorization") == "Bearer t0k3n" => {
            reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], r#"{"tags":["1"]}"#)
        }
        _ => {
            let challenge = format!("Bearer realm=\"http://{}/token\",service=\"me\"", asked.header("host"));
            reply(StatusCode::UNAUTHORIZED, &[("www-authenticate", &challenge)], "")
        }
    })
    .await
}

#[tokio::test]
async fn s8_a_token_is_fetched_once_for_a_repository() {
    let fake = token_registry("").await;
    let client = anonymous();
    client.digest(&fake.image("o/x:1")).await.unwrap();
    client.digest(&fake.image("o/x:2")).await.unwrap();
    client.tags(&fake.image("o/x"), Freshness::Remembered).await.unwrap();
    let expected = [
        "HEAD /v2/o/x/manifests/1",
        "GET /token?service=me&scope=repository%3Ao%2Fx%3Apull",
        "HEAD /v2/o/x/manifests/1",
        "HEAD /v2/o/x/manifests/2",
        "GET /v2/o/x/tags/list?n=1000",
    ];
    assert_eq!(fake.log(), expected);
}

#[tokio::test]
async fn s8_credentials_go_to_the_token_service_alone() {
    let fake = token_registry("Basic dXNlcjpzZWNyZXQ=").await;
    let user = Client::new(&config(), Arc::new(User("user", "secret"))).unwrap();
    assert_eq!(user.digest(&fake.image("x:1")).await.unwrap().as_str(), DIGEST);
    assert!(
        fake.requests()
            .iter()
            .all(|asked| asked.path == "/token" || !asked.header("authorization").starts_with("Basic"))
    );
    let wrong = Client::new(&config(), Arc::new(User("user", "wrong"))).unwrap();
    let error = wrong.digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { anonymous: false, .. }), "{error}");
    let error = anonymous().digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { anonymous: true, .. }), "{error}");
    assert!(error.to_string().contains("docker login"), "{error}");
}

#[tokio::test]
async fn identity_tokens_are_exchanged() {
    let fake = Fake::start(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/token")
            if asked.body.contains("grant_type=refresh_token") && asked.body.contains("refresh_token=id") =>
        {
            reply(StatusCode::OK, &[], r#"{"token":"t"}"#)
        }
        (_, "/token") => reply(StatusCode::UNAUTHORIZED, &[], ""),
        _ if asked.header("authorization") == "Bearer t" => {
            reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "")
        }
        _ => {
            let challenge = format!("Bearer realm=\"http://{}/token\"", asked.header("host"));
            reply(StatusCode::UNAUTHORIZED, &[("www-authenticate", &challenge)], "")
        }
    })
    .await;
    Client::new(&config(), Arc::new(User("", "id"))).unwrap().digest(&fake.image("x:1")).await.unwrap();
}

#[tokio::test]
async fn s8_basic_authentication_is_for_those_who_ask_for_it() {
    let fake = Fake::start(|asked| match asked.header("authorization").as_str() {
        "Basic dXNlcjpzZWNyZXQ=" => reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], ""),
        _ => reply(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    })
    .await;
    let user = Client::new(&config(), Arc::new(User("user", "secret"))).unwrap();
    user.digest(&fake.image("x:1")).await.unwrap();
    let error = anonymous().digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { anonymous: true, .. }), "{error}");
}

#[tokio::test]
async fn s8_a_short_rest_is_kept_and_a_long_one_reported() {
    let fake = Fake::start(|asked| match asked.number {
        0 => reply(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "1")], ""),
        _ => reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], ""),
    })
    .await;
    let start = Instant::now();
    anonymous().digest(&fake.image("x:1")).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let fake = Fake::start(|_| reply(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "3600")], "")).await;
    let client = anonymous();
    for tag in ["x:1", "x:2"] {
        let error = client.digest(&fake.image(tag)).await.unwrap_err();
        assert!(error.is_temporary() && matches!(error, RegistryError::RateLimited { .. }), "{error}");
    }
    assert_eq!(fake.log().len(), 1, "who is told to wait does not ask again");
}

#[tokio::test]
async fn s8_faults_of_the_registry_are_tried_again() {
    let fake = Fake::start(|asked| match asked.number {
        0 | 1 => reply(StatusCode::BAD_GATEWAY, &[], ""),
        _ => reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], ""),
    })
    .await;
    anonymous().digest(&fake.image("x:1")).await.unwrap();
    let fake = Fake::start(|_| reply(StatusCode::INTERNAL_SERVER_ERROR, &[], "")).await;
    let error = anonymous().digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Failed { status: 500, .. }), "{error}");
    assert_eq!(fake.log().len(), 4);
}

/// Section 8: a circuit breaker, which missing and private images do not trip.
#[tokio::test]
async fn s8_a_registry_that_fails_again_and_again_is_left_alone() {
    let fake = Fake::start(|_| reply(StatusCode::BAD_GATEWAY, &[], "")).await;
    let client = anonymous();
    let first = client.digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(first, RegistryError::Failed { status: 502, .. }), "{first}");
    let second = client.digest(&fake.image("x:2")).await.unwrap_err();
    assert!(matches!(second, RegistryError::Resting { .. }) && second.is_temporary(), "{second}");
    assert_eq!(fake.log().len(), 5, "five failures in a row, and no sixth");
    for status in [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let fake = Fake::start(move |_| reply(status, &[], "")).await;
        for tag in 0..20 {
            let error = client.digest(&fake.image(&format!("x:{tag}"))).await.unwrap_err();
            assert!(!matches!(error, RegistryError::Resting { .. }), "{status}: {error}");
        }
        assert_eq!(fake.log().len(), 20, "{status}");
    }
}

/// Section 8: revalidate instead of fetching again.
#[tokio::test]
async fn s8_a_list_that_still_holds_is_not_sent_again() {
    let fake = Fake::start(|asked| match (asked.path.as_str(), asked.header("if-none-match").as_str()) {
        ("/v2/x/tags/list", "\"v1\"") => reply(StatusCode::NOT_MODIFIED, &[], ""),
        ("/v2/x/tags/list", _) => reply(StatusCode::OK, &[("etag", "\"v1\"")], r#"{"tags":["1","2"]}"#),
        (_, "") if asked.header("if-modified-since").is_empty() => {
            reply(StatusCode::OK, &[("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")], r#"{"tags":["3"]}"#)
        }
        _ => reply(StatusCode::NOT_MODIFIED, &[], ""),
    })
    .await;
    let client = anonymous();
    for (image, tags) in [("x", vec!["1", "2"]), ("y", vec!["3"])] {
        for _ in 0..3 {
            let list = client.tags(&fake.image(image), Freshness::Since(Instant::now())).await.unwrap();
            assert_eq!(texts(&list.tags), tags);
        }
    }
    assert_eq!(fake.log().len(), 6);
    assert_eq!(fake.header(2, "if-none-match"), "\"v1\"", "also after a confirmation");
}

/// Section 8: what is known outlives the process.
#[tokio::test]
async fn s8_answers_are_kept_on_disk() {
    let fake = Fake::start(|asked| match asked.header("if-none-match").as_str() {
        "" => reply(StatusCode::OK, &[("docker-content-digest", DIGEST), ("etag", "\"v1\"")], r#"{"tags":["1","2"]}"#),
        _ => reply(StatusCode::NOT_MODIFIED, &[], ""),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("updater.db");
    let first = anonymous();
    first.tags(&fake.image("x"), Freshness::Remembered).await.unwrap();
    first.digest(&fake.image("x:1")).await.unwrap();
    let drained = CancellationToken::new();
    drained.cancel();
    let store = Store::open(&file, vec![schema()]).await.unwrap();
    keep(store.clone(), first, SystemClock, drained).await;
    store.close().await;
    let (store, second) = (Store::open(&file, vec![schema()]).await.unwrap(), anonymous());
    assert!(load(&store, &second, &SystemClock).await.unwrap().is_some());
    let list = second.tags(&fake.image("x"), Freshness::Remembered).await.unwrap();
    assert_eq!(list.tags.len(), 2);
    assert_eq!(second.digest(&fake.image("x:1")).await.unwrap().as_str(), DIGEST);
    assert_eq!(fake.log().len(), 2, "nothing was asked again");
    second.tags(&fake.image("x"), Freshness::Since(Instant::now())).await.unwrap();
    assert_eq!(fake.header(2, "if-none-match"), "\"v1\"", "and what is asked can be confirmed");
}

/// Section 8: an index is more than the image of one platform.
#[tokio::test]
async fn s8_an_index_leads_to_the_image_of_a_platform() {
    let hash = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let entry = |letter: &str, platform: &str| format!(r#"{{"digest":"{}","platform":{platform}}}"#, hash(letter));
    let index = [
        entry("1", r#"{"os":"linux","architecture":"amd64"}"#),
        entry("2", r#"{"os":"linux","architecture":"arm","variant":"v6"}"#),
        entry("3", r#"{"os":"linux","architecture":"arm","variant":"v7"}"#),
        entry(
            "4",
            r#"{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#,
        ),
    ];
    let index = format!(r#"{{"manifests":[{}]}}"#, index.join(","));
    let top = hash("f");
    let path = format!("/v2/x/manifests/{top}");
    let fake = Fake::start(move |asked| {
        let body = match asked.path.rsplit(':').next() {
            _ if asked.path == path => index.clone(),
            Some(digest) => {
                format!(r#"{{"config":{{"digest":"sha256:{}"}}}}"#, digest.replace('1', "a").replace('3', "c"))
            }
            None => String::new(),
        };
        reply(StatusCode::OK, &[], &body)
    })
    .await;
    let client = anonymous();
    let image = fake.image("x").with_digest(top.parse().unwrap());
    let platform = |architecture: &str, variant: &str| Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.to_owned(),
    };
    let leads =
        async |platform: &Platform, digests: &[Digest], id: &str| client.leads_to(&image, platform, digests, id).await;
    assert!(leads(&platform("amd64", ""), &[], &hash("a")).await.unwrap(), "by the id of the image");
    assert!(!leads(&platform("amd64", ""), &[], &hash("c")).await.unwrap(), "another one");
    assert!(leads(&platform("arm", "v7"), &[], &hash("c")).await.unwrap(), "the variant counts");
    assert!(
        leads(&platform("arm", "v7"), &[hash("3").parse().unwrap()], "").await.unwrap(),
        "by the manifest's digest"
    );
    let missing = leads(&platform("riscv64", ""), &[], "").await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    assert_eq!(fake.log().len(), 3, "the index and two manifests, each once");
}

/// Section 8: GitHub's registry takes a token of GitHub's, unless Docker knows better.
#[tokio::test]
async fn s8_a_token_of_github_is_for_its_registry_alone() {
    let token = || Some(Secret::new("ghp".to_owned()));
    let anonymous = WithGithub::new(Arc::new(Anonymous), token());
    let found = anonymous.credential("ghcr.io").await.unwrap().unwrap();
    assert_eq!(found.secret.expose(), "ghp");
    assert!(anonymous.credential("docker.io").await.unwrap().is_none());
    let known = WithGithub::new(Arc::new(User("user", "secret")), token());
    assert_eq!(known.credential("ghcr.io").await.unwrap().unwrap().username, "user");
}

/// Each status is its own error, and is asked for once.
#[tokio::test]
async fn refusals_are_told_apart() {
    let check = async |status: StatusCode, expected: fn(&RegistryError) -> bool| {
        let fake = Fake::start(move |_| reply(status, &[], "")).await;
        let error = anonymous().tags(&fake.image("x"), Freshness::Remembered).await.unwrap_err();
        assert!(expected(&error), "{status}: {error}");
        assert_eq!(fake.log().len(), 1);
    };
    check(StatusCode::UNAUTHORIZED, |error| matches!(error, RegistryError::Unauthorized { .. })).await;
    check(StatusCode::FORBIDDEN, |error| matches!(error, RegistryError::Forbidden { .. })).await;
    check(StatusCode::NOT_FOUND, RegistryError::is_not_found).await;
    check(StatusCode::IM_A_TEAPOT, |error| matches!(error, RegistryError::Malformed { .. })).await;
}

#[tokio::test]
async fn garbage_is_an_error_that_says_so() {
    for (body, expected) in
        [("<html>", "no list of tags"), (r#"{"tags":[1]}"#, "no list of tags"), ("", "no list of tags")]
    {
        let fake = Fake::start(move |_| reply(StatusCode::OK, &[], body)).await;
        let error = anonymous().tags(&fake.image("x"), Freshness::Remembered).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{body}: {error}");
    }
    let fake = Fake::start(|_| reply(StatusCode::OK, &[], &" ".repeat(9 << 20))).await;
    let error = anonymous().tags(&fake.image("x"), Freshness::Remembered).await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
    let fake = Fake::start(|_| reply(StatusCode::OK, &[("docker-content-digest", "md5:1")], "hello")).await;
    let error = anonymous().digest(&fake.image("x:1")).await.unwrap_err();
    assert!(error.to_string().contains("no manifest"), "{error}");
}

#[tokio::test]
async fn a_registry_that_is_away_or_silent_cannot_be_reached() {
    let gone: Reference = "127.0.0.1:1/x:1".parse().unwrap();
    let error = anonymous().digest(&gone).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }) && error.is_temporary(), "{error}");
    let fake = Fake::start_silent().await;
    let client = Client::new(&RegistryConfig { timeout_ms: 300, ..config() }, Arc::new(Anonymous)).unwrap();
    let error = client.digest(&fake.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_to_another_host() {
    let storage = Fake::start(|_| reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "")).await;
    let location = format!("http://localhost:{}/blob", storage.port());
    let fake = Fake::start(move |asked| match asked.header("authorization").as_str() {
        "" => reply(StatusCode::UNAUTHORIZED, &[("www-authenticate", "Basic")], ""),
        _ => reply(StatusCode::TEMPORARY_REDIRECT, &[("location", &location)], ""),
    })
    .await;
    let user = Client::new(&config(), Arc::new(User("user", "secret"))).unwrap();
    user.digest(&fake.image("x:1")).await.unwrap();
    assert_eq!(storage.header(0, "authorization"), "");
    let circle = Fake::start(|asked: &Asked| reply(StatusCode::FOUND, &[("location", &asked.path)], "")).await;
    let error = anonymous().digest(&circle.image("x:1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_may_be_reached_elsewhere() {
    let fake = Fake::start(|_| reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "")).await;
    let rewrite = [("registry.example:5000".to_owned(), fake.authority())].into();
    let client = Client::new(&RegistryConfig { rewrite, ..config() }, Arc::new(Anonymous)).unwrap();
    client.digest(&"registry.example:5000/x:1".parse().unwrap()).await.unwrap();
    assert_eq!(fake.log(), ["HEAD /v2/x/manifests/1"]);
}

#[tokio::test]
async fn s8_only_so_many_requests_are_under_way() {
    let fake = Fake::start_slow(Duration::from_millis(50), |_| {
        reply(StatusCode::OK, &[("docker-content-digest", DIGEST)], "")
    })
    .await;
    let client = Client::new(&RegistryConfig { concurrency_local: 2, ..config() }, Arc::new(Anonymous)).unwrap();
    let images: Vec<_> = (0..8).map(|tag| fake.image(&format!("x:{tag}"))).collect();
    let asked = images.iter().map(|image| client.digest(image));
    assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
    assert!(fake.most_at_once() <= 2, "{}", fake.most_at_once());
}
