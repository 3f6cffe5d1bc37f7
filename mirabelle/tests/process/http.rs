//! A plain HTTP/1.1 client that keeps its connection: one for each thread.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value as Json;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// A connection.
pub(crate) struct Link {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Link {
    pub(crate) fn open(address: &str) -> io::Result<Link> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Link { stream, read: Vec::new() })
    }

    /// Sends a request and waits for its answer. An error: the connection is of no more use.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Reply> {
        let head = head(method, path, headers, body.len());
        self.send(format!("{head}{body}").as_bytes())?;
        self.answer()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one answer with a length.
    pub(crate) fn answer(&mut self) -> io::Result<Reply> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut reply =
            Reply { status: status.ok_or(io::ErrorKind::InvalidData)?, head, body: String::new() };
        let length = reply.header("content-length").map_or(Ok(0), str::parse::<usize>);
        let whole = end + length.map_err(|_| io::ErrorKind::InvalidData)?;
        while self.read.len() < whole {
            self.more()?;
        }
        reply.body = String::from_utf8_lossy(&self.read[end..whole]).into_owned();
        self.read.drain(..whole);
        Ok(reply)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        let count = self.stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

/// The head of a request.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: mirabelle\r\n");
    if method != "GET" {
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {length}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}
