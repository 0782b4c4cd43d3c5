use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn target(tag: &str) -> Target {
    Target { tag: tag.to_owned(), digest: Some(B.parse().unwrap()) }
}

/// Files by path; those in `/s` that begin with `compose` or a single letter are given to compose.
fn sources(files: &[(&str, &str)]) -> Sources {
    let owned = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let is_given = |path: &String| path.ends_with("compose.yaml") || path.len() == "/s/a.yaml".len();
    let config_files = owned.clone().map(|(path, _)| path).filter(is_given).collect();
    let texts = owned.map(|(path, text)| (path, Some(text))).collect();
    Sources { config_files, texts, ..Sources::default() }
}

fn edit(compose: &str, env: &str, service: &str, tag: &str) -> Result<Option<Edit>, EditError> {
    image_edit(&sources(&[("/s/compose.yaml", compose), ("/s/.env", env)]), service, &target(tag))
}

/// The only file that is edited, with its new text.
fn only(edit: Option<Edit>) -> (String, String) {
    let [FileEdit { path, new, .. }] = edit.unwrap().files.try_into().unwrap();
    (path, new)
}

/// The edit of `web` to `tag` turns `old` into `new` in the compose file.
fn check(compose: &str, tag: &str, old: &str, new: &str) {
    check_with(compose, "", tag, "/s/compose.yaml", old, new);
}

fn check_with(compose: &str, env: &str, tag: &str, path: &str, old: &str, new: &str) {
    let edit = edit(compose, env, "web", tag).unwrap_or_else(|error| panic!("{compose}: {error}"));
    let before = if path == "/s/.env" { env } else { compose };
    assert_eq!(only(edit), (path.to_owned(), before.replacen(old, new, 1)), "{compose}");
}

fn refused(compose: &str, env: &str, tag: &str, reason: &str) {
    let error = edit(compose, env, "web", tag).expect_err(compose).to_string();
    assert!(error.contains(reason), "{compose}: {error}");
}

fn web(image: &str) -> String {
    format!(
        "# top\nservices:\n  db:\n    image: nginx:1.22.1 # not this one\n  web:\n    image: {image}\n    ports: [\"80:80\"]\n"
    )
}

