//! Every "no" that HTTP can say: `application/problem+json` (RFC 9457) with a stable code.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mirabelle_domain::command::Role;
use serde::Serialize;

/// What a code means, for the page at `/problems/{code}`.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// Stable, snake_case.
    pub name: &'static str,
    /// HTTP status that it comes with.
    pub status: u16,
    /// Short title.
    pub title: &'static str,
    /// What it means and what to do.
    pub page: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

macro_rules! codes {
    ($($konst:ident $name:literal $status:literal $retryable:literal $title:literal $page:literal;)*) => {
        $(#[doc = $title] pub const $konst: Code =
            Code { name: $name, status: $status, title: $title, page: $page, retryable: $retryable };)*
        /// Every code of the edge. The codes of rejections are in [`REJECTIONS`].
        pub const EDGE: &[Code] = &[$($konst),*];
    };
}

codes! {
    MALFORMED "malformed" 400 false "The request can't be read"
        "The body, a parameter or a header is not of the form that the API description gives. `errors` says where. Nothing was recorded; mend the request and send it again.";
    KEY_REQUIRED "idempotency_key_required" 400 false "An Idempotency-Key is required"
        "Requests that move value need the header `Idempotency-Key`: 1 to 255 printable ASCII characters, chosen by you, the same when you repeat the request. Nothing was recorded.";
    UNAUTHENTICATED "unauthenticated" 401 false "No valid key was shown"
        "Send `Authorization: Bearer KEY`. The key may be unknown, wrong, expired or revoked; which of them is not told.";
    FORBIDDEN "forbidden" 403 false "The key's roles do not allow this"
        "The key is valid, but what it may do does not include this. `detail` says which roles may; the API description lists them per route as `x-roles`. Whoever issues keys can issue one of such a role: an operator, or an admin of the tenant.";
    NOT_FOUND "not_found" 404 false "There is no such thing"
        "Nothing of this name exists for the tenant of the key that was shown.";
    NO_ROUTE "unknown_route" 404 false "There is no such route"
        "The path is none of the API's: mind its spelling, and the slash at its end. `/openapi.json` lists every route; `/livez`, `/readyz`, `/startupz` and `/metrics` are served on the admin port.";
    METHOD "method_not_allowed" 405 false "The path has no such method"
        "The header `Allow` lists the methods that the path has.";
    CLOSED_CONNECTION "connection_closed" 409 false "The connection is closed"
        "An administrator has closed this connection: deliveries are refused and nothing of them is kept.";
    CONFLICT "conflict" 409 true "Something else happened meanwhile"
        "The request met a newer state. Read it again, then decide whether to repeat the request.";
    POSITION_LOST "position_lost" 410 false "The position is of another log"
        "The log was restored or moved since this position was given. What was read at it may not exist; start anew without `Read-After`.";
    TOO_LARGE "body_too_large" 413 false "The body is too large"
        "Nothing of it was kept. Send it in smaller pieces.";
    MEDIA_TYPE "unsupported_media_type" 415 false "The body is of a type that is not read here"
        "The API reads `application/json` in UTF-8; connections read what their system sends.";
    KEY_REUSED "idempotency_key_reused" 422 false "The key was used with another body"
        "A request with this `Idempotency-Key` and another body was decided before. Its answer stands, and nothing was done for this one. Use a new key for a new wish.";
    AMBIGUOUS "ambiguous_member" 422 false "The number means several people"
        "People of several id spaces have this number. Say which: `<id_space>:<number>`.";
    HEADERS_TOO_LARGE "headers_too_large" 431 false "The headers are too large"
        "Nothing was read. Send fewer or shorter headers.";
    RATE_LIMITED "rate_limited" 429 true "Too many requests"
        "Wait as long as `Retry-After` says. Nothing was recorded.";
    INTERNAL "internal" 500 true "Something is broken here"
        "The server has met a fault of its own. Whether the request had an effect is not known: repeat it with the same `Idempotency-Key`.";
    SET_ASIDE "set_aside" 500 false "The request could not be decided"
        "Deciding this request failed, so it was set aside for an operator to look at; nothing moved. Send it again with a new key when the cause is mended.";
    TIMEOUT "request_timeout" 408 true "The request did not come in time"
        "The headers of a request have to come whole within the server's bound. The connection is closed; nothing was recorded.";
    UNAVAILABLE "unavailable" 503 true "Not now"
        "The server can't take more at the moment: its log is full, its disk is full, or its rows are behind. Nothing was recorded. Repeat the request after `Retry-After` with the same `Idempotency-Key`.";
    NOT_ADOPTED "configuration_not_adopted" 503 true "A new configuration is on its way"
        "A version that is in force already has not reached the part of the log where this would be decided: it takes moments. Nothing was recorded. Repeat the request after `Retry-After` with the same `Idempotency-Key`.";
    NOT_IN_FORCE "not_in_force_yet" 503 true "It is published, and not in force yet"
        "A publication of a live tenant comes into force a minute after it was approved, so that every part of the log has it by then; one with an `effective_at` of its own comes into force then. Nothing was recorded. Repeat the request after `Retry-After`.";
    NOT_YET "not_yet" 503 true "The rows do not reach the position yet"
        "The rows did not reach the position of `Read-After` in time. Repeat the read after `Retry-After`.";
}

