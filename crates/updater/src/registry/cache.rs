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
type Slot<V> = tokio::sync::Mutex<Entry<V>>;

#[derive(Debug)]
struct Entry<V> {
    answer: Option<Answer<V>>,
    /// The last answer that was none of failure, which a registry may confirm instead of giving it again.
    good: Option<V>,
    /// It is not on the disk yet.
    is_unsaved: bool,
}

#[derive(Debug)]
struct Answer<V> {
    /// None: longer ago than this machine runs.
    given_at: Option<Instant>,
    value: Result<V, RegistryError>,
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Self { answer: None, good: None, is_unsaved: false }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, slots: Mutex::new(HashMap::new()) }
    }

    /// The answer to a question: remembered, or fetched now, with the last good one at hand. A failure is shared with
    /// those who wait for it and not remembered beyond.
    pub(super) async fn get<F>(
        &self,
        key: &K,
        fresh: Freshness,
        fetch: impl FnOnce(Option<V>) -> F,
    ) -> Result<V, RegistryError>
    where
        F: Future<Output = Result<V, RegistryError>>,
    {
        let asked_at = Instant::now();
        let slot = self.slot(key);
        let mut entry = slot.lock().await;
        if let Some(answer) = &entry.answer
            && self.is_good(answer, fresh, asked_at)
        {
            return answer.value.clone();
        }
        let value = fetch(entry.good.clone()).await;
        entry.answer = Some(Answer { given_at: Some(Instant::now()), value: value.clone() });
        if let Ok(good) = &value {
            (entry.good, entry.is_unsaved) = (Some(good.clone()), true);
        }
        value
    }

    /// Takes an answer of an earlier run. One that is there already counts more.
    pub(super) fn remember(&self, key: &K, value: V, age: Duration) {
        let slot = self.slot(key);
        let Ok(mut entry) = slot.try_lock() else { return };
        if entry.answer.is_none() {
            entry.good = Some(value.clone());
            entry.answer = Some(Answer { given_at: Instant::now().checked_sub(age), value: Ok(value) });
        }
    }

    /// Takes an answer that came with the one to another question. One that is there already stays.
    pub(super) fn learn(&self, key: &K, value: V) {
        let slot = self.slot(key);
        let Ok(mut entry) = slot.try_lock() else { return };
        if entry.answer.as_ref().is_none_or(|answer| answer.value.is_err()) {
            (entry.good, entry.is_unsaved) = (Some(value.clone()), true);
            entry.answer = Some(Answer { given_at: Some(Instant::now()), value: Ok(value) });
        }
    }

    /// Good answers that were not handed out here yet, with their age.
    pub(super) fn unsaved(&self) -> Vec<(K, V, Duration)> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |(key, slot): (&K, &Arc<Slot<V>>)| {
            // One that is being fetched comes the next time.
            let mut entry = slot.try_lock().ok()?;
            let answer = entry.answer.as_ref().filter(|_| entry.is_unsaved)?;
            let (value, given_at) = (answer.value.clone().ok()?, answer.given_at?);
            entry.is_unsaved = false;
            Some((key.clone(), value, given_at.elapsed()))
        };
        slots.iter().filter_map(take).collect()
    }

    fn is_good(&self, answer: &Answer<V>, fresh: Freshness, asked_at: Instant) -> bool {
        let Some(given_at) = answer.given_at else { return false };
        let since = match fresh {
            Freshness::Since(instant) => instant.min(asked_at),
            Freshness::Remembered if answer.value.is_ok() => return given_at.elapsed() < self.lifetime,
            Freshness::RememberedOrSince(instant) => {
                let is_remembered = answer.value.is_ok() && given_at.elapsed() < self.lifetime;
                return is_remembered || given_at >= instant.min(asked_at);
            }
            Freshness::Within(lifetime) if answer.value.is_ok() => return given_at.elapsed() < lifetime,
            Freshness::Remembered | Freshness::Within(_) => asked_at,
        };
        given_at >= since
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_ANSWERS && !slots.contains_key(key) {
            let is_old = |answer: &Answer<V>| {
                answer.value.is_err() || answer.given_at.is_none_or(|given_at| given_at.elapsed() >= self.lifetime)
            };
            slots.retain(|_, slot| slot.try_lock().map_or(true, |entry| !entry.answer.as_ref().is_none_or(is_old)));
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
    async fn s8_one_question_is_asked_for_all() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = |fresh| cache.get(&"k", fresh, |_| ask(&count, false));
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
        tokio::time::advance(LIFETIME).await;
        assert_eq!(get(Freshness::RememberedOrSince(start)).await.unwrap(), 3, "old, but of the same check");
        assert_eq!(get(Freshness::RememberedOrSince(Instant::now())).await.unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_and_forgotten() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = || cache.get(&"k", Freshness::Remembered, |_| ask(&count, true));
        let (a, b) = tokio::join!(get(), get());
        assert!(a.is_err() && b.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(get().await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_of_earlier_runs_count_as_old_as_they_are() {
        tokio::time::advance(LIFETIME * 10).await;
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        cache.remember(&"new", 10, LIFETIME / 2);
        cache.remember(&"old", 20, LIFETIME * 2);
        let get = |key| cache.get(key, Freshness::Remembered, |_| ask(&count, false));
        assert_eq!((get(&"new").await.unwrap(), get(&"old").await.unwrap()), (10, 1));
        assert_eq!(cache.get(&"old", Freshness::Within(LIFETIME * 9), |_| ask(&count, false)).await.unwrap(), 1);
        tokio::time::advance(LIFETIME).await;
        let last = async |before: Option<u32>| Ok(before.unwrap() + 100);
        assert_eq!(cache.get(&"new", Freshness::Remembered, last).await.unwrap(), 110, "the last good one is at hand");
        let mut unsaved = cache.unsaved();
        unsaved.sort_unstable();
        assert_eq!(unsaved, [("new", 110, Duration::ZERO), ("old", 1, LIFETIME)]);
        assert!(cache.unsaved().is_empty(), "once each");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_leaves_hands_over() {
        let (cache, count) = (Cache::new(LIFETIME), AtomicU32::new(0));
        let get = || cache.get(&"k", Freshness::Remembered, |_| ask(&count, false));
        assert!(tokio::time::timeout(Duration::from_millis(500), get()).await.is_err());
        assert_eq!(get().await.unwrap(), 2);
    }
}
