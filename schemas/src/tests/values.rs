//! Values made from a schema alone: arbitrary ones for properties, fixed and distinct ones for golden samples.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::types::Value;
use mirabelle_domain::points::POINTS_MAX;

/// Where the choices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choices {
    /// Any value that the field may hold, its ends more often.
    Arbitrary,
    /// Everything present, lists of two, no two numbers alike.
    Full,
    /// Nothing that can be left out.
    Bare,
}

/// Makes values of one schema; named types are known once they were met.
pub(super) struct Maker<'s> {
    choices: Choices,
    state: u64,
    names: HashMap<String, &'s Schema>,
}

impl<'s> Maker<'s> {
    /// A value of `schema`, a whole one.
    pub(super) fn whole(choices: Choices, seed: u64, schema: &'s Schema) -> Value {
        let mut maker = Maker { choices, state: seed, names: HashMap::new() };
        maker.learn(schema);
        maker.value(schema, None)
    }

    /// Named types are written out where they stand first, which may be a branch that no value takes.
    fn learn(&mut self, schema: &'s Schema) {
        if let (Some(name), false) = (schema.name(), matches!(schema, Schema::Ref { .. })) {
            self.names.insert(name.name().to_owned(), schema);
        }
        match schema {
            Schema::Record(record) => record.fields.iter().for_each(|field| self.learn(&field.schema)),
            Schema::Union(union) => union.variants().iter().for_each(|branch| self.learn(branch)),
            Schema::Array(array) => self.learn(&array.items),
            _ => {}
        }
    }

    /// A value of `schema`. `form` is what the schema's field says about its values besides the type.
    fn value(&mut self, schema: &'s Schema, form: Option<&str>) -> Value {
        match schema {
            Schema::Boolean => Value::Boolean(self.choices != Choices::Bare && self.below(2) == 1),
            Schema::Int => Value::Int(self.int(form)),
            Schema::Date => Value::Date(self.int(form)),
            Schema::Long => Value::Long(self.long(form)),
            Schema::TimestampMicros => Value::TimestampMicros(self.long(form)),
            Schema::String => Value::String(self.text(form)),
            Schema::Bytes => {
                let length = self.length(24);
                Value::Bytes(self.bytes(length))
            }
            Schema::Fixed(fixed) => Value::Fixed(fixed.size, self.bytes(fixed.size)),
            Schema::Enum(symbols) => {
                // `unknown` first: never written, but where the domain itself has it.
                let ours = ["Namespace", "ActorKind"].contains(&symbols.name.name());
                let first = u64::from(ours);
                let index = match self.choices {
                    Choices::Bare => first,
                    _ => first + self.below(symbols.symbols.len() as u64 - first),
                };
                Value::Enum(index as u32, symbols.symbols[index as usize].clone())
            }
            Schema::Union(union) => {
                if self.present() {
                    Value::Union(1, Box::new(self.value(&union.variants()[1], form)))
                } else {
                    Value::Union(0, Box::new(Value::Null))
                }
            }
            Schema::Array(array) => {
                let items = self.length(3);
                Value::Array((0..items).map(|_| self.value(&array.items, form)).collect())
            }
            Schema::Map(map) => {
                let entries = self.length(3);
                let entry = |maker: &mut Self| (maker.text(None), maker.value(&map.types, form));
                Value::Map((0..entries).map(|_| entry(self)).collect())
            }
            Schema::Record(record) => Value::Record(
                record
                    .fields
                    .iter()
                    .map(|field| {
                        let form = field.custom_attributes.get("form").and_then(|form| form.as_str());
                        (field.name.clone(), self.value(&field.schema, form))
                    })
                    .collect(),
            ),
            Schema::Ref { name } => {
                let schema = self.names[name.name()];
                self.value(schema, form)
            }
            other => panic!("no schema of ours has {other:?}"),
        }
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn present(&mut self) -> bool {
        match self.choices {
            Choices::Arbitrary => self.below(2) == 1,
            Choices::Full => true,
            Choices::Bare => false,
        }
    }

    fn length(&mut self, max: usize) -> usize {
        match self.choices {
            Choices::Arbitrary => self.below(max as u64 + 1) as usize,
            Choices::Full => 2,
            Choices::Bare => 0,
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn within(&mut self, least: i64, most: i64) -> i64 {
        let span = most.wrapping_sub(least) as u64;
        let picked = match (self.choices, self.below(8)) {
            (Choices::Arbitrary, 0) => 0,
            (Choices::Arbitrary, 1) => span,
            (Choices::Arbitrary, 2 | 3) => self.below(300).min(span),
            (Choices::Arbitrary, _) if span == u64::MAX => self.next(),
            (Choices::Arbitrary, _) => self.next() % (span + 1),
            // Distinct, small enough to read.
            (_, _) => 1 + self.next() % 100_000.min(span),
        };
        least.wrapping_add(picked as i64)
    }

    fn int(&mut self, form: Option<&str>) -> i32 {
        let (least, most) = match form {
            Some("u8") => (0, i64::from(u8::MAX)),
            Some("u16") => (0, i64::from(u16::MAX)),
            None if self.choices == Choices::Arbitrary => (i64::from(i32::MIN), i64::from(i32::MAX)),
            None => (0, i64::from(i32::MAX)),
            Some(other) => panic!("an int can't be {other}"),
        };
        self.within(least, most) as i32
    }

    fn long(&mut self, form: Option<&str>) -> i64 {
        let (least, most) = match form {
            Some("points") => (0, POINTS_MAX),
            Some("u32") => (0, i64::from(u32::MAX)),
            Some("count") => (0, i64::MAX),
            None if self.choices == Choices::Arbitrary => (i64::MIN, i64::MAX),
            None => (1_700_000_000_000_000, i64::MAX),
            Some(other) => panic!("a long can't be {other}"),
        };
        self.within(least, most)
    }

    fn text(&mut self, form: Option<&str>) -> String {
        let of = |maker: &mut Self, letters: &[u8], longest: u64| -> String {
            let length = match maker.choices {
                Choices::Arbitrary => 1 + maker.below(longest),
                _ => 8.min(longest),
            };
            (0..length).map(|_| char::from(letters[maker.below(letters.len() as u64) as usize])).collect()
        };
        let graphic: Vec<u8> = (b'!'..=b'~').collect();
        match form {
            Some("name") => of(self, b"abcxyz0189-_.", 64),
            Some("tenant") => of(self, b"abcxyz0189-_", 32),
            Some("occurrence") => of(self, &graphic, 128),
            Some("key") => of(self, &graphic, 255),
            Some("account") => match self.below(4) {
                0 => format!("b:{}", of(self, b"abcxyz0189-_.", 64)),
                1 => "c:".to_owned(),
                2 => format!("p:{}", self.below(1 << 16)),
                _ => format!("m:{:016x}{:016x}", self.next(), self.next()),
            },
            None if self.choices == Choices::Arbitrary => {
                let length = self.below(20);
                let letters = ['a', 'Z', ' ', '"', '\\', '\n', '\u{0}', 'é', '\u{fb33}', '😀'];
                (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
            }
            None => format!("text {}", self.below(1_000_000)),
            Some(other) => panic!("a string can't be {other}"),
        }
    }
}
