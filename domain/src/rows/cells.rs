//! Cells that hold more than one value.

use std::fmt::Write as _;

use crate::fact::{Delivery, PricedLine};
use crate::ids::Name;
use crate::points::Points;
use crate::sealed::Sealed;

/// A cell that does not hold a sealed value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cell does not hold a sealed value: {what}")]
pub struct NotSealed {
    what: &'static str,
}

/// A sealed value as one cell: a byte with the length of the key reference, the key reference, a byte with the length
/// of the nonce, the nonce, the ciphertext. Nothing is empty bytes.
///
/// # Panics
/// When key reference or nonce are longer than 255 bytes: whoever seals makes neither.
pub fn sealed_bytes(sealed: Option<&Sealed>) -> Vec<u8> {
    let Some(sealed) = sealed else { return Vec::new() };
    let mut bytes = Vec::with_capacity(2 + sealed.key_ref.len() + sealed.nonce.len() + sealed.bytes.len());
    for part in [sealed.key_ref.as_bytes(), &sealed.nonce] {
        bytes.push(u8::try_from(part.len()).expect("key references and nonces are short"));
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(&sealed.bytes);
    bytes
}

/// Reads what [`sealed_bytes`] wrote; empty bytes are nothing.
pub fn sealed_from_bytes(bytes: &[u8]) -> Result<Option<Sealed>, NotSealed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (key_ref, rest) = part(bytes)?;
    let (nonce, rest) = part(rest)?;
    let key_ref = str::from_utf8(key_ref).map_err(|_| NotSealed { what: "a key reference is text" })?;
    Ok(Some(Sealed { key_ref: key_ref.to_owned(), nonce: nonce.to_vec(), bytes: rest.to_vec() }))
}

fn part(bytes: &[u8]) -> Result<(&[u8], &[u8]), NotSealed> {
    let (&length, rest) = bytes.split_first().ok_or(NotSealed { what: "a length is missing" })?;
    rest.split_at_checked(usize::from(length)).ok_or(NotSealed { what: "it is cut off" })
}

/// A line as it was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedLine {
    /// Catalogue item.
    pub product: Name,
    /// Its version.
    pub product_version: u32,
    /// How many.
    pub quantity: u32,
    /// Price of one.
    pub unit_points: Points,
    /// The vendor; `None`: delivered at once, by the decision itself.
    pub vendor: Option<Name>,
}

/// A cell that does not hold ordered lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the cell is not `product@version quantity unit_points [vendor]`")]
pub struct NotLines {
    line: usize,
}

/// Lines as one cell: one text line each, `product@version quantity unit_points`, and the vendor behind it where one
/// delivers. Names hold neither spaces nor `@`.
pub fn lines_text(lines: &[PricedLine]) -> String {
    let mut text = String::with_capacity(lines.len() * 40);
    for (index, line) in lines.iter().enumerate() {
        let newline = if index == 0 { "" } else { "\n" };
        let (version, quantity, points) = (line.product_version, line.quantity, line.unit_points);
        let written = write!(text, "{newline}{}@{version} {quantity} {points}", line.product);
        written.expect("text takes everything");
        match (line.delivery, &line.vendor) {
            (Delivery::Vendor, Some(vendor)) => {
                text.push(' ');
                text.push_str(vendor.as_str());
            }
            // A line for a vendor always names one; `-` keeps it apart from a line that was delivered at once.
            (Delivery::Vendor, None) => text.push_str(" -"),
            (Delivery::Immediate, _) => {}
        }
    }
    text
}

/// Reads what [`lines_text`] wrote.
pub fn lines_from_text(text: &str) -> Result<Vec<OrderedLine>, NotLines> {
    text.lines().enumerate().map(|(line, text)| ordered_line(text).ok_or(NotLines { line })).collect()
}

fn ordered_line(text: &str) -> Option<OrderedLine> {
    let mut words = text.split(' ');
    let (product, version) = words.next()?.rsplit_once('@')?;
    let line = OrderedLine {
        product: product.parse().ok()?,
        product_version: version.parse().ok()?,
        quantity: words.next()?.parse().ok()?,
        unit_points: Points::new(words.next()?.parse().ok()?).ok()?,
        vendor: words.next().map(str::parse).transpose().ok()?,
    };
    words.next().is_none().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(product: &str, delivery: Delivery, vendor: Option<&str>) -> PricedLine {
        PricedLine {
            product: product.parse().unwrap(),
            product_version: 3,
            quantity: 2,
            unit_points: Points::new(2_500).unwrap(),
            delivery,
            vendor: vendor.map(|vendor| vendor.parse().unwrap()),
        }
    }

    #[test]
    fn ordered_lines_survive_their_cell() {
        let lines = [
            line("day.off", Delivery::Immediate, None),
            line("gift-de-25", Delivery::Vendor, Some("sandbox")),
        ];
        let text = lines_text(&lines);
        assert_eq!(text, "day.off@3 2 2500\ngift-de-25@3 2 2500 sandbox");
        let read = lines_from_text(&text).unwrap();
        assert_eq!(read.len(), 2);
        for (read, line) in read.iter().zip(&lines) {
            assert_eq!((&read.product, read.product_version), (&line.product, line.product_version));
            assert_eq!((read.quantity, read.unit_points), (line.quantity, line.unit_points));
            assert_eq!(read.vendor, line.vendor);
        }
        assert!(lines_from_text("gift@x 1 2").is_err());
        assert!(lines_from_text("gift@1 1 2 sandbox more").is_err());
    }

    #[test]
    fn a_sealed_value_survives_its_cell_and_a_cut_one_is_told() {
        let sealed = Sealed { key_ref: "acme/7".to_owned(), nonce: vec![1; 12], bytes: vec![9, 0, 255] };
        let bytes = sealed_bytes(Some(&sealed));
        assert_eq!(sealed_from_bytes(&bytes), Ok(Some(sealed)));
        assert_eq!(sealed_from_bytes(&sealed_bytes(None)), Ok(None));
        for cut in 1..20 {
            assert!(sealed_from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
