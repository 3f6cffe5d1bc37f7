//! The shapes of requests and the rules for their answers.

use anyhow::{Context, Result};

use crate::judge::{Refusal, Rules};
use crate::options::ProfileName;
use crate::plan::ProfileSettings;
use crate::template::{Template, Vocabulary};
use crate::wish::Wish;

/// A request as all transports can send it; buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) path: Vec<u8>,
    /// In the order of `Profile::header_names`.
    pub(crate) header_values: Vec<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Profile {
    words: Vocabulary,
    path: Template,
    headers: Vec<(String, Template)>,
    body: Template,
    authority: String,
    pub(crate) rules: Rules,
}

impl Profile {
    /// `allow_busy` excuses 429 and 503 with a `Retry-After`.
    pub(crate) fn new(
        settings: &ProfileSettings,
        authority: &str,
        run: u64,
        allow_busy: bool,
    ) -> Result<Self> {
        let shape = shape(settings.name);
        let path = shape.path.replace("{connection}", &settings.connection);
        let mut headers = vec![("content-type".to_owned(), Template::parse(shape.content_type)?)];
        if let Some(token) = &settings.token {
            // A token is no template.
            let bearer = Template::parse(&format!("Bearer {token}")).context("the API key")?;
            headers.push(("authorization".to_owned(), bearer));
        }
        if settings.name == ProfileName::Mirabelle {
            headers.push(("prefer".to_owned(), Template::parse(&format!("wait={}", settings.wait))?));
        }
        if settings.name != ProfileName::Hris {
            headers.push(("idempotency-key".to_owned(), Template::parse("{key}")?));
        }
        for line in &settings.headers {
            let (name, value) =
                line.split_once(':').with_context(|| format!("header `{line}` has no colon"))?;
            headers.push((name.trim().to_ascii_lowercase(), Template::parse(value.trim())?));
        }
        let words = Vocabulary {
            run,
            products: settings.products.clone(),
            overdraft_product: settings.overdraft_product.clone(),
        };
        Ok(Self {
            words,
            path: Template::parse(&path)?,
            headers,
            body: Template::parse(settings.body.as_deref().unwrap_or(shape.body).trim_end())?,
            authority: authority.to_owned(),
            rules: Rules { allow_busy, ..shape.rules },
        })
    }

    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    /// The parts of the request, for a client that frames them itself.
    pub(crate) fn render(&self, wish: Wish, into: &mut Rendered) {
        into.path.clear();
        self.path.render(&self.words, wish, &mut into.path);
        into.header_values.resize_with(self.headers.len(), Vec::new);
        for ((_, template), value) in self.headers.iter().zip(&mut into.header_values) {
            value.clear();
            template.render(&self.words, wish, value);
        }
        into.body.clear();
        self.body.render(&self.words, wish, &mut into.body);
    }

    /// The request's bytes in HTTP/1.1; `body` is scratch.
    pub(crate) fn render_http1(&self, wish: Wish, body: &mut Vec<u8>, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(b"POST ");
        self.path.render(&self.words, wish, into);
        into.extend_from_slice(b" HTTP/1.1\r\nhost: ");
        into.extend_from_slice(self.authority.as_bytes());
        for (name, value) in &self.headers {
            into.extend_from_slice(b"\r\n");
            into.extend_from_slice(name.as_bytes());
            into.extend_from_slice(b": ");
            value.render(&self.words, wish, into);
        }
        body.clear();
        self.body.render(&self.words, wish, body);
        into.extend_from_slice(b"\r\ncontent-length: ");
        into.extend_from_slice(body.len().to_string().as_bytes());
        into.extend_from_slice(b"\r\n\r\n");
        into.extend_from_slice(body);
    }
}

struct Shape {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
    rules: Rules,
}

const REDEMPTION: &str = r#"{"member":"{member}","lines":[{"product":"{product}","quantity":{quantity}}]}"#;

fn shape(name: ProfileName) -> Shape {
    let rules = Rules {
        paid: &[201],
        undecided: &[],
        refusal: Refusal::Status(422),
        marks_repeats: false,
        repeats_body: true,
        unique_bodies: false,
        allow_busy: false,
    };
    match name {
        ProfileName::Mirabelle => Shape {
            path: "/v1/redemptions",
            content_type: "application/json",
            body: REDEMPTION,
            rules: Rules { undecided: &[202], marks_repeats: true, unique_bodies: true, ..rules },
        },
        ProfileName::Hris => Shape {
            path: "/v1/hris/{connection}",
            content_type: "text/xml; charset=utf-8",
            body: include_str!("../bodies/successfactors-hire.xml"),
            rules: Rules { paid: &[200], repeats_body: false, ..rules },
        },
        ProfileName::Restate => Shape {
            path: "/Wallet/{member}/redeem",
            content_type: "application/json",
            body: r#"{"amount":{quantity}}"#,
            rules: Rules { paid: &[200], refusal: Refusal::BodyHolds(b"\"accepted\":false"), ..rules },
        },
        ProfileName::Bare => Shape {
            path: "/v1/redemptions",
            content_type: "application/json",
            body: REDEMPTION,
            rules: Rules { paid: &[200, 201], ..rules },
        },
    }
}
