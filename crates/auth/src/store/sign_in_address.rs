//! Table `sign_in_addresses`: where users have signed in from, of late.

use std::net::IpAddr;

use homeport_store::{Store, StoreError, Transaction};
use jiff::{SignedDuration, Timestamp};

use super::{UserId, time};

/// How long an address is remembered after it was last signed in from.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Addresses of one user that are remembered: home, work, a telephone's few. One more, and the oldest goes.
const COUNT_MAX: u32 = 16;

/// What is known of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Somebody has signed in from there, whoever it was.
    pub(crate) by_anybody: bool,
    /// When the user that was asked about did last.
    pub(crate) by_user: Option<Timestamp>,
}

/// What is known of an address, and of whoever has this name. Takes as long for a name that nobody has.
pub(crate) async fn get(store: &Store, address: IpAddr, name: &str, now: Timestamp) -> Result<Known, StoreError> {
    let (count, last): (i64, Option<i64>) = sqlx::query_as(
        "SELECT COUNT(*), MAX(CASE WHEN users.name = $2 THEN last_at END)
         FROM sign_in_addresses JOIN users ON users.id = user_id WHERE address = $1 AND last_at > $3",
    )
    .bind(address.to_string())
    .bind(name)
    .bind(since(now))
    .fetch_one(store.reader())
    .await?;
    let by_user = last.map(|at| time("sign_in_addresses.last_at", at)).transpose()?;
    Ok(Known { by_anybody: count > 0, by_user })
}

/// Remembers that a user signed in from an address.
pub(crate) async fn note(
    transaction: &mut Transaction,
    user: &UserId,
    address: IpAddr,
    now: Timestamp,
) -> Result<(), StoreError> {
    let address = address.to_string();
    sqlx::query(
        "INSERT INTO sign_in_addresses (user_id, address, last_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, address) DO UPDATE SET last_at = excluded.last_at",
    )
    .bind(user.as_str())
    .bind(&address)
    .bind(now.as_second())
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "DELETE FROM sign_in_addresses WHERE user_id = $1 AND address <> $2 AND address NOT IN
            (SELECT address FROM sign_in_addresses WHERE user_id = $1 AND address <> $2
             ORDER BY last_at DESC, rowid DESC LIMIT $3)",
    )
    .bind(user.as_str())
    .bind(&address)
    .bind(COUNT_MAX - 1)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Forgets those that nobody has signed in from for long.
pub(crate) async fn prune(transaction: &mut Transaction, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_addresses WHERE last_at <= $1")
        .bind(since(now))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn since(now: Timestamp) -> i64 {
    now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN).as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_800_000_000, 0);
    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test]
    async fn an_address_is_known_for_thirty_days() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::open(&directory.path().join("auth.db")).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        for name in ["ada", "bob"] {
            sqlx::query(
                "INSERT INTO users (id, name, password_hash, must_change_password, created_at, password_changed_at)
                 VALUES ($1, $1, '', FALSE, 0, 0)",
            )
            .bind(name)
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        note(&mut transaction, &UserId::from("ada".to_owned()), ADDRESS, START).await.unwrap();
        transaction.commit().await.unwrap();
        let later = START + KEPT - SignedDuration::from_secs(1);
        for (name, now, expected) in [
            ("ada", later, Known { by_anybody: true, by_user: Some(START) }),
            ("bob", later, Known { by_anybody: true, by_user: None }),
            ("nobody", later, Known { by_anybody: true, by_user: None }),
            ("ada", START + KEPT, Known::default()),
        ] {
            assert_eq!(get(&store, ADDRESS, name, now).await.unwrap(), expected, "{name} at {now}");
        }
        let mut transaction = store.begin().await.unwrap();
        prune(&mut transaction, START + KEPT).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(get(&store, ADDRESS, "ada", START).await.unwrap(), Known::default());
    }
}
