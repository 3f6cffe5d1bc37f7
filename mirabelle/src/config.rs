//! What the process needs to start: `config.default.toml` < file < `MIRABELLE_*` < flags.

mod layers;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use layers::Layers;

/// The defaults and the reference.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The configuration of a process.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where everything is kept.
    pub data: PathBuf,
    /// The HTTP surface.
    pub http: Http,
    /// The log.
    pub log: Log,
    /// The rows.
    pub store: Store,
    /// The key store.
    pub keys: Keys,
    /// The decider.
    pub decider: Decider,
    /// The clock.
    pub clock: Clock,
    /// Log lines.
    pub output: Output,
}

/// The HTTP surface.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of health and metrics.
    pub admin_listen: SocketAddr,
    /// Bounds.
    pub limits: mirabelle_gateway::Options,
}

/// The log.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// Which engine.
    pub url: String,
    /// Partitions of each topic.
    pub partitions: u16,
    /// MiB of the disk that the log leaves to rows and snapshots.
    pub reserve_mib: u32,
}

/// The rows.
#[derive(Clone, Debug, Deserialize)]
pub struct Store {
    /// Which engine.
    pub url: String,
}

/// The key store.
#[derive(Clone, Debug, Deserialize)]
pub struct Keys {
    /// Where the key-encryption key is: `file:PATH`, `env:NAME`, or empty for a file below `data`.
    pub kek: String,
}

/// The decider.
#[derive(Clone, Debug, Deserialize)]
pub struct Decider {
    /// Recent ids in memory, per partition.
    pub recent_ids: usize,
    /// Decisions between two snapshots of a partition.
    pub snapshot_decisions: u64,
    /// Seconds between two snapshots of a partition.
    pub snapshot_seconds: u32,
}

/// The clock.
#[derive(Clone, Debug, Deserialize)]
pub struct Clock {
    /// Whether it runs in this process.
    pub enabled: bool,
}

/// Log lines.
#[derive(Clone, Debug, Deserialize)]
pub struct Output {
    /// `json` or `text`.
    pub format: Format,
    /// A tracing filter.
    pub level: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Everything that is wrong with a configuration, all named at once.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not usable:\n{}", .0.iter().map(|wrong| format!("  - {wrong}")).collect::<Vec<_>>().join("\n"))]
pub struct Unusable(pub Vec<String>);

impl Config {
    /// Reads the layers. `overrides` are flags: (key with dots, value).
    pub fn load(file: Option<&Path>, overrides: &[(&str, String)]) -> Result<Config, Unusable> {
        let environment = config::Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(None);
        Config::from_layers(file, &environment, overrides)
    }

    fn from_layers(
        file: Option<&Path>,
        environment: &config::Environment,
        overrides: &[(&str, String)],
    ) -> Result<Config, Unusable> {
        let mut layers = Layers::read(file, environment, overrides);
        let mut wrong = std::mem::take(&mut layers.wrong);
        let config = match layers.config() {
            Ok(config) => config,
            Err(error) => {
                wrong.push(error.to_string());
                return Err(Unusable(wrong));
            }
        };
        for what in config.nonsense() {
            // Each begins with the setting that it is about.
            let place = what.split([' ', ':']).next().and_then(|key| layers.place_of(key));
            wrong.push(match place {
                Some(place) => format!("{place}: {what}"),
                None => what,
            });
        }
        if wrong.is_empty() { Ok(config) } else { Err(Unusable(wrong)) }
    }

