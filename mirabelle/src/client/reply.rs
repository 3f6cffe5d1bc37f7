//! An answer, read to its end.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;

use super::Error;

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content type, without parameters.
    pub content_type: String,
    /// `Log-Position`: where it was decided, or how far the rows were; for `Read-After`.
    pub position: Option<String>,
    /// `Location`: where the thing is, or where to ask.
    pub location: Option<String>,
    /// `Idempotency-Replayed`: it is the answer of an earlier request under the same key.
    pub replayed: bool,
    /// The body.
    pub body: Bytes,
    pub(super) retry_after: Option<Duration>,
    /// The body was longer than anybody reads.
    pub(super) cut: bool,
}

impl Reply {
    pub(super) async fn read(mut answer: reqwest::Response, max: usize) -> Result<Reply, reqwest::Error> {
        let text = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let content_type = text("content-type").unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let retry_after =
            text("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let mut reply = Reply {
            status: answer.status().as_u16(),
            content_type,
            position: text("log-position"),
            location: text("location"),
            replayed: text("idempotency-replayed").is_some_and(|value| value == "true"),
            body: Bytes::new(),
            retry_after,
            cut: false,
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > max {
                reply.cut = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        reply.body = body.freeze();
        Ok(reply)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::Answer`] when it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(Error::Answer)
    }

    /// Whether the command was taken and is not decided yet: 202 with a place to ask.
    pub fn is_pending(&self) -> bool {
        self.status == 202 && self.location.is_some()
    }
}
