//! A body, read to its end, its items not yet handed out.

use crate::body::{self, Format};
use crate::documents::{self, Opened};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Mapping, Profile, When};
use crate::once::{self, Found, Marks};
use crate::report::{AnswerShape, Delivery, Item, Next};
use crate::row::Context;
use crate::{csv, json, rows, xml};

/// What a caller knows of a body beyond the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The variant of the mapping that was asked for, such as a report by its name. Without it the body is told by
    /// what it holds.
    pub variant: Option<&'a str>,
    /// The dataset that was asked for.
    pub dataset: Option<&'a str>,
    /// The day on which it is read: decides which of several dated records is valid, and who has not left yet.
    pub today: Option<mirabelle_domain::Day>,
}

/// A body that is whole and readable, whose items are read one after the other: a hundred thousand workers never stand
/// in memory together.
pub struct Reading<'a> {
    context: Context<'a>,
    source: Source<'a>,
    marks: Marks,
    answer: AnswerShape,
    next: Option<Next>,
    total: Option<u64>,
}

enum Source<'a> {
    Found(Vec<Found>),
    Json(rows::Table<'a>),
    Xml(documents::Records<'a>),
    Csv(csv::Table<'a>),
}

impl<'a> Reading<'a> {
    /// Reads the body to its end: it is whole, well-formed and of a known shape, and of each item it is known whether
    /// the same thing stands in it twice.
    ///
    /// # Errors
    /// The reason why nothing of it can be read.
    pub fn open(
        profile: &'a Profile,
        asked: &Asked<'a>,
        content_type: Option<&str>,
        body: &'a [u8],
        limits: &'a Limits,
    ) -> Result<Reading<'a>, Malformed> {
        let mut reading = Reading::begin(profile, asked, content_type, body, limits)?;
        let mut marks = Marks::default();
        reading.source.each(&reading.context, &mut |found| marks.mark(&found))?;
        reading.marks = marks;
        Ok(reading)
    }

    /// As [`Reading::open`], but for the marks.
    fn begin(
        profile: &'a Profile,
        asked: &Asked<'a>,
        content_type: Option<&str>,
        body: &'a [u8],
        limits: &'a Limits,
    ) -> Result<Reading<'a>, Malformed> {
        let base = &profile.mapping;
        let named = match asked.variant {
            None => None,
            Some(name) => Some(base.variants.iter().find(|own| own.name == name).ok_or_else(|| {
                let what = "the variant asked for is not in the mapping; add it there";
                Malformed::body(Code::FormatNotRead, what)
            })?),
        };
        let named = named.map(|variant| &variant.mapping);
        let of = |mapping: &'a Mapping| Context::new(mapping, limits, asked.dataset, asked.today);
        let choose = |fits: &dyn Fn(&When) -> bool| {
            let fitting = || base.variants.iter().find(|own| !own.when.is_empty() && fits(&own.when));
            named.or_else(|| fitting().map(|own| &own.mapping)).unwrap_or(base)
        };
        let shape = named.map_or_else(|| csv_shape(base), |mapping| mapping.csv.as_ref());
        let (format, text) = body::open(content_type, body, limits, shape.is_some())?;
        let json = |table: rows::Table<'a>, context| {
            let (next, total) = (table.next.clone(), table.total);
            Reading::of(context, Source::Json(table), AnswerShape::Json, next, total)
        };
        match format {
            Format::Json => {
                let root = json::skim(text, limits)?;
                let context = of(choose(&|when| rows::fits(when, &root)))?;
                let table = rows::open(profile.system, &context, &root, text)?;
                Ok(json(table, context))
            }
            Format::Csv => {
                let Some(shape) = shape else {
                    let what = "this connection reads no CSV";
                    return Err(Malformed::body(Code::FormatNotRead, what));
                };
                let table = csv::Table::open(shape, text, limits)?;
                let context = of(choose(&|when| table.fits(when)))?;
                Ok(Reading::of(context, Source::Csv(table), AnswerShape::Json, None, None))
            }
            Format::Xml => {
                let patterns = documents::patterns(profile.system, base);
                let skimmed = xml::skim(text, limits, &patterns)?;
                let context = of(choose(&|when| documents::fits(when, &skimmed.frame)))?;
                match documents::open(profile.system, &context, skimmed, &patterns, text)? {
                    Opened::Found(found, answer) => {
                        Ok(Reading::of(context, Source::Found(found), answer, None, None))
                    }
                    Opened::Records(records, next, total) => {
                        Ok(Reading::of(context, Source::Xml(records), AnswerShape::Json, next, total))
                    }
                }
            }
        }
    }

    fn of(
        context: Context<'a>,
        source: Source<'a>,
        answer: AnswerShape,
        next: Option<Next>,
        total: Option<u64>,
    ) -> Reading<'a> {
        Reading { context, source, marks: Marks::default(), answer, next, total }
    }

    /// A row that stood in a body before.
    pub(crate) fn alone(
        profile: &'a Profile,
        asked: &Asked<'a>,
        raw: &'a [u8],
        limits: &'a Limits,
    ) -> Result<Reading<'a>, Malformed> {
        let (format, text) = body::open(None, raw, limits, true)?;
        if format != Format::Json {
            return Reading::begin(profile, asked, None, raw, limits);
        }
        let base = &profile.mapping;
        let root = json::skim(text, limits)?;
        let named = asked.variant.and_then(|name| base.variants.iter().find(|own| own.name == name));
        let mapping = named.map_or(base, |own| &own.mapping);
        let context = Context::new(mapping, limits, asked.dataset, asked.today)?;
        let table = rows::alone(mapping, profile.system, &root, text);
        Ok(Reading::of(context, Source::Json(table), AnswerShape::Json, None, None))
    }

    /// How the sender wants to be answered.
    pub fn answer(&self) -> AnswerShape {
        self.answer
    }

    /// What to ask for next, where this is one page of several.
    pub fn next(&self) -> Option<&Next> {
        self.next.as_ref()
    }

    /// How many there are altogether, where the body says so.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Reads item after item, each thing once.
    ///
    /// # Errors
    /// The first that `take` answers with.
    pub fn each<E>(&self, mut take: impl FnMut(Item) -> Result<(), E>) -> Result<(), E> {
        let (mut index, mut failed) = (0, None);
        // Whoever opened it has gone through all of it: it fails no more.
        let _went_through = self.source.each(&self.context, &mut |found| {
            if failed.is_none()
                && let Some(item) = self.marks.judged(index, found)
                && let Err(error) = take(item)
            {
                failed = Some(error);
            }
            index += 1;
        });
        failed.map_or(Ok(()), Err)
    }

    /// All items at once.
    pub(crate) fn delivery(self) -> Result<Delivery, Malformed> {
        let found = match self.source {
            Source::Found(found) => found,
            source => {
                let mut found = Vec::new();
                source.each(&self.context, &mut |one| found.push(one))?;
                found
            }
        };
        let (answer, next, total) = (self.answer, self.next, self.total);
        Ok(Delivery { items: once::each(found), answer, next, total })
    }
}

