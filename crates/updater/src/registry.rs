//! Image registries, as far as updates need them: which tags there are, and which digest a tag points at.

mod cache;
mod challenge;
mod client;
mod config;
mod credentials;
mod endpoint;
mod error;
mod host;
mod http;
mod page;
mod token;

pub use client::{Client, Freshness, TagList};
pub use config::RegistryConfig;
pub use credentials::{AgentCredentials, Anonymous, Credential, CredentialError, Credentials};
pub use error::{RegistryError, SetupError};
