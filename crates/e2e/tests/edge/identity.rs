//! Who is let in, by what, and until when: the shipped gateway and auth, asked from outside.
//!
//! The scenarios share one stack with the settings of a user, and come from addresses of their own, because guessing is
//! counted by address.

pub mod devices;
pub mod ends;
pub mod guesses;
mod open;
pub mod record;
pub mod secrets;
pub mod sessions;
pub mod supervisor;

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_e2e::{PASSWORD, Stack, scratch};
use reqwest::{Method, blocking::Client, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use crate::NO_ENGINE;

/// The stack, and what nobody may find written down.
pub struct People {
    pub stack: Stack,
    secrets: Mutex<Vec<String>>,
}

/// Somebody at an address, with a credential.
pub struct Caller<'a> {
    people: &'a People,
    address: &'static str,
    headers: Vec<(&'static str, String)>,
    http: Client,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl People {
    pub fn start() -> anyhow::Result<Self> {
        // As behind a reverse proxy on the same machine, which says whom it asks for.
        let settings = [("HOMEPORT_GATEWAY__HTTP__TRUSTED_PROXIES", r#"["127.0.0.1"]"#)];
        let stack = Stack::over(&scratch("people")?, NO_ENGINE, &settings)?;
        let people = Self { stack, secrets: Mutex::default() };
        people.hide(PASSWORD);
        people.hide(&people.stack.token());
        Ok(people)
    }

    /// Remembers something that must be written nowhere.
    pub fn hide(&self, secret: &str) -> String {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
        secret.to_owned()
    }

    /// Everything that must be written nowhere.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody without a credential.
    pub fn from(&self, address: &'static str) -> Caller<'_> {
        let http = Client::builder().redirect(Policy::none()).build().unwrap_or_default();
        Caller { people: self, address, headers: Vec::new(), http }
    }

    /// The administrator, who shows the password each time.
    pub fn admin(&self) -> Caller<'_> {
        self.from("198.51.100.1").basic("admin", PASSWORD)
    }

    /// Somebody with a token.
    pub fn bearer(&self, token: &str) -> Caller<'_> {
        self.from("198.51.100.2").with("authorization", &format!("Bearer {token}"))
    }

    /// Makes a user; the id.
    pub fn user(&self, name: &str, password: &str) -> anyhow::Result<String> {
        let body = json!({ "username": name, "password": self.hide(password), "role": "operator" });
        let made = self.admin().ask("POST /auth/register", &body, 200)?;
        text(&made["user"]["id"])
    }

    /// Signs somebody in; the token.
    pub fn login(&self, name: &str, password: &str) -> anyhow::Result<String> {
        let body = json!({ "username": name, "password": password });
        let answer = self.from("198.51.100.3").ask("POST /auth/login", &body, 200)?;
        Ok(self.hide(&text(&answer["token"])?))
    }
}

impl Caller<'_> {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn basic(self, name: &str, password: &str) -> Self {
        let credential = BASE64_STANDARD.encode(format!("{name}:{password}"));
        self.with("authorization", &format!("Basic {credential}"))
    }

    /// Asks a line such as `GET /status`.
    pub fn call(&self, line: &str, body: &Value) -> anyhow::Result<Answer> {
        let (method, path) = line.split_once(' ').context("method and path")?;
        let url = format!("{}{path}", self.people.stack.url());
        let mut request = self.http.request(Method::from_bytes(method.as_bytes())?, url);
        request = request.header("x-forwarded-for", self.address);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send()?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text()?;
        Ok(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// The same, where the status is known beforehand.
    pub fn ask(&self, line: &str, body: &Value, expected: u16) -> anyhow::Result<Value> {
        let answer = self.call(line, body)?;
        ensure!(answer.status == expected, "{line}: {} instead of {expected}: {}", answer.status, answer.body);
        Ok(answer.body)
    }
}

/// The text that a value is.
pub fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text"))
}
