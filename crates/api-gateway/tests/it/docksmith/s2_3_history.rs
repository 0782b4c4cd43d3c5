//! Contract, section 2.3: operations, history, settings, policies.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{operation, stack};

#[tokio::test]
async fn s2_3_operations_come_in_pages() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = (1..=30).rev().map(|number| operation(number, "")).collect();
    let data = stack.client.get("/api/operations").await.json()["data"].clone();
    assert_eq!((&data["count"], &data["has_more"], &data["next_cursor"]), (&json!(20), &json!(true), &json!("20")));
    let first = &data["operations"][0];
    assert_eq!((&first["operation_type"], &first["status"]), (&json!("single"), &json!("complete")));
    assert_eq!(first["started_at"], "2026-07-23T09:46:40.005Z");
    assert_eq!(
        (&first["batch_details"][0]["container_name"], &first["rollback_occurred"]),
        (&json!("web"), &json!(false))
    );
    assert_eq!(first["dependents_affected"], json!([]));
    let rest = stack.client.get("/api/operations?cursor=20&limit=-5").await.json()["data"].clone();
    assert_eq!((&rest["count"], &rest["has_more"]), (&json!(10), &json!(false)));
    assert_eq!(rest["next_cursor"], Value::Null);
    let array = stack.client.get("/api/operations?format=array&limit=3").await.json()["data"].clone();
    assert_eq!(array.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn s2_3_operations_are_filtered() {
    let stack = stack().await;
    let cases = [
        ("type=updates", "types: [Single, Batch]"),
        ("type=update", "types: [Single, Batch]"),
        ("type=rollback", "types: [Rollback]"),
        ("status=in_progress", "statuses: [InProgress]"),
        ("container=web", r#"container: "web""#),
        ("date_from=2026-07-23T09:46:40.5Z", "seconds: 1784800000, nanos: 500000000"),
        ("date_to=yesterday", "started_before: None"),
    ];
    for (query, wanted) in cases {
        stack.world.calls.lock().unwrap().clear();
        stack.client.get(&format!("/api/operations?{query}")).await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(wanted), "{query}: {call}");
    }
    stack.world.calls.lock().unwrap().clear();
    let nothing = stack.client.get("/api/operations?status=cancelled").await.json();
    assert_eq!(nothing["data"]["operations"], json!([]));
    assert!(stack.world.calls.lock().unwrap().is_empty(), "nothing can match, so nobody is asked");
}

#[tokio::test]
async fn s2_3_one_operation_and_one_group_are_found() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() =
        vec![operation(4, ""), operation(3, "g"), operation(2, "g"), operation(1, "")];
    assert_eq!(stack.client.get("/api/operations/op-3").await.json()["data"]["id"], 3);
    let unknown = stack.client.get("/api/operations/x").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (404, &json!("operation not found")));
    let group = stack.client.get("/api/operations/group/g").await.json()["data"].clone();
    assert_eq!((&group["count"], &group["batch_group_id"]), (&json!(2), &json!("g")));
    assert_eq!(group["operations"][0]["id"], 2, "oldest first");
    let none = stack.client.get("/api/operations/group/none").await.json();
    assert_eq!(none["data"]["operations"], json!([]));
}

#[tokio::test]
async fn s2_3_a_group_is_asked_for_by_its_id_and_comes_oldest_first() {
    let stack = stack().await;
    *stack.world.operations.lock().unwrap() = vec![operation(3, "g"), operation(2, "other"), operation(1, "g")];
    let data = stack.client.get("/api/operations/group/g").await.json()["data"].clone();
    let ids: Vec<_> = data["operations"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!((ids.as_slice(), &data["count"]), (&[json!(1), json!(3)][..], &json!(2)));
}

#[tokio::test]
async fn s2_3_operations_are_filtered_by_every_type() {
    let stack = stack().await;
    for (kind, wanted) in [("start", "Start"), ("stop", "Stop"), ("restart", "Restart"), ("remove", "Remove")] {
        stack.world.calls.lock().unwrap().clear();
        stack.client.get(&format!("/api/operations?type={kind}")).await;
        let call = stack.world.calls.lock().unwrap().join("");
        assert!(call.contains(&format!("types: [{wanted}]")), "{kind}: {call}");
    }
}

#[tokio::test]
async fn s2_3_history_has_checks_and_updates() {
    let stack = stack().await;
    let data = stack.client.get("/api/history?limit=7").await.json()["data"].clone();
    let expected = json!({
        "count": 2,
        "history": [
            { "timestamp": "2026-07-23T09:46:40.005Z", "type": "update", "container_name": "web", "status": "success",
              "from_version": "1", "to_version": "2", "success": true },
            { "timestamp": "2026-07-23T09:46:40.005Z", "type": "check", "container_name": "web",
              "status": "up_to_date", "current_version": "1", "latest_version": "2" },
        ],
    });
    assert_eq!(data, expected);
    stack.client.get("/api/history?type=check").await;
    stack.client.get("/api/history?type=nothing").await;
    let calls = stack.world.calls.lock().unwrap().clone();
    assert!(calls[0].contains("limit: 7, kind: Unspecified"), "{calls:?}");
    assert!(calls[1].contains("limit: 100, kind: Check") && calls[2].contains("kind: Unspecified"), "{calls:?}");
}

#[tokio::test]
async fn s2_3_history_is_cleared_only_with_a_number_of_days() {
    let stack = stack().await;
    let clear = |body: &'static str| stack.client.call(Method::DELETE, "/api/history/clear").body(body).send();
    let data = clear(r#"{"older_than_days":0}"#).await.json();
    assert_eq!(data["data"], json!({ "deleted": 3, "message": "History cleared" }));
    for body in ["", "{}", r#"{"older_than_days":"1"}"#, r#"{"older_than_days":-1}"#] {
        assert_eq!(clear(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(stack.world.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn s2_3_a_setting_is_a_text() {
    let stack = stack().await;
    let path = "/api/settings/history_retention_days";
    let expected = json!({ "key": "history_retention_days", "value": "30" });
    assert_eq!(stack.client.get(path).await.json()["data"], expected);
    let put = |path: &'static str, body: &'static str| stack.client.call(Method::PUT, path).body(body).send();
    assert_eq!(put(path, r#"{"value":"30"}"#).await.json()["data"], expected);
    for body in [r#"{"value":30}"#, "{}", r#"{"value":"x"}"#] {
        assert_eq!(put(path, body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let unknown = stack.client.get("/api/settings/colour").await;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["error"]), (400, &json!("unknown setting key: colour")));
}

#[tokio::test]
async fn s2_3_policies_have_both_members() {
    let stack = stack().await;
    let data = stack.client.get("/api/policies").await.json()["data"].clone();
    assert_eq!(
        data["containers"],
        json!({ "web": { "can_rollback": true, "last_operation_id": "op-1", "old_version": "1" } })
    );
    let policy = &data["global_policy"];
    assert_eq!((&policy["entity_type"], &policy["auto_rollback_enabled"]), (&json!("global"), &json!(true)));
    let said = |list: &str, name: &str| {
        let policies = data[list].as_array().unwrap();
        policies.iter().find(|policy| policy["entity_id"] == name).unwrap()["auto_rollback_enabled"].clone()
    };
    assert_eq!((said("stack_policies", "media"), said("container_policies", "web")), (json!(false), json!(true)));
    assert!(
        policy["health_check_required"].is_boolean() && policy["id"].is_number() && policy["created_at"].is_string()
    );
}
