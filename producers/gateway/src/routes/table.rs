//! Every route, once: the router, its guards and the API description are made from this table.

use axum::routing::MethodRouter;
use mirabelle_domain::command::Role;

use super::Shared;

/// Methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads; HEAD too.
    Get,
    /// Writes.
    Post,
}

impl Verb {
    /// As in a request.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
        }
    }
}

/// The largest body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// `Options::body_max`.
    Small,
    /// `Options::config_body_max`.
    Config,
    /// `Options::hris_body_max`.
    Delivery,
}

/// Whether a route wants an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// Takes none.
    None,
    /// Takes one: without it, a repeat is another wish.
    Optional,
    /// 400 without one: it moves value.
    Required,
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// Method.
    pub verb: Verb,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// Roles of which a key needs one; none: open to everybody.
    pub roles: &'static [Role],
    /// One line for people.
    pub summary: &'static str,
    /// Query parameters: (name, what it is).
    pub query: &'static [(&'static str, &'static str)],
    /// Whether it wants an `Idempotency-Key`.
    pub key: KeyRule,
    /// JSON schema of the request's body; none: it has no body of ours.
    pub request: Option<&'static str>,
    /// Largest body.
    pub size: Size,
    /// Status of success, what it says, JSON schema of the body.
    pub answer: (u16, &'static str, &'static str),
    /// Further statuses beside those that every route has: (status, what it says).
    pub also: &'static [(u16, &'static str)],
    /// The handler.
    pub handler: fn() -> MethodRouter<Shared>,
}

impl Route {
    const fn new(verb: Verb, path: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
        Route {
            verb,
            path,
            roles: &[],
            summary: "",
            query: &[],
            key: KeyRule::None,
            request: None,
            size: Size::Small,
            answer: (200, "", "{}"),
            also: &[],
            handler,
        }
    }

    /// A read.
    pub const fn get(path: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
        Route::new(Verb::Get, path, handler)
    }

    /// A write.
    pub const fn post(path: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
        Route::new(Verb::Post, path, handler)
    }

    /// Who may.
    #[must_use]
    pub const fn roles(mut self, roles: &'static [Role]) -> Route {
        self.roles = roles;
        self
    }

    /// One line for people.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Route {
        self.summary = summary;
        self
    }

    /// Query parameters.
    #[must_use]
    pub const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Route {
        self.query = query;
        self
    }

    /// Whether it wants an `Idempotency-Key`.
    #[must_use]
    pub const fn key(mut self, key: KeyRule) -> Route {
        self.key = key;
        self
    }

    /// JSON schema of the request's body.
    #[must_use]
    pub const fn request(mut self, schema: &'static str) -> Route {
        self.request = Some(schema);
        self
    }

    /// Largest body.
    #[must_use]
    pub const fn size(mut self, size: Size) -> Route {
        self.size = size;
        self
    }

    /// What success looks like.
    #[must_use]
    pub const fn answer(mut self, status: u16, says: &'static str, schema: &'static str) -> Route {
        self.answer = (status, says, schema);
        self
    }

    /// Further statuses.
    #[must_use]
    pub const fn also(mut self, also: &'static [(u16, &'static str)]) -> Route {
        self.also = also;
        self
    }

    /// Names of the parameters in the path, in their order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Each module's routes.
const TABLES: &[&[Route]] = &[
    crate::pages::ROUTES,
    super::redemptions::ROUTES,
    super::settle::ROUTES,
    super::quotes::ROUTES,
    super::grants::ROUTES,
    super::budgets::ROUTES,
    super::configuration::ROUTES,
    super::tenants::ROUTES,
    super::keys::ROUTES,
    super::clock::ROUTES,
    super::hris::ROUTES,
    super::read::members::ROUTES,
    super::read::statement::ROUTES,
    super::read::explain::ROUTES,
    super::read::redemption::ROUTES,
    super::read::budget::ROUTES,
    super::read::config::ROUTES,
    super::read::command::ROUTES,
    super::read::dead_letters::ROUTES,
    super::read::feed::ROUTES,
    super::read::schemas::ROUTES,
];

/// Every route.
pub fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().flat_map(|routes| routes.iter())
}
