//! What a store needs to know: read from its URL.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Longest name of a store's keyspace: generations append theirs, and a keyspace's name has 48 characters at most.
pub const KEYSPACE_MAX: usize = 20;

/// A URL that names no store.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url} is no scylla://host:port,…/keyspace?dc=…: {reason}")]
pub struct BadUrl {
    /// The URL up to its settings, without what stands before an `@`: secrets have no place there, but may be found.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Where a secret lies. The URL never holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without its last line break.
    File(PathBuf),
}

impl Secret {
    /// Reads it.
    ///
    /// # Errors
    /// Says where there is none; never what was found.
    pub fn read(&self) -> Result<SecretString, String> {
        let text = match self {
            Secret::Env(name) => std::env::var(name).map_err(|_| format!("env:{name} is not set")),
            Secret::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("file:{} can't be read: {error}", path.display())),
        }?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if text.is_empty() { Err(format!("{self} is empty")) } else { Ok(SecretString::from(text)) }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Env(name) => write!(f, "env:{name}"),
            Secret::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A store's address, and the bounds of its work.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port` of some nodes; the others are found.
    pub hosts: Vec<String>,
    /// Keyspace of the store's own notes; generations get keyspaces whose names begin with it.
    pub keyspace: String,
    /// The data centre that this process works with; `None`: there is only one.
    pub dc: Option<String>,
    /// Replicas in each data centre; `None`: as the keyspace has them, which has to be there.
    pub replication: Option<BTreeMap<String, usize>>,
    /// User and password, if the servers ask.
    pub login: Option<(Secret, Secret)>,
    /// Most requests under way at a time.
    pub in_flight: usize,
    /// After that a request is given up.
    pub request_timeout: Duration,
    /// How long a write is tried again.
    pub write_patience: Duration,
    /// How long a read is tried again.
    pub read_patience: Duration,
    /// How long the first connection is tried again.
    pub connect_patience: Duration,
    /// Hints of a data centre that was away are kept that long (`max_hint_window`): what is younger may still be on
    /// its way.
    pub hint_window: Duration,
    /// A checkpoint is kept each so often, for other data centres to go back to.
    pub history_every: Duration,
}

impl Options {
    /// From `scylla://host:port,…/keyspace?dc=eu&replication=eu:3,us:3&user=env:NAME&password=file:PATH`.
    pub fn parse(url: &str) -> Result<Options, BadUrl> {
        parse(url).map_err(|reason| BadUrl { url: shown(url), reason })
    }

    /// The store's name for people: hosts and keyspace.
    pub fn name(&self) -> String {
        format!("scylla://{}/{}", self.hosts.join(","), self.keyspace)
    }
}

fn shown(url: &str) -> String {
    let address = url.split('?').next().unwrap_or_default();
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => address.to_owned(),
    }
}

fn parse(url: &str) -> Result<Options, String> {
    let rest = url.strip_prefix("scylla://").ok_or("it begins with another scheme")?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, keyspace) = address.split_once('/').ok_or("it names no keyspace")?;
    if hosts.contains('@') {
        return Err("a password does not belong into a URL: say user=env:NAME&password=file:PATH".to_owned());
    }
    let hosts: Vec<String> = hosts.split(',').map(host).collect::<Result<_, _>>()?;
    let mut options = Options {
        hosts,
        keyspace: keyspace_name(keyspace)?,
        dc: None,
        replication: None,
        login: None,
        in_flight: 256,
        request_timeout: Duration::from_millis(2_500),
        write_patience: Duration::from_secs(20),
        read_patience: Duration::from_secs(6),
        connect_patience: Duration::from_secs(30),
        hint_window: Duration::from_secs(3 * 3_600),
        history_every: Duration::from_secs(600),
    };
    let (mut user, mut password) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or("a setting has no value")?;
        match key {
            "dc" => options.dc = Some(datacentre(value)?),
            "replication" => options.replication = Some(replication(value)?),
            "user" => user = Some(secret(value)?),
            "password" => password = Some(secret(value)?),
            "hint_window_minutes" => {
                let minutes: u32 = value.parse().map_err(|_| format!("{pair} is not a number of minutes"))?;
                options.hint_window = Duration::from_secs(u64::from(minutes) * 60);
            }
            _ => return Err(format!("{key} means nothing here")),
        }
    }
    options.login = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ => return Err("user and password go together".to_owned()),
    };
    Ok(options)
}

fn host(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).map(|(_, port)| port.parse());
    match port {
        Some(Ok(1_u16..)) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not host:port")),
    }
}

fn keyspace_name(text: &str) -> Result<String, String> {
    let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
        && text.len() <= KEYSPACE_MAX;
    if fits {
        return Ok(text.to_owned());
    }
    Err(format!("a keyspace is 1 to {KEYSPACE_MAX} of a-z, 0-9 and _, and begins with a letter"))
}

fn datacentre(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 48
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} is no data centre's name")) }
}

fn replication(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut factors = BTreeMap::new();
    for pair in text.split(',') {
        let (dc, factor) = pair.split_once(':').ok_or_else(|| format!("{pair:?} is not dc:replicas"))?;
        let factor = factor.parse().ok().filter(|factor| (1..=9).contains(factor));
        let factor = factor.ok_or_else(|| format!("{pair:?} does not name 1 to 9 replicas"))?;
        if factors.insert(datacentre(dc)?, factor).is_some() {
            return Err(format!("{dc} is named twice"));
        }
    }
    Ok(factors)
}

fn secret(text: &str) -> Result<Secret, String> {
    if let Some(name) = text.strip_prefix("env:").filter(|name| !name.is_empty()) {
        return Ok(Secret::Env(name.to_owned()));
    }
    match text.strip_prefix("file:").filter(|path| !path.is_empty()) {
        Some(path) => Ok(Secret::File(PathBuf::from(path))),
        // What stands here may be the secret itself: it is not repeated.
        None => Err("a secret is named by env:NAME or file:PATH".to_owned()),
    }
}
