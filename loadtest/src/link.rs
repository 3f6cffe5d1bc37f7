//! One way to send a request and get its answer: a socket of our own, or hyper's client.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::answer::Answer;
use crate::http1::Unreadable;
use crate::options::Transport;
use crate::profile::{Profile, Rendered};
use crate::wish::Wish;

/// Why a request has no answer. The connection is of no further use.
#[derive(Debug, Error)]
pub(crate) enum Broken {
    #[error("could not connect to {address}")]
    Connect {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("could not agree on HTTP with {address}")]
    Handshake {
        address: SocketAddr,
        #[source]
        source: hyper::Error,
    },
    #[error("the connection broke")]
    Socket(#[source] io::Error),
    #[error("the server closed the connection without an answer")]
    Closed,
    #[error("the answer cannot be read")]
    Answer(#[from] Unreadable),
    #[error("the exchange failed")]
    Exchange(#[source] hyper::Error),
    #[error("the request cannot be written")]
    Request(#[source] hyper::http::Error),
}

/// Whom links connect to and what they say.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    pub(crate) transport: Transport,
    pub(crate) profile: Profile,
}

/// One request at a time; HTTP/2 links that share a connection carry one stream each.
#[derive(Debug)]
pub(crate) enum Link {
    Raw(RawLink),
    Hyper(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Link {
    /// Opens a connection and returns as many links as it is to carry at a time.
    pub(crate) async fn open(peer: &Rc<Peer>, streams: u32) -> Result<Vec<Self>, Broken> {
        let address = peer.address;
        let stream = connect(address).await?;
        let handshake = |source| Broken::Handshake { address, source };
        match peer.transport {
            Transport::Raw => Ok(vec![Self::Raw(RawLink::new(stream))]),
            Transport::Hyper => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(handshake)?;
                // Its end shows in the exchange that it breaks.
                tokio::task::spawn_local(connection);
                Ok(vec![Self::Hyper(sender)])
            }
            Transport::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.initial_max_send_streams(streams as usize);
                let (sender, connection) =
                    builder.handshake(TokioIo::new(stream)).await.map_err(handshake)?;
                tokio::task::spawn_local(connection);
                Ok((0..streams).map(|_| Self::Http2(sender.clone())).collect())
            }
        }
    }

    /// Sends the request for `wish` and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, peer: &Peer, wish: Wish) -> Result<Answer, Broken> {
        match self {
            Self::Raw(link) => link.exchange(&peer.profile, wish).await,
            Self::Hyper(sender) => {
                sender.ready().await.map_err(Broken::Exchange)?;
                let request = request(peer, wish)?;
                collect(sender.send_request(request).await.map_err(Broken::Exchange)?).await
            }
            Self::Http2(sender) => {
                sender.ready().await.map_err(Broken::Exchange)?;
                let request = request(peer, wish)?;
                collect(sender.send_request(request).await.map_err(Broken::Exchange)?).await
            }
        }
    }
}

/// A connection without delay of small segments. Connections to IPv4 loopback come from several of its
/// addresses: one has 28,000 ports, and those of the run before stay taken for a minute.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream, Broken> {
    let failed = |source| Broken::Connect { address, source };
    // Whoever connects faster than a server accepts fills its queue, and waits a second for the next try.
    if CONNECTS.fetch_add(1, Ordering::Relaxed) % BREATH == BREATH - 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stream = match address {
        SocketAddr::V4(v4) if v4.ip().is_loopback() => {
            let turn = (CONNECTS.load(Ordering::Relaxed) % SOURCES) as u8;
            let socket = TcpSocket::new_v4().map_err(failed)?;
            socket.bind((Ipv4Addr::new(127, 0, 0, 1 + turn), 0).into()).map_err(failed)?;
            socket.connect(address).await.map_err(failed)?
        }
        _ => TcpStream::connect(address).await.map_err(failed)?,
    };
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// How many of loopback's addresses connections come from.
const SOURCES: u32 = 16;

/// After how many connections a server gets a moment to accept them.
const BREATH: u32 = 32;

static CONNECTS: AtomicU32 = AtomicU32::new(0);

/// A socket with its buffers.
#[derive(Debug)]
pub(crate) struct RawLink {
    stream: TcpStream,
    request: Vec<u8>,
    body: Vec<u8>,
    input: Vec<u8>,
}

impl RawLink {
    fn new(stream: TcpStream) -> Self {
        Self { stream, request: Vec::new(), body: Vec::new(), input: Vec::new() }
    }

    async fn exchange(&mut self, profile: &Profile, wish: Wish) -> Result<Answer, Broken> {
        profile.render_http1(wish, &mut self.body, &mut self.request);
        self.stream.write_all(&self.request).await.map_err(Broken::Socket)?;
        self.input.clear();
        loop {
            self.input.reserve(2048);
            if self.stream.read_buf(&mut self.input).await.map_err(Broken::Socket)? == 0 {
                return Err(Broken::Closed);
            }
            if let Some((answer, _)) = crate::http1::read(&self.input)? {
                return Ok(answer);
            }
        }
    }
}

fn request(peer: &Peer, wish: Wish) -> Result<Request<Full<Bytes>>, Broken> {
    let mut parts = Rendered::default();
    peer.profile.render(wish, &mut parts);
    let mut request = Request::builder().method(Method::POST);
    if peer.transport == Transport::Http2 {
        let uri = Uri::builder().scheme("http").authority(peer.authority.as_str()).path_and_query(parts.path);
        request = request.uri(uri.build().map_err(Broken::Request)?).version(Version::HTTP_2);
    } else {
        request = request.uri(Uri::try_from(parts.path).map_err(|error| Broken::Request(error.into()))?);
        request = request.header("host", peer.authority.as_str());
    }
    for (name, value) in peer.profile.header_names().zip(parts.header_values) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| Broken::Request(error.into()))?;
        let value = HeaderValue::try_from(value).map_err(|error| Broken::Request(error.into()))?;
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::from(parts.body))).map_err(Broken::Request)
}

async fn collect(response: hyper::Response<hyper::body::Incoming>) -> Result<Answer, Broken> {
    let (head, body) = response.into_parts();
    let mut answer = Answer { status: head.status.as_u16(), ..Answer::default() };
    for (name, value) in &head.headers {
        answer.note_header(name.as_str(), value.as_bytes());
    }
    answer.body = body.collect().await.map_err(Broken::Exchange)?.to_bytes().to_vec();
    Ok(answer)
}
