//! How to reach a cluster, and what to ask of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::OptionsError;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the authorities to trust; the system's where none is named.
    pub ca: Option<PathBuf>,
    /// PEM file of the client's certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    pub mechanism: String,
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How batches are compressed on their way and on the brokers' disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

/// How to open a log. [`Options::new`] has the defaults, [`Options::from_url`] reads them from a URL.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port` of some brokers, joined by commas.
    pub servers: String,
    /// What the names of all topics and groups begin with: letters, digits, `.`, `_`, `-`, at most 100.
    pub prefix: String,
    /// Partitions of each topic, 1 to 1024: fixed when the topics are made. 48.
    pub partitions: u16,
    /// Copies of each partition, on as many brokers. 3; with 1, what is acknowledged is as durable as one broker.
    pub replication: u16,
    /// Whether missing topics are made, when none of the log's exists. Yes.
    pub create: bool,
    /// TLS, or in the clear.
    pub tls: Option<Tls>,
    /// Who asks; anybody where nothing is said.
    pub sasl: Option<Sasl>,
    /// Compression of what is appended. None.
    pub compression: Compression,
    /// After this long without an acknowledgement an append is unclear. 10 s.
    pub message_timeout: Duration,
    /// After this long without a sign of life a member's partitions go to others; not less than the brokers allow
    /// (`group.min.session.timeout.ms`). 6 s.
    pub session_timeout: Duration,
    /// How long opening waits for the cluster. 30 s.
    pub open_timeout: Duration,
    /// Largest record (key, value and trace). 1 MiB.
    pub record_bytes_max: usize,
    /// Largest batch handed to one append. 16 MiB.
    pub batch_bytes_max: usize,
    /// Most bytes that are handed over and not acknowledged yet. 64 MiB.
    pub queue_bytes_max: usize,
    /// Most bytes that wait in memory for one reader. 8 MiB.
    pub reader_bytes_max: usize,
}

/// What a URL may say.
const KEYS: [&str; 13] = [
    "partitions",
    "replication",
    "create",
    "compression",
    "tls",
    "ca",
    "certificate",
    "key",
    "sasl",
    "user",
    "password",
    "message_timeout_ms",
    "session_timeout_ms",
];

impl Options {
    /// The defaults for the log `prefix` on `servers`.
    pub fn new(servers: impl Into<String>, prefix: impl Into<String>) -> Options {
        Options {
            servers: servers.into(),
            prefix: prefix.into(),
            partitions: 48,
            replication: 3,
            create: true,
            tls: None,
            sasl: None,
            compression: Compression::None,
            message_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(6),
            open_timeout: Duration::from_secs(30),
            record_bytes_max: 1 << 20,
            batch_bytes_max: 16 << 20,
            queue_bytes_max: 64 << 20,
            reader_bytes_max: 8 << 20,
        }
    }