/// How CSV is written on a connection: as its mapping says, else as the first of its variants that reads any.
fn csv_shape(base: &Mapping) -> Option<&crate::mapping::Csv> {
    let of_variants = || base.variants.iter().find_map(|own| own.mapping.csv.as_ref());
    base.csv.as_ref().or_else(of_variants)
}

impl Source<'_> {
    fn each(&self, context: &Context<'_>, hand_on: &mut dyn FnMut(Found)) -> Result<(), Malformed> {
        match self {
            Source::Found(found) => {
                found.iter().cloned().for_each(hand_on);
                Ok(())
            }
            Source::Json(table) => table.each(context, hand_on),
            Source::Xml(records) => records.each(context, hand_on),
            Source::Csv(table) => table.each(context, hand_on),
        }
    }
}

/// Reads one body as its sender sent it, all items at once.
///
/// `content_type` is the header's value, where there is one: it can only refuse a body, never change its meaning.
///
/// # Errors
/// The reason why nothing of it can be read. Items that can't be read are no error: each says so by itself.
pub fn read_as(
    profile: &Profile,
    asked: &Asked<'_>,
    content_type: Option<&str>,
    body: &[u8],
    limits: &Limits,
) -> Result<Delivery, Malformed> {
    Reading::begin(profile, asked, content_type, body, limits)?.delivery()
}

/// [`read_as`] where nothing more is known.
///
/// # Errors
/// As [`read_as`].
pub fn read(
    profile: &Profile,
    content_type: Option<&str>,
    body: &[u8],
    limits: &Limits,
) -> Result<Delivery, Malformed> {
    read_as(profile, &Asked::default(), content_type, body, limits)
}

/// Reads the [`raw`](Item::raw) bytes of one item again, as after a correction of the mapping. A record that held
/// several items yields all of them.
///
/// # Errors
/// As [`read`]. The bare element of a delivery whose envelope was too long to keep with it is one of them.
pub fn reread(
    profile: &Profile,
    asked: &Asked<'_>,
    raw: &[u8],
    limits: &Limits,
) -> Result<Delivery, Malformed> {
    Reading::alone(profile, asked, raw, limits)?.delivery()
}
