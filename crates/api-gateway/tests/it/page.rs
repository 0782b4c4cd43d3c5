//! A web page of the administrator's own, such as Docksmith's.

use http::{Method, StatusCode};

use crate::stack::Stack;

/// A folder as a page is built into, and the settings that show it.
async fn stack() -> (Stack, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html><title>a page</title>"),
        ("assets/index-1a2b.js", "export {}"),
        ("favicon.svg", "<svg/>"),
        (".env", "SECRET=1"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_str().unwrap().to_owned();
    (Stack::with_settings(&[("STATIC_DIR", &path)]).await, folder)
}

#[tokio::test]
async fn s1_everything_outside_of_the_apis_is_the_page() {
    let (stack, _folder) = stack().await;
    let cases = [
        ("/", "text/html", "no-cache, no-store, must-revalidate"),
        ("/history", "text/html", "no-cache, no-store, must-revalidate"),
        ("/container/web/tag-filter", "text/html", "no-cache, no-store, must-revalidate"),
        ("/assets/index-1a2b.js", "text/javascript", "public, max-age=31536000, immutable"),
        ("/favicon.svg", "image/svg+xml", "public, max-age=3600"),
    ];
    for (path, kind, kept) in cases {
        for method in [Method::GET, Method::HEAD] {
            let call = stack.client.call(method.clone(), path).credential(None);
            let answer = call.header("accept", "text/html,*/*;q=0.8").send().await;
            assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
            assert_eq!((answer.header("content-type"), answer.header("cache-control")), (Some(kind), Some(kept)));
            let policy = answer.header("content-security-policy").unwrap_or_default();
            assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        }
    }
    let page = stack.client.call(Method::GET, "/settings").credential(None).header("accept", "text/html").send().await;
    assert!(page.text().contains("a page"));
}

#[tokio::test]
async fn s1_a_page_hides_and_opens_nothing_else() {
    let (stack, _folder) = stack().await;
    for path in [
        "/.env",
        "/assets/../.env",
        "/%2e%2e/etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/no-such-file.js",
        "/api/no/such/route",
        "/api/status",
        "/v1/device",
        "/tokens",
    ] {
        let answer = stack.client.call(Method::GET, path).credential(None).send().await;
        assert!(
            answer.status == StatusCode::UNAUTHORIZED || answer.status.is_redirection(),
            "{path}: {}",
            answer.status
        );
    }
    for path in ["/.env", "/api/no/such/route"] {
        let call = stack.client.call(Method::GET, path).credential(None).header("accept", "text/html");
        assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED, "{path}, also for a browser");
    }
    let post = stack.client.call(Method::POST, "/").credential(None).body("{}").send().await;
    assert_eq!(post.status, StatusCode::UNAUTHORIZED, "a page is only read");
    assert_eq!(stack.client.get("/api/no/such/route").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stack.client.get("/api/status").await.status, StatusCode::OK);
}

#[tokio::test]
async fn s14_there_is_no_page_unless_a_setting_says_so() {
    let stack = Stack::with_settings(&[("STATIC_DIR", "")]).await;
    let call = stack.client.call(Method::GET, "/").credential(None).header("accept", "text/html");
    assert_eq!(call.send().await.status, StatusCode::UNAUTHORIZED);
}
