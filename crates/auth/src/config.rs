//! Settings: `configs/auth.toml`, overlaid with `HOMEPORT_AUTH__<SECTION>__<KEY>`.

use std::time::Duration;

use homeport_service::{config::Environment, peer::SocketConfig};
use serde::Deserialize;

use crate::oidc::OidcConfig;

/// Variable with the lifetime of a session, as HomelabARR has it.
const LIFETIME: &str = "JWT_EXPIRES_IN";
/// Units of a lifetime, in seconds.
const UNITS: [(char, u32); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];

/// Why a variable cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{LIFETIME} is a time such as 15m, 24h, 7d or 2w, or a number of seconds, not {0:?}")]
pub(crate) struct LifetimeError(String);

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The service's socket. Only the gateway needs to connect.
    pub socket: SocketConfig,
    /// Sessions of people.
    pub session: SessionConfig,
    /// Passwords.
    pub password: PasswordConfig,
    /// What happens to those who guess.
    pub lockout: LockoutConfig,
    /// The record of what was done.
    pub audit: AuditConfig,
    /// Second factors.
    pub factor: FactorConfig,
    /// Passkeys.
    pub passkey: PasskeyConfig,
    /// Signing in elsewhere.
    pub oidc: OidcConfig,
}

impl Config {
    /// The same with what variables say that HomelabARR has as well.
    pub(crate) fn with(mut self, environment: &Environment) -> Result<Self, LifetimeError> {
        if let Some(text) = environment.get(LIFETIME) {
            self.session.lifetime_s = seconds(text).ok_or_else(|| LifetimeError(text.to_owned()))?;
        }
        Ok(self)
    }
}

/// Reads a time of whole units. None: it is none, or no time at all.
fn seconds(text: &str) -> Option<u32> {
    let (number, unit) = match UNITS.iter().find(|(unit, _)| text.ends_with(*unit)) {
        Some((unit, seconds)) => (text.strip_suffix(*unit)?, *seconds),
        None => (text, 1),
    };
    let number: u32 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0)
}

/// Sessions of people.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Seconds from signing in until one has to sign in again. The variable `JWT_EXPIRES_IN` (`15m`, `24h`, `7d`, `2w`; a
    /// bare number is seconds) wins over it. Default: 86400 (24 h).
    pub lifetime_s: u32,
    /// Sessions that one user may have; signing in once more ends the oldest. Default: 100.
    pub count_max: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { lifetime_s: 24 * 3600, count_max: 100 }
    }
}

/// Passwords.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// Characters that a new password must have at least; the first administrator's has 12 in any case. Default: 6, which
    /// existing clients count on, and with which the lockouts leave a guess no chance.
    pub length_min: usize,
    /// Memory of one hashing, in KiB. Default: 19456, with two iterations what OWASP recommends for argon2id.
    pub hash_memory_kib: u32,
    /// Passes over that memory. Default: 2.
    pub hash_iterations: u32,
    /// Passwords that are hashed at the same time; up to eight times as many wait, further ones are told to come back.
    /// Default: 2.
    pub hash_concurrency: usize,
    /// Seconds for which a name and password that were right are believed again without hashing, for clients that
    /// send them with every request. 0: never. Default: 60.
    pub basic_cache_s: u32,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { length_min: 6, hash_memory_kib: 19_456, hash_iterations: 2, hash_concurrency: 2, basic_cache_s: 60 }
    }
}

/// What happens to those who guess. Only different guesses count, save at the form where people sign in: a client that
/// repeats an outdated password is no attacker.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutConfig {
    /// Failed sign-ins from one address, different or not, until it is told to come back later. Default: 5.
    pub logins_per_address: usize,
    /// Different wrong passwords from one address that lock it out. Default: 10.
    pub failures_per_address: usize,
    /// Different wrong passwords for one user name, from wherever, that lock it. More than for an address, so that
    /// nobody locks out somebody else too easily. The right one is let in all the same on the machine itself, and from
    /// addresses that the user signed in from within the last 30 days, 16 at most. Default: 30.
    pub failures_per_name: usize,
    /// Different wrong tokens from one address until it is told to come back later. Right ones work all the time.
    /// Default: 20.
    pub tokens_per_address: usize,
    /// Seconds for which a failure counts. Default: 900.
    pub window_s: u32,
    /// Seconds that a lockout lasts. Default: 300.
    pub duration_s: u32,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self {
            logins_per_address: 5,
            failures_per_address: 10,
            failures_per_name: 30,
            tokens_per_address: 20,
            window_s: 900,
            duration_s: 300,
        }
    }
}

/// The record of what was done.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Rows that are kept; beyond, the oldest go. A row takes about 400 bytes. Default: 200000.
    pub rows_max: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { rows_max: 200_000 }
    }
}

impl LockoutConfig {
    pub(crate) const fn window(&self) -> Duration {
        Duration::from_secs(self.window_s as u64)
    }

    pub(crate) const fn duration(&self) -> Duration {
        Duration::from_secs(self.duration_s as u64)
    }
}

/// Second factors.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactorConfig {
    /// Seconds for which a code that was right counts. Default: 3600.
    pub proof_lifetime_s: u32,
}

impl Default for FactorConfig {
    fn default() -> Self {
        Self { proof_lifetime_s: 3600 }
    }
}

/// Passkeys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyConfig {
    /// Addresses of the pages that passkeys are for, such as `["https://nas.example.org"]`. Default: none, each address by
    /// which the gateway is reached; a passkey is good at the name that it was made at, and nowhere else.
    pub origins: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homelabarr_2_a_lifetime_is_written_as_homelabarr_writes_it() {
        for (text, expected) in
            [("15m", 900), ("24h", 86_400), ("7d", 604_800), ("2w", 1_209_600), ("90s", 90), ("3600", 3600)]
        {
            let config = Config::default().with(&[(LIFETIME, text)].into_iter().collect()).unwrap();
            assert_eq!(config.session.lifetime_s, expected, "{text}");
        }
        for text in ["0", "0h", "h", "-1", "1.5h", "1y", "24 h", "99999w", "+5m"] {
            assert!(Config::default().with(&[(LIFETIME, text)].into_iter().collect()).is_err(), "{text}");
        }
        let usual = Config::default().with(&Environment::default()).unwrap();
        assert_eq!(usual.session.lifetime_s, SessionConfig::default().lifetime_s);
    }
}
