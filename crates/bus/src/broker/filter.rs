//! Which events a subscriber asked for.

use std::sync::Arc;

use crate::broker::Event;

/// The choice of one subscriber, byte for byte and case-sensitive. There are no wildcards and no segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// `topic:value`, joined by a colon, starts with this. So `a:` matches topic `a` too; some plugins rely on that.
    Joined(String),
    /// The same, and of these only events that the socket may have: `topic:` starts with one of the second.
    JoinedWithin(String, Arc<[String]>),
    /// The topic starts with this. So `a:` does not match topic `a`.
    Topic(String),
    /// The topic starts with one of these; none means every event.
    Topics(Vec<String>),
}

impl Filter {
    /// Whether the subscriber gets this event.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Joined(prefix) => joined_starts_with(&event.topic, &event.value, prefix),
            Self::JoinedWithin(prefix, within) => {
                joined_starts_with(&event.topic, &event.value, prefix)
                    && within.iter().any(|within| joined_starts_with(&event.topic, "", within))
            }
            Self::Topic(prefix) => event.topic.starts_with(prefix),
            Self::Topics(prefixes) => {
                prefixes.is_empty() || prefixes.iter().any(|prefix| event.topic.starts_with(prefix))
            }
        }
    }

    /// The prefix as the subscriber gave it, the first if there are several.
    pub fn prefix(&self) -> &str {
        self.prefixes().first().map_or("", String::as_str)
    }

    /// The prefixes as the subscriber gave them.
    pub fn prefixes(&self) -> &[String] {
        match self {
            Self::Joined(prefix) | Self::JoinedWithin(prefix, _) | Self::Topic(prefix) => std::slice::from_ref(prefix),
            Self::Topics(prefixes) => prefixes,
        }
    }
}

/// Whether `topic:value` starts with `prefix`, without joining the two.
fn joined_starts_with(topic: &str, value: &str, prefix: &str) -> bool {
    let (topic, value, prefix) = (topic.as_bytes(), value.as_bytes(), prefix.as_bytes());
    match prefix.strip_prefix(topic) {
        None => topic.starts_with(prefix),
        Some([]) => true,
        Some([b':', rest @ ..]) => value.starts_with(rest),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(prefix: &str, topic: &str, value: &str) -> bool {
        Filter::Joined(prefix.to_owned()).matches(&Event::new(topic, value))
    }

    #[test]
    fn the_table_of_topics_and_prefixes() {
        let topics = ["a", "a:b", "a:bc", "ab"];
        let expected = [
            ("", [true, true, true, true]),
            ("a", [true, true, true, true]),
            ("a:", [true, true, true, false]),
            ("a:b", [false, true, true, false]),
            ("a:b:", [false, true, false, false]),
        ];
        for (prefix, row) in expected {
            assert_eq!(topics.map(|topic| check(prefix, topic, "{}")), row, "{prefix:?}");
        }
    }

    #[test]
    fn a_prefix_may_reach_into_the_value() {
        assert!(check("a:b", "a", "bc"));
        assert!(check("a:b:{\"k", "a:b", "{\"key\":1}"));
        assert!(!check("a:b:{\"k", "a:b", "{\"K\":1}"));
        assert!(!check("A", "a", ""));
    }

    #[test]
    fn a_value_opens_no_topic_that_the_socket_may_not_have() {
        let check = |prefix: &str, within: &str, topic, value| {
            Filter::JoinedWithin(prefix.to_owned(), [within.to_owned()].into()).matches(&Event::new(topic, value))
        };
        assert!(check("a:b", "a:b", "a:bc", "") && check("a:b:", "a:b:", "a:b", "{}") && check("a", "", "a", ""));
        assert!(!check("a:b", "a:b", "a", "b") && !check("a:b:c", "a:b", "a", "b:c"));
    }

    #[test]
    fn a_topic_filter_never_sees_the_value() {
        let check = |prefix: &str, topic| Filter::Topic(prefix.to_owned()).matches(&Event::new(topic, "bc"));
        assert!(check("", "") && check("", "a") && check("a", "a:b") && check("a:", "a:b"));
        assert!(!check("a:", "a") && !check("a:b", "a") && !check("A", "a"));
    }

    proptest! {
        #[test]
        fn it_is_the_joined_text_that_counts(topic in "[ab:é]{0,4}", value in "[ab:é]{0,4}", prefix in "[ab:é]{0,7}") {
            prop_assert_eq!(check(&prefix, &topic, &value), format!("{topic}:{value}").starts_with(&prefix));
        }
    }
}
