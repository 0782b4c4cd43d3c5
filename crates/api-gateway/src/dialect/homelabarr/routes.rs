//! The table of the HomelabARR API. Everything is there twice, because the original's own web server has it below `/api/`
//! as well.

use http::StatusCode;

use super::{account, activity, import, keys, login, logout, sessions, stars, users};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const LOGIN: &str = r#"{"username": "admin", "password": "a long one"}"#;
const SIGNED_IN: &str = r##"{"success": true, "token": "eyJ…", "user": "#Profile", "message": "Login successful", "expiresAt?": "2026-07-24T09:46:40.123Z", "mustChangePassword": false}"##;
const ME: &str = r##"{"success": true, "user": "#Profile", "id": "1", "username": "admin", "email": "", "role": "admin", "createdAt?": "2026-07-23T09:46:40.123Z", "lastLogin?": "2026-07-23T09:46:40.123Z"}"##;
const PASSWORDS: &str = r#"{"currentPassword": "a long one", "newPassword": "a longer one"}"#;
const NEW_USER: &str =
    r#"{"username": "otto", "password": "a long one", "email?": "otto@example.org", "role?": "user"}"#;
const MADE_USER: &str = r##"{"success": true, "user": "#Profile"}"##;
const DONE: &str = r#"{"success": true, "message": "done"}"#;
const STARS: &str = r#"{"stars": ["media-servers-plex"]}"#;
const SESSIONS: &str = r#"[{"id": "s", "createdAt?": "2026-07-23T09:46:40.123Z", "lastActivity?": "2026-07-23T09:46:40.123Z", "userAgent": "Mozilla/5.0", "ipAddress": "192.0.2.7", "current": true, "expiresAt?": "2026-07-24T09:46:40.123Z"}]"#;
const KEY: &str = r#"{"id": "k", "key": "hlr_0123…", "label": "Mobile App", "name": "Mobile App", "createdAt?": "2026-07-23T09:46:40.123Z", "expiresAt?": "2027-07-23T09:46:40.123Z", "message": "Keep this key: it is not shown again"}"#;
const KEYS: &str = r#"{"apiKeys": [{"id": "k", "userId": "admin", "label": "Mobile App", "createdAt?": "2026-07-23T09:46:40.123Z", "lastUsed?": "2026-07-23T09:46:40.123Z", "expiresAt?": "2027-07-23T09:46:40.123Z", "revoked": false, "keyPreview": "hlr_0123...cdef"}]}"#;
const ACTIVITY: &str = r#"{"activities": [{"id": "act_0123456789abcdef01234567", "userId": "admin", "username": "admin", "timestamp?": "2026-07-23T09:46:40.123Z", "action": "user_login", "targetType": "user", "targetId": "admin", "targetName": "admin", "details?": {"<key>": null}, "ipAddress?": "192.0.2.7", "userAgent?": "Mozilla/5.0"}], "total": 1}"#;
const IMPORT: &str = r#"{"users?": [{"id?": "user_1", "username": "bea", "email?": "", "role?": "user", "passwordHash?": "$2b$12$…", "password?": ""}], "tokens?": [{"name": "phone", "secret": "hlr_…", "scopes?": [], "expires?": 0, "kind?": "key", "userId?": "user_1"}], "replace?": false}"#;
const IMPORTED: &str = r#"{"success": true, "users": 1, "tokens": 1, "skipped": ["user admin: there is a user admin already"], "notes": ["user bea: there is no role \"king\" here, so a new account may only read, as a viewer"]}"#;
const LISTED: &str = r##"{"success": true, "user": "#User"}"##;

const WRONG: &[(Kind, &str)] = &[
    (Kind::Unauthorized, "name or password is wrong; the same words for both"),
    (Kind::TooManyRequests, "too many failures from here; `Retry-After` says for how long"),
];
const NO_SESSION: &[(Kind, &str)] = &[(Kind::BadRequest, "the credential has no session to end")];
const NOBODY: &[(Kind, &str)] = &[(Kind::NotFound, "there is nothing of this id, or not of the caller's own")];
const TAKEN: &[(Kind, &str)] = &[(Kind::Conflict, "somebody has this name")];

/// Shapes that several routes answer with.
pub(crate) const SHAPES: &[(&str, &str)] = &[
    (
        "Profile",
        r#"{"id": "1", "username": "admin", "email": "", "role": "admin", "createdAt?": "2026-07-23T09:46:40.123Z", "lastLogin?": "2026-07-23T09:46:40.123Z"}"#,
    ),
    (
        "User",
        r#"{"id": "1", "username": "admin", "email": "", "role": "admin", "createdAt?": "2026-07-23T09:46:40.123Z", "lastLogin?": "2026-07-23T09:46:40.123Z", "updatedAt?": "2026-07-23T09:46:40.123Z", "disabled": false, "mustChangePassword": false}"#,
    ),
];

/// A path in both places.
macro_rules! both {
    ($path:literal) => {
        [concat!("/auth", $path), concat!("/api/auth", $path)]
    };
}

