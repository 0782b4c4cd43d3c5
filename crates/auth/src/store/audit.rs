//! Tables `audit` and `audit_ends`.

use homeport_store::{Store, StoreError, Transaction};
use sqlx::SqliteConnection;

use crate::audit::chain::{Entry, Hash};

/// A row as it was written.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) number: i64,
    #[sqlx(flatten)]
    pub(crate) entry: Entry,
    pub(crate) hash: Vec<u8>,
}

/// What is there: the last row that was pruned, and the newest.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Ends {
    pub(crate) first_number: i64,
    pub(crate) first_hash: Vec<u8>,
    pub(crate) last_number: i64,
    pub(crate) last_hash: Vec<u8>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) user: Option<String>,
    pub(crate) action: Option<String>,
    /// Only those whose action is a name; others hold a method and a path.
    pub(crate) named: bool,
}

const COLUMNS: &str = "number, at, principal_kind, principal_id, principal_name, user_id, client_address, user_agent, \
                       action, method, path, target_kind, target_id, target_name, outcome, status, request_id, \
                       details, hash";

const WANTED: &str =
    "($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR action = $2) AND (NOT $3 OR action NOT LIKE '% %')";

pub(crate) async fn ends(connection: &mut SqliteConnection) -> Result<Ends, StoreError> {
    let sql = "SELECT first_number, first_hash, last_number, last_hash FROM audit_ends WHERE id = 1";
    Ok(sqlx::query_as(sql).fetch_one(connection).await?)
}

/// Writes a row, which becomes the newest once [`advance`] is told.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    number: i64,
    entry: &Entry,
    hash: &Hash,
) -> Result<(), StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "INSERT INTO audit ({COLUMNS})
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
    ));
    sqlx::query(sql)
        .bind(number)
        .bind(entry.at)
        .bind(&entry.principal_kind)
        .bind(&entry.principal_id)
        .bind(&entry.principal_name)
        .bind(&entry.user_id)
        .bind(&entry.client_address)
        .bind(&entry.user_agent)
        .bind(&entry.action)
        .bind(&entry.method)
        .bind(&entry.path)
        .bind(&entry.target_kind)
        .bind(&entry.target_id)
        .bind(&entry.target_name)
        .bind(&entry.outcome)
        .bind(entry.status)
        .bind(&entry.request_id)
        .bind(&entry.details)
        .bind(&hash[..])
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Remembers the newest row.
pub(crate) async fn advance(transaction: &mut Transaction, number: i64, hash: &Hash) -> Result<(), StoreError> {
    sqlx::query("UPDATE audit_ends SET last_number = $1, last_hash = $2 WHERE id = 1")
        .bind(number)
        .bind(&hash[..])
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// The event of the bus that was entered last.
pub(crate) async fn cursor(store: &Store) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT event FROM audit_cursor WHERE id = 1").fetch_optional(store.reader()).await?)
}

/// Remembers an event as entered; false if it or a later one was before.
pub(crate) async fn advance_cursor(transaction: &mut Transaction, event: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO audit_cursor (id, event) VALUES (1, $1)
               ON CONFLICT (id) DO UPDATE SET event = excluded.event WHERE event < excluded.event";
    Ok(sqlx::query(sql).bind(event).execute(&mut **transaction).await?.rows_affected() > 0)
}

/// Forgets the rows up to one, whose hash the chain then begins with.
pub(crate) async fn prune(transaction: &mut Transaction, number: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE audit_ends SET first_number = $1, first_hash = (SELECT hash FROM audit WHERE number = $1)
         WHERE id = 1 AND EXISTS (SELECT 1 FROM audit WHERE number = $1)",
    )
    .bind(number)
    .execute(&mut **transaction)
    .await?;
    sqlx::query("DELETE FROM audit WHERE number <= (SELECT first_number FROM audit_ends)")
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// The newest rows that a filter lets through, and how many it lets through.
pub(crate) async fn newest(
    store: &Store,
    filter: &Filter,
    limit: u32,
    offset: u32,
) -> Result<(Vec<Row>, u32), StoreError> {
    let rows = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM audit WHERE {WANTED} ORDER BY number DESC LIMIT $4 OFFSET $5"
    ));
    let rows: Vec<Row> = sqlx::query_as(rows)
        .bind(&filter.user)
        .bind(&filter.action)
        .bind(filter.named)
        .bind(limit)
        .bind(offset)
        .fetch_all(store.reader())
        .await?;
    let total = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM audit WHERE {WANTED}"));
    let total: i64 = sqlx::query_scalar(total)
        .bind(&filter.user)
        .bind(&filter.action)
        .bind(filter.named)
        .fetch_one(store.reader())
        .await?;
    Ok((rows, u32::try_from(total).unwrap_or(u32::MAX)))
}

/// The rows after one that a filter lets through, oldest first.
pub(crate) async fn after(store: &Store, filter: &Filter, number: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM audit WHERE {WANTED} AND number > $4 ORDER BY number LIMIT $5"
    ));
    Ok(sqlx::query_as(sql)
        .bind(&filter.user)
        .bind(&filter.action)
        .bind(filter.named)
        .bind(number)
        .bind(limit)
        .fetch_all(store.reader())
        .await?)
}

/// Number of the oldest row, on the connection of a reader that sees one moment.
pub(crate) async fn oldest(connection: &mut SqliteConnection) -> Result<Option<i64>, StoreError> {
    Ok(sqlx::query_scalar("SELECT MIN(number) FROM audit").fetch_one(connection).await?)
}

/// Rows after a number, on the connection of a reader that sees one moment.
pub(crate) async fn page(connection: &mut SqliteConnection, number: i64, limit: u32) -> Result<Vec<Row>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM audit WHERE number > $1 ORDER BY number LIMIT $2"));
    Ok(sqlx::query_as(sql).bind(number).bind(limit).fetch_all(connection).await?)
}

/// What SQLite itself finds wrong with the file: `ok` if nothing.
pub(crate) async fn integrity(connection: &mut SqliteConnection) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(connection).await?)
}