/// (code, title, page) of what the rules answer, each with status 422.
pub const REJECTIONS: &[(&str, &str, &str)] = &[
    (
        "insufficient_points",
        "Not enough points",
        "The wallet has fewer points to spend than the lines cost. Nothing moved.",
    ),
    (
        "price_changed",
        "The lines cost more than `points_max`",
        "The lines cost more than the request allows: its `points_max` was too low, or a price has changed since it was read. Ask for a quote and try again with a new key.",
    ),
    (
        "unknown_member",
        "Nobody knows this member",
        "No connection has reported this person. Check the number, and that the HR system has delivered the person.",
    ),
    ("member_terminated", "The member has left", "Whoever has left earns nothing any more."),
    (
        "unknown_product",
        "No such product",
        "The catalogue has no such product in force. `errors` says which line.",
    ),
    ("not_offered", "Not offered there", "The product is not offered in the country where the member works."),
    ("unknown_redemption", "No such redemption", "The member has no redemption of this id."),
    ("redemption_state", "The redemption is past that", "The state of the redemption does not allow this."),
    (
        "unknown_grant",
        "No such grant here",
        "The grant does not exist in this place or not in the state that this needs.",
    ),
    ("unknown_budget", "No such budget", "Open the budget first."),
    ("budget_exists", "The budget exists already", "Choose another name."),
    ("budget_closed", "The budget is closed", "It takes no new commitments; what is on the way is settled."),
    ("budget_exhausted", "The budget has too little", "Allocate points to the budget or grant fewer."),
    (
        "ceiling_reached",
        "The campaign's ceiling is reached",
        "The block would exceed what the campaign may commit on that day. Nothing was committed.",
    ),
    ("too_many_points", "Too many points", "A sum would exceed 9007199254740991."),
    ("tenant_exists", "The tenant exists already", "Choose another name."),
    ("unknown_tenant", "No such tenant", "Create the tenant first."),
    (
        "invalid_configuration",
        "The configuration does not hold",
        "The body of the draft is not valid; the detail says what and where.",
    ),
    ("unknown_version", "No such version", "There is no such version of this configuration."),
    ("version_state", "The version is past that", "The state of the version does not allow this."),
    (
        "own_draft",
        "Somebody else has to publish it",
        "In a live tenant whoever drafted a version can't publish it.",
    ),
    ("key_exists", "The key exists already", "Choose another name for the key."),
    ("unknown_key", "No such key", "The tenant has no key of this name."),
    ("key_revoked", "The key is revoked already", "Nothing has to be done: the key opens nothing any more."),
    ("invalid", "Not possible", "The command is not possible here; the detail says why."),
    ("reason_required", "A reason is required", "Give a `reason`: it is kept with the decision."),
    ("not_yet_adopted", "Not adopted yet", "The configuration is on its way. Try again."),
    ("not_due", "Not due", "Its time has not come. Try again later."),
    (
        "too_large",
        "The decision is too large",
        "The request would make a record larger than the log takes. Split it.",
    ),
];

/// A role as people write it.
fn role_name(role: &Role) -> String {
    crate::openapi::role(role).as_str().unwrap_or_default().to_owned()
}

/// Whether the same request may succeed later, though the rules said no.
pub fn is_retryable(code: &str) -> bool {
    !mirabelle_domain::rejection::is_final_code(code)
}

/// One place in the request that is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// JSON pointer into the body, or the name of a header or parameter.
    pub pointer: String,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What to do; never the offending content.
    pub detail: String,
}

/// A problem on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Behind a pointer: what is handed up on every "no" stays small.
    said: Box<Said>,
}

