//! Image registries, as far as updates need them: which tags there are, and which digest a tag points at.

mod breaker;
mod budget;
mod cache;
mod challenge;
mod client;
mod config;
mod credentials;
mod digest;
mod endpoint;
mod error;
mod github;
mod host;
mod http;
mod hub;
mod kept;
mod manifest;
mod page;
mod token;
mod transport;

pub use client::{Client, Freshness, TagList};
pub use config::RegistryConfig;
pub use credentials::{AgentCredentials, Anonymous, Credential, CredentialError, Credentials};
pub use error::{RegistryError, SetupError};
pub use github::WithGithub;
pub use kept::{keep, load, schema};
pub use manifest::Platform;
pub use transport::Transport;
