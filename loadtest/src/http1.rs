//! Reading one HTTP/1.1 answer out of a buffer.

use thiserror::Error;

use crate::answer::Answer;

/// Why bytes are no answer.
#[derive(Debug, Error)]
pub(crate) enum Unreadable {
    #[error("the head is no HTTP/1.1: {0}")]
    Head(#[from] httparse::Error),
    #[error("the length of the body is not a number")]
    Length,
    #[error("a chunk of the body is malformed")]
    Chunk,
    #[error("neither Content-Length nor chunks end the body")]
    Endless,
}

/// Reads the answer at the beginning of `input`: the answer and how many bytes it took, `None` while
/// bytes are missing.
pub(crate) fn read(input: &[u8]) -> Result<Option<(Answer, usize)>, Unreadable> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(input)? else { return Ok(None) };
    let mut answer = Answer { status: head.code.unwrap_or_default(), ..Answer::default() };
    answer.closing = head.version == Some(0);
    let mut length = None;
    let mut chunked = false;
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let digits = std::str::from_utf8(header.value).map_err(|_| Unreadable::Length)?;
            length = Some(digits.trim().parse::<usize>().map_err(|_| Unreadable::Length)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = header.value.eq_ignore_ascii_case(b"chunked");
        } else {
            answer.note_header(header.name, header.value);
        }
    }
    let end = match (chunked, length) {
        (true, _) => read_chunks(input, start, &mut answer.body)?,
        (false, Some(length)) if length <= input.len() - start => {
            answer.body.extend_from_slice(&input[start..start + length]);
            Some(start + length)
        }
        (false, Some(_)) => None,
        (false, None) if matches!(answer.status, 100..200 | 204 | 304) => Some(start),
        (false, None) => return Err(Unreadable::Endless),
    };
    Ok(end.map(|end| (answer, end)))
}

/// Appends the chunks to `body`; the position after the last, `None` while some are missing.
fn read_chunks(input: &[u8], start: usize, body: &mut Vec<u8>) -> Result<Option<usize>, Unreadable> {
    let mut at = start;
    loop {
        match httparse::parse_chunk_size(&input[at..]).map_err(|_| Unreadable::Chunk)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete((line, 0)) => return Ok(skip_trailers(input, at + line)),
            httparse::Status::Complete((line, size)) => {
                let from = at + line;
                let size = usize::try_from(size).map_err(|_| Unreadable::Chunk)?;
                let to = from.checked_add(size).ok_or(Unreadable::Chunk)?;
                let Some(end) = input.get(to..to + 2) else { return Ok(None) };
                if end != b"\r\n" {
                    return Err(Unreadable::Chunk);
                }
                body.extend_from_slice(&input[from..to]);
                at = to + 2;
            }
        }
    }
}

/// The position after the empty line that ends the trailers, `None` while it is missing.
fn skip_trailers(input: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let line = input[at..].windows(2).position(|pair| pair == b"\r\n")?;
        at += line + 2;
        if line == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] =
        b"HTTP/1.1 201 Created\r\nidempotency-replayed: true\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nRetry-After: 1\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx: y\r\n\r\n";

    #[test]
    fn an_answer_cut_at_any_byte_is_incomplete_and_whole_it_is_read() {
        for whole in [PLAIN, CHUNKED] {
            for cut in 0..whole.len() {
                assert!(read(&whole[..cut]).unwrap().is_none(), "cut at {cut}");
            }
            let (answer, used) = read(whole).unwrap().unwrap();
            assert_eq!((answer.body.as_slice(), used), (&b"hello"[..], whole.len()));
        }
        let (plain, _) = read(PLAIN).unwrap().unwrap();
        assert!(plain.replayed && !plain.retry_after && plain.status == 201);
        let (chunked, _) = read(CHUNKED).unwrap().unwrap();
        assert!(chunked.retry_after && !chunked.replayed && chunked.status == 503);
    }

    #[test]
    fn bytes_of_the_next_answer_are_left_alone() {
        let two = [PLAIN, CHUNKED].concat();
        let (_, used) = read(&two).unwrap().unwrap();
        assert_eq!(read(&two[used..]).unwrap().unwrap().0.status, 503);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(read(b"SSH-2.0-x\r\n\r\n"), Err(Unreadable::Head(_))));
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Err(Unreadable::Length)));
        assert!(matches!(read(b"HTTP/1.1 200 OK\r\n\r\nbody"), Err(Unreadable::Endless)));
        assert!(matches!(
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc"),
            Err(Unreadable::Chunk)
        ));
    }
}
