//! Image registries, as far as updates need them: which tags there are, and which digest a tag points at.

mod client;
mod config;
mod credentials;
mod error;

pub use client::{Client, Freshness, TagList};
pub use config::RegistryConfig;
pub use credentials::{AgentCredentials, Credential, CredentialError, Credentials, Anonymous};
pub use error::{RegistryError, SetupError};
