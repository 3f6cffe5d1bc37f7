//! Sockets: two listeners, header deadlines, a bound on connections, an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::metrics::Metrics;
use crate::options::Options;

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 126\r\n\r\n{\"type\":\"/problems/unavailable\",\"title\":\"Not now\",\"status\":503,\"code\":\"unavailable\",\"detail\":\"busy\",\"retryable\":true        }\n";

/// Serves until `shutdown`; then lets the requests in hand end, within the bound.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: Options,
    metrics: Metrics,
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
            metrics.connections_refused.inc();
            tokio::spawn(refuse(stream));
            continue;
        };
        let connection = connection(stream, &router, options, &graceful);
        let gauge = metrics.connections.clone();
        gauge.inc();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%peer, error, "connection ended early");
            }
            gauge.dec();
            drop(slot);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(options.drain) => warn!("requests were cut off: they took longer than the drain"),
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
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(64)
        .max_buf_size(64 << 10)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(1_000)
        .max_header_list_size(32 << 10);
    let service = TowerToHyperService::new(router.clone());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    graceful.watch(connection)
}

async fn refuse(mut stream: TcpStream) {
    // Whoever does not read it has gone.
    let told = tokio::time::timeout(Duration::from_secs(1), stream.write_all(BUSY)).await;
    drop(told);
    stream.shutdown().await.ok();
}

/// Where a listener listens.
pub fn address(listener: &TcpListener) -> std::io::Result<SocketAddr> {
    listener.local_addr()
}
