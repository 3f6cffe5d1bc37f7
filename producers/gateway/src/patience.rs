//! A connection's bytes with deadlines, and a look at each request's head before anybody parses it.
//!
//! ```text
//!   New ── first byte ──▶ Head ── request reaches the service ──▶ Busy ── last answer made ──▶ Idle ─┐
//!    │ header_timeout      │ header_timeout: 408, closed           │ the handler's own bounds  │ idle_timeout
//!    ▼ closed              ▼                                       ▼                           ▼ closed
//! ```
//! hyper's own header timeout counts the silence between two requests too, so it can't tell somebody who is slow from
//! somebody who rests. Its parser drops `Content-Length` where `Transfer-Encoding` stands beside it, as RFC 9112 allows;
//! whoever sends both is refused here, since some other server on the way may believe the other one.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::head::Head;

/// Deadlines of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Without a byte of an answer being taken.
    pub write: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Head,
    Busy,
    Idle,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    in_hand: usize,
    since: Instant,
    head: Head,
    /// How many of the first bytes were HTTP/2's; `None`: it is another protocol.
    preface: Option<usize>,
    http2: bool,
}

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Inner {
    fn look_for_http2(&mut self, bytes: &[u8]) {
        let Some(known) = self.preface else { return };
        let wanted = &PREFACE[known..];
        let length = wanted.len().min(bytes.len());
        self.preface = (bytes[..length] == wanted[..length]).then_some(known + length);
        self.http2 = self.preface == Some(PREFACE.len());
    }
}

/// What the bytes and the service of one connection know of each other.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Inner>>);

/// A request in hand; dropped, it is answered.
#[derive(Debug)]
pub struct InHand(Shared);

impl Shared {
    fn new() -> Shared {
        Shared(Arc::new(Mutex::new(Inner {
            phase: Phase::New,
            in_hand: 0,
            since: Instant::now(),
            head: Head::default(),
            preface: Some(0),
            http2: false,
        })))
    }

    /// A request has reached the service. `chunked`: it has a `Transfer-Encoding`. False beside it: its head has to
    /// be refused, because it also had a `Content-Length`, or came in one piece with another so that nobody looked.
    pub fn begin(&self, chunked: bool) -> (InHand, bool) {
        let mut inner = self.0.lock();
        inner.phase = Phase::Busy;
        inner.in_hand += 1;
        let head = std::mem::take(&mut inner.head);
        let sound = inner.http2 || !chunked || head.is_soundly_chunked();
        drop(inner);
        (InHand(self.clone()), sound)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let mut inner = self.0.0.lock();
        inner.in_hand -= 1;
        if inner.in_hand == 0 {
            inner.phase = Phase::Idle;
            inner.since = Instant::now();
        }
    }
}

/// A stream that gives up.
pub struct Patient {
    stream: TcpStream,
    shared: Shared,
    deadlines: Deadlines,
    reading: Pin<Box<Sleep>>,
    writing: Option<Pin<Box<Sleep>>>,
    /// What is written in place of an answer of hyper's own, and how much of it is.
    instead: Option<(&'static [u8], usize)>,
}

impl Patient {
    /// Watches a stream.
    pub fn new(stream: TcpStream, deadlines: Deadlines) -> (Patient, Shared) {
        let shared = Shared::new();
        let reading = Box::pin(tokio::time::sleep(deadlines.head));
        (Patient { stream, shared: shared.clone(), deadlines, reading, writing: None, instead: None }, shared)
    }

    fn came(&self, bytes: &[u8]) {
        let mut inner = self.shared.0.lock();
        if !inner.http2 {
            inner.look_for_http2(bytes);
        }
        if inner.http2 {
            // Frames have no heads to wait for; any byte is a sign of life.
            if inner.phase != Phase::Busy {
                (inner.phase, inner.since) = (Phase::Idle, Instant::now());
            }
            return;
        }
        match inner.phase {
            Phase::New | Phase::Idle => {
                (inner.phase, inner.since) = (Phase::Head, Instant::now());
                inner.head = Head::default();
                inner.head.see(bytes);
            }
            Phase::Head => inner.head.see(bytes),
            Phase::Busy => {}
        }
    }

    /// The deadline of the next byte, if there is one, and whether a half-sent head waits for it.
    fn deadline(&self) -> Option<(Instant, bool)> {
        let inner = self.shared.0.lock();
        match inner.phase {
            Phase::New => Some((inner.since + self.deadlines.head, false)),
            Phase::Head => Some((inner.since + self.deadlines.head, true)),
            Phase::Idle => Some((inner.since + self.deadlines.idle, false)),
            Phase::Busy => None,
        }
    }

    fn give_up(&self, half_sent: bool) -> io::Error {
        if half_sent {
            // Nothing else is being written: no request is in hand. Whoever does not take it has gone.
            self.stream.try_write(crate::sockets::TOO_SLOW).ok();
        }
        io::ErrorKind::TimedOut.into()
    }

    fn stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let patience = self.deadlines.write;
        let writing = self.writing.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        writing.as_mut().poll(cx).is_ready()
    }

    fn wrote<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing = None;
            outcome
        } else if self.stalled(cx) {
            Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
        } else {
            Poll::Pending
        }
    }
}

/// hyper answers a head that it can't parse by itself, without a body. No request has come of it, so nothing else is
/// being written. Our own answers of these statuses say what they are made of.
fn instead_of(bytes: &[u8]) -> Option<&'static [u8]> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ")?;
    let instead = match status.get(..4)? {
        b"400 " => crate::sockets::NOT_HTTP,
        b"414 " | b"431 " => crate::sockets::HEAD_TOO_LARGE,
        _ => return None,
    };
    let own = bytes.windows(b"content-type".len()).any(|part| part.eq_ignore_ascii_case(b"content-type"));
    (!own && bytes.ends_with(b"\r\n\r\n")).then_some(instead)
}

impl Patient {
    /// Writes what stands in place of `length` bytes of hyper's, which are taken as written once it is out.
    fn write_instead(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        while let Some((bytes, done)) = self.instead {
            if done == bytes.len() {
                self.instead = None;
                break;
            }
            let outcome = Pin::new(&mut self.stream).poll_write(cx, &bytes[done..]);
            match ready!(self.wrote(cx, outcome)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.instead = Some((bytes, done + count)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                if buf.filled().len() > before {
                    self.came(&buf.filled()[before..]);
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                let Some((deadline, half_sent)) = self.deadline() else { return Poll::Pending };
                if self.reading.deadline() != deadline {
                    self.reading.as_mut().reset(deadline);
                }
                ready!(self.reading.as_mut().poll(cx));
                Poll::Ready(Err(self.give_up(half_sent)))
            }
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = instead_of(bytes).map(|instead| (instead, 0));
        }
        if self.instead.is_some() {
            return self.write_instead(cx, bytes.len());
        }
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
