//! Who comes after whom. Values in, values out.

use std::collections::BTreeSet;

/// The level of each, out of its name and the names that it needs: 0 needs nobody else of these, and each is above all
/// that it needs. Those that need each other in a circle share the level above everything else.
pub(in crate::operations) fn levels(all: &[(String, Vec<String>)]) -> Vec<usize> {
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let mut known: Vec<Option<usize>> = vec![None; all.len()];
    for level in 0..all.len() {
        let below: BTreeSet<&str> = all
            .iter()
            .zip(&known)
            // Replicas of one service have one name; it is below only when all of them are.
            .filter(|((name, _), _)| all.iter().zip(&known).all(|((other, _), at)| other != name || at.is_some()))
            .map(|((name, _), _)| name.as_str())
            .collect();
        let is_free = |(name, needs): &(String, Vec<String>)| {
            needs.iter().all(|need| need == name || !names.contains(need.as_str()) || below.contains(need.as_str()))
        };
        let free: Vec<usize> = (0..all.len()).filter(|at| known[*at].is_none() && is_free(&all[*at])).collect();
        for at in free {
            known[at] = Some(level);
        }
    }
    let top = known.iter().flatten().max().map_or(0, |level| level + 1);
    known.into_iter().map(|level| level.unwrap_or(top)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(all: &[(&str, &[&str])], expected: &[usize]) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let all: Vec<_> = all.iter().map(|(name, needs)| ((*name).to_owned(), owned(needs))).collect();
        assert_eq!(levels(&all), expected, "{all:?}");
    }

    #[test]
    fn each_is_above_what_it_needs() {
        check(&[], &[]);
        check(&[("web", &["db", "cache"]), ("db", &[]), ("cache", &["db"])], &[2, 0, 1]);
        check(&[("web", &["not among these"]), ("web", &["web"])], &[0, 0]);
        check(&[("web", &["db"]), ("db", &[]), ("db", &["cache"]), ("cache", &[])], &[2, 0, 1, 0]);
    }

    #[test]
    fn a_circle_comes_last_and_together() {
        check(&[("a", &["b"]), ("b", &["a"]), ("c", &[]), ("d", &["a"])], &[1, 1, 0, 1]);
    }
}
