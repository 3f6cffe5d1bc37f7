//! Settings with where each was given, so that everything that is wrong is named at once, with its place.

use std::collections::BTreeSet;
use std::path::Path;

use config::{Source as _, Value, ValueKind};

use super::{Config, DEFAULTS, OUTSIDE, PREFIX};

/// One setting as somebody gave it.
pub(super) struct Given {
    /// With dots.
    pub(super) key: String,
    /// File, variable or flag, for people.
    pub(super) place: String,
    value: Value,
}

/// What the layers say that can be used, the weakest first, and what is wrong with the rest.
pub(super) struct Layers {
    pub(super) good: Vec<Given>,
    pub(super) wrong: Vec<String>,
}

type Builder = config::ConfigBuilder<config::builder::DefaultState>;

/// The defaults alone.
pub(super) fn defaults() -> Builder {
    config::Config::builder().add_source(config::File::from_str(DEFAULTS, config::FileFormat::Toml))
}

impl Layers {
    /// Reads the layers above the defaults, and tries each setting by itself.
    pub(super) fn read(
        file: Option<&Path>,
        environment: &config::Environment,
        overrides: &[(&str, String)],
    ) -> Layers {
        let mut layers = Layers { good: Vec::new(), wrong: Vec::new() };
        let known = known();
        if let Some(path) = file {
            match config::File::from(path).format(config::FileFormat::Toml).collect() {
                Ok(table) => {
                    let place = |_: &str| path.display().to_string();
                    layers.take(&known, Value::new(None, ValueKind::Table(table)), &place);
                }
                Err(error) => layers.wrong.push(format!("{}: {error}", path.display())),
            }
        }
        match environment.collect() {
            Ok(table) => {
                let place = |key: &str| format!("{PREFIX}_{}", key.to_uppercase().replace('.', "__"));
                layers.take(&known, Value::new(None, ValueKind::Table(table)), &place);
            }
            Err(error) => layers.wrong.push(format!("the environment: {error}")),
        }
        for (key, value) in overrides {
            let place = "the command line".to_owned();
            let value = Value::new(None, ValueKind::String(value.clone()));
            layers.try_one(&known, Given { key: (*key).to_owned(), place, value });
        }
        layers
    }

    fn take(&mut self, known: &BTreeSet<String>, value: Value, place: &dyn Fn(&str) -> String) {
        for (key, value) in leaves(value, known) {
            if OUTSIDE.contains(&key.as_str()) {
                continue;
            }
            let place = place(&key);
            self.try_one(known, Given { key, place, value });
        }
    }

    fn try_one(&mut self, known: &BTreeSet<String>, given: Given) {
        let Given { key, place, value } = &given;
        let below = format!("{key}.");
        let fault = if known.contains(key) {
            match &value.kind {
                ValueKind::Table(_) | ValueKind::Array(_) => Some("is one value, not several".to_owned()),
                _ => defaults()
                    .set_override(key.as_str(), value.clone())
                    .and_then(Builder::build)
                    .and_then(config::Config::try_deserialize::<Config>)
                    .err()
                    .map(|error| told(&error)),
            }
        } else if known.iter().any(|other| other.starts_with(&below)) {
            if matches!(&value.kind, ValueKind::Table(_)) {
                // A group in which nothing is set.
                return;
            }
            Some("is a group of settings, not a value".to_owned())
        } else {
            Some("is no setting: see config.default.toml for all there are".to_owned())
        };
        match fault {
            Some(fault) => self.wrong.push(format!("{place}: `{key}` {fault}")),
            None => self.good.push(given),
        }
    }

    /// Everything that can be used, over the defaults.
    pub(super) fn config(&self) -> Result<Config, config::ConfigError> {
        let mut builder = defaults();
        for given in &self.good {
            builder = builder.set_override(given.key.as_str(), given.value.clone())?;
        }
        builder.build()?.try_deserialize()
    }

    /// Where a setting got the value that counts.
    pub(super) fn place_of(&self, key: &str) -> Option<&str> {
        self.good.iter().rev().find(|given| given.key == key).map(|given| given.place.as_str())
    }
}

/// An error of one setting, without the setting's name, which stands before it already.
fn told(error: &config::ConfigError) -> String {
    let text = match error {
        config::ConfigError::At { error, .. } => error.to_string(),
        other => other.to_string(),
    };
    let text = text.split(" for key `").next().unwrap_or_default().to_owned();
    format!("can't be read: {text}")
}

/// Every setting there is.
fn known() -> BTreeSet<String> {
    let built = defaults().build().and_then(config::Config::try_deserialize::<Value>);
    let value = built.expect("the defaults are read by a test");
    leaves(value, &BTreeSet::new()).into_iter().map(|(key, _)| key).collect()
}

/// Single values by their keys with dots; a table that stands where one value should is one of them.
fn leaves(value: Value, known: &BTreeSet<String>) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((key, value)) = open.pop() {
        match value.kind {
            ValueKind::Table(table) if !known.contains(&key) && (key.is_empty() || !table.is_empty()) => {
                for (name, value) in table {
                    let below = if key.is_empty() { name } else { format!("{key}.{name}") };
                    open.push((below, value));
                }
            }
            _ => leaves.push((key, value)),
        }
    }
    leaves.sort_by(|one, other| one.0.cmp(&other.0));
    leaves
}
