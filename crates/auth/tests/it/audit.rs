//! The record: in order, chained, and told when it was touched.

use std::{
    fs::OpenOptions,
    io::{Seek as _, SeekFrom, Write as _},
};

use homeport_proto::auth::v1::{
    AppendAuditRequest, AuditEntry, ListAuditRequest, VerifyAuditRequest, VerifyAuditResponse, audit_entry::Outcome,
    principal::Kind,
};
use tonic::Code;

use crate::stack::{PASSWORD, Stack};

fn entry(action: &str, user: &str) -> AuditEntry {
    AuditEntry {
        principal_kind: Kind::User.into(),
        principal_id: user.to_owned(),
        user_id: user.to_owned(),
        principal_name: user.to_owned(),
        action: action.to_owned(),
        outcome: Outcome::Done.into(),
        status: 200,
        ..AuditEntry::default()
    }
}

async fn append(stack: &Stack, entries: Vec<AuditEntry>) {
    stack.audit().append_audit(AppendAuditRequest { entries }).await.unwrap();
}

async fn verify(stack: &Stack) -> VerifyAuditResponse {
    stack.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner()
}

async fn list(stack: &Stack, request: ListAuditRequest) -> (Vec<(i64, String)>, u32) {
    let answer = stack.audit().list_audit(request).await.unwrap().into_inner();
    let rows = answer.rows.into_iter().map(|row| (row.number, row.entry.unwrap().action)).collect();
    (rows, answer.total)
}

