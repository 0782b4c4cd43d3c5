//! The record.

use homeport_proto::auth::v1::{self as proto, audit_entry, principal};
use jiff::Timestamp;

use super::timestamp;
use crate::{
    audit::{Entry, Head, Outcome, Verdict, chain::Hash},
    error::AuthError,
    store::audit::Row,
};

/// What principals are called in the record.
const PRINCIPALS: [(principal::Kind, &str); 5] = [
    (principal::Kind::User, "user"),
    (principal::Kind::Token, "token"),
    (principal::Kind::Device, "device"),
    (principal::Kind::Plugin, "plugin"),
    (principal::Kind::Project, "project"),
];

const OUTCOMES: [(audit_entry::Outcome, Outcome); 3] = [
    (audit_entry::Outcome::Done, Outcome::Done),
    (audit_entry::Outcome::Refused, Outcome::Refused),
    (audit_entry::Outcome::Failed, Outcome::Failed),
];

impl From<proto::AuditEntry> for Entry {
    fn from(entry: proto::AuditEntry) -> Self {
        let at = entry.at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        let kind = PRINCIPALS.iter().find(|(kind, _)| *kind == entry.principal_kind()).map_or("", |(_, name)| name);
        let outcome = OUTCOMES.iter().find(|(outcome, _)| *outcome == entry.outcome()).map(|(_, outcome)| *outcome);
        Self {
            at: at.map_or(0, Timestamp::as_millisecond),
            principal_kind: kind.to_owned(),
            principal_id: entry.principal_id,
            principal_name: entry.principal_name,
            user_id: entry.user_id,
            client_address: entry.client_address,
            user_agent: entry.user_agent,
            action: entry.action,
            method: entry.method,
            path: entry.path,
            target_kind: entry.target_kind,
            target_id: entry.target_id,
            target_name: entry.target_name,
            outcome: outcome.unwrap_or(Outcome::Failed).as_str().to_owned(),
            status: entry.status.into(),
            request_id: entry.request_id,
            details: entry.details,
        }
    }
}

impl From<Row> for proto::AuditRow {
    fn from(row: Row) -> Self {
        Self { number: row.number, hash: hex::encode(&row.hash), entry: Some(row.entry.into()) }
    }
}

impl From<Entry> for proto::AuditEntry {
    fn from(entry: Entry) -> Self {
        let kind = PRINCIPALS.iter().find(|(_, name)| *name == entry.principal_kind).map(|(kind, _)| *kind);
        let outcome =
            OUTCOMES.iter().find(|(_, outcome)| outcome.as_str() == entry.outcome).map(|(outcome, _)| *outcome);
        Self {
            at: Timestamp::from_millisecond(entry.at).ok().map(timestamp),
            principal_kind: kind.unwrap_or_default().into(),
            principal_id: entry.principal_id,
            principal_name: entry.principal_name,
            client_address: entry.client_address,
            user_agent: entry.user_agent,
            action: entry.action,
            method: entry.method,
            path: entry.path,
            target_kind: entry.target_kind,
            target_id: entry.target_id,
            target_name: entry.target_name,
            outcome: outcome.unwrap_or_default().into(),
            status: u32::try_from(entry.status).unwrap_or_default(),
            request_id: entry.request_id,
            details: entry.details,
            user_id: entry.user_id,
        }
    }
}

impl From<Verdict> for proto::VerifyAuditResponse {
    fn from(verdict: Verdict) -> Self {
        let (broken_at, reason) = verdict.broken.unzip();
        let (head, head_number) = (hex::encode(&verdict.head), verdict.head_number);
        Self { rows: verdict.rows, broken_at, reason: reason.unwrap_or_default(), head, head_number }
    }
}

/// The row that somebody kept elsewhere, where there is one.
pub(in crate::rpc) fn head(request: &proto::VerifyAuditRequest) -> Result<Option<Head>, AuthError> {
    if request.head.is_empty() {
        return Ok(None);
    }
    let mut hash = Hash::default();
    hex::decode_to_slice(&request.head, &mut hash).map_err(|_| AuthError::AuditHead)?;
    Ok(Some(Head { number: request.head_number, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written_and_nothing_else_is() {
        let read = |text: &str| head(&proto::VerifyAuditRequest { head_number: 1, head: text.to_owned() });
        let hash: Hash = std::array::from_fn(|place| u8::try_from(place * 7 % 256).unwrap());
        for text in [hex::encode(hash), hex::encode_upper(hash)] {
            assert_eq!(read(&text).unwrap(), Some(Head { number: 1, hash }));
        }
        assert_eq!(read("").unwrap(), None);
        for text in ["00", &"0".repeat(63), &"0".repeat(65), &"x".repeat(64), &"é".repeat(32)] {
            assert!(matches!(read(text), Err(AuthError::AuditHead)), "{text}");
        }
    }
}
