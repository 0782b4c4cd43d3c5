//! Codes of RFC 6238, as existing applications on telephones make them: six digits, 30 seconds, SHA-1.

use jiff::Timestamp;
use totp_rs::{Builder, Secret, Totp};

use crate::error::AuthError;

/// What an application on a telephone lists the secret under; existing clients know this name.
pub(crate) const ISSUER: &str = "SPR-OTP";

/// Bytes of a new secret: as many as the hash has.
const SECRET_BYTES: usize = 20;

/// A new secret.
pub(crate) fn random() -> [u8; SECRET_BYTES] {
    rand::random()
}

/// The step whose code this is, if it is that of now or a neighbour's: clocks differ.
pub(crate) fn step(secret: &[u8], code: &str, now: Timestamp) -> Option<u64> {
    let code = code.trim();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    totp(secret, "").ok()?.check(code, u64::try_from(now.as_second()).ok()?)
}

/// The secret as a person types it.
pub(crate) fn base32(secret: &[u8]) -> String {
    Secret::from(secret.to_vec()).to_base32()
}

/// The secret as a camera reads it.
pub(crate) fn url(secret: &[u8], name: &str) -> Result<String, AuthError> {
    // A colon would end the name.
    totp(secret, &name.replace(':', "_")).and_then(|totp| totp.to_url()).map_err(|_| AuthError::Factor)
}

fn totp(secret: &[u8], name: &str) -> Result<Totp, totp_rs::TotpError> {
    Builder::new().with_secret(secret.to_vec()).with_account_name(name).with_issuer(Some(ISSUER)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's test vectors, whose codes have eight digits; the last six are ours.
    const SECRET: &[u8] = b"12345678901234567890";

    fn check(second: i64, code: &str, expected: Option<u64>) {
        assert_eq!(step(SECRET, code, Timestamp::from_second(second).unwrap()), expected, "{second} {code}");
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        check(59, "287082", Some(1));
        check(1_111_111_109, "081804", Some(37_037_036));
        check(1_111_111_109, " 081804 ", Some(37_037_036));
        check(20_000_000_000, "353130", Some(666_666_666));
    }

    #[test]
    fn a_neighbour_is_good_and_others_are_not() {
        check(59 + 30, "287082", Some(1));
        check(59 + 61, "287082", None);
        check(59, "287083", None);
        check(59, "", None);
        check(59, "28708", None);
        check(59, "94287082", None);
    }

    #[test]
    fn a_telephone_can_read_it() {
        let url = url(SECRET, "ann:e").unwrap();
        assert!(url.starts_with("otpauth://totp/SPR-OTP:ann_e?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{url}");
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_ne!(random(), random());
    }
}
