//! What a request's head says about the length of its body, seen in the bytes as they come, in any pieces.

/// Longest beginning of a line that is looked at: `transfer-encoding:`.
const LOOKED_AT: usize = 18;

/// What was seen of a head so far.
#[derive(Clone, Debug, Default)]
pub struct Head {
    line: Vec<u8>,
    length: bool,
    encoding: bool,
    /// The empty line was seen: what follows is the body.
    ended: bool,
    /// A line had something on it.
    begun: bool,
}

impl Head {
    /// Sees the next piece.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while !self.ended && !bytes.is_empty() {
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = LOOKED_AT.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let Some(end) = end else { return };
            self.line_ends();
            bytes = &bytes[end + 1..];
        }
    }

    fn line_ends(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        // Empty lines before the request line are allowed.
        self.ended = line.is_empty() && self.begun;
        self.begun |= !line.is_empty();
        self.length |= is_field(line, b"content-length");
        self.encoding |= is_field(line, b"transfer-encoding");
        self.line.clear();
    }

    /// Whether this head was seen whole, says how the body is cut into pieces, and names no length beside it.
    pub fn is_soundly_chunked(&self) -> bool {
        self.ended && self.encoding && !self.length
    }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
        && line.get(name.len()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(head: &str, piece: usize) -> bool {
        let mut seen = Head::default();
        head.as_bytes().chunks(piece).for_each(|bytes| seen.see(bytes));
        seen.is_soundly_chunked()
    }

    #[test]
    fn a_length_beside_chunks_is_found_in_whatever_pieces_it_comes() {
        let good = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let body = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nf\r\nContent-Length: 1\r\n0\r\n\r\n";
        for piece in 1..80 {
            assert!(sound(good, piece) && sound(body, piece), "{piece}");
            for bad in [
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\ncontent-length: 3\r\nTRANSFER-ENCODING: chunked\r\n\r\nabc",
                "POST / HTTP/1.1\nCONTENT-LENGTH: 3\ntransfer-encoding: chunked\n\nabc",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nTransfer-Encoding: chunked\r\n\r\n",
            ] {
                assert!(!sound(bad, piece), "{piece}: {bad}");
            }
        }
    }
}
