//! The table of events.

use std::path::Path;

use homeport_store::{Schema, Store, StoreError};
use serde::Serialize;
use sqlx::Row as _;

/// Rows that are deleted in one transaction, so that writing never waits long.
const SWEEP_ROWS: i64 = 10_000;

/// An event that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    /// The bus's own number.
    pub(crate) id: i64,
    /// Milliseconds since 1970, when the bus took it.
    pub(crate) at: i64,
    pub(crate) topic: String,
    pub(crate) value: String,
}

/// What is asked for. Bounds are inclusive.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Beginning of the topic.
    pub(crate) topic: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Only events before this one: the last of the page before.
    pub(crate) before: i64,
    pub(crate) limit: i64,
}

/// All that is kept, in figures.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stats {
    pub(crate) events: i64,
    /// Of topics and values.
    pub(crate) bytes: i64,
    /// Times of the first and the last event.
    pub(crate) oldest: Option<i64>,
    pub(crate) newest: Option<i64>,
    /// Events by the first part of their topic, the most first; a hundred at most.
    pub(crate) topics: Vec<Topic>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Topic {
    pub(crate) topic: String,
    pub(crate) events: i64,
}

/// The table. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Events(Store);

impl Events {
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let schema = Schema { name: "events", migrator: sqlx::migrate!() };
        Store::open(path, vec![schema]).await.map(Self)
    }

    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// Keeps some. One that is there already stays.
    pub(crate) async fn keep(&self, events: &[Event]) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await?;
        for Event { id, at, topic, value } in events {
            sqlx::query("INSERT INTO event (id, at, topic, value) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                .bind(id)
                .bind(at)
                .bind(topic)
                .bind(value)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// The newest event's number.
    pub(crate) async fn last(&self) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar("SELECT max(id) FROM event").fetch_one(self.0.reader()).await?)
    }

    /// Newest first.
    pub(crate) async fn find(&self, question: &Question) -> Result<Vec<Event>, StoreError> {
        // A range of the index in place of LIKE, whose signs a topic may hold.
        let sql = "SELECT id, at, topic, value FROM event
                   WHERE id < $1 AND at BETWEEN $2 AND $3 AND topic >= $4 AND ($5 IS NULL OR topic < $5)
                   ORDER BY id DESC LIMIT $6";
        let rows = sqlx::query(sql)
            .bind(question.before)
            .bind(question.from)
            .bind(question.to)
            .bind(&question.topic)
            .bind(after(&question.topic))
            .bind(question.limit)
            .fetch_all(self.0.reader())
            .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Event {
                    id: row.try_get("id")?,
                    at: row.try_get("at")?,
                    topic: row.try_get("topic")?,
                    value: row.try_get("value")?,
                })
            })
            .collect()
    }

    pub(crate) async fn stats(&self) -> Result<Stats, StoreError> {
        let sql = "SELECT count(*) AS events, coalesce(sum(octet_length(topic) + octet_length(value)), 0) AS bytes,
                   min(at) AS oldest, max(at) AS newest FROM event";
        let all = sqlx::query(sql).fetch_one(self.0.reader()).await?;
        let sql =
            "SELECT CASE instr(topic, ':') WHEN 0 THEN topic ELSE substr(topic, 1, instr(topic, ':') - 1) END AS first,
                   count(*) AS events FROM event GROUP BY first ORDER BY events DESC, first LIMIT 100";
        let topics = sqlx::query(sql).fetch_all(self.0.reader()).await?;
        let topics = topics
            .into_iter()
            .map(|row| Ok(Topic { topic: row.try_get("first")?, events: row.try_get("events")? }))
            .collect::<Result<_, StoreError>>()?;
        Ok(Stats {
            events: all.try_get("events")?,
            bytes: all.try_get("bytes")?,
            oldest: all.try_get("oldest")?,
            newest: all.try_get("newest")?,
            topics,
        })
    }

    /// Deletes what is older than `oldest`, and the oldest until no more than `bytes` are left.
    pub(crate) async fn sweep(&self, oldest: i64, bytes: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut transaction = self.0.begin().await?;
            let sql = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < $1 ORDER BY id LIMIT $2)";
            let old = sqlx::query(sql).bind(oldest).bind(SWEEP_ROWS).execute(&mut *transaction).await?.rows_affected();
            // The newest that fit, counted from the end; what is before them goes.
            let sql = "DELETE FROM event WHERE id IN (
                           SELECT id FROM (
                               SELECT id, sum(octet_length(topic) + octet_length(value)) OVER (ORDER BY id DESC) AS so_far FROM event
                           ) WHERE so_far > $1 ORDER BY id LIMIT $2)";
            let over = sqlx::query(sql).bind(bytes).bind(SWEEP_ROWS).execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await?;
            deleted += old + over;
            if old + over == 0 {
                return Ok(deleted);
            }
        }
    }
}

