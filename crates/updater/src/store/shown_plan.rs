//! Plans that were shown to somebody.

use homeport_store::{Store, StoreError, Transaction};
use jiff::Timestamp;

/// Plans that are remembered, more than can be asked for at once; the oldest go first. One has a few kilobytes, and is looked
/// at for minutes.
const MAX_PLANS: i64 = 2000;

/// Remembers plans: the hash of each, its container, and the plan as JSON.
pub(crate) async fn remember(
    transaction: &mut Transaction,
    plans: impl Iterator<Item = (&str, &str, &str)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (hash, container, json) in plans {
        sqlx::query(
            "INSERT INTO shown_plan (hash, container_name, plan, shown_us) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (hash) DO UPDATE SET shown_us = $4",
        )
        .bind(hash)
        .bind(container)
        .bind(json)
        .bind(now.as_microsecond())
        .execute(&mut **transaction)
        .await?;
    }
    sqlx::query(
        "DELETE FROM shown_plan WHERE hash NOT IN (SELECT hash FROM shown_plan ORDER BY shown_us DESC LIMIT $1)",
    )
    .bind(MAX_PLANS)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A plan by the beginning of its hash, as JSON.
pub(crate) async fn find(store: &Store, hash: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT plan FROM shown_plan WHERE substr(hash, 1, $2) = $1 ORDER BY shown_us DESC LIMIT 1")
        .bind(hash)
        .bind(i64::try_from(hash.len()).unwrap_or(i64::MAX))
        .fetch_optional(store.reader())
        .await?)
}
