//! One request, before it is sent.

use bytes::Bytes;
use serde::Serialize;

/// One request of the API.
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    /// Content type and bytes; `None`: it is a read.
    pub(super) body: Option<(Kind, Bytes)>,
    harmless: bool,
}

/// A content type.
type Kind = std::borrow::Cow<'static, str>;

impl Call {
    /// A read. `path` begins with `/v1/`; what is not fixed in it goes through [`segment`].
    pub fn get(path: impl Into<String>) -> Call {
        Call::new(path.into(), None, true)
    }

    /// A write with a JSON body.
    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Call {
        let bytes = serde_json::to_vec(body).expect("a body is plain data");
        Call::new(path.into(), Some(("application/json".into(), bytes.into())), false)
    }

    /// A write with bytes as they are, such as a delivery.
    pub fn deliver(path: impl Into<String>, content_type: impl Into<Kind>, body: impl Into<Bytes>) -> Call {
        Call::new(path.into(), Some((content_type.into(), body.into())), false)
    }

    fn new(path: String, body: Option<(Kind, Bytes)>, harmless: bool) -> Call {
        let path = path.strip_prefix('/').map(str::to_owned).unwrap_or(path);
        Call { path, query: Vec::new(), headers: Vec::new(), body, harmless }
    }

    /// A parameter of the query; not encoded yet.
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.query.push((name, value.into()));
        self
    }

    /// The same, where there is a value.
    pub fn query_option(self, name: &'static str, value: Option<impl Into<String>>) -> Call {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// `Idempotency-Key`: under one key the request has one effect and one answer, so it may be repeated.
    pub fn idempotency_key(mut self, key: &str) -> Call {
        self.harmless = true;
        self.header("idempotency-key", key)
    }

    /// `Prefer: wait=n`: seconds in which a decision is waited for.
    pub fn wait(self, seconds: u32) -> Call {
        self.header("prefer", format!("wait={seconds}"))
    }

    /// `Prefer: respond-async`: no decision is waited for.
    pub fn respond_async(self) -> Call {
        self.header("prefer", "respond-async")
    }

    /// `Read-After`: the read sees what was decided at this `Log-Position`, and later.
    pub fn read_after(self, position: &str) -> Call {
        self.header("read-after", position)
    }

    /// `On-Behalf-Of`: the member for whom a service acts, by number.
    pub fn on_behalf_of(self, member: &str) -> Call {
        self.header("on-behalf-of", format!("member:{member}"))
    }

    /// `Accept`.
    pub fn accept(self, content_type: &str) -> Call {
        self.header("accept", content_type)
    }

    /// Says that a repeat of this write changes nothing, though it carries no key.
    pub fn repeatable(mut self) -> Call {
        self.harmless = true;
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.headers.push((name, value.into()));
        self
    }

    /// Whether it may be sent again when nobody knows what came of it.
    pub fn is_harmless(&self) -> bool {
        self.harmless
    }
}

/// A text percent-encoded as one segment of a path.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else if byte == b'.' && text != "." && text != ".." {
            out.push('.');
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