/// Every route.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(both!("/login").map(|path| {
        Route::post(path, login::login, "Signs in: a name and a password for a token")
            .open()
            .body(LOGIN)
            .refuses(WRONG)
            .answers(Answer::json(SIGNED_IN))
    }));
    routes.extend(both!("/logout").map(|path| {
        Route::post(path, logout::logout, "Ends the session of the token that is sent, at once")
            .before_factor()
            .reads()
            .refuses(NO_SESSION)
            .answers(Answer::json(DONE))
    }));
    routes.extend(
        both!("/me")
            .map(|path| Route::get(path, account::me, "Who is calling").refuses(NOBODY).answers(Answer::json(ME))),
    );
    routes.extend(both!("/change-password").map(|path| {
        Route::post(path, account::change_password, "Changes one's own password")
            .detail("Ends one's other sessions.")
            .reads()
            .body(PASSWORDS)
            .answers(Answer::json(DONE))
    }));
    routes.extend(own());
    routes.extend(of_administrators());
    routes
}

/// What concerns the caller alone.
fn own() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(
        both!("/sessions")
            .map(|path| Route::get(path, sessions::list, "Where one is signed in").answers(Answer::json(SESSIONS))),
    );
    routes.extend(both!("/sessions/{sessionId}").map(|path| {
        Route::delete(path, sessions::end, "Ends one of one's own sessions, at once")
            .reads()
            .refuses(NOBODY)
            .answers(Answer::json(r#"{"success": true}"#))
    }));
    routes.extend(both!("/me/stars").map(|path| {
        Route::get(path, stars::list, "The applications that one has marked").answers(Answer::json(STARS))
    }));
    routes.extend(both!("/me/stars/{appId}").map(|path| {
        Route::post(path, stars::add, "Marks an application").reads().refuses(NOBODY).answers(Answer::json(STARS))
    }));
    routes.extend(both!("/me/stars/{appId}").map(|path| {
        Route::delete(path, stars::remove, "Unmarks an application")
            .reads()
            .refuses(NOBODY)
            .answers(Answer::json(STARS))
    }));
    routes.extend(both!("/api-keys").map(|path| {
        Route::post(path, keys::create, "Makes a key for one's own application")
            .detail("It acts with its owner's role, or less: `scope` is `read`, `operate` or `admin`. Shown this once.")
            // It outlives the session that made it.
            .second_factor()
            .reads()
            .body(r#"{"label?": "Mobile App", "name?": "Mobile App", "scope?": "read", "expiresAt?": "2030-01-31T00:00:00Z"}"#)
            .refuses(NOBODY)
            .answers(Answer::Json(StatusCode::CREATED, KEY))
    }));
    routes.extend(
        both!("/api-keys").map(|path| Route::get(path, keys::list, "One's own keys").answers(Answer::json(KEYS))),
    );
    routes.extend(both!("/api-keys/{keyId}").map(|path| {
        Route::delete(path, keys::delete, "Revokes one of one's own keys, at once")
            .reads()
            .refuses(NOBODY)
            .answers(Answer::json(DONE))
    }));
    routes
}

/// What administrators do. Who could make or change accounts with a credential for some paths could raise it to all.
fn of_administrators() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(both!("/register").map(|path| {
        Route::post(path, users::register, "Makes a user")
            .second_factor()
            .whole()
            .body(NEW_USER)
            .answers(Answer::json(MADE_USER))
    }));
    routes.extend(both!("/users").map(|path| {
        Route::post(path, users::create, "Makes a user, who has an e-mail address")
            .second_factor()
            .whole()
            .body(NEW_USER)
            .refuses(TAKEN)
            .answers(Answer::json(MADE_USER))
    }));
    routes.extend(both!("/users").map(|path| {
        Route::get(path, users::list, "Everybody who can sign in").admin().answers(Answer::json(r##"["#User"]"##))
    }));
    routes.extend(both!("/users/{userId}").map(|path| {
        Route::put(path, users::update, "Changes what a user may do")
            .detail(
                "`role` is `admin`, `user` or `viewer`; who is `disabled` can do nothing. Homeport adds this route.",
            )
            .second_factor()
            .whole()
            .body(r#"{"role?": "viewer", "disabled?": false, "email?": "otto@example.org"}"#)
            .refuses(NOBODY)
            .answers(Answer::json(LISTED))
    }));
    routes.extend(both!("/users/{userId}").map(|path| {
        Route::delete(path, users::delete, "Deletes a user, with sessions and keys")
            .second_factor()
            .whole()
            .refuses(NOBODY)
            .answers(Answer::json(DONE))
    }));
    routes.extend(both!("/users/{userId}/password").map(|path| {
        Route::put(path, users::reset_password, "Sets a user's password, and ends that user's sessions")
            .second_factor()
            .whole()
            .body(r#"{"newPassword": "a longer one"}"#)
            .refuses(NOBODY)
            .answers(Answer::json(DONE))
    }));
    routes.extend(both!("/activity-log").map(|path| {
        Route::get(path, activity::list, "What was done, newest first")
            .admin()
            .query(&[
                ("userId", "Only what this user did."),
                ("action", "Only this, such as `user_login`."),
                ("limit", "50 without it, 200 at most."),
                ("offset", "How many of the newest to leave out."),
            ])
            .answers(Answer::json(ACTIVITY))
    }));
    routes.extend(both!("/import").map(|path| {
        Route::post(path, import::import, "Takes over users and tokens of another installation")
            .detail("Hashes of PBKDF2 (SPR), bcrypt (HomelabARR) and argon2id. Who is here already stays. Entries that cannot be taken are left out and named in `skipped`. Homeport adds this route.")
            .second_factor()
            .whole()
            .body(IMPORT)
            .answers(Answer::json(IMPORTED))
    }));
    routes
}
