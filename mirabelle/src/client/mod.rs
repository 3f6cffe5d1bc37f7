//! A client of the HTTP API: what the command line and the demo speak.
//!
//! ```text
//!   Call ── send ──▶ refused to connect, 429, 503 ── nothing was recorded ─────────▶ again, after a jittered pause
//!                └─▶ cut off, no answer, 500 ─────── only if a repeat is harmless ─▶ again, the same key
//!                └─▶ an answer: Reply, or Error::Problem
//! ```
//! A repeat is harmless where the call reads, or carries an `Idempotency-Key`, or says so itself. Everything else that
//! ends unclear comes back as [`Error::Unclear`]: nobody repeats it behind the caller's back.

mod call;
mod error;
mod problem;
mod reply;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};

pub use call::{Call, segment};
pub use error::Error;
pub use problem::{Blame, Problem};
pub use reply::Reply;

/// Longest answer that is read, bytes.
const ANSWER_MAX: usize = 64 << 20;
/// Longest pause between two attempts, also where the server asks for a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take: longer than the server waits for a decision.
const ANSWER: Duration = Duration::from_secs(60);

/// Where the API is, who asks, and how often it is tried.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the API, such as `http://127.0.0.1:8080`; a path before `/v1` is kept.
    pub url: String,
    /// The API key; `None`: nothing is shown.
    pub key: Option<SecretString>,
    /// Attempts of one call, the first among them.
    pub attempts: u32,
}

/// A client of one API with one key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<Url>,
    attempts: u32,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Address`] and [`Error::Tls`] when the URL is none of plain HTTP, [`Error::Key`] when the key can't stand in a header.
    pub fn new(options: &Options) -> Result<Client, Error> {
        let base = base_of(&options.url)?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            let mut value = value.map_err(|_| Error::Key)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // A key is shown to nobody but whom it was meant for: neither a proxy of the environment nor a redirect.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mirabelle/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Client)?;
        Ok(Client { http, base: Arc::new(base), attempts: options.attempts.max(1) })
    }

    /// The address, for people.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sends a call until it is answered, as often as is allowed and harmless.
    ///
    /// # Errors
    /// [`Error::Problem`] for every answer that is not a success; the others say that there was none, and whether
    /// anything may have happened.
    pub async fn send(&self, call: &Call) -> Result<Reply, Error> {
        let tried = AtomicU32::new(0);
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(usize::try_from(self.attempts - 1).unwrap_or(usize::MAX));
        let attempt = || {
            tried.fetch_add(1, Ordering::Relaxed);
            self.once(call)
        };
        let sent = attempt
            .retry(pauses)
            .when(|error| error.may_be_sent_again(call.is_harmless()))
            .adjust(|error, pause| pause.map(|pause| pause.max(error.asked_pause()).min(PAUSE_MAX)))
            .await;
        sent.map_err(|error| error.after(tried.into_inner()))
    }

    /// Waits until the server's rows hold what was decided at a position, so that every read after it sees it; whether
    /// they do in time.
    pub async fn settled(&self, position: &str) -> bool {
        // Any read waits, and this page is open to every key.
        self.once(&Call::get("/problems/not_yet").read_after(position)).await.is_ok()
    }

    async fn once(&self, call: &Call) -> Result<Reply, Error> {
        let mut url = self.base.join(&call.path).map_err(|_| Error::Address(call.path.clone()))?;
        for (name, value) in &call.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = self.http.request(method, url);
        for (name, value) in &call.headers {
            let value = HeaderValue::from_str(value).map_err(|_| Error::Header(name))?;
            request = request.header(HeaderName::from_static(name), value);
        }
        if let Some((kind, bytes)) = &call.body {
            request = request.header(reqwest::header::CONTENT_TYPE, kind.as_ref()).body(bytes.clone());
        }
        let answer = request.send().await.map_err(|error| self.unanswered(error))?;
        let reply = Reply::read(answer, ANSWER_MAX).await.map_err(|error| self.unanswered(error))?;
        if (200..300).contains(&reply.status) { Ok(reply) } else { Err(Error::of_answer(reply, self.url())) }
    }

    fn unanswered(&self, source: reqwest::Error) -> Error {
        let url = self.url().to_owned();
        if source.is_builder() {
            return Error::Client(source);
        }
        if source.is_connect() {
            return Error::Unreachable { url, attempts: 1, source };
        }
        Error::Unclear { url, attempts: 1, source }
    }
}

/// The address with a `/` at its end, so that paths are joined below it.
fn base_of(text: &str) -> Result<Url, Error> {
    let wrong = || Error::Address(text.to_owned());
    let mut url: Url = text.trim().parse().map_err(|_| wrong())?;
    if url.scheme() == "https" {
        return Err(Error::Tls(text.to_owned()));
    }
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if url.scheme() != "http" || !url.has_host() || !plain || url.password().is_some() {
        return Err(wrong());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}
