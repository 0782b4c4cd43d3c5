use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn target(tag: &str) -> Target {
    Target { tag: tag.to_owned(), digest: Some(B.parse().unwrap()) }
}

fn edit(compose: &str, env: &str, service: &str, tag: &str) -> Result<Option<Edit>, EditError> {
    let env_files = [File { path: "/s/.env", text: env }];
    image_edit(&[File { path: "/s/compose.yaml", text: compose }], &env_files, service, &target(tag))
}

/// The edit of `web` to `tag` turns `old` into `new` in the compose file.
fn check(compose: &str, tag: &str, old: &str, new: &str) {
    check_with(compose, "", tag, "/s/compose.yaml", old, new);
}

fn check_with(compose: &str, env: &str, tag: &str, path: &str, old: &str, new: &str) {
    let edit = edit(compose, env, "web", tag).unwrap_or_else(|error| panic!("{compose}: {error}")).unwrap();
    let before = if path == "/s/.env" { env } else { compose };
    assert_eq!(edit.path, path);
    assert_eq!(edit.old, before.as_bytes());
    assert_eq!(String::from_utf8(edit.new).unwrap(), before.replacen(old, new, 1), "{compose}");
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
    let files = [File { path: "c", text: &compose }];
    let error = image_edit(&files, &[], "web", &Target { tag: "2".to_owned(), digest: None }).unwrap_err();
    assert!(error.to_string().contains("pinned to a digest"), "{error}");
    refused(&web(&format!("nginx:${{TAG}}@{A}")), "TAG=1", "2", "different files");
}

#[test]
fn defaults_are_edited_where_nothing_overrides_them() {
    check(&web("${V:-nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${V-nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${V:-host:5000/nginx:1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${TAG:-1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("${REGISTRY:-docker.io}/nginx:${TAG:-1.22.0}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${A:-${B:-1.22.0}}"), "1.26.3", "1.22.0", "1.26.3");
    check(&web("nginx:${TAG:-1.22.0}-alpine"), "1.26.3-alpine", "1.22.0", "1.26.3");
}

#[test]
fn variables_are_edited_where_they_are_set() {
    let file = "/s/.env";
    let env =
        "# TAG=1.22.0\r\nOTHER=1.22.0\r\nTAG=1.22.0 # old\r\nIMG=\"nginx:1.22.0\"\r\nQ='1.22.0'\r\nV=nginx:$Q\r\n";
    let changed = "\r\nTAG=1.26.3 # old";
    check_with(&web("nginx:${TAG}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:$TAG"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG:-1.22.0}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG:?set it}"), env, "1.26.3", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("nginx:${TAG}-alpine"), env, "1.26.3-alpine", file, "\r\nTAG=1.22.0 # old", changed);
    check_with(&web("${IMG}"), env, "1.26.3", file, "nginx:1.22.0", "nginx:1.26.3");
    check_with(&web("${V}"), env, "1.26.3", file, "Q='1.22.0'", "Q='1.26.3'");
    check_with(&web("nginx:$TAG"), "TAG=1.22.0", "1.26.3", file, "1.22.0", "1.26.3");
}

#[test]
fn services_that_share_a_variable_are_named() {
    let compose = "services:\n  web: {image: 'a:$TAG'}\n  worker: {image: 'b:$TAG'}\n  db: {image: 'c:1'}\n";
    assert_eq!(edit(compose, "TAG=1.0", "web", "2.0").unwrap().unwrap().also_changes, ["worker"]);
}

#[test]
fn what_is_shared_or_split_is_refused() {
    refused("x-i: &i nginx:1\nservices:\n  web: {image: *i}\n  db: {image: *i}\n", "", "2", "shared with db");
    refused("services:\n  db: &b\n    image: nginx:1\n  web:\n    <<: *b\n", "", "2", "shared with db");
    refused("services:\n  db: {image: 'nginx:1'}\n  web: {extends: db}\n", "", "2", "shared with db");
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
fn of_several_files_the_last_that_sets_the_image_is_edited() {
    let files = [
        File { path: "/s/a.yaml", text: "services: {web: {image: 'nginx:1.0'}}" },
        File { path: "/s/b.yaml", text: "services: {web: {image: 'nginx:1.1'}}" },
        File { path: "/s/c.yaml", text: "services: {web: {init: true}}" },
    ];
    let edit = image_edit(&files, &[], "web", &target("2")).unwrap().unwrap();
    assert_eq!((edit.path.as_str(), edit.new.as_slice()), ("/s/b.yaml", &b"services: {web: {image: 'nginx:2'}}"[..]));
    let both = "services: {web: {image: 'nginx:1.0'}}\n---\nservices: {web: {image: 'nginx:1.1'}}\n";
    check(both, "2", "1.1", "2");
}

#[test]
fn an_extended_service_of_another_file_is_edited_there() {
    let files = [
        File { path: "/s/common.yml", text: "services:\n  base: {image: 'nginx:1.0'}\n" },
        File { path: "/s/compose.yaml", text: "services: {web: {extends: {file: common.yml, service: base}}}" },
    ];
    let edit = image_edit(&files, &[], "web", &target("2")).unwrap().unwrap();
    assert_eq!(
        (edit.path.as_str(), edit.new.as_slice()),
        ("/s/common.yml", &b"services:\n  base: {image: 'nginx:2'}\n"[..])
    );
    let shared = "services: {web: {extends: {file: common.yml, service: base}}, db: {extends: {file: common.yml, service: base}}}";
    let error =
        image_edit(&[files[0], File { path: "/s/compose.yaml", text: shared }], &[], "web", &target("2")).unwrap_err();
    assert!(error.to_string().contains("shared with db"), "{error}");
}
