//! Answers that are remembered, and questions that are asked once for all who want to know.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Freshness, RegistryError};

/// Answers that are kept at most; beyond, those that are too old go first, then all.
const MAX_ANSWERS: usize = 10_000;

/// Answers by question. While one is being fetched, all who ask the same wait for it.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    lifetime: Duration,
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

/// Locked while its answer is being fetched.
type Slot<V> = tokio::sync::Mutex<Option<Answer<V>>>;

#[derive(Debug)]
struct Answer<V> {
    given_at: Instant,
    value: Result<V, RegistryError>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, slots: Mutex::new(HashMap::new()) }
    }

    /// The answer to a question: remembered, or fetched now. A failure is shared with those who wait for it and not
    /// remembered beyond.
    pub(super) async fn get<F>(&self, key: &K, fresh: Freshness, fetch: F) -> Result<V, RegistryError>
    where
        F: Future<Output = Result<V, RegistryError>>,
    {
        let asked_at = Instant::now();
        let slot = self.slot(key);
        let mut answer = slot.lock().await;
        if let Some(answer) = &*answer
            && self.is_good(answer, fresh, asked_at)
        {
            return answer.value.clone();
        }
        let value = fetch.await;
        *answer = Some(Answer { given_at: Instant::now(), value: value.clone() });
        value
    }

    fn is_good(&self, answer: &Answer<V>, fresh: Freshness, asked_at: Instant) -> bool {
        let since = match fresh {
            Freshness::Since(instant) => instant.min(asked_at),
            Freshness::Remembered if answer.value.is_ok() => return answer.given_at.elapsed() < self.lifetime,
            Freshness::Remembered => asked_at,
        };
        answer.given_at >= since
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_ANSWERS && !slots.contains_key(key) {
            let is_old = |answer: &Answer<V>| answer.value.is_err() || answer.given_at.elapsed() >= self.lifetime;
            slots.retain(|_, slot| slot.try_lock().map_or(true, |answer| !answer.as_ref().is_none_or(is_old)));
            if slots.len() >= MAX_ANSWERS {
                slots.clear();
            }
        }
        slots.entry(key.clone()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    /// Counts how often it is asked; answers after a second with the count, or fails.
    async fn ask(count: &AtomicU32, fail: bool) -> Result<u32, RegistryError> {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if fail { Err(RegistryError::Failed { registry: "r".to_owned(), status: 500 }) } else { Ok(number) }
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_is_asked_for_all() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = |fresh| cache.get(&"k", fresh, ask(&count, false));
        let start = Instant::now();
        let (a, b, c) =
            tokio::join!(get(Freshness::Remembered), get(Freshness::Remembered), get(Freshness::Since(start)));
        assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (1, 1, 1));
        tokio::time::advance(LIFETIME / 2).await;
        assert_eq!(get(Freshness::Remembered).await.unwrap(), 1);
        assert_eq!(get(Freshness::Since(start)).await.unwrap(), 1);
        assert_eq!(get(Freshness::Since(Instant::now())).await.unwrap(), 2);
        tokio::time::advance(LIFETIME).await;
        assert_eq!(get(Freshness::Remembered).await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_forgotten() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = || cache.get(&"k", Freshness::Remembered, ask(&count, true));
        let (a, b) = tokio::join!(get(), get());
        assert!(a.is_err() && b.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(get().await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_leaves_hands_over() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = || cache.get(&"k", Freshness::Remembered, ask(&count, false));
        assert!(tokio::time::timeout(Duration::from_millis(500), get()).await.is_err());
        assert_eq!(get().await.unwrap(), 2);
    }
}
