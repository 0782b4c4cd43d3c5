//! Which topics a client asks for.

use std::hash::{Hash, Hasher};

use crate::extract::Params;

/// Beginnings of topics; none means all topics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    /// Reads `?t=prefix,…`.
    pub(crate) fn of(params: &Params) -> Self {
        let list = params.text("t").unwrap_or_default();
        Self(list.split(',').filter(|prefix| !prefix.is_empty()).map(str::to_owned).collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The beginnings; none means all topics.
    pub(crate) fn into_list(self) -> Vec<String> {
        self.0
    }

    /// Whether a topic is asked for.
    pub(crate) fn take(&self, topic: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|prefix| topic.starts_with(prefix))
    }
}

/// What a client wants: the topics of a channel, and of them those that it asks for.
#[derive(Debug, Clone)]
pub(crate) struct Interest {
    pub(crate) channel: Channel,
    pub(crate) prefixes: Prefixes,
}

/// A choice of topics that is made once, for all clients of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// Two channels of the same name are the same.
    pub(crate) name: &'static str,
    pub(crate) takes: fn(&str) -> bool,
}

impl Channel {
    /// All topics.
    pub(crate) const EVERYTHING: Self = Self { name: "everything", takes: |_| true };
}

impl Interest {
    pub(crate) fn takes(&self, topic: &str) -> bool {
        (self.channel.takes)(topic) && self.prefixes.take(topic)
    }
}

impl PartialEq for Interest {
    fn eq(&self, other: &Self) -> bool {
        self.channel.name == other.channel.name && self.prefixes == other.prefixes
    }
}

impl Eq for Interest {}

impl Hash for Interest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.channel.name.hash(state);
        self.prefixes.hash(state);
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