    /// Reads `kafka://host:port,host:port/prefix?key=value&…` with the keys `partitions`, `replication`, `create`
    /// (`true`, `false`), `compression` (`none`, `lz4`, `zstd`), `tls` (`true`, `false`), `ca`, `certificate` and `key`
    /// (PEM files), `sasl` (`scram-sha-512`, `scram-sha-256`, `plain`), `user`, `password`, `message_timeout_ms`,
    /// `session_timeout_ms`. A value may be `env:NAME`, then it is that variable's, or `file:PATH`, then it is what the file
    /// holds; a password is nothing else. Octets may be written `%20`.
    ///
    /// # Errors
    /// Names everything that is unknown, missing or makes no sense, all at once.
    pub fn from_url(url: &str) -> Result<Options, OptionsError> {
        let mut wrong = Vec::new();
        let Some(rest) = url.strip_prefix("kafka://") else {
            return Err(OptionsError(vec!["it does not begin with kafka://".to_owned()]));
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (servers, prefix) = place.split_once('/').unwrap_or((place, ""));
        let mut options = Options::new(servers, prefix);
        let mut said = Said { wrong: &mut wrong, pairs: Vec::new() };
        said.read(query);
        options.take(&mut said);
        wrong.extend(options.nonsense());
        if wrong.is_empty() { Ok(options) } else { Err(OptionsError(wrong)) }
    }

    fn take(&mut self, said: &mut Said<'_>) {
        if let Some(partitions) = said.number("partitions") {
            self.partitions = partitions;
        }
        if let Some(replication) = said.number("replication") {
            self.replication = replication;
        }
        if let Some(ms) = said.number("message_timeout_ms") {
            self.message_timeout = Duration::from_millis(ms);
        }
        if let Some(ms) = said.number("session_timeout_ms") {
            self.session_timeout = Duration::from_millis(ms);
        }
        self.create = said.is("create").unwrap_or(true);
        let compressions = [Compression::None, Compression::Lz4, Compression::Zstd];
        if let Some(name) = said.text("compression") {
            match compressions.into_iter().find(|one| one.name() == name) {
                Some(compression) => self.compression = compression,
                None => said.wrong.push(format!("compression is {name:?}: none, lz4 or zstd")),
            }
        }
        let file = |said: &mut Said<'_>, key| said.raw(key).map(PathBuf::from);
        let (ca, certificate, key) = (file(said, "ca"), file(said, "certificate"), file(said, "key"));
        if said.is("tls").unwrap_or(ca.is_some() || certificate.is_some()) {
            if certificate.is_some() != key.is_some() {
                said.wrong.push("certificate and key go together".to_owned());
            }
            self.tls = Some(Tls { ca, certificate, key });
        } else if ca.is_some() || certificate.is_some() || key.is_some() {
            said.wrong.push("tls is false, and files for it are named".to_owned());
        }
        self.sasl = said.sasl();
    }

    /// What of the options makes no sense.
    pub(crate) fn nonsense(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let server = |server: &str| {
            let port =
                server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
            port.is_some_and(|(host, port)| !host.is_empty() && port > 0)
        };
        if !self.servers.split(',').all(server) {
            wrong.push(format!("{:?} is no list of host:port", self.servers));
        }
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if self.prefix.is_empty() || self.prefix.len() > 100 || !self.prefix.chars().all(letter) {
            let prefix = &self.prefix;
            wrong.push(format!("the prefix of the topics is {prefix:?}: 1 to 100 of letters, digits, . _ -"));
        }
        if !(1..=1024).contains(&self.partitions) {
            wrong.push(format!("partitions is {}: from 1 to 1024", self.partitions));
        }
        if !(1..=9).contains(&self.replication) {
            wrong.push(format!("replication is {}: from 1 to 9", self.replication));
        }
        let (message, session) = (self.message_timeout.as_millis(), self.session_timeout.as_millis());
        if !(1_000..=300_000).contains(&message) {
            wrong.push(format!("message_timeout_ms is {message}: from 1000 to 300000"));
        }
        if !(1_000..=300_000).contains(&session) {
            wrong.push(format!("session_timeout_ms is {session}: from 1000 to 300000"));
        }
        if self.record_bytes_max == 0 || self.record_bytes_max > 16 << 20 {
            wrong.push("the largest record is 1 byte to 16 MiB".to_owned());
        }
        wrong
    }
}

/// The pairs of a query, taken one after the other.
struct Said<'a> {
    wrong: &'a mut Vec<String>,
    pairs: Vec<(String, String)>,
}

