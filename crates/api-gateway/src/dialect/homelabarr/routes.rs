//! The table of the HomelabARR API.

use super::{account, login, logout};
use crate::{
    problem::Kind,
    route::{Answer, Route},
};

const LOGIN: &str = r#"{"username": "admin", "password": "a long one"}"#;
const SIGNED_IN: &str = r##"{"success": true, "token": "eyJ…", "user": "#Profile", "message": "Login successful", "expires_at?": "2026-07-24T09:46:40.123Z", "mustChangePassword": false}"##;
const ME: &str = r##"{"success": true, "user": "#Profile", "id": "1", "username": "admin", "email": "", "role": "admin", "createdAt?": "2026-07-23T09:46:40.123Z", "lastLogin?": "2026-07-23T09:46:40.123Z"}"##;
const PASSWORDS: &str = r#"{"currentPassword": "a long one", "newPassword": "a longer one"}"#;
const WRONG: &[(Kind, &str)] = &[(Kind::Unauthorized, "name or password is wrong; the same words for both")];
const NO_SESSION: &[(Kind, &str)] = &[(Kind::BadRequest, "the credential has no session to end")];

/// Shapes that several routes answer with.
pub(crate) const SHAPES: &[(&str, &str)] = &[(
    "Profile",
    r#"{"id": "1", "username": "admin", "email": "", "role": "admin", "createdAt?": "2026-07-23T09:46:40.123Z", "lastLogin?": "2026-07-23T09:46:40.123Z"}"#,
)];

/// Every route: twice, because the original's own web server has them below `/api/` as well.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/login", login::login, "Signs in: a name and a password for a token")
            .open()
            .body(LOGIN)
            .refuses(WRONG)
            .answers(Answer::json(SIGNED_IN)),
        Route::post("/auth/logout", logout::logout, "Ends the session of the token that is sent")
            .reads()
            .refuses(NO_SESSION)
            .answers(Answer::json(r#"{"success": true, "message": "Logged out"}"#)),
        Route::get("/auth/me", account::me, "Who is calling").answers(Answer::json(ME)),
        Route::post("/auth/change-password", account::change_password, "Changes one's own password")
            .reads()
            .body(PASSWORDS)
            .answers(Answer::json(r#"{"success": true, "message": "Password changed successfully"}"#)),
        Route::post("/api/auth/login", login::login, "Signs in: a name and a password for a token")
            .open()
            .body(LOGIN)
            .refuses(WRONG)
            .answers(Answer::json(SIGNED_IN)),
        Route::post("/api/auth/logout", logout::logout, "Ends the session of the token that is sent")
            .reads()
            .refuses(NO_SESSION)
            .answers(Answer::json(r#"{"success": true, "message": "Logged out"}"#)),
        Route::get("/api/auth/me", account::me, "Who is calling").answers(Answer::json(ME)),
        Route::post("/api/auth/change-password", account::change_password, "Changes one's own password")
            .reads()
            .body(PASSWORDS)
            .answers(Answer::json(r#"{"success": true, "message": "Password changed successfully"}"#)),
    ]
}
