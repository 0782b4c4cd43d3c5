//! Who opened which page of a plugin: the token that the page got ends with the credential that it was asked for with.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use homeport_proto::auth::v1::FactorNeed;
use homeport_service::Secret;

use super::Question;

/// Pages that can be open. As many as auth keeps tokens for; of more, the one that ends first is forgotten, and its page
/// has to ask for another token.
const MOST: usize = 1000;

/// How each page was asked for, by the id of its token. In memory only, as the tokens are.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<HashMap<String, Opened>>);

#[derive(Debug)]
struct Opened {
    by: Question,
    expires_at: Option<SystemTime>,
}

impl Pages {
    /// Keeps what a page was asked for with, until its token expires by itself.
    pub(super) fn insert(&self, token_id: String, by: Question, expires_at: Option<SystemTime>, now: SystemTime) {
        // Only whether the credential is still good matters: the second factor was shown when the page was opened.
        let by = Question { need: FactorNeed::Never, second_factor: Secret::new(String::new()), ..by };
        let mut pages = self.lock();
        pages.retain(|_, page| page.expires_at.is_none_or(|at| at > now));
        if pages.len() >= MOST
            && let Some(first) = pages.iter().min_by_key(|(_, page)| page.expires_at).map(|(id, _)| id.clone())
        {
            pages.remove(&first);
        }
        pages.insert(token_id, Opened { by, expires_at });
    }

    /// What to ask about whoever opened a page. None: it is not known, or no longer.
    pub(super) fn get(&self, token_id: &str) -> Option<Question> {
        self.lock().get(token_id).map(|page| page.by.clone())
    }

    pub(super) fn remove(&self, token_id: &str) {
        self.lock().remove(token_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Opened>> {
        // A panic elsewhere cannot leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use homeport_proto::auth::v1::{Verb, Way};
    use http::Method;

    use super::*;
    use crate::middleware::ClientAddress;

    fn by() -> Question {
        Question {
            authorization: Secret::new("Bearer x".to_owned()),
            method: Method::PUT,
            path: "/plugin/ui_session".to_owned(),
            client: ClientAddress::UNKNOWN,
            verb: Verb::Unspecified,
            need: FactorNeed::Unspecified,
            second_factor: Secret::new("proof".to_owned()),
            way: Way::Unspecified,
        }
    }

    #[test]
    fn no_more_than_so_many_pages_are_known_and_none_after_its_end() {
        let (pages, start) = (Pages::default(), SystemTime::UNIX_EPOCH);
        let at = |seconds: usize| start + Duration::from_secs(seconds as u64);
        for number in 0..=MOST {
            pages.insert(number.to_string(), by(), Some(at(number + 1)), start);
        }
        assert_eq!(pages.lock().len(), MOST);
        assert!(pages.get("0").is_none(), "the one that ends first has to go");
        let kept = pages.get("1").unwrap();
        assert_eq!((kept.need, kept.second_factor.expose().as_str()), (FactorNeed::Never, ""));
        pages.insert("last".to_owned(), by(), None, at(MOST + 1));
        assert_eq!(pages.lock().len(), 1);
        pages.remove("last");
        assert!(pages.get("last").is_none());
    }
}