impl Said<'_> {
    fn read(&mut self, query: &str) {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let twice = self.pairs.iter().any(|(known, _)| known == key);
            match decoded(value) {
                _ if twice => self.wrong.push(format!("{key} is said twice")),
                _ if !KEYS.contains(&key) => {
                    self.wrong.push(format!("{key:?} is no key: there are {}", KEYS.join(", ")));
                }
                Some(value) if !value.is_empty() => self.pairs.push((key.to_owned(), value)),
                _ => self.wrong.push(format!("{key} has no value that can be read")),
            }
        }
    }

    fn raw(&mut self, key: &str) -> Option<String> {
        self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let raw = self.raw(key)?;
        self.looked_up(key, raw)
    }

    fn looked_up(&mut self, key: &str, raw: String) -> Option<String> {
        if let Some(name) = raw.strip_prefix("env:") {
            let value = std::env::var(name).ok().filter(|value| !value.is_empty());
            if value.is_none() {
                self.wrong.push(format!("{key} names the variable {name}, which holds nothing"));
            }
            return value;
        }
        let Some(path) = raw.strip_prefix("file:") else { return Some(raw) };
        match std::fs::read_to_string(path) {
            // Editors and `echo` end a file with a line break that belongs to no secret.
            Ok(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => {
                self.wrong.push(format!("{key} names the file {path}, which can't be read: {error}"));
                None
            }
        }
    }

    fn number<T: std::str::FromStr>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.wrong.push(format!("{key} is {text:?}: no number that fits"));
        }
        number
    }

    fn is(&mut self, key: &str) -> Option<bool> {
        let text = self.text(key)?;
        let is = text.parse().ok();
        if is.is_none() {
            self.wrong.push(format!("{key} is {text:?}: true or false"));
        }
        is
    }

    fn sasl(&mut self) -> Option<Sasl> {
        let password = self.raw("password");
        if password.as_ref().is_some_and(|raw| !raw.starts_with("env:") && !raw.starts_with("file:")) {
            self.wrong
                .push("password names the secret, it does not hold it: env:NAME or file:PATH".to_owned());
            return None;
        }
        let (mechanism, user, password) = (self.text("sasl"), self.text("user"), self.text("password"));
        let Some(mechanism) = mechanism else {
            if user.is_some() || password.is_some() {
                self.wrong
                    .push("user and password need sasl=scram-sha-512, scram-sha-256 or plain".to_owned());
            }
            return None;
        };
        let mechanism = mechanism.to_ascii_uppercase();
        if !["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"].contains(&mechanism.as_str()) {
            self.wrong.push(format!("sasl is {mechanism:?}: scram-sha-512, scram-sha-256 or plain"));
        }
        match (user, password) {
            (Some(user), Some(password)) => Some(Sasl { mechanism, user, password: Secret(password) }),
            _ => {
                self.wrong.push("sasl needs user and password".to_owned());
                None
            }
        }
    }
}

/// A value with its `%20` resolved; `None` where one is broken or the result is no UTF-8.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut parts = value.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_all_that_a_log_needs() {
        let url = "kafka://a:9092,b:9093/pay.eu?partitions=12&replication=1&compression=zstd&ca=/etc/my%20ca.pem\
                   &sasl=scram-sha-512&user=env:PATH&password=env:PATH&session_timeout_ms=1500&create=false";
        let options = Options::from_url(url).unwrap();
        assert_eq!((options.servers.as_str(), options.prefix.as_str()), ("a:9092,b:9093", "pay.eu"));
        assert_eq!((options.partitions, options.replication, options.create), (12, 1, false));
        assert_eq!(options.compression, Compression::Zstd);
        assert_eq!(options.session_timeout, Duration::from_millis(1500));
        assert_eq!(options.tls.unwrap().ca.unwrap(), PathBuf::from("/etc/my ca.pem"));
        let sasl = options.sasl.unwrap();
        let path = std::env::var("PATH").unwrap();
        assert_eq!((sasl.mechanism.as_str(), &sasl.user), ("SCRAM-SHA-512", &path));
        assert_eq!(sasl.password, Secret(path.clone()));
        assert!(!format!("{:?}", sasl.password).contains(&path), "a secret is not shown");
    }

    #[test]
    fn a_url_with_little_has_the_defaults() {
        let options = Options::from_url("kafka://localhost:9092/mirabelle").unwrap();
        assert_eq!((options.partitions, options.replication, options.create), (48, 3, true));
        assert!(options.tls.is_none() && options.sasl.is_none());
        assert_eq!(options.message_timeout, Duration::from_secs(10));
    }

    #[test]
    fn all_that_is_wrong_with_a_url_is_named_at_once() {
        let url = "kafka://localhost/a%2Fb?partitions=0&partition=3&tls=perhaps&password=hunter2&create=%zz&user=asha&user=b";
        let wrong = Options::from_url(url).unwrap_err();
        let text = wrong.to_string();
        assert_eq!(wrong.0.len(), 8, "{text}");
        for said in [
            "no list of host:port",
            "a%2Fb",
            "partitions is 0",
            "\"partition\" is no key",
            "perhaps",
            "create",
            "twice",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("hunter2"), "a secret is not shown: {text}");
        let error = Options::from_url("http://localhost:9092/a").unwrap_err();
        assert!(error.to_string().contains("kafka://"));
    }
}
