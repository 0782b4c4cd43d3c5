//! Settings: `configs/auth.toml`, overlaid with `HOMEPORT_AUTH__<SECTION>__<KEY>`.

use std::time::Duration;

use homeport_service::peer::SocketConfig;
use serde::Deserialize;

use crate::oidc::OidcConfig;

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

/// Sessions of people.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Seconds from signing in until one has to sign in again. Default: 86400 (24 h).
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
    /// nobody locks out somebody else too easily. Default: 30.
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
