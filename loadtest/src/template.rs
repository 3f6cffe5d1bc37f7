//! Text with places to fill in, cut up once so that a request costs a few copies.

use std::io::Write;

use thiserror::Error;

use crate::wish::{OVERDRAFT, Wish};

#[derive(Debug, Error, Eq, PartialEq)]
#[error("{{{name}}} is nothing that can be filled in; key, member, product, quantity and sequence are")]
pub(crate) struct UnknownPlace {
    name: String,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Key,
    Member,
    Product,
    Quantity,
    Sequence,
}

/// What stays the same for every request of a run.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary {
    /// Random per run, so that keys of two runs never meet.
    pub(crate) run: u64,
    pub(crate) products: Vec<String>,
    pub(crate) overdraft_product: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Cuts `text` at `{key}`, `{member}`, `{product}`, `{quantity}` and `{sequence}`. A brace that is not
    /// followed by a lower-case word and its closing brace is text, so JSON needs no escaping.
    pub(crate) fn parse(text: &str) -> Result<Self, UnknownPlace> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            plain.push_str(&rest[..open]);
            let after = &rest[open + 1..];
            let word = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
            if word == 0 || !after[word..].starts_with('}') {
                plain.push('{');
                rest = after;
                continue;
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into_bytes()));
            }
            pieces.push(match &after[..word] {
                "key" => Piece::Key,
                "member" => Piece::Member,
                "product" => Piece::Product,
                "quantity" => Piece::Quantity,
                "sequence" => Piece::Sequence,
                name => return Err(UnknownPlace { name: name.to_owned() }),
            });
            rest = &after[word + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into_bytes()));
        }
        Ok(Self { pieces })
    }

    /// Appends the text for `wish` to `into`.
    pub(crate) fn render(&self, words: &Vocabulary, wish: Wish, into: &mut Vec<u8>) {
        for piece in &self.pieces {
            // Writing into a vector cannot fail.
            let _infallible = match piece {
                Piece::Text(text) => into.write_all(text),
                Piece::Key => write!(into, "lt-{:016x}-{:014x}", words.run, wish.sequence),
                Piece::Member => write!(into, "load-{:06}", wish.member),
                Piece::Product if wish.product == OVERDRAFT => {
                    into.write_all(words.overdraft_product.as_bytes())
                }
                Piece::Product => into.write_all(words.products[usize::from(wish.product)].as_bytes()),
                Piece::Quantity => write!(into, "{}", wish.quantity),
                Piece::Sequence => write!(into, "{}", wish.sequence),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, product: u16) -> String {
        let words = Vocabulary {
            run: 0xabc,
            products: vec!["gift-de-25".to_owned(), "gift-de-50".to_owned()],
            overdraft_product: "castle".to_owned(),
        };
        let mut out = Vec::new();
        let wish = Wish { sequence: 31, member: 41, product, quantity: 9 };
        Template::parse(text).unwrap().render(&words, wish, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_place_is_filled_and_json_braces_stay() {
        let text =
            r#"{"m":"{member}","lines":[{"p":"{product}","q":{quantity}}],"s":{sequence},"k":"{key}"}"#;
        assert_eq!(
            render(text, 1),
            r#"{"m":"load-000041","lines":[{"p":"gift-de-50","q":9}],"s":31,"k":"lt-0000000000000abc-0000000000001f"}"#
        );
        assert_eq!(render("{product}", OVERDRAFT), "castle");
    }

    #[test]
    fn a_misspelt_place_is_refused_at_once() {
        assert_eq!(Template::parse("{membre}").unwrap_err(), UnknownPlace { name: "membre".to_owned() });
    }
}