#[derive(Clone, Debug)]
struct Said {
    status: StatusCode,
    code: String,
    title: &'static str,
    detail: String,
    retryable: bool,
    errors: Vec<Blame>,
    retry_after: Option<u32>,
    allow: Option<String>,
    headers: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct Page<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[Blame]>::is_empty")]
    errors: &'a [Blame],
}

impl Problem {
    /// A problem of the edge.
    pub fn new(code: Code, detail: impl Into<String>) -> Problem {
        let said = Said {
            status: StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.name.to_owned(),
            title: code.title,
            detail: detail.into(),
            retryable: code.retryable,
            errors: Vec::new(),
            retry_after: (code.retryable && code.status != 409).then_some(1),
            allow: None,
            headers: Vec::new(),
        };
        Problem { said: Box::new(said) }
    }

    /// What the rules answered.
    pub fn rejected(code: &str, detail: impl Into<String>, pointer: Option<&str>) -> Problem {
        let known = REJECTIONS.iter().find(|(name, ..)| *name == code);
        let mut problem = Problem::new(KEY_REUSED, detail);
        problem.said.code = code.to_owned();
        problem.said.title = known.map_or("Refused by the rules", |(_, title, _)| title);
        problem.said.retryable = is_retryable(code);
        if let Some(pointer) = pointer.filter(|pointer| !pointer.is_empty()) {
            let detail = problem.said.detail.clone();
            problem.said.errors.push(Blame { pointer: pointer.to_owned(), code: "refused", detail });
        }
        problem
    }

    /// The answer to what does not exist, or not for this tenant: always the same bytes.
    pub fn not_found() -> Problem {
        Problem::new(NOT_FOUND, NOT_FOUND.page)
    }

    /// The same for a thing of this sort ("member"): the same bytes for every one that is not there.
    pub fn missing(sort: &str) -> Problem {
        Problem::new(NOT_FOUND, format!("no such {sort} is known to the tenant for whom this was asked"))
    }

    /// The answer to a key whose roles do not suffice: it names those that do.
    pub fn forbidden(roles: &[Role]) -> Problem {
        let names: Vec<String> = roles.iter().map(role_name).collect();
        let (last, others) =
            names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
        let detail = match others.is_empty() {
            true => format!("this takes a key of the role {last}"),
            false => format!("this takes a key of one of the roles {} and {last}", others.join(", ")),
        };
        Problem::new(FORBIDDEN, detail)
    }

    /// Blames a place.
    #[must_use]
    pub fn at(
        mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        self.said.errors.push(Blame { pointer: pointer.into(), code, detail: detail.into() });
        self
    }

    /// Of a part of a body: places in it are below `pointer`.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Problem {
        for blame in self.said.errors.iter_mut().filter(|blame| !blame.pointer.starts_with(pointer)) {
            blame.pointer.insert_str(0, pointer);
        }
        self
    }

    /// Says when to come again, seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.said.retry_after = Some(seconds);
        self
    }

    /// Says which methods there are.
    #[must_use]
    pub fn allow(mut self, methods: String) -> Problem {
        self.said.allow = Some(methods);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Problem {
        self.said.headers.push((name, value));
        self
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.said.code
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.said.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let page = Page {
            r#type: format!("/problems/{}", self.said.code),
            title: self.said.title,
            status: self.said.status.as_u16(),
            code: &self.said.code,
            detail: &self.said.detail,
            retryable: self.said.retryable,
            errors: &self.said.errors,
        };
        let body = serde_json::to_vec(&page).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.said.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.said.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.said.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.said.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        for (name, value) in self.said.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_of_the_rules_has_its_page() {
        let source = include_str!("../../../domain/src/rejection.rs");
        let codes: BTreeSet<&str> = source
            .lines()
            .filter(|line| line.trim_start().starts_with("Rejection::"))
            .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
            .collect();
        assert!(codes.len() > 20, "the codes were not found: {codes:?}");
        let known: BTreeSet<&str> = REJECTIONS.iter().map(|(code, ..)| *code).collect();
        assert_eq!(codes.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn codes_are_told_apart_and_have_words() {
        let edge = EDGE.iter().map(|code| (code.name, code.title, code.page));
        let all: Vec<_> = edge.chain(REJECTIONS.iter().copied()).collect();
        let names: BTreeSet<&str> = all.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), all.len());
        for (name, title, page) in all {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(!title.is_empty() && page.len() > 10, "{name}");
        }
    }
}
