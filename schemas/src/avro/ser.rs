//! serde to Avro, without a schema at hand: the struct's fields in their order are the schema's.
//!
//! What Avro's types can't tell apart in serde, the domain's rules do: a byte string is `fixed` (an id), but inside
//! [`mirabelle_domain::Sealed`], where it is `bytes`.

use std::fmt;

use serde::ser::{self, Impossible, Serialize};

use super::put;

/// Not a shape that bodies may have. A body that reaches this is a mistake of the build, found by the golden samples.
#[derive(Debug, thiserror::Error)]
#[error("not a shape of a body: {0}")]
pub(crate) struct NotABody(String);

impl ser::Error for NotABody {
    fn custom<T: fmt::Display>(message: T) -> NotABody {
        NotABody(message.to_string())
    }
}

/// Appends the datum of a body.
///
/// # Panics
/// When the body has a shape that no schema of ours describes.
pub(crate) fn to_datum<T: Serialize>(body: &T, out: &mut Vec<u8>) {
    body.serialize(Writer { out, within_sealed: false })
        .expect("bodies have only the shapes of their schemas");
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    within_sealed: bool,
}

/// Fields of a struct, items of an array, entries of a map.
pub(crate) struct Compound<'o> {
    out: &'o mut Vec<u8>,
    within_sealed: bool,
}

impl Compound<'_> {
    #[inline]
    fn put<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotABody> {
        value.serialize(Writer { out: self.out, within_sealed: self.within_sealed })
    }
}

fn refuse<T>(what: &str) -> Result<T, NotABody> {
    Err(NotABody(what.to_owned()))
}

macro_rules! whole_numbers {
    ($($name:ident: $number:ty),*) => {
        $(#[inline]
        fn $name(self, value: $number) -> Result<(), NotABody> {
            put::long(self.out, i64::from(value));
            Ok(())
        })*
    };
}

impl<'o> ser::Serializer for Writer<'o> {
    type Ok = ();
    type Error = NotABody;
    type SerializeSeq = Compound<'o>;
    type SerializeTuple = Impossible<(), NotABody>;
    type SerializeTupleStruct = Impossible<(), NotABody>;
    type SerializeTupleVariant = Impossible<(), NotABody>;
    type SerializeMap = Compound<'o>;
    type SerializeStruct = Compound<'o>;
    type SerializeStructVariant = Impossible<(), NotABody>;

    whole_numbers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32);

    fn serialize_bool(self, value: bool) -> Result<(), NotABody> {
        self.out.push(u8::from(value));
        Ok(())
    }

    fn serialize_u64(self, _: u64) -> Result<(), NotABody> {
        refuse("Avro has no u64")
    }

    fn serialize_f32(self, _: f32) -> Result<(), NotABody> {
        refuse("no body holds a fraction")
    }

    fn serialize_f64(self, _: f64) -> Result<(), NotABody> {
        refuse("no body holds a fraction")
    }

    fn serialize_char(self, _: char) -> Result<(), NotABody> {
        refuse("char")
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), NotABody> {
        put::bytes(self.out, value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), NotABody> {
        if self.within_sealed {
            put::bytes(self.out, value);
        } else if value.len() == 16 {
            self.out.extend_from_slice(value);
        } else {
            return refuse("a byte string that is neither an id nor sealed");
        }
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), NotABody> {
        self.out.push(0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), NotABody> {
        self.out.push(2);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotABody> {
        refuse("unit")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotABody> {
        refuse("unit struct")
    }

    #[inline]
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), NotABody> {
        put::long(self.out, i64::from(index));
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotABody> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotABody> {
        refuse("an enum that carries data")
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'o>, NotABody> {
        open_block(self.out, length, self.within_sealed)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, NotABody> {
        refuse("tuple")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NotABody> {
        refuse("tuple struct")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotABody> {
        refuse("an enum that carries data")
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Compound<'o>, NotABody> {
        open_block(self.out, length, self.within_sealed)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'o>, NotABody> {
        Ok(Compound { out: self.out, within_sealed: name == "Sealed" })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotABody> {
        refuse("an enum that carries data")
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// One block for all items; none when there are none; a zero ends it.
fn open_block(
    out: &mut Vec<u8>,
    length: Option<usize>,
    within_sealed: bool,
) -> Result<Compound<'_>, NotABody> {
    match length {
        Some(0) => {}
        Some(length) => put::long(out, length as i64),
        None => return refuse("a list of unknown length"),
    }
    Ok(Compound { out, within_sealed })
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = NotABody;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotABody> {
        self.put(value)
    }

    #[inline]
    fn end(self) -> Result<(), NotABody> {
        self.out.push(0);
        Ok(())
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = NotABody;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), NotABody> {
        self.put(key)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), NotABody> {
        self.put(value)
    }

    fn end(self) -> Result<(), NotABody> {
        self.out.push(0);
        Ok(())
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = NotABody;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(&mut self, _: &'static str, value: &T) -> Result<(), NotABody> {
        self.put(value)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), NotABody> {
        Err(NotABody(format!("field {name} is left out")))
    }

    #[inline]
    fn end(self) -> Result<(), NotABody> {
        Ok(())
    }
}
