//! Avro to serde, without a schema at hand: the mirror of [`super::ser`]. A type that asks for borrowed bytes is an id
//! (`fixed`), one that asks for a byte buffer is `bytes`.

use std::fmt;

use serde::de::value::U64Deserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::read::{Broken, Reader};

impl de::Error for Broken {
    fn custom<T: fmt::Display>(message: T) -> Broken {
        Broken::Value(message.to_string())
    }
}

/// Reads a whole datum of the newest schema of `T`; nothing may follow.
pub(crate) fn from_datum<T: DeserializeOwned>(datum: &[u8]) -> Result<T, Broken> {
    let mut reader = Reader::new(datum);
    let body = T::deserialize(Datum(&mut reader))?;
    reader.end()?;
    Ok(body)
}

struct Datum<'r, 'a>(&'r mut Reader<'a>);

macro_rules! whole_numbers {
    ($($name:ident: $number:ty, $visit:ident);*) => {
        $(#[inline]
        fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
            visitor.$visit(self.0.number::<$number>()?)
        })*
    };
}

macro_rules! refused {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Broken> {
            Err(de::Error::custom(concat!("no body holds what ", stringify!($name), " reads")))
        })*
    };
}

impl<'de> de::Deserializer<'de> for Datum<'_, 'de> {
    type Error = Broken;

    whole_numbers!(deserialize_i8: i8, visit_i8; deserialize_i16: i16, visit_i16; deserialize_i32: i32, visit_i32;
        deserialize_i64: i64, visit_i64; deserialize_u8: u8, visit_u8; deserialize_u16: u16, visit_u16;
        deserialize_u32: u32, visit_u32);

    refused!(deserialize_any deserialize_ignored_any deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_unit deserialize_identifier);

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_bool(self.0.boolean()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_borrowed_str(self.0.text()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_borrowed_str(self.0.text()?)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_bytes(&self.0.fixed::<16>()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_borrowed_bytes(self.0.bytes()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        if self.0.present()? { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Broken> {
        Err(de::Error::custom("no body holds a unit struct"))
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Broken> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_seq(Items::open(self.0)?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Broken> {
        Err(de::Error::custom("no body holds a tuple"))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Broken> {
        Err(de::Error::custom("no body holds a tuple"))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Broken> {
        visitor.visit_map(Items::open(self.0)?)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Broken> {
        visitor.visit_seq(Fields { reader: self.0, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Broken> {
        let symbol = self.0.long()?;
        match u64::try_from(symbol) {
            Ok(index) if index < variants.len() as u64 => visitor.visit_enum(Symbol(index)),
            _ => Err(Broken::Choice(symbol)),
        }
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The fields of a struct, in order.
struct Fields<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Broken;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Broken> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Datum(self.reader)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The items of an array or the entries of a map, block after block.
struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
}

impl<'r, 'a> Items<'r, 'a> {
    fn open(reader: &'r mut Reader<'a>) -> Result<Items<'r, 'a>, Broken> {
        let left = reader.block()?;
        Ok(Items { reader, left })
    }

    fn close_item(&mut self) -> Result<(), Broken> {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.reader.block()?;
        }
        Ok(())
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Broken;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Broken> {
        if self.left == 0 {
            return Ok(None);
        }
        let item = seed.deserialize(Datum(self.reader))?;
        self.close_item()?;
        Ok(Some(item))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::MapAccess<'de> for Items<'_, 'de> {
    type Error = Broken;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Broken> {
        if self.left == 0 {
            return Ok(None);
        }
        seed.deserialize(Datum(self.reader)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Broken> {
        let value = seed.deserialize(Datum(self.reader))?;
        self.close_item()?;
        Ok(value)
    }
}

/// A symbol of an enum that carries nothing.
struct Symbol(u64);

impl<'de> de::EnumAccess<'de> for Symbol {
    type Error = Broken;
    type Variant = Symbol;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Symbol), Broken> {
        let index: U64Deserializer<Broken> = self.0.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Symbol {
    type Error = Broken;

    fn unit_variant(self) -> Result<(), Broken> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Broken> {
        Err(de::Error::custom("no body holds an enum that carries data"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Broken> {
        Err(de::Error::custom("no body holds an enum that carries data"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Broken> {
        Err(de::Error::custom("no body holds an enum that carries data"))
    }
}
