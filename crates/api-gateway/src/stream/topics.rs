//! Which topics a client asks for.

use crate::extract::Params;

/// Beginnings of topics; none means all topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    /// Reads `?t=prefix,…`.
    pub(crate) fn of(params: &Params) -> Self {
        let list = params.text("t").unwrap_or_default();
        Self(list.split(',').filter(|prefix| !prefix.is_empty()).map(str::to_owned).collect())
    }

    /// Whether a topic is asked for.
    pub(crate) fn take(&self, topic: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|prefix| topic.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::Prefixes;

    #[test]
    fn no_prefix_is_every_topic() {
        assert!(Prefixes(vec![]).take("a:b"));
        let some = Prefixes(vec!["a:".to_owned(), "b".to_owned()]);
        assert_eq!(["a:b", "bc", "a", "c"].map(|topic| some.take(topic)), [true, true, false, false]);
    }
}
