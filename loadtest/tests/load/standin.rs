//! A small server that keeps the contract, or breaks it in one chosen way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

/// How the stand-in misbehaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Lie {
    #[default]
    None,
    /// A repeated key is paid again under a new id.
    PaysTwice,
    /// One fresh key in twenty gets the answer of the payment before it.
    SharesAnAnswer,
    /// One fresh key in fifty is never answered.
    Loses,
    /// A repeated key is not marked as such.
    HidesRepeats,
    /// What no balance covers is paid.
    PaysOverdrafts,
    /// There is no such route.
    NotFound,
    /// One fresh key in fifty fails with 500.
    Fails,
    /// The connection is closed in place of every hundredth first answer, after it was decided; the
    /// repetition gets the answer.
    Breaks,
}

/// Between these times after the start nothing is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) after: Duration,
    pub(crate) lasts: Duration,
}

#[derive(Debug, Default)]
struct Book {
    answers: HashMap<String, (StatusCode, String)>,
    first_request: Option<Instant>,
    requests: u64,
    last: u64,
}

#[derive(Clone)]
struct Shop {
    lie: Lie,
    stall: Option<Stall>,
    book: Arc<Mutex<Book>>,
}

/// The balance of every member: enough for any of the fresh requests, never for the quantity of an overdraft.
const LARGEST_QUANTITY: u64 = 99;

pub(crate) struct Standin {
    pub(crate) address: SocketAddr,
    book: Arc<Mutex<Book>>,
    // Its threads end with it.
    _runtime: tokio::runtime::Runtime,
}

impl Standin {
    pub(crate) fn start(lie: Lie, stall: Option<Stall>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let book = Arc::new(Mutex::new(Book::default()));
        let shop = Shop { lie, stall, book: Arc::clone(&book) };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/v1/redemptions", post(redeem)).with_state(shop);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, book, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keys that were ever decided.
    pub(crate) fn keys(&self) -> usize {
        self.book.lock().unwrap().answers.len()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.book.lock().unwrap().requests
    }
}

async fn redeem(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> Response {
    let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let well_formed = headers["authorization"] == "Bearer secret"
        && headers["prefer"] == "wait=10"
        && request["member"].as_str().is_some_and(|member| member.starts_with("load-"));
    if shop.lie == Lie::NotFound || !well_formed {
        return StatusCode::NOT_FOUND.into_response();
    }
    if let Some(left) = shop.stalled_for() {
        tokio::time::sleep_until((Instant::now() + left).into()).await;
    }
    let (status, answer, replayed, silent) = shop.decide(&key, &request);
    if silent {
        std::future::pending::<()>().await;
    }
    let mark = [(HeaderName::from_static("idempotency-replayed"), if replayed { "true" } else { "false" })];
    let close = shop.lie == Lie::Breaks && !replayed && answer.ends_with("00\"}");
    if close {
        // An announced end without the announced bytes: hyper cuts the connection.
        return (status, axum::body::Body::new(CutOff)).into_response();
    }
    if replayed && shop.lie != Lie::HidesRepeats {
        return (status, mark, answer).into_response();
    }
    (status, answer).into_response()
}

impl Shop {
    fn stalled_for(&self) -> Option<Duration> {
        let stall = self.stall?;
        let first = *self.book.lock().unwrap().first_request.get_or_insert_with(Instant::now);
        let now = first.elapsed();
        (now >= stall.after && now < stall.after + stall.lasts).then(|| stall.after + stall.lasts - now)
    }

    /// Status, body, whether it is a repetition, whether to say nothing.
    fn decide(&self, key: &str, request: &serde_json::Value) -> (StatusCode, String, bool, bool) {
        let book = &mut *self.book.lock().unwrap();
        book.requests += 1;
        if let Some((status, answer)) = book.answers.get(key)
            && self.lie != Lie::PaysTwice
        {
            return (*status, answer.clone(), true, false);
        }
        let again = book.answers.contains_key(key);
        book.last += 1;
        let quantity = request["lines"][0]["quantity"].as_u64().unwrap();
        let covered = quantity <= LARGEST_QUANTITY || self.lie == Lie::PaysOverdrafts;
        let shared = u64::from(self.lie == Lie::SharesAnAnswer && book.last.is_multiple_of(20));
        let (status, answer) = if covered {
            (StatusCode::CREATED, format!("{{\"id\":\"{}\"}}", book.last - shared))
        } else {
            (StatusCode::UNPROCESSABLE_ENTITY, "{\"code\":\"insufficient_points\"}".to_owned())
        };
        let fiftieth = book.last.is_multiple_of(50);
        if self.lie == Lie::Fails && fiftieth {
            return (StatusCode::INTERNAL_SERVER_ERROR, "out of order".to_owned(), false, false);
        }
        book.answers.insert(key.to_owned(), (status, answer.clone()));
        (status, answer, again, self.lie == Lie::Loses && fiftieth)
    }
}

/// A body that fails before its first byte.
struct CutOff;

impl hyper::body::Body for CutOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("cut off"))))
    }
}
