//! A record as it lies on a broker: key, value, and two headers.

use bytes::Bytes;
use mirabelle_log::{Entry, Offset, Record};
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};

/// The writer schema's fingerprint, 8 bytes big-endian; left out where it is 0.
const FINGERPRINT: &str = "fingerprint";
/// The trace context, as W3C names it.
const TRACE: &str = "traceparent";
/// The longest trace context that is read.
const TRACE_BYTES_MAX: usize = 128;

/// Key, value and trace.
pub(crate) fn size(entry: &Entry) -> usize {
    entry.key.len() + entry.value.len() + entry.trace.as_ref().map_or(0, |trace| trace.len())
}

pub(crate) fn headers(entry: &Entry) -> Option<OwnedHeaders> {
    let count = usize::from(entry.fingerprint != 0) + usize::from(entry.trace.is_some());
    if count == 0 {
        return None;
    }
    let mut headers = OwnedHeaders::new_with_capacity(count);
    if entry.fingerprint != 0 {
        let value = entry.fingerprint.to_be_bytes();
        headers = headers.insert(Header { key: FINGERPRINT, value: Some(value.as_slice()) });
    }
    if let Some(trace) = &entry.trace {
        headers = headers.insert(Header { key: TRACE, value: Some(trace.as_ref()) });
    }
    Some(headers)
}

/// What stands at a message's offset. A stranger's record may lack anything: then that is empty, and whoever knows what
/// records hold will say so. `None` where the broker did not stamp it.
pub(crate) fn record(message: &BorrowedMessage<'_>) -> Option<Record> {
    let Timestamp::LogAppendTime(at_ms) = message.timestamp() else { return None };
    let offset = Offset(u64::try_from(message.offset()).ok()?);
    let bytes = |part: Option<&[u8]>| part.map(Bytes::copy_from_slice).unwrap_or_default();
    let (mut fingerprint, mut trace) = (0, None);
    if let Some(headers) = message.headers() {
        for header in headers.iter() {
            match (header.key, header.value) {
                (FINGERPRINT, Some(value)) => fingerprint = value.try_into().map_or(0, u64::from_be_bytes),
                (TRACE, Some(value)) if value.len() <= TRACE_BYTES_MAX => {
                    trace = Some(Bytes::copy_from_slice(value));
                }
                _ => {}
            }
        }
    }
    let entry = Entry { key: bytes(message.key()), fingerprint, value: bytes(message.payload()), trace };
    Some(Record { offset, appended_at: at_ms.saturating_mul(1_000), entry })
}
