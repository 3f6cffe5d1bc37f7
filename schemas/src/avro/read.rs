//! Reading Avro's primitives from bytes that nobody vouches for.

use std::str;

/// Why bytes are not a datum of the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The end came inside a value.
    #[error("the bytes end inside a value")]
    Short,
    /// More than ten bytes, or more than 64 bits.
    #[error("a number has more than 64 bits")]
    Wide,
    /// A number outside of what its field may hold.
    #[error("{0} is outside of its field's range")]
    Range(i64),
    /// A length or a count that the rest of the bytes can't hold.
    #[error("a length of {0} is more than what is left")]
    Length(i64),
    /// Not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A boolean, a branch or a symbol that the schema does not have.
    #[error("{0} is not one of the schema's choices")]
    Choice(i64),
    /// Something follows the datum.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// The value does not hold what its type promises.
    #[error("{0}")]
    Value(String),
}

/// What is left to read. Nothing is allocated before the bytes for it were seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Broken> {
        if self.rest.is_empty() { Ok(()) } else { Err(Broken::Trailing(self.rest.len())) }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Broken> {
        let (first, rest) = self.rest.split_first().ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, Broken> {
        let first = self.byte()?;
        let mut value = u64::from(first & 0x7f);
        let mut last = first;
        let mut shift = 7;
        while last & 0x80 != 0 {
            last = self.byte()?;
            let bits = u64::from(last & 0x7f);
            if shift > 63 || (shift == 63 && bits > 1) {
                return Err(Broken::Wide);
            }
            value |= bits << shift;
            shift += 7;
        }
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number in the range of `T`.
    #[inline]
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Broken> {
        let long = self.long()?;
        T::try_from(long).map_err(|_| Broken::Range(long))
    }

    #[inline]
    pub(crate) fn boolean(&mut self) -> Result<bool, Broken> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Broken::Choice(i64::from(other))),
        }
    }

    #[inline]
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (value, rest) = self.rest.split_first_chunk::<N>().ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(*value)
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Broken> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => {
                let (value, rest) = self.rest.split_at(length);
                self.rest = rest;
                Ok(value)
            }
            _ => Err(Broken::Length(length)),
        }
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, Broken> {
        str::from_utf8(self.bytes()?).map_err(|_| Broken::Text)
    }

    /// Whether a union with null holds a value.
    #[inline]
    pub(crate) fn present(&mut self) -> Result<bool, Broken> {
        match self.long()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Broken::Choice(other)),
        }
    }

    /// A union with null.
    #[inline]
    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Broken>,
    ) -> Result<Option<T>, Broken> {
        if self.present()? { read(self).map(Some) } else { Ok(None) }
    }

    /// The head of a block of an array or a map: how many items follow, 0 at the end. Every item of ours has at least
    /// one byte, so a count beyond what is left is broken before anything is done about it.
    #[inline]
    pub(crate) fn block(&mut self) -> Result<usize, Broken> {
        let items = self.long()?;
        if items < 0 {
            // Then the block's size in bytes follows, for those who skip it.
            let size = self.long()?;
            if !usize::try_from(size).is_ok_and(|size| size <= self.left()) {
                return Err(Broken::Length(size));
            }
        }
        match usize::try_from(items.unsigned_abs()) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(Broken::Length(items)),
        }
    }
}
