//! Pages of the history, newest first.

use homeport_store::{Store, StoreError};
use jiff::Timestamp;

use super::{Kind, Operation, Status, detail};

/// What to list. Empty lists and texts: everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// States. Empty: those that have ended.
    pub statuses: Vec<Status>,
    /// Kinds.
    pub kinds: Vec<Kind>,
    /// Name of a container, alone or among others.
    pub container: String,
    /// What it was asked for together with.
    pub group: String,
    /// Not begun before.
    pub after: Option<Timestamp>,
    /// Not begun later.
    pub before: Option<Timestamp>,
    /// Where the page before ended: time and row number.
    pub cursor: Option<(i64, i64)>,
    /// At most so many.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The operations.
    pub operations: Vec<Operation>,
    /// Where the next page begins. None: this was the last.
    pub next: Option<(i64, i64)>,
}

/// Lists operations by the time of their beginning; those that have not begun by the time they were asked for. Equal
/// times are ordered by row, so that no page loses one.
pub async fn list(store: &Store, filter: &Filter) -> Result<Page, StoreError> {
    let statuses = if filter.statuses.is_empty() { &[Status::Complete, Status::Failed][..] } else { &filter.statuses };
    // Every kind unless some are wanted: `,single,batch,`.
    let kinds = filter.kinds.iter().map(|kind| [",", kind.as_str(), ","].concat()).collect::<Vec<_>>().concat();
    let status = |index: usize| statuses.get(index).map_or("", |status| status.as_str());
    let (time, row) = filter.cursor.unwrap_or((i64::MAX, i64::MAX));
    let mut connection = store.reader().acquire().await?;
    let rows = sqlx::query(
        "SELECT * FROM operation o WHERE status IN ($1, $2, $3, $4, $13) AND ($5 = '' OR $5 LIKE '%,' || kind || ',%') \
         AND ($6 = '' OR container_name = $6 OR EXISTS (SELECT 1 FROM operation_detail d \
             WHERE d.operation_id = o.operation_id AND d.container_name = $6)) \
         AND COALESCE(started_us, created_us) >= $7 AND COALESCE(started_us, created_us) <= $8 \
         AND (COALESCE(started_us, created_us) < $9 OR (COALESCE(started_us, created_us) = $9 AND id < $10)) \
         AND ($11 = '' OR batch_group_id = $11) \
         ORDER BY COALESCE(started_us, created_us) DESC, id DESC LIMIT $12",
    )
    .bind(status(0))
    .bind(status(1))
    .bind(status(2))
    .bind(status(3))
    .bind(kinds)
    .bind(&filter.container)
    .bind(filter.after.map_or(i64::MIN, Timestamp::as_microsecond))
    .bind(filter.before.map_or(i64::MAX, Timestamp::as_microsecond))
    .bind(time)
    .bind(row)
    .bind(&filter.group)
    .bind(i64::from(filter.limit) + 1)
    .bind(status(4))
    .fetch_all(&mut *connection)
    .await?;
    let mut operations: Vec<Operation> = rows.iter().map(Operation::try_from).collect::<Result<_, _>>()?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let has_more = operations.len() > limit;
    operations.truncate(limit);
    for operation in &mut operations {
        operation.details = detail::of(&mut connection, &operation.id).await?;
    }
    let next = operations.last().filter(|_| has_more).map(|last| (last.sorted_by(), last.row));
    Ok(Page { operations, next })
}

impl Operation {
    fn sorted_by(&self) -> i64 {
        self.started_at.unwrap_or(self.created_at).as_microsecond()
    }
}
