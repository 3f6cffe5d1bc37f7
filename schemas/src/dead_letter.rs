//! `DeadLetter` on the wire.

use bytes::Bytes;
use mirabelle_domain::Sealed;

use crate::avro::{Broken, Reader, put};
use crate::command::put_text;
use crate::record::DeadLetter;
use crate::unreadable::{At, Unreadable};
use crate::wire::{DEAD_LETTER, Encoded};

/// The dead letter's wire bytes.
pub fn encode_dead_letter(letter: &DeadLetter) -> Encoded {
    let mut out = DEAD_LETTER.open(256 + letter.raw.as_ref().map_or(0, Bytes::len));
    put_text(&mut out, &letter.reason);
    put_text(&mut out, &letter.detail);
    put::option(&mut out, letter.tenant.as_deref(), put_text);
    put_text(&mut out, &letter.origin);
    put::option(&mut out, letter.source_id.as_deref(), put_text);
    put::option(&mut out, letter.sealed.as_ref(), |out, sealed| {
        put_text(out, &sealed.key_ref);
        put::bytes(out, &sealed.nonce);
        put::bytes(out, &sealed.bytes);
    });
    put::option(&mut out, letter.raw.as_deref(), put::bytes);
    put::long(&mut out, letter.at);
    DEAD_LETTER.close(out)
}

/// Reads a record of `dead-letters`.
pub fn decode_dead_letter(value: &Bytes, fingerprint: u64) -> Result<DeadLetter, Unreadable> {
    const WHERE: &str = DEAD_LETTER.name;
    let mut from = Reader::new(DEAD_LETTER.datum(value, fingerprint)?);
    let letter = DeadLetter {
        reason: from.text().at(WHERE, "reason")?.to_owned(),
        detail: from.text().at(WHERE, "detail")?.to_owned(),
        tenant: from.option(Reader::text).at(WHERE, "tenant")?.map(str::to_owned),
        origin: from.text().at(WHERE, "origin")?.to_owned(),
        source_id: from.option(Reader::text).at(WHERE, "source_id")?.map(str::to_owned),
        sealed: from.option(read_sealed).at(WHERE, "sealed")?,
        raw: from.option(Reader::bytes).at(WHERE, "raw")?.map(|raw| value.slice_ref(raw)),
        at: from.long().at(WHERE, "at")?,
    };
    from.end().at(WHERE, "its end")?;
    Ok(letter)
}

fn read_sealed(from: &mut Reader<'_>) -> Result<Sealed, Broken> {
    Ok(Sealed {
        key_ref: from.text()?.to_owned(),
        nonce: from.bytes()?.to_vec(),
        bytes: from.bytes()?.to_vec(),
    })
}
