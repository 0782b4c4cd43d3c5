use super::*;

fn sources(files: &[(&str, &str)]) -> Sources {
    let owned = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let config_files = owned.clone().map(|(path, _)| path).collect();
    Sources { config_files, texts: owned.map(|(path, text)| (path, Some(text))).collect(), ..Sources::default() }
}

fn changes(all: &[(&str, &str)]) -> LabelChanges {
    let value = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    all.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect()
}

/// The labels of `web` changed so make one text out of the other, and changed back the first again in meaning.
fn check(before: &str, wanted: &[(&str, &str)], after: &str) {
    let old = sources(&[("/s/compose.yaml", before)]);
    let edits = label_edit(&old, "web", &changes(wanted)).unwrap_or_else(|error| panic!("{before}: {error}"));
    let text = edits.first().map_or(before, |edit| edit.new.as_str());
    assert_eq!(text, after, "{before}");
    let labels = service_labels(&old, "web").unwrap();
    let back: LabelChanges = wanted.iter().map(|(name, _)| ((*name).to_owned(), labels.get(*name).cloned())).collect();
    let new = sources(&[("/s/compose.yaml", text)]);
    let undone = label_edit(&new, "web", &back).unwrap_or_else(|error| panic!("back from {text}: {error}"));
    let text = undone.first().map_or(text, |edit| edit.new.as_str());
    assert_eq!(service_labels(&sources(&[("/s/compose.yaml", text)]), "web").unwrap(), labels, "{text}");
}

fn refused(files: &[(&str, &str)], wanted: &[(&str, &str)], reason: &str) {
    let error = label_edit(&sources(files), "web", &changes(wanted)).expect_err(reason).to_string();
    assert!(error.contains(reason), "{error}");
}

const WEB: &str = "services:\n  web:\n    image: nginx:1 # the web\n    ports: [\"80:80\"]\n  db:\n    image: db:1\n";

#[test]
fn s9_a_service_without_labels_gets_a_list_and_loses_it_again() {
    let labelled = "services:\n  web:\n    image: nginx:1 # the web\n    labels:\n      - docksmith.ignore=true\n    ports: [\"80:80\"]\n  db:\n    image: db:1\n";
    check(WEB, &[("docksmith.ignore", "true")], labelled);
    check(labelled, &[("docksmith.ignore", "")], WEB);
    check("services: {web: {image: 'a:1'}}", &[("x", "1")], "services: {web: {labels: [x=1], image: 'a:1'}}");
    check("services: {web: {labels: [x=1], image: 'a:1'}}", &[("x", "")], "services: {web: {image: 'a:1'}}");
    check(
        "services:\r\n  web:\r\n    build: .\r\n",
        &[("a", "b")],
        "services:\r\n  web:\r\n    labels:\r\n      - a=b\r\n    build: .\r\n",
    );
    check(
        "services:\n  web:\n    image: a:1",
        &[("a", "b")],
        "services:\n  web:\n    image: a:1\n    labels:\n      - a=b",
    );
}

#[test]
fn s9_lists_keep_their_style() {
    let list = "services:\n  web:\n    image: a:1\n    labels:\n    - \"a=1\" # one\n    # two\n    - docksmith.tag-regex=^1\n    - 'q=z'\n    init: true\n";
    check(list, &[("a", "2")], &list.replace("a=1", "a=2"));
    check(list, &[("q", "it is")], &list.replace("q=z", "q=it is"));
    check(list, &[("new", "v w")], &list.replace("    - 'q=z'\n", "    - 'q=z'\n    - \"new=v w\"\n"));
    check(
        list,
        &[("a", ""), ("new", "x")],
        &list.replace("    - \"a=1\" # one\n", "").replace("'q=z'\n", "'q=z'\n    - new=x\n"),
    );
    check(
        list,
        &[("docksmith.tag-regex", "^v?[0-9]+$")],
        &list.replace("docksmith.tag-regex=^1", "\"docksmith.tag-regex=^v?[0-9]+$$\""),
    );
    check(
        "services: {web: {image: a, labels: [a=1, b=2, c=3]}}",
        &[("b", "")],
        "services: {web: {image: a, labels: [a=1, c=3]}}",
    );
    check(
        "services: {web: {image: a, labels: [a=1, b=2]}}",
        &[("b", ""), ("d", "4")],
        "services: {web: {image: a, labels: [a=1, d=4]}}",
    );
    check(list, &[("a", "1")], list);
    check(list, &[("not there", "")], list);
}

#[test]
fn s9_mappings_keep_their_style() {
    let map = "services:\n  web:\n    labels:\n      docksmith.ignore: true # yes\n      b: 'x'\n      empty:\n    image: a:1\n";
    check(map, &[("docksmith.ignore", "yes")], &map.replace(": true", ": \"yes\""));
    check(map, &[("b", "y")], &map.replace("'x'", "'y'"));
    check(map, &[("empty", "full")], &map.replace("empty:", "empty: \"full\""));
    check(map, &[("c", "z")], &map.replace("      empty:\n", "      empty:\n      c: \"z\"\n"));
    check(map, &[("b", "")], &map.replace("      b: 'x'\n", ""));
    check("services: {web: {image: a, labels: {}}}", &[("x", "1")], "services: {web: {image: a, labels: {x: \"1\"}}}");
    check(
        "services:\n  web:\n    labels:\n    image: a\n",
        &[("x", "1")],
        "services:\n  web:\n    labels: [x=1]\n    image: a\n",
    );
    check(
        "services: {web: {image: a, labels: {x: 1, y: 2}}}",
        &[("x", "")],
        "services: {web: {image: a, labels: {y: 2}}}",
    );
}

#[test]
fn s9_of_several_files_the_last_one_counts() {
    let (base, other) =
        ("services:\n  web:\n    image: a\n    labels: [x=1, y=1]\n", "services:\n  web:\n    labels: [x=2]\n");
    let files = sources(&[("/s/a.yaml", base), ("/s/b.yaml", other)]);
    let edits = label_edit(&files, "web", &changes(&[("x", "3")])).unwrap();
    assert_eq!(
        (edits.len(), edits[0].path.as_str(), edits[0].new.as_str()),
        (1, "/s/b.yaml", "services:\n  web:\n    labels: [x=3]\n")
    );
    let edits = label_edit(&files, "web", &changes(&[("x", "")])).unwrap();
    let new: Vec<&str> = edits.iter().map(|edit| edit.new.as_str()).collect();
    let expected = ["services:\n  web:\n    image: a\n    labels: [y=1]\n", "services:\n  web:\n    labels: {}\n"];
    assert_eq!(new, expected, "it goes everywhere");
}

#[test]
fn what_is_shared_is_not_changed_in_passing() {
    let anchor =
        "x-l: &l\n  a: '1'\nservices:\n  web:\n    image: a\n    labels: *l\n  db:\n    image: b\n    labels: *l\n";
    refused(&[("/s/compose.yaml", anchor)], &[("a", "2")], "db would change with it");
    let merged = "x-l: &l\n  a: '1'\nservices:\n  web:\n    image: a\n    labels:\n      <<: *l\n      b: '2'\n";
    refused(&[("/s/compose.yaml", merged)], &[("a", "")], "comes from an anchor");
    check(merged, &[("a", "2")], &merged.replace("b: '2'\n", "b: '2'\n      a: \"2\"\n"));
    refused(&[("/s/compose.yaml", "services: {}")], &[("a", "")], "has a service web");
}