/// The first text behind all that begin with `prefix`; none where there is no end.
fn after(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // Surrogates are no letters.
        let next = if last == '\u{d7ff}' { '\u{e000}' } else { char::from_u32(u32::from(last) + 1).unwrap_or(last) };
        if next != last {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn filled(directory: &tempfile::TempDir) -> Events {
        let events = Events::open(&directory.path().join("events.db")).await.unwrap();
        let event =
            |id: i64, topic: &str| Event { id, at: id * 1000, topic: topic.to_owned(), value: "12345678".to_owned() };
        let all = [event(1, "a:x"), event(2, "a:y"), event(3, "a%"), event(4, "b"), event(5, "a:x:z")];
        events.keep(&all).await.unwrap();
        events.keep(&all[..2]).await.unwrap();
        events
    }

    async fn ids(events: &Events, topic: &str, from: i64, to: i64, before: i64, limit: i64) -> Vec<i64> {
        let question = Question { topic: topic.to_owned(), from, to, before, limit };
        events.find(&question).await.unwrap().into_iter().map(|event| event.id).collect()
    }

    #[tokio::test]
    async fn events_are_found_by_topic_and_time() {
        let directory = tempfile::tempdir().unwrap();
        let events = filled(&directory).await;
        assert_eq!(ids(&events, "", 0, i64::MAX, i64::MAX, 10).await, [5, 4, 3, 2, 1]);
        assert_eq!(ids(&events, "a:x", 0, i64::MAX, i64::MAX, 10).await, [5, 1]);
        assert_eq!(ids(&events, "a%", 0, i64::MAX, i64::MAX, 10).await, [3]);
        assert_eq!(ids(&events, "", 2000, 4000, i64::MAX, 10).await, [4, 3, 2]);
        assert_eq!(ids(&events, "", 0, i64::MAX, 4, 2).await, [3, 2]);
        assert_eq!(events.last().await.unwrap(), Some(5));
    }

    #[tokio::test]
    async fn the_oldest_go_by_age_and_by_size() {
        let directory = tempfile::tempdir().unwrap();
        let events = filled(&directory).await;
        let stats = events.stats().await.unwrap();
        assert_eq!((stats.events, stats.oldest, stats.newest), (5, Some(1000), Some(5000)));
        assert_eq!(stats.topics[0], Topic { topic: "a".to_owned(), events: 3 });
        assert_eq!(events.sweep(2000, i64::MAX).await.unwrap(), 1);
        assert_eq!(ids(&events, "", 0, i64::MAX, i64::MAX, 10).await, [5, 4, 3, 2]);
        // The last has 13 bytes, the one before 9.
        assert_eq!(events.sweep(0, 22).await.unwrap(), 2);
        assert_eq!(ids(&events, "", 0, i64::MAX, i64::MAX, 10).await, [5, 4]);
        assert_eq!(events.stats().await.unwrap().bytes, 22);
    }

    #[test]
    fn a_prefix_has_an_end() {
        assert_eq!(after("a:").as_deref(), Some("a;"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after(""), None);
    }
}
