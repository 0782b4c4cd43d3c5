//! The HomelabARR API: signing in and out, one's own account, users, keys and the activity log, at `/auth/…` and, as behind
//! its own web server, at `/api/auth/…`.

mod account;
mod activity;
mod cookie;
mod import;
mod keys;
mod login;
mod logout;
mod profile;
mod routes;
mod sessions;
mod stars;
mod users;

use crate::{
    gate::Caller,
    problem::{Kind, Problem},
};

pub(crate) use cookie::credential;
pub(crate) use routes::{SHAPES, routes};

/// The account that a caller acts for.
fn account_of(caller: &Caller) -> Result<String, Problem> {
    let account = caller.user_id().map(str::to_owned);
    account.ok_or_else(|| Problem::new(Kind::Forbidden, "this token belongs to nobody; sign in as a user"))
}
