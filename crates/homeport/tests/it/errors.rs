//! Every kind of failure has its code, and one line that says what to do.

use crate::double::Double;

#[track_caller]
fn check(double: &Double, line: &str, code: i32, text: &str) {
    let ended = double.run(line);
    assert_eq!((ended.code, ended.err.trim_end()), (code, text), "{line}");
    assert_eq!(ended.out, "", "{line}");
}

fn refusing(status: u16, body: &str) -> Double {
    Double::start().raw("GET /api/status", status, body)
}

#[test]
fn refusals() {
    let ended = refusing(401, r#"{"success":false,"error":"no credentials"}"#).run("status");
    assert_eq!(ended.code, 3);
    assert!(ended.err.starts_with("homeport: not signed in at http://127.0.0.1:"), "{}", ended.err);
    assert!(ended.err.ends_with("; run `homeport login`\n"), "{}", ended.err);

    let forbidden = refusing(403, r#"{"success":false,"error":"the scope of ci does not cover GET /api/status"}"#);
    check(&forbidden, "status", 3, "homeport: not allowed: the scope of ci does not cover GET /api/status");
    let busy = refusing(429, r#"{"success":false,"error":"too many wrong guesses"}"#);
    check(&busy, "status --json", 1, "homeport: too many wrong guesses; try again in 42 s");
    let away = refusing(503, r#"{"success":false,"error":"updater cannot be reached"}"#);
    check(&away, "status", 1, "homeport: updater cannot be reached");
    let two_lines = refusing(500, r#"{"success":false,"error":"one\ntwo"}"#);
    check(&two_lines, "status", 1, "homeport: one two");
}

#[test]
fn nobody_there() {
    let ended = Double::start().run("status --url http://127.0.0.1:1");
    assert_eq!(ended.code, 4);
    let text = "homeport: Homeport does not answer at http://127.0.0.1:1/ (Connection refused (os error 111)); is it running \
                there? --url or HOMEPORT_URL name another address\n";
    assert_eq!(ended.err, text);
}

#[test]
fn somebody_else_there() {
    for body in ["<html>", "[]", "{}", r#"{"data": {"containers": 7}}"#] {
        let ended = refusing(200, body).run("status");
        assert_eq!(ended.code, 4, "{body}: {}", ended.err);
        assert!(ended.err.contains("is not from Homeport"), "{body}: {}", ended.err);
    }
}

#[test]
fn wrong_usage() {
    let double = Double::start();
    for line in ["", "nonsense", "update", "update web --all", "history --limit 0", "token create x --expires never"] {
        assert_eq!(double.run(line).code, 2, "{line}");
    }
    assert_eq!(double.run("--help").code, 0);
    check(
        &double,
        "status --url ftp://nas",
        1,
        "homeport: ftp://nas is no address; write it like http://127.0.0.1:8080",
    );
    check(&double, "login", 1, "homeport: a password can only be typed at a terminal; scripts use --password-stdin");
}
