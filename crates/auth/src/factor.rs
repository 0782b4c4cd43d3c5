//! What a second factor is made of: codes that change every 30 seconds, their picture for a camera, and the token that
//! proves that one was right.

pub(crate) mod proof;
pub(crate) mod qr;
pub(crate) mod totp;
