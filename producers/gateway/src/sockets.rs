//! Sockets: a bound on connections, deadlines, an orderly end.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::metrics::Metrics;
use crate::options::Options;
use crate::patience::{Deadlines, Patient, Shared};
use crate::problem::{self, Problem};

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 121\r\n\r\n{\"type\":\"/problems/unavailable\",\"title\":\"Not now\",\"status\":503,\"code\":\"unavailable\",\"detail\":\"too busy\",\"retryable\":true}";

/// What somebody hears who sent half a head and no more.
pub(crate) const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 150\r\n\r\n{\"type\":\"/problems/request_timeout\",\"title\":\"The request did not come in time\",\"status\":408,\"code\":\"request_timeout\",\"detail\":\"late\",\"retryable\":true}";

/// In place of hyper's own answer to what is no request.
pub(crate) const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 200\r\n\r\n{\"type\":\"/problems/malformed\",\"title\":\"The request can't be read\",\"status\":400,\"code\":\"malformed\",\"detail\":\"this is no head of HTTP/1.1, or one that leaves open where its body ends\",\"retryable\":false}";

/// In place of hyper's own answer to a head beyond its bounds.
pub(crate) const HEAD_TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 184\r\n\r\n{\"type\":\"/problems/headers_too_large\",\"title\":\"The headers are too large\",\"status\":431,\"code\":\"headers_too_large\",\"detail\":\"at most 64 headers and 32 KiB altogether\",\"retryable\":false}";

/// Serves until `shutdown`; then lets the requests in hand end, within the bound.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: Options,
    metrics: Option<Metrics>,
    shutdown: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly: others have to end first.
                warn!(%error, "connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            if let Some(metrics) = &metrics {
                metrics.connections_refused.inc();
            }
            tokio::spawn(refuse(stream));
            continue;
        };
        let connection = connection(stream, &router, options, &graceful);
        let counted = metrics.as_ref().map(Counted::new);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%peer, error, "connection ended early");
            }
            drop((counted, slot));
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(Duration::from_millis(options.drain_ms)) => {
            warn!("requests were cut off: they took longer than the drain");
        }
    }
}

/// An open connection in the gauge, however it ends.
struct Counted(prometheus::IntGauge);

impl Counted {
    fn new(metrics: &Metrics) -> Counted {
        metrics.connections.inc();
        Counted(metrics.connections.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn connection(
    stream: TcpStream,
    router: &Router,
    options: Options,
    graceful: &GracefulShutdown,
) -> impl Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + use<> {
    // A small answer must not wait for another packet.
    stream.set_nodelay(true).ok();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_headers(64).max_buf_size(32 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(1_000)
        .max_header_list_size(32 << 10);
    let deadlines = Deadlines {
        head: Duration::from_millis(options.header_timeout_ms),
        idle: Duration::from_millis(options.idle_timeout_ms),
        write: Duration::from_millis(options.write_timeout_ms),
    };
    let (stream, shared) = Patient::new(stream, deadlines);
    let door = Door { router: router.clone(), shared };
    let connection = builder.serve_connection(TokioIo::new(stream), door).into_owned();
    graceful.watch(connection)
}

/// One connection's way into the router.
struct Door {
    router: Router,
    shared: Shared,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        let (in_hand, sound) = self.shared.begin(chunked);
        let router = self.router.clone();
        Box::pin(async move {
            let response = if sound {
                router.oneshot(request.map(axum::body::Body::new) as Request).await
            } else {
                let what = "a request says how long its body is once: Content-Length or Transfer-Encoding, never both, and one with Transfer-Encoding waits for the answer to the one before it";
                let mut response = Problem::new(problem::MALFORMED, what).into_response();
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                Ok(response)
            };
            drop(in_hand);
            response
        })
    }
}

async fn refuse(mut stream: TcpStream) {
    // Whoever does not read it has gone.
    let told = tokio::time::timeout(Duration::from_secs(1), stream.write_all(BUSY)).await;
    drop(told);
    stream.shutdown().await.ok();
}

#[cfg(test)]
mod tests {
    use super::{BUSY, HEAD_TOO_LARGE, NOT_HTTP, TOO_SLOW};

    #[test]
    fn answers_made_by_hand_have_the_length_that_they_say() {
        for answer in [BUSY, TOO_SLOW, NOT_HTTP, HEAD_TOO_LARGE] {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let said = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            assert_eq!(said.parse::<usize>().unwrap(), body.len());
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
        }
    }
}
