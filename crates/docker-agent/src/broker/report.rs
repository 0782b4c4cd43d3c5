//! What plugins did and what they were refused, told on the bus.
//!
//! docker-agent calls nobody but the engine and the bus, so the audit trail is not written from here: `docker:` events are
//! kept by the bus, and auth, which owns the trail, takes them from there, also those that it missed.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use homeport_bus_client::Publisher;
use serde::Serialize;

/// Events that a plugin may cause at once, and how many a second after that. More are counted: a plugin that knocks
/// without pause must not crowd out what others have to say.
const BURST: f64 = 100.0;
const PER_SECOND: f64 = 10.0;

/// A refusal; topic `docker:broker:denied`.
#[derive(Debug, Serialize)]
pub(super) struct Denied<'a> {
    /// Name of the plugin.
    pub(super) plugin: &'a str,
    /// HTTP method.
    pub(super) method: &'a str,
    /// Path that was asked for, without the query; at most 200 bytes.
    pub(super) path: &'a str,
    /// Why not.
    pub(super) reason: &'a str,
    /// Refusals and changes of this plugin that were not told since the last one that was.
    pub(super) untold: u64,
}

/// A change that was let through; topic `docker:broker:changed`.
#[derive(Debug, Serialize)]
pub(super) struct Changed<'a> {
    /// Name of the plugin.
    pub(super) plugin: &'a str,
    /// HTTP method.
    pub(super) method: &'a str,
    /// Path as the engine got it, with the object's id.
    pub(super) path: &'a str,
    /// Status of the engine's answer.
    pub(super) status: u16,
    /// As in [`Denied`].
    pub(super) untold: u64,
}

/// The way to the bus, with its bound.
#[derive(Debug)]
pub(super) struct Report {
    publisher: Publisher,
    allowance: Mutex<Allowance>,
}

#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
    untold: u64,
}

impl Report {
    pub(super) fn new(publisher: Publisher) -> Self {
        Self { publisher, allowance: Mutex::new(Allowance { left: BURST, at: Instant::now(), untold: 0 }) }
    }

    pub(super) fn denied(&self, plugin: &str, method: &str, path: &str, reason: &str) {
        tracing::warn!(plugin.name = plugin, http.method = method, http.path = path, reason, "a plugin was refused");
        if let Some(untold) = self.take() {
            let path = start_of(path, 200);
            self.publisher.publish("docker:broker:denied", &Denied { plugin, method, path, reason, untold });
        }
    }

    pub(super) fn changed(&self, plugin: &str, method: &str, path: &str, status: u16) {
        tracing::info!(
            plugin.name = plugin,
            http.method = method,
            http.path = path,
            http.status = status,
            "a plugin's change"
        );
        if let Some(untold) = self.take() {
            self.publisher.publish("docker:broker:changed", &Changed { plugin, method, path, status, untold });
        }
    }

    /// Takes one event of what is left, with the number of those that were not told before it.
    fn take(&self) -> Option<u64> {
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        allowance.left = (allowance.left + allowance.at.elapsed().as_secs_f64() * PER_SECOND).min(BURST);
        allowance.at = Instant::now();
        if allowance.left < 1.0 {
            allowance.untold += 1;
            return None;
        }
        allowance.left -= 1.0;
        Some(std::mem::take(&mut allowance.untold))
    }
}

fn start_of(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}