    fn nonsense(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.log.url != "embedded:" {
            wrong.push(format!("log.url is {:?}: this build knows \"embedded:\"", self.log.url));
        }
        if self.store.url != "embedded:" {
            wrong.push(format!("store.url is {:?}: this build knows \"embedded:\"", self.store.url));
        }
        if !(1..=1024).contains(&self.log.partitions) {
            wrong.push(format!("log.partitions is {}: from 1 to 1024", self.log.partitions));
        }
        let kek = self.keys.kek.as_str();
        if !(kek.is_empty() || kek.starts_with("env:") || kek.starts_with("file:")) {
            wrong.push("keys.kek names the key, it does not hold it: `file:PATH` or `env:NAME`".to_owned());
        }
        if self.decider.recent_ids == 0 || self.decider.snapshot_decisions == 0 {
            wrong.push("decider.recent_ids and decider.snapshot_decisions are at least 1".to_owned());
        }
        wrong.extend(self.http.limits.nonsense().iter().map(|what| format!("http.limits.{what}")));
        if tracing_subscriber::EnvFilter::try_new(&self.output.level).is_err() {
            wrong.push(format!("output.level is {:?}: a level or a tracing filter", self.output.level));
        }
        wrong
    }
}

/// Variables that begin with this are settings.
const PREFIX: &str = "MIRABELLE";

/// Variables of the same prefix that belong to the command line and the tests.
const OUTSIDE: &[&str] = &["url", "key", "key_file", "tenant", "fixtures", "config", "servers", "testbed"];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&str, String)]) -> Result<Config, Unusable> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let source: HashMap<String, String> =
            environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let environment = config::Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(source));
        Config::from_layers(Some(&path), &environment, flags)
    }

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = load("", &[], &[]).unwrap();
        assert_eq!(config.http.listen.port(), 8080);
        assert_eq!(config.log.partitions, 8);
    }

    #[test]
    fn every_bound_of_the_door_stands_in_the_reference_and_can_be_set() {
        let config = load("", &[], &[]).unwrap();
        assert_eq!(
            config.http.limits,
            mirabelle_gateway::Options::default(),
            "the reference says the defaults"
        );
        let reference: serde_json::Value = toml::from_str(DEFAULTS).unwrap();
        assert_eq!(reference["http"]["limits"], serde_json::to_value(config.http.limits).unwrap());
        let environment = [("MIRABELLE_HTTP__LIMITS__REQUESTS_PER_SECOND", "41")];
        let config = load("[http.limits]\nbody_max = 1041", &environment, &[]).unwrap();
        assert_eq!((config.http.limits.body_max, config.http.limits.requests_per_second), (1_041, 41));
        let wrong =
            load("[http.limits]\nbodies_max = 1\nconnections_max = 0", &[], &[]).unwrap_err().to_string();
        assert!(
            wrong.contains("http.limits.bodies_max") && wrong.contains("http.limits.connections_max"),
            "{wrong}"
        );
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let file = "data = \"/file\"\n[log]\npartitions = 3\n[decider]\nrecent_ids = 5";
        let environment = [("MIRABELLE_DATA", "/environment"), ("MIRABELLE_LOG__PARTITIONS", "4")];
        let config = load(file, &environment, &[("data", "/flag".to_owned())]).unwrap();
        assert_eq!(config.data, Path::new("/flag"));
        assert_eq!(config.log.partitions, 4);
        assert_eq!(config.decider.recent_ids, 5);
    }

    #[test]
    fn unknown_keys_and_nonsense_are_all_named_at_once() {
        let file = "[http]\nlisen = \"127.0.0.1:1\"\n[log]\npartitions = 0\nurl = \"kafka://x\"\n[keys]\nkek = \"00ff\"";
        let message = load(file, &[], &[]).unwrap_err().to_string();
        for part in ["http.lisen", "log.partitions is 0", "kafka://x", "keys.kek"] {
            assert!(message.contains(part), "{part} is not named in:\n{message}");
        }
        assert!(!message.contains("00ff"), "a secret was printed");
        assert_eq!(
            message.matches("config.toml: `").count()
                + message.matches("config.toml: log.").count()
                + message.matches("config.toml: keys.").count(),
            4,
            "each with its file:\n{message}"
        );
    }

    #[test]
    fn every_wrong_value_is_named_with_the_place_where_it_was_given() {
        let file = "data = 3\nhttp = 5\n[log]\npartitions = \"many\"\n[clock]\nenabled = \"perhaps\"\n[output]\nlevel = []\n[output.format]\njson = true\n";
        let environment = [("MIRABELLE_DECIDER__RECENT_IDS", "few"), ("MIRABELLE_LOG__PARTITION", "3")];
        let flags = [("http.listen", "nowhere".to_owned())];
        let message = load(file, &environment, &flags).unwrap_err().to_string();
        for part in [
            "config.toml: `http` is a group of settings, not a value",
            "config.toml: `log.partitions` can't be read: invalid type",
            "config.toml: `clock.enabled` can't be read: invalid type",
            "config.toml: `output.format` is one value, not several",
            "config.toml: `output.level` is one value, not several",
            "MIRABELLE_DECIDER__RECENT_IDS: `decider.recent_ids` can't be read: invalid type",
            "MIRABELLE_LOG__PARTITION: `log.partition` is no setting",
            "the command line: `http.listen` can't be read: invalid socket address",
        ] {
            assert!(message.contains(part), "{part:?} is not said in:\n{message}");
        }
    }

    #[test]
    fn a_group_in_which_nothing_is_set_is_no_fault() {
        assert_eq!(load("[http]\n[http.limits]\n[log]\n", &[], &[]).unwrap().log.partitions, 8);
        assert!(load("[kafka]\n", &[], &[]).unwrap_err().to_string().contains("`kafka` is no setting"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_told_with_its_name_beside_what_else_is_wrong() {
        let message = load("[log\npartitions = 3", &[], &[("log.partitions", "none".to_owned())])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("config.toml") && message.contains("`log.partitions` can't be read"),
            "{message}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_says_which_setting() {
        let message = load("[log]\npartitions = \"many\"", &[], &[]).unwrap_err().to_string();
        assert!(message.contains("partitions"), "{message}");
    }
}
