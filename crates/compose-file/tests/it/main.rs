//! Edits of compose files: a table of shapes, and properties that no table of examples shows.
#![expect(clippy::unwrap_used, reason = "what must be there and is not fails the test")]

mod shape;
mod shapes;

use homeport_compose_file::{Edit, FileEdit, Sources, Target, find_service, image_edit};
use proptest::prelude::*;

/// A project of one compose file and one environment file.
fn sources(compose: &str, env: &str) -> Sources {
    let texts = [("/s/c.yaml", compose), ("/s/.env", env)];
    let texts = texts.map(|(path, text)| (path.to_owned(), Some(text.to_owned())));
    Sources { config_files: vec!["/s/c.yaml".to_owned()], texts: texts.into(), ..Sources::default() }
}

/// The new text of the only file that is edited.
fn only(edit: Option<Edit>) -> String {
    let [FileEdit { new, .. }] = edit.unwrap().files.try_into().unwrap();
    new
}

/// A compose file around one image, in pieces: before the image, and behind it.
#[derive(Debug, Clone)]
struct Around {
    before: String,
    after: String,
}

fn around() -> impl Strategy<Value = Around> {
    let line = prop_oneof![
        Just("# a comment: with: colons".to_owned()),
        Just(String::new()),
        Just("    environment: {A: \"nginx:1.22.0\", B: '1.22.0'}".to_owned()),
        Just("    command: [\"sh\", \"-c\", \"echo $$HOME\"]".to_owned()),
        Just("    labels:\n      - \"image=nginx:1.22.0\" # ü".to_owned()),
        Just("    volumes:\n    - data:/data\n    -   ./x:/y:ro".to_owned()),
        Just("    healthcheck: {test: [CMD, \"true\"], interval: 10s}".to_owned()),
    ];
    let lines = || prop::collection::hash_set(line.clone(), 0..4).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    let other = prop_oneof![Just(""), Just("  db:\n    image: nginx:1.22.0\n    init: true\n")];
    (lines(), lines(), other.clone(), other, any::<bool>()).prop_map(|(before, after, first, last, crlf)| {
        let unique = |line: &&String| !before.contains(line) || line.starts_with('#') || line.is_empty();
        let join = |lines: Vec<&String>| lines.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
        let after: String = join(after.iter().filter(unique).collect());
        let last = if first.is_empty() { last } else { "" };
        let before = format!("name: x\n\nservices:\n{first}  web:\n{}    image: ", join(before.iter().collect()));
        let after = format!("\n{after}{last}volumes:\n  data:\n");
        let ending = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
        Around { before: ending(before), after: ending(after) }
    })
}

/// How the image is written, with `@` where its tag stands.
fn image() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("nginx:@"),
        Just("\"nginx:@\"   # why"),
        Just("'host.example:5000/o/nginx:@'"),
        Just("${IMAGE:-nginx:@}"),
        Just("nginx:${TAG:-@}"),
        Just("\"${R:-docker.io}/nginx:${TAG-@}\"#not a comment".split('#').next().unwrap_or("")),
        Just("&anchor nginx:@"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s9_an_edit_changes_the_tag_and_not_a_byte_more(around in around(), image in image(), tag in "[0-9]{1,2}\\.[0-9]{1,2}(-alpine)?") {
        let file = |tag: &str| format!("{}{}{}", around.before, image.replace('@', tag), around.after);
        let (old, new) = (file("1.22.0"), file(&tag));
        let target = Target { tag, digest: None };
        prop_assert_eq!(only(image_edit(&sources(&old, ""), "web", &target).unwrap()), new);
    }

    #[test]
    fn s9_an_edit_of_a_variable_changes_its_line_alone(
        lines in prop::collection::vec("(#[ -~]{0,20}|[A-S_]{1,6}=[ -~&&[^$\"'\\\\]]{0,12}|)", 0..8),
        at in 0..8_usize,
        quote in prop_oneof![Just(""), Just("\""), Just("'")],
        crlf in any::<bool>(),
    ) {
        let at = at.min(lines.len());
        let file = |tag: &str| {
            let mut lines = lines.clone();
            lines.insert(at, format!("TAG={quote}{tag}{quote} # the tag"));
            lines.join(if crlf { "\r\n" } else { "\n" })
        };
        let old = file("1.0");
        let target = Target { tag: "2.0".to_owned(), digest: None };
        let edit = image_edit(&sources("services: {web: {image: 'x:$TAG'}}", &old), "web", &target).unwrap();
        prop_assert_eq!(only(edit), file("2.0"));
    }

    #[test]
    fn any_text_is_taken_or_refused(compose in "[ -~\n\t&*<$|>é]{0,200}", env in "[ -~\n]{0,60}", image in "[ -~]{0,30}") {
        let target = Target { tag: "2".to_owned(), digest: None };
        for text in [compose, format!("services:\n  web:\n    image: {image}\n")] {
            let sources = sources(&text, &env);
            drop(find_service(&sources, "web", Some("x")));
            drop(sources.missing());
            for file in image_edit(&sources, "web", &target).ok().flatten().iter().flat_map(|edit| &edit.files) {
                prop_assert_ne!(&file.old, &file.new);
            }
        }
    }
}
