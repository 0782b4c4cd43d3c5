//! What only a person may do, who came with a password or a session.

use homeport_proto::auth::v1::principal;

use crate::{
    gate::Caller,
    problem::{Kind, Problem},
};

/// The account of the person. Tokens get the answer that clients know for that.
pub(super) fn person(caller: &Caller) -> Result<&str, Problem> {
    let is_person = caller.principal.kind() == principal::Kind::User;
    caller.user_id().filter(|_| is_person).ok_or_else(|| {
        Problem::new(Kind::Unauthorized, "this takes a person: sign in, or send name and password as `Basic`")
    })
}

/// Whether a name is the person's own.
pub(super) fn is_caller(caller: &Caller, name: &str) -> bool {
    caller.principal.kind() == principal::Kind::User && caller.name() == name
}