#[tokio::test]
async fn rows_are_read_by_filter_and_followed() {
    let stack = Stack::start().await;
    append(&stack, vec![entry("user_login", "ada"), entry("POST /x", "ada"), entry("user_login", "bob")]).await;
    let one = |number: i64, action: &str| (number, action.to_owned());
    let (rows, total) = list(&stack, ListAuditRequest { named: true, ..ListAuditRequest::default() }).await;
    assert_eq!((rows, total), (vec![one(3, "user_login"), one(1, "user_login")], 2));
    let of_ada = ListAuditRequest { user_id: "ada".to_owned(), limit: 1, offset: 1, ..ListAuditRequest::default() };
    assert_eq!(list(&stack, of_ada).await, (vec![one(1, "user_login")], 2));
    let after = ListAuditRequest { after: Some(3), wait_ms: 10_000, ..ListAuditRequest::default() };
    let (followed, ()) = tokio::join!(list(&stack, after), append(&stack, vec![entry("user_logout", "ada")]));
    assert_eq!(followed.0, [one(4, "user_logout")]);
    let nothing = ListAuditRequest { after: Some(4), wait_ms: 10, ..ListAuditRequest::default() };
    assert!(list(&stack, nothing).await.0.is_empty());
    let many = AppendAuditRequest { entries: vec![AuditEntry::default(); 1001] };
    assert_eq!(stack.audit().append_audit(many).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_chain_holds_across_restarts_and_when_old_rows_go() {
    let settings = [("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("HOMEPORT_AUTH__AUDIT__ROWS_MAX", "100")];
    let mut stack = Stack::with(&settings).await;
    for _ in 0..3 {
        append(&stack, (0..70).map(|_| entry("x", "ada")).collect()).await;
        stack.restart().await;
    }
    let verdict = verify(&stack).await;
    assert_eq!((verdict.broken_at, verdict.rows, verdict.head.len()), (None, 100, 64), "{verdict:?}");
    let (rows, total) = list(&stack, ListAuditRequest::default()).await;
    assert_eq!((rows[0].0, total), (210, 100));
}

/// Asks for a row that somebody kept.
async fn verify_head(stack: &Stack, head_number: i64, head: &str) -> Result<VerifyAuditResponse, tonic::Status> {
    let request = VerifyAuditRequest { head_number, head: head.to_owned() };
    Ok(stack.audit().verify_audit(request).await?.into_inner())
}

#[tokio::test]
async fn what_was_kept_elsewhere_shows_that_the_end_was_cut_off() {
    let settings = [("HOMEPORT_ADMIN_PASSWORD", PASSWORD), ("HOMEPORT_AUTH__AUDIT__ROWS_MAX", "100")];
    let mut stack = Stack::with(&settings).await;
    append(&stack, (0..3).map(|_| entry("x", "ada")).collect()).await;
    stack.stop().await;
    let before = std::fs::read(stack.file("auth.db")).unwrap();
    stack.restart_from_stopped().await;
    append(&stack, (0..3).map(|_| entry("x", "eve")).collect()).await;
    let kept = verify(&stack).await;
    assert_eq!((kept.head_number, kept.rows, kept.broken_at), (6, 6, None));
    append(&stack, vec![entry("x", "ada")]).await;
    assert_eq!(verify_head(&stack, 6, &kept.head).await.unwrap().broken_at, None, "more came after it");
    assert_eq!(verify_head(&stack, 6, &kept.head.to_uppercase()).await.unwrap().broken_at, None);
    for (number, head) in [(5, kept.head.as_str()), (6, &"0".repeat(64)), (8, &kept.head)] {
        assert_eq!(verify_head(&stack, number, head).await.unwrap().broken_at, Some(number), "{number}");
    }
    for head in ["0", &"x".repeat(64)] {
        assert_eq!(verify_head(&stack, 6, head).await.unwrap_err().code(), Code::InvalidArgument);
    }
    // Somebody puts the file of before in its place, and goes on as if nothing had been.
    stack.stop().await;
    std::fs::write(stack.file("auth.db"), before).unwrap();
    stack.restart_from_stopped().await;
    append(&stack, (0..4).map(|_| entry("x", "ada")).collect()).await;
    assert_eq!(verify(&stack).await.broken_at, None, "the chain alone cannot tell");
    assert_eq!(verify_head(&stack, 6, &kept.head).await.unwrap().broken_at, Some(6));
    append(&stack, (0..200).map(|_| entry("x", "ada")).collect()).await;
    let pruned = verify_head(&stack, 6, &kept.head).await.unwrap_err();
    assert_eq!(pruned.code(), Code::FailedPrecondition, "{pruned:?}");
}

/// Changes one byte of the database file, where a text begins.
fn flip(stack: &Stack, text: &str, distance: usize) {
    let path = stack.file("auth.db");
    let file = std::fs::read(&path).unwrap();
    let at = file.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + distance;
    let mut file_now = OpenOptions::new().write(true).open(path).unwrap();
    file_now.seek(SeekFrom::Start(at as u64)).unwrap();
    file_now.write_all(&[file[at] ^ 1]).unwrap();
}

#[tokio::test]
async fn one_changed_byte_is_found() {
    let mut stack = Stack::start().await;
    let rows = |name: &str| (0..20).map(|_| entry("x", name)).collect::<Vec<_>>();
    append(&stack, rows("ada")).await;
    append(&stack, vec![AuditEntry { path: "/the-seventh-wonder".to_owned(), ..entry("x", "bob") }]).await;
    append(&stack, rows("ada")).await;
    assert_eq!(verify(&stack).await.broken_at, None);
    // The first byte, the last one, and the one after it, which belongs to the column that follows.
    for distance in [0, 18, 19] {
        stack.stop().await;
        flip(&stack, "/the-seventh-wonder", distance);
        stack.restart_from_stopped().await;
        let verdict = verify(&stack).await;
        assert_eq!((verdict.broken_at, verdict.rows), (Some(21), 20), "{distance}: {verdict:?}");
        stack.stop().await;
        let changed = if distance == 0 { ".the-seventh-wonder" } else { "/the-seventh-wonde" };
        flip(&stack, changed, distance);
        stack.restart_from_stopped().await;
        assert_eq!(verify(&stack).await.broken_at, None);
    }
}
