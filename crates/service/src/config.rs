//! Settings: one TOML file a service, overlaid with environment variables.
//!
//! `HOMEPORT_UPDATER__CHECK__INTERVAL_MS=60000` sets `interval_ms` in section `[check]` of the updater. A variable's text
//! is read as a TOML value when it is one (`5`, `true`, `["a", "b"]`) and as a string otherwise. Keys that no setting
//! has are an error, in the file and in the environment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there but cannot be read.
    #[error("cannot read the settings in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML.
    #[error("{path} is not valid TOML")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A key is unknown or a value has the wrong type.
    #[error("the settings of {service} (from {path} and variables that begin with {prefix}) are wrong: {message}")]
    Invalid {
        /// The service.
        service: String,
        /// The file, whether or not it exists.
        path: PathBuf,
        /// Beginning of the variables' names.
        prefix: String,
        /// What is wrong.
        message: String,
    },
}

/// The variables that a process was started with, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Those that are no UTF-8 are left out.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// The value of a variable. Unset and empty are the same.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Reads the settings of a service.
pub fn load<T: DeserializeOwned>(service: &str, configs: &Path, environment: &Environment) -> Result<T, ConfigError> {
    let path = configs.join(format!("{service}.toml"));
    let prefix = format!("HOMEPORT_{}__", service.to_uppercase().replace('-', "_"));
    let mut table = read(&path)?;
    for (name, text) in &environment.0 {
        if let Some(keys) = name.strip_prefix(&prefix) {
            overlay(&mut table, &keys.to_lowercase(), text);
        }
    }
    Value::Table(table).try_into().map_err(|source: toml::de::Error| ConfigError::Invalid {
        service: service.to_owned(),
        path,
        prefix,
        message: source.message().to_owned(),
    })
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Table::new()),
        Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
    };
    text.parse().map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })
}

fn overlay(table: &mut Table, keys: &str, text: &str) {
    match keys.split_once("__") {
        None => {
            table.insert(keys.to_owned(), value(text));
        }
        Some((section, rest)) => {
            let entry = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            if let Value::Table(section) = entry {
                overlay(section, rest, text);
            }
        }
    }
}

fn value(text: &str) -> Value {
    format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        check: Check,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Check {
        interval_ms: u64,
        registries: Vec<String>,
        name: String,
    }

    impl Default for Check {
        fn default() -> Self {
            Self { interval_ms: 1, registries: vec![], name: "default".to_owned() }
        }
    }

    fn check(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("docker-agent.toml"), file).unwrap();
        let environment = variables.iter().copied().collect();
        load("docker-agent", directory.path(), &environment).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_win_over_the_file() {
        let settings = check(
            "[check]\ninterval_ms = 2\nname = \"file\"",
            &[
                ("HOMEPORT_DOCKER_AGENT__CHECK__INTERVAL_MS", "3"),
                ("HOMEPORT_DOCKER_AGENT__CHECK__REGISTRIES", "[\"a\"]"),
                ("HOMEPORT_UPDATER__CHECK__NAME", "another service's"),
            ],
        );
        let expected = Check { interval_ms: 3, registries: vec!["a".to_owned()], name: "file".to_owned() };
        assert_eq!(settings.unwrap().check, expected);
    }

    #[test]
    fn text_that_is_no_toml_is_a_string() {
        let settings = check("", &[("HOMEPORT_DOCKER_AGENT__CHECK__NAME", "127.0.0.1:80")]).unwrap();
        assert_eq!(settings.check.name, "127.0.0.1:80");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = check("[check]\nintervall = 2", &[]).unwrap_err();
        assert!(error.contains("intervall") && error.contains("docker-agent"), "{error}");
    }

    #[test]
    fn a_missing_file_is_all_defaults() {
        let settings: Settings = load("bus", Path::new("/nonexistent"), &Environment::default()).unwrap();
        assert_eq!(settings, Settings::default());
    }
}
