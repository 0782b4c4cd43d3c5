//! In which order the containers of a batch are worked on.

use std::collections::{BTreeMap, BTreeSet};

/// Orders items so that what others depend on comes first; otherwise the order stays. A circle is broken where it is
/// found.
pub fn dependencies_first(items: &[(String, BTreeSet<String>)]) -> Vec<String> {
    let known: BTreeMap<&str, &BTreeSet<String>> = items.iter().map(|(name, needs)| (name.as_str(), needs)).collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::new();
    for (name, _) in items {
        visit(name, &known, &mut done, &mut order);
    }
    order
}

fn visit<'a>(
    name: &'a str,
    known: &BTreeMap<&'a str, &'a BTreeSet<String>>,
    done: &mut BTreeSet<&'a str>,
    order: &mut Vec<String>,
) {
    let Some(needs) = known.get(name) else { return };
    if !done.insert(name) {
        return;
    }
    for need in *needs {
        visit(need, known, done, order);
    }
    order.push(name.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: &[(&str, &[&str])], expected: &[&str]) {
        let items: Vec<_> = items
            .iter()
            .map(|(name, needs)| ((*name).to_owned(), needs.iter().map(|need| (*need).to_owned()).collect()))
            .collect();
        assert_eq!(dependencies_first(&items), expected);
    }

    #[test]
    fn what_others_need_comes_first() {
        check(&[("web", &["db", "cache"]), ("db", &[]), ("cache", &["db"])], &["db", "cache", "web"]);
        check(&[("a", &["elsewhere"]), ("b", &[])], &["a", "b"]);
        check(&[("a", &["b"]), ("b", &["a"])], &["b", "a"]);
    }
}
