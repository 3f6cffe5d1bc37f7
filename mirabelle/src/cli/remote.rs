//! Where the API is and who asks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use secrecy::SecretString;
use serde_json::Value as Json;

use super::failure::{Again, Failure};
use super::output::print;
use crate::client::{Call, Client, Error, Options, Reply};

/// Longest key file that is read, bytes.
const KEY_FILE_MAX: u64 = 4_096;

/// What every command that speaks with the API takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection to the API")]
pub(super) struct Remote {
    /// Address of the API.
    #[arg(long, global = true, env = "MIRABELLE_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The API key, instead of the variable `MIRABELLE_KEY`. Whoever lists this machine's processes sees it: rather name
    /// a file.
    #[arg(long, global = true, conflicts_with = "key_file")]
    key: Option<String>,
    /// File that holds the API key, instead of the one that the variable `MIRABELLE_KEY_FILE` names.
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Data directory of a server on this machine: its admin.key is shown where no key is given.
    #[arg(long, global = true, value_name = "DIR", env = "MIRABELLE_DATA", default_value = "data")]
    data: PathBuf,
    /// The tenant for which an operator's key acts.
    #[arg(long, global = true, env = "MIRABELLE_TENANT")]
    tenant: Option<String>,
    /// How often a request is tried while the server is busy or away.
    #[arg(long, global = true, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    attempts: u32,
    /// Print the API's JSON instead of text for people.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The API, opened for one command.
pub(super) struct Session {
    runtime: tokio::runtime::Runtime,
    client: Client,
    tenant: Option<String>,
    /// Whether to print JSON.
    pub(super) json: bool,
}

impl Remote {
    /// Opens the API; nothing is sent yet.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        let options = Options { url: self.url.clone(), key: self.find_key()?, attempts: self.attempts };
        let client = Client::new(&options).map_err(|error| match error {
            Error::Address(_) | Error::Tls(_) | Error::Key => Failure::usage(error.to_string()),
            error => Failure::Other(error.into()),
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no thread for the client")?;
        Ok(Session { runtime, client, tenant: self.tenant.clone(), json: self.json })
    }

    /// The key: what the command line says, else what the environment says, else the first key of a server on this
    /// machine.
    fn find_key(&self) -> Result<Option<SecretString>, Failure> {
        let said = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
        if let Some(file) = &self.key_file {
            return Ok(Some(read_key(file)?));
        }
        if let Some(key) =
            self.key.clone().filter(|key| !key.trim().is_empty()).or_else(|| said("MIRABELLE_KEY"))
        {
            return Ok(Some(key.trim().into()));
        }
        if let Some(file) = said("MIRABELLE_KEY_FILE") {
            return Ok(Some(read_key(Path::new(&file))?));
        }
        let here = self.url.parse::<reqwest::Url>().is_ok_and(|url| is_loopback(&url));
        let file = self.data.join("admin.key");
        if here && file.exists() {
            return Ok(Some(read_key(&file)?));
        }
        let looked = match here {
            true => format!(", and {} does not exist (--data names a server's directory)", file.display()),
            false => String::new(),
        };
        Err(Failure::usage(format!(
            "no API key is given{looked}: name a file with --key-file or MIRABELLE_KEY_FILE, or set MIRABELLE_KEY"
        )))
    }
}

fn read_key(file: &Path) -> anyhow::Result<SecretString> {
    let context = || format!("could not read the API key in {}", file.display());
    let metadata = std::fs::metadata(file).with_context(context)?;
    let length = metadata.len();
    anyhow::ensure!(metadata.is_file(), "{} is no file", file.display());
    anyhow::ensure!(length <= KEY_FILE_MAX, "{} is no key file: it has {length} bytes", file.display());
    let text = std::fs::read_to_string(file).with_context(context)?;
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "the key file {} is empty", file.display());
    Ok(text.into())
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

impl Session {
    /// Sends a call for the tenant that was named.
    pub(super) fn send(&self, call: Call) -> Result<Reply, Failure> {
        let again = if call.is_harmless() { Again::Harmless } else { Again::Anew };
        self.send_once(&call.query_option("tenant", self.tenant.clone()), again)
    }

    /// Sends a call as it is; `again` is told to the user where the outcome is unclear.
    pub(super) fn send_once(&self, call: &Call, again: Again) -> Result<Reply, Failure> {
        self.runtime.block_on(self.client.send(call)).map_err(|error| self.failure(error, again))
    }

    /// Waits until what was decided is seen by whoever reads next. It is decided all the same if that takes long.
    pub(super) fn settle(&self, reply: &Reply) {
        if let Some(position) = &reply.position {
            self.runtime.block_on(self.client.settled(position));
        }
    }

    /// Lets some time pass.
    pub(super) fn pause(&self, duration: Duration) {
        // Made inside: a timer belongs to a runtime.
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }

    /// Forgets the tenant that was named, for routes that are the installation's.
    pub(super) fn without_tenant(&mut self) {
        self.tenant = None;
    }

    /// The tenant that was named.
    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    fn failure(&self, error: Error, again: Again) -> Failure {
        let (error, url) = (Box::new(error), self.client.url().to_owned());
        Failure::Api { error, url, again, json: self.json }
    }

    /// Reads, and shows: the API's bytes, or what `text` makes of them.
    pub(super) fn read(&self, call: Call, text: impl FnOnce(&Json) -> String) -> Result<(), Failure> {
        let reply = self.send(call)?;
        self.show(&reply, text)
    }

    /// Shows an answer: the API's bytes, or what `text` makes of them.
    pub(super) fn show(&self, reply: &Reply, text: impl FnOnce(&Json) -> String) -> Result<(), Failure> {
        if self.json {
            print(&String::from_utf8_lossy(&reply.body));
            return Ok(());
        }
        let body = self.body(reply)?;
        print(&text(&body));
        Ok(())
    }

    /// The body of an answer as JSON.
    pub(super) fn body(&self, reply: &Reply) -> Result<Json, Failure> {
        reply.json().map_err(|error| self.failure(error, Again::Harmless))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_this_machine_is_shown_the_key_of_its_directory() {
        let is = |text: &str| is_loopback(&text.parse().unwrap());
        for here in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80/x", "http://127.9.9.9"] {
            assert!(is(here), "{here}");
        }
        for elsewhere in ["http://10.0.0.1", "http://localhost.example.org", "http://0.0.0.0", "http://[::2]"]
        {
            assert!(!is(elsewhere), "{elsewhere}");
        }
    }
}
