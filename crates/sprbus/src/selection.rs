//! Which topics are shown.

use crate::arguments::Arguments;

/// What `-t` and `-e` say.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    shown: Vec<String>,
    hidden: Vec<String>,
}

impl Selection {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let list = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { shown: list(&arguments.topics), hidden: list(&arguments.hidden) }
    }

    /// Whether a topic is shown.
    pub(crate) fn shows(&self, topic: &str) -> bool {
        let begins = |prefix: &String| topic.starts_with(prefix);
        (self.shown.is_empty() || self.shown.iter().any(begins)) && !self.hidden.iter().any(begins)
    }

    /// What all shown topics begin with, so that the bus sends little else.
    pub(crate) fn common_prefix(&self) -> String {
        let Some((first, others)) = self.shown.split_first() else {
            return String::new();
        };
        let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
        others.iter().fold(first.clone(), |prefix, other| common(&prefix, other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(topics: &str, hidden: &str) -> Selection {
        Selection::new(&Arguments { topics: topics.to_owned(), hidden: hidden.to_owned(), ..Arguments::default() })
    }

    #[test]
    fn lists_are_beginnings_of_topics() {
        let selection = selection("update:,docker:", "docker:image,docker:vol");
        let topics = ["update:check", "docker:container:start", "docker:image:pull", "docker:volume:x", "auth:success"];
        assert_eq!(topics.map(|topic| selection.shows(topic)), [true, true, false, false, false]);
    }

    #[test]
    fn nothing_chosen_is_everything_but_what_is_hidden() {
        let selection = selection("", "nft:lan:in");
        assert!(selection.shows("a") && selection.shows("") && !selection.shows("nft:lan:in:x"));
    }

    #[test]
    fn the_bus_is_asked_for_what_all_topics_share() {
        for (topics, expected) in [("", ""), ("a:b", "a:b"), ("a:b,a:c", "a:"), ("a,b", ""), ("aé,aè", "a")] {
            assert_eq!(selection(topics, "").common_prefix(), expected, "{topics}");
        }
    }
}
