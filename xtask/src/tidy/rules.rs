//! `docs/docksmith.md`: every rule of an API that is served, beside the tests that prove it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::files::sources_below;
use crate::repository;

/// The page with the tables.
const PAGE: &str = "docs/docksmith.md";

/// A line of a table.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    /// Number of the section that it stands in, such as `2.7`.
    section: &'a str,
    rule: &'a str,
    tests: Vec<&'a str>,
}

/// One sentence for each rule without a test, each test that is none, and each that the page leaves out.
pub(super) fn check() -> Result<Vec<String>> {
    let page = repository::root().join(PAGE);
    let text = std::fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let mut tests = BTreeSet::new();
    for file in sources_below(&repository::root().join("crates"))? {
        let source = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        tests.extend(tests_in(&source).map(str::to_owned));
    }
    Ok(compare(&text, &tests))
}

fn compare(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let rows = rows(page);
    let listed: BTreeSet<&str> = rows.iter().flat_map(|row| row.tests.iter().copied()).collect();
    let mut complaints = Vec::new();
    for Row { section, rule, tests: named } in &rows {
        let prefix = prefix(section);
        if !named.iter().any(|test| test.starts_with(&prefix)) {
            complaints.push(format!("{PAGE}, {section}: no test named {prefix}… proves {rule:?}"));
        }
        let gone = named.iter().filter(|test| !tests.contains(**test));
        complaints.extend(gone.map(|test| format!("{PAGE}, {section}: there is no test {test}")));
    }
    for section in sections(page).filter(|section| !rows.iter().any(|row| row.section == *section)) {
        complaints.push(format!("{PAGE}, {section}: has no rule"));
    }
    let forgotten = tests.iter().filter(|test| is_of_a_section(test) && !listed.contains(test.as_str()));
    complaints.extend(forgotten.map(|test| format!("{PAGE}: no rule names the test {test}")));
    complaints
}

/// How the names of a section's tests begin.
fn prefix(section: &str) -> String {
    format!("s{}_", section.replace('.', "_"))
}

/// Whether a test is named after a section.
fn is_of_a_section(test: &str) -> bool {
    test.strip_prefix('s').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The numbers of the headings that tables stand below. A heading with further ones below needs none of its own.
fn sections(page: &str) -> impl Iterator<Item = &str> {
    let numbers: Vec<&str> = page.lines().filter_map(section_of).collect();
    let has_parts = {
        let numbers = numbers.clone();
        move |number: &str| numbers.iter().any(|other| other.starts_with(&format!("{number}.")))
    };
    numbers.into_iter().filter(move |number| !has_parts(number))
}

fn section_of(line: &str) -> Option<&str> {
    let number = line.strip_prefix("## ").or_else(|| line.strip_prefix("### "))?.split(' ').next()?;
    number.starts_with(|first: char| first.is_ascii_digit()).then(|| number.trim_end_matches('.'))
}

/// The lines of all tables: a rule, and its tests in backticks.
fn rows(page: &str) -> Vec<Row<'_>> {
    let (mut rows, mut section) = (Vec::new(), "");
    for line in page.lines() {
        if let Some(number) = section_of(line) {
            section = number;
        }
        let Some((rule, tests)) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')?.rsplit_once('|'))
        else {
            continue;
        };
        let (rule, tests) = (rule.trim(), tests.trim());
        if section.is_empty() || tests == "test" || rule.starts_with("---") {
            continue;
        }
        rows.push(Row { section, rule, tests: tests.split('`').skip(1).step_by(2).collect() });
    }
    rows
}

/// The functions that are tests, in any crate and of any kind; scenarios are those of the shipped binaries.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    source.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(scenario) = line.strip_prefix("pub fn ").and_then(|rest| rest.strip_suffix(") -> Outcome {"))
            && let Some((name, _)) = scenario.split_once("(world: &World")
        {
            return Some(name);
        }
        let name =
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = name {
            return std::mem::take(&mut is_test).then_some(name);
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn s2_7_a() {\n fn inner() {}\n}\n#[tokio::test(start_paused = true)]\n\
                          #[expect(x)]\nasync fn s1_b() {}\nasync fn s3_no_test() {}\n\
                          pub fn s4_c(world: &World, more: &str) -> Outcome {\n";

    fn complaints(page: &str) -> Vec<String> {
        compare(page, &tests_in(SOURCE).map(str::to_owned).collect())
    }

    #[test]
    fn functions_that_are_tests_are_found() {
        assert_eq!(tests_in(SOURCE).collect::<Vec<_>>(), ["s2_7_a", "s1_b", "s4_c"]);
    }

    #[test]
    fn a_page_whose_rules_all_have_their_test_passes() {
        let page = "# Page\n\n| a | b |\n\n## 1 One\n\n| rule | test |\n| --- | --- |\n| [C] a `|` b | `s1_b` |\n\n\
                    ## 2 Two\n### 2.7 Parts\n\n| c | `s2_7_a`, `s1_b` |\n## 4 Four\n| d | `s4_c` |\n";
        assert_eq!(complaints(page), Vec::<String>::new());
    }

    #[test]
    fn what_has_no_test_or_no_rule_is_said() {
        let page = "## 1. One\n| a | |\n| b | `s1_gone` |\n## 2.7 Two\n## 3 Three\n| c | `s1_b` |\n";
        let said = complaints(page);
        for (part, count) in [("no test named s1_", 1), ("there is no test s1_gone", 1), ("2.7: has no rule", 1)] {
            assert_eq!(said.iter().filter(|one| one.contains(part)).count(), count, "{part}: {said:#?}");
        }
        assert!(said.iter().any(|one| one.contains("no test named s3_")), "{said:#?}");
        assert!(said.iter().any(|one| one.contains("no rule names the test s2_7_a")), "{said:#?}");
    }
}
