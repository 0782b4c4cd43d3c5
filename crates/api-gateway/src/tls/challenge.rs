//! What an ACME server asks to see that a name is ours: one answer a token, for as long as the order runs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The answers that are expected at the moment.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Mutex<HashMap<String, String>>);

/// An answer that can be had until this is dropped.
#[derive(Debug)]
pub(super) struct Answer {
    challenges: Arc<Challenges>,
    token: String,
}

impl Challenges {
    pub(super) fn answer(self: &Arc<Self>, token: String, authorization: String) -> Answer {
        self.lock().insert(token.clone(), authorization);
        Answer { challenges: Arc::clone(self), token }
    }

    /// The answer to a token.
    pub(crate) fn get(&self, token: &str) -> Option<String> {
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        // A panic elsewhere cannot leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.challenges.lock().remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_lasts_as_long_as_its_order() {
        let challenges = Arc::new(Challenges::default());
        let answer = challenges.answer("token".to_owned(), "token.key".to_owned());
        assert_eq!(challenges.get("token").as_deref(), Some("token.key"));
        drop(answer);
        assert_eq!(challenges.get("token"), None);
    }
}
