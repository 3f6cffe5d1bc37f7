//! The file `log`: what a directory is. Text, so that a person can read it; written once, when it is created.
//!
//! ```text
//! mirabelle log
//! format 1
//! id 6c6f672d69642d696e2d686578616421
//! partitions 8
//! secret 9f…
//! crc 1a2b3c4d
//! ```
//!
//! `secret` seeds every checksum: without it nobody can put bytes into a record that look like a frame to a scan
//! for frames behind a torn one. The log's id alone would not do, it stands in every position handed out.

use std::path::Path;

use mirabelle_log::LogId;

use crate::error::{Fault, OpenError};
use crate::files::{Files, read_exact_at, write_all_at};
use crate::frame::Stamp;
use crate::options::{OnPoint, PARTITIONS, Point};

pub(crate) const NAME: &str = "log";
const TEMPORARY: &str = "log.tmp";
/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
const BYTES_MAX: u64 = 4096;

/// What a directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) id: LogId,
    pub(crate) partitions: u16,
    pub(crate) secret: [u8; 16],
}

impl Meta {
    pub(crate) fn random(partitions: u16) -> Meta {
        Meta { id: LogId(rand::random()), partitions, secret: rand::random() }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::new(self.id, &self.secret)
    }

    fn text(&self) -> String {
        let (id, secret) = (hex(&self.id.0), hex(&self.secret));
        let body = format!(
            "mirabelle log\nformat {FORMAT}\nid {id}\npartitions {}\nsecret {secret}\n",
            self.partitions
        );
        let crc = crc32c::crc32c(body.as_bytes());
        format!("{body}crc {crc:08x}\n")
    }

    pub(crate) fn write(&self, files: &dyn Files, dir: &Path, on_point: &OnPoint) -> Result<(), OpenError> {
        let (temporary, path) = (dir.join(TEMPORARY), dir.join(NAME));
        let file = files.create(&temporary).map_err(OpenError::io("create", &temporary))?;
        write_all_at(&*file, self.text().as_bytes(), 0).map_err(OpenError::io("write", &temporary))?;
        file.sync_data().map_err(OpenError::io("sync", &temporary))?;
        on_point(Point::MetaWritten);
        files.rename(&temporary, &path).map_err(OpenError::io("name", &path))?;
        on_point(Point::MetaRenamed);
        files.sync_dir(dir).map_err(OpenError::io("sync", dir))
    }

    /// Reads the description of a directory that has one.
    pub(crate) fn read(files: &dyn Files, dir: &Path) -> Result<Meta, OpenError> {
        let path = dir.join(NAME);
        let file = files.open(&path, false).map_err(OpenError::io("open", &path))?;
        let size = file.size().map_err(OpenError::io("read", &path))?;
        if size > BYTES_MAX {
            return Err(Fault::new(NAME, BYTES_MAX, "it is longer than any description of a log").into());
        }
        let mut bytes = vec![0; usize::try_from(size).expect("bounded just before")];
        read_exact_at(&*file, &mut bytes, 0).map_err(OpenError::io("read", &path))?;
        let text = String::from_utf8_lossy(&bytes);
        // A newer format may describe itself in other lines, but these two stay.
        if let Some(format) = text.strip_prefix("mirabelle log\nformat ").and_then(|rest| rest.lines().next())
            && let Ok(format) = format.parse()
            && format > FORMAT
        {
            return Err(OpenError::Newer { dir: dir.to_owned(), format, known: FORMAT });
        }
        let meta = Meta::parse(&text).ok_or_else(|| Fault::new(NAME, 0, "it is no description of a log"))?;
        // Whatever differs from what would be written is damage: no byte of this file is free.
        if meta.text().as_bytes() != bytes {
            return Err(Fault::new(NAME, 0, "its checksum does not fit").into());
        }
        Ok(meta)
    }

    fn parse(text: &str) -> Option<Meta> {
        let mut lines = text.lines().skip(2);
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let id = LogId(unhex(value("id")?)?);
        let partitions = value("partitions")?.parse().ok().filter(|count| PARTITIONS.contains(count))?;
        let secret = unhex(value("secret")?)?;
        Some(Meta { id, partitions, secret })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}
