//! Contract, section 2.7: what the engine has, and its pruning.

use http::{Method, StatusCode};
use serde_json::json;

use super::stack;

#[tokio::test]
async fn s2_7_the_tags_of_a_repository_are_listed() {
    let stack = stack().await;
    for path in ["/api/registry/tags/ghcr.io/o/i", "/api/registry/tags/ghcr.io%2Fo%2Fi"] {
        let data = &stack.client.get(path).await.json()["data"];
        let expected = json!({ "image_ref": "ghcr.io/o/i", "tags": ["1", "2"], "count": 2, "truncated": false });
        assert_eq!(data, &expected, "{path}");
    }
    let refused = stack.client.get("/api/registry/tags/missing").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.json()["error"], "missing not found");
    assert_eq!(stack.client.get("/api/registry/tags/NO").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s2_7_the_explorer_asks_once_and_shows_everything() {
    let stack = stack().await;
    let data = stack.client.get("/api/explorer").await.json()["data"].clone();
    assert_eq!(stack.world.calls.lock().unwrap().len(), 1);
    let web = json!({
        "id": "web-id", "name": "web", "image": "nginx:1", "state": "exited", "health_status": "none", "stack": "site",
        "created": 1_784_800_000, "networks": ["front"], "is_own": false,
    });
    assert_eq!(data["container_stacks"], json!({ "site": [web] }));
    assert_eq!(
        (&data["standalone_containers"][0]["name"], data["standalone_containers"][0].get("stack")),
        (&json!("db"), None)
    );
    assert_eq!(data["containers"].as_array().unwrap().len(), 2, "the flat list too");
    assert_eq!(data["images"][0]["dangling"], true);
    assert_eq!(data["networks"][0]["is_default"], true);
    assert_eq!((&data["volumes"][0]["size"], &data["volumes"][1]["size"]), (&json!(5), &json!(-1)));
}

#[tokio::test]
async fn s2_7_each_list_stands_alone() {
    let stack = stack().await;
    for (name, count) in [("images", 1), ("networks", 1), ("volumes", 2)] {
        let data = stack.client.get(&format!("/api/{name}")).await.json()["data"].clone();
        assert_eq!((data[name].as_array().unwrap().len(), &data["count"]), (count, &json!(count)), "{name}");
    }
}

#[tokio::test]
async fn s2_7_an_image_is_removed_however_its_name_is_written() {
    let stack = stack().await;
    let delete = |path: &'static str| stack.client.call(Method::DELETE, path).send();
    for (path, image) in [
        ("/api/images/sha256:abc", r#""sha256:abc""#),
        ("/api/images/ghcr.io%2Fo%2Fi:1", r#""ghcr.io/o/i:1""#),
        ("/api/images/ghcr.io/o/i:1", r#""ghcr.io/o/i:1""#),
    ] {
        let data = delete(path).await.json()["data"].clone();
        let expected = json!({
            "message": "Image removed successfully", "deleted": [{ "Untagged": "a:1" }, { "Deleted": "sha256:a" }],
        });
        assert_eq!(data, expected);
        assert!(stack.world.calls.lock().unwrap().pop().unwrap().contains(image), "{path}");
    }
    for (path, force) in
        [("/api/images/a?force=true", true), ("/api/images/a?force=1", false), ("/api/images/a?force=TRUE", false)]
    {
        delete(path).await;
        let call = stack.world.calls.lock().unwrap().pop().unwrap();
        assert!(
            call.contains(&format!("force: {force}")) && call.contains(r#"requested_by: "admin""#),
            "{path}: {call}"
        );
    }
}

#[tokio::test]
async fn s2_7_a_refusal_is_a_500_in_dockers_words_and_what_is_missing_a_404() {
    let stack = stack().await;
    for (image, status, words) in
        [("used", 500, "being used"), ("gone", 404, "not found"), ("kept", 403, "kept by Homeport")]
    {
        let answer = stack.client.call(Method::DELETE, &format!("/api/images/{image}")).send().await;
        assert_eq!(answer.status.as_u16(), status, "{image}");
        assert!(answer.json()["error"].as_str().unwrap().contains(words), "{}", answer.json());
    }
    for path in ["/api/networks/front", "/api/volumes/data?force=true"] {
        let answer = stack.client.call(Method::DELETE, path).send().await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.json()["data"]["message"].as_str().unwrap().contains("removed"));
    }
}

#[tokio::test]
async fn s2_7_pruning_says_what_went() {
    let stack = stack().await;
    let data = stack.client.post("/api/prune/images?all=true", "").await.json()["data"].clone();
    assert_eq!((&data["message"], &data["items_deleted"]), (&json!("Pruned 1 images"), &json!(["Image-id"])));
    assert_eq!((&data["space_reclaimed"], &data["dry_run"]), (&json!(42), &json!(false)));
    let data = stack.client.post("/api/prune/networks", "").await.json()["data"].clone();
    assert_eq!(data.get("space_reclaimed"), None);
    let calls = stack.world.calls.lock().unwrap().clone();
    assert!(calls[0].contains("kinds: [Image], tagged_images: true"), "{calls:?}");
    assert!(calls[1].contains("kinds: [Network], tagged_images: false"), "{calls:?}");
}

#[tokio::test]
async fn s2_7_a_dry_run_says_what_would_go() {
    let stack = stack().await;
    let data = stack.client.post("/api/prune/volumes?dry_run=true", "").await.json()["data"].clone();
    assert_eq!((&data["message"], &data["dry_run"]), (&json!("Would prune 1 volumes"), &json!(true)));
    assert_eq!(data["items"], json!([{ "type": "volume", "id": "Volume-id", "name": "Volume", "size": 10 }]));
    assert!(stack.world.calls.lock().unwrap()[0].contains("dry_run: true"));
}

#[tokio::test]
async fn s2_7_a_system_prune_has_lists_and_counts() {
    let stack = stack().await;
    let data = stack.client.post("/api/prune/system", "").await.json()["data"].clone();
    assert_eq!(data["message"], "System prune completed: 3 items removed");
    assert_eq!((&data["volumes_deleted"], &data["volumes_deleted_count"]), (&json!([]), &json!(0)));
    assert_eq!((&data["containers_deleted"], &data["images_deleted_count"]), (&json!(["Container-id"]), &json!(1)));
    let data = stack.client.post("/api/prune/system?volumes=true", "").await.json()["data"].clone();
    assert_eq!((&data["volumes_deleted"], &data["space_reclaimed"]), (&json!(["Volume-id"]), &json!(42)));
}