#[test]
fn literals_keep_their_quotes_and_comments() {
    check(&web("nginx:1.22.0"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:1.22.0   # pinned"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("\"nginx:1.22.0\""), "1.26.3", "1.22.0", "1.26.3");
    check(&web("'nginx:1.22.0' # x:1.22.1"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("127.0.0.1:5000/nginx:1.22.0"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:1.22.0").replace('\n', "\r\n"), "1.26.3", "1.22.0", "1.26.3");
    check(web("nginx:1.22.0").trim_end(), "1.26.3", "1.22.0", "1.26.3");
    check("services: {web: {image: 'nginx:1.22.0', init: true}}", "1.26.3", "1.22.0", "1.26.3");
    check("services:\n  web:\n    image:\n      nginx:1.22.0\n", "1.26.3", "1.22.0", "1.26.3");
    check("services:\n  web:\n    image: >-\n      nginx:1.22.0\n", "1.26.3", "1.22.0", "1.26.3");
    check("\u{feff}# é\nservices:\n  web: {image: \"nginx:1.22.0\"} # ü\n", "1.26.3", "1.22.0", "1.26.3");
    check("services:\n  web:\n    image: &i nginx:1.22.0\n", "1.26.3", "1.22.0", "1.26.3");
    check(
        "a: !reset null\nservices:\n  web:\n    image: nginx:1.22.0\n    ports: !override [\"80:80\"]\n",
        "2",
        "1.22.0",
        "2",
    );
}

#[test]
fn a_missing_tag_is_added() {
    check(&web("httpd"), "2.4", "httpd", "httpd:2.4");
    check(&web("host:5000/httpd"), "2.4", "httpd", "httpd:2.4");
    check(&web("\"httpd\""), "2.4", "httpd", "httpd:2.4");
    check(&web("${IMAGE:-httpd}"), "2.4", "httpd", "httpd:2.4");
}

#[test]
fn what_is_there_already_needs_no_edit() {
    for image in ["nginx:1.26.3", "${V:-nginx:1.26.3}"] {
        assert_eq!(edit(&web(image), "", "web", "1.26.3").unwrap(), None);
    }
    assert_eq!(edit(&web("nginx"), "", "web", "latest").unwrap(), None);
}

#[test]
fn pinned_digests_move_along() {
    check(&web(&format!("nginx:1.22.0@{A}")), "1.26.3", &format!("1.22.0@{A}"), &format!("1.26.3@{B}"));
    check(&web(&format!("nginx:1@{A}")), "1", A, B);
    check(&web(&format!("nginx@{A}")), "latest", A, B);
    let compose = web(&format!("nginx:1.22.0@{A}"));
    let no_digest = Target { tag: "2".to_owned(), digest: None };
    let error = image_edit(&sources(&[("/s/compose.yaml", &compose)]), "web", &no_digest).unwrap_err();
    assert!(error.to_string().contains("pinned to a digest"), "{error}");
    let edit = edit(&web(&format!("nginx:${{TAG}}@{A}")), "TAG=1", "web", "2").unwrap().unwrap();
    let files: Vec<_> = edit.files.iter().map(|file| (file.path.as_str(), file.new.clone())).collect();
    let expected = [("/s/.env", "TAG=2".to_owned()), ("/s/compose.yaml", web(&format!("nginx:${{TAG}}@{B}")))];
    assert_eq!(files, expected, "the tag and the digest stand in two files");
}

#[test]
fn s9_defaults_are_edited_where_nothing_overrides_them() {
    check(&web("${V:-nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${V-nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${V:-host:5000/nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${TAG:-1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${REGISTRY:-docker.io}/nginx:${TAG:-1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${A:-${B:-1.22.0}}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${TAG:-1.22.0}-alpine"), "1.26.3-alpine", "1.22.0", "1.26.3");
}

#[test]
fn s9_variables_are_edited_where_they_are_set() {
    let file = "/s/.env";
    let env =
        "# TAG=1.22.0\r\nOTHER=1.22.0\r\nTAG=1.22.0 # old\r\nIMG=\"nginx:1.22.0\"\r\nQ='1.22.0'\r\nV=nginx:$Q\r\n";
    let changed = "\r\nTAG=1.26.3 # old";
    check_with(&web("nginx:${TAG}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:$TAG"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG:-1.0}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG:?set it}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG}-alpine"), env, "1.26.3-alpine", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("${IMG}"), env, "1.26.3", file, "nginx:1.22.0", "nginx:1.26.3");
    check_with(&web("${V}"), env, "1.26.3", file, "Q='1.22.0'", "Q='1.26.3'");
    check_with(&web("nginx:$TAG"), "TAG=1.22.0", "1.26.3", file, "1.22.0", "1.26.3");
}

#[test]
fn s9_a_default_that_says_the_same_as_the_variable_follows() {
    for (image, env, expected) in [
        ("nginx:${TAG:-1.22.0}", "TAG=1.22.0", Some("nginx:${TAG:-1.26.3}")),
        ("${IMG-nginx:1.22.0}", "IMG='nginx:1.22.0'", Some("${IMG-nginx:1.26.3}")),
        ("nginx:${TAG:-1.0}", "TAG=1.22.0", None),
        ("nginx:${TAG:?1.22.0}", "TAG=1.22.0", None),
    ] {
        let edit = edit(&web(image), env, "web", "1.26.3").unwrap().unwrap();
        let compose = edit.files.iter().find(|file| file.path == "/s/compose.yaml").map(|file| file.new.clone());
        assert_eq!(compose, expected.map(web), "{image}");
        assert_eq!(edit.files[0].new, env.replace("1.22.0", "1.26.3"));
    }
}

#[test]
fn services_that_share_the_image_are_named() {
    let check = |compose: &str, env: &str| {
        let edit = edit(compose, env, "web", "2.0").unwrap_or_else(|error| panic!("{compose}: {error}")).unwrap();
        assert_eq!(edit.also_images, ["worker"], "{compose}");
    };
    check("services:\n  web: {image: 'a:$TAG'}\n  worker: {image: 'b:$TAG'}\n  db: {image: 'c:1'}\n", "TAG=1.0");
    check("x-i: &i nginx:1\nservices:\n  web: {image: *i}\n  worker: {image: *i}\n", "");
    check("services:\n  worker: &b\n    image: nginx:1\n  web:\n    <<: *b\n", "");
    check("services:\n  worker: {image: 'nginx:1'}\n  web: {extends: worker}\n", "");
}

#[test]
fn what_else_is_made_of_the_variable_is_named() {
    for (rest, values) in [
        ("environment: {VERSION: '$TAG', OTHER: x}", ["environment.VERSION"].as_slice()),
        ("environment: [TAG, 'A=$TAG-b']", &["environment.A", "environment.TAG"]),
        ("labels: ['v=${TAG}']", &["labels.v"]),
        ("env_file: .env", &["environment.TAG"]),
        ("env_file: [{path: ./.env, required: false}]", &["environment.TAG"]),
        ("command: run $TAG", &["command"]),
        ("command: run", &[]),
    ] {
        let compose = format!("services:\n  web:\n    image: a:$TAG\n    {rest}\n");
        let edit = edit(&compose, "TAG=1.0", "web", "2.0").unwrap().unwrap();
        assert_eq!(edit.also_values, values, "{rest}");
    }
}

#[test]
fn s9_what_is_split_or_not_only_an_image_is_refused() {
    refused(
        "services:\n  web:\n    image: &i nginx:1\n    labels: {image: *i}\n",
        "",
        "2",
        "services.web.labels.image",
    );
    refused(&web("nginx:${MAJOR}.${MINOR}"), "MAJOR=1\nMINOR=2", "2.3", "put together");
    refused(&web("nginx:${TAG}"), "", "2", "TAG is not set");
    refused(&web("\"nginx:\\x31\""), "", "2", "escapes");
    refused(&web("$A/x:$A"), "A=a", "b", "makes it");
    refused(&web("nginx:1.22.0"), "", "no tag", "is no tag");
    refused("services:\n  web: {build: .}\n", "", "2", "no image key found for service web");
    refused("services: {}\n", "", "2", "no compose file has a service web");
    refused("services: [\n", "", "2", "not valid YAML");
    refused(&web("Nginx"), "", "2", "repository");
}

#[test]
fn anchors_that_only_this_service_uses_are_edited() {
    check("x-i: &i nginx:1.0 # here\nservices:\n  web: {image: *i}\n", "2.0", "1.0", "2.0");
    check("x-b: &b\n  image: nginx:1.0\nservices:\n  web:\n    <<: *b\n    init: true\n", "2.0", "1.0", "2.0");
    check(
        "x-b: &b {image: 'nginx:1.0'}\nservices:\n  web: {<<: *b}\n  db: {<<: *b, image: 'c:1'}\n",
        "2.0",
        "1.0",
        "2.0",
    );
}

#[test]
fn s9_of_several_files_the_last_that_sets_the_image_is_edited() {
    let files = [
        ("/s/a.yaml", "services: {web: {image: 'nginx:1.0'}}"),
        ("/s/b.yaml", "services: {web: {image: 'nginx:1.1'}}"),
        ("/s/c.yaml", "services: {web: {init: true}}"),
    ];
    let expected = ("/s/b.yaml".to_owned(), "services: {web: {image: 'nginx:2'}}".to_owned());
    assert_eq!(only(image_edit(&sources(&files), "web", &target("2")).unwrap()), expected);
    let both = "services: {web: {image: 'nginx:1.0'}}\n---\nservices: {web: {image: 'nginx:1.1'}}\n";
    check(both, "2", "1.1", "2");
}

#[test]
fn an_extended_service_of_another_file_is_edited_there() {
    let main = "services: {web: {extends: {file: common.yml, service: base}}}";
    let common = ("/s/common.yml", "services:\n  base: {image: 'nginx:1.0'}\n");
    let edit = image_edit(&sources(&[("/s/compose.yaml", main), common]), "web", &target("2")).unwrap();
    assert_eq!(only(edit), ("/s/common.yml".to_owned(), "services:\n  base: {image: 'nginx:2'}\n".to_owned()));
    let shared = "services: {web: {extends: {file: common.yml, service: base}}, db: {extends: {file: common.yml, service: base}}}";
    let edit = image_edit(&sources(&[("/s/compose.yaml", shared), common]), "web", &target("2")).unwrap();
    assert_eq!(edit.unwrap().also_images, ["db"]);
}

#[test]
fn s9_an_included_file_has_variables_of_its_own() {
    let files = [
        ("/s/compose.yaml", "include: [sub/inc.yml]\nservices: {db: {image: 'c:$TAG'}}\n"),
        ("/s/sub/inc.yml", "services: {web: {image: 'nginx:$WEB-$TAG'}}\n"),
        ("/s/.env", "TAG=alpine\n"),
        ("/s/sub/.env", "TAG=none\nWEB=1.0\n"),
    ];
    let edit = image_edit(&sources(&files), "web", &target("2.0-alpine")).unwrap();
    assert_eq!(only(edit), ("/s/sub/.env".to_owned(), "TAG=none\nWEB=2.0\n".to_owned()));
}
