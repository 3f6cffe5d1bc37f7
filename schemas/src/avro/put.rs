//! Writing Avro's primitives.

/// A `long` or an `int`: zigzag, then seven bits a byte, lowest first.
#[inline]
pub(crate) fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    if rest < 0x80 {
        out.push(rest as u8);
        return;
    }
    let mut buffer = [0u8; 10];
    let mut length = 0;
    while rest >= 0x80 {
        buffer[length] = rest as u8 | 0x80;
        rest >>= 7;
        length += 1;
    }
    buffer[length] = rest as u8;
    out.extend_from_slice(&buffer[..=length]);
}

/// A count that Avro has no unsigned type for. None reaches 2^63.
#[inline]
pub(crate) fn count(out: &mut Vec<u8>, value: u64) {
    debug_assert!(i64::try_from(value).is_ok(), "{value} does not fit an Avro long");
    long(out, value as i64);
}

/// `bytes` or a `string`: length, then the bytes.
#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    long(out, value.len() as i64);
    out.extend_from_slice(value);
}

/// The branch of a union with null, and the value if there is one.
#[inline]
pub(crate) fn option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(2);
            put(out, value);
        }
    }
}
