//! Snapshots of a partition's folded state, so that a start needs only the tail of the log.
//!
//! ```text
//!   "MIRASNAP" · u32 length of header · header · payload as one zstd stream · BLAKE3 (32 bytes) of all before
//! ```
//! The payload is streamed both ways: neither writing nor reading holds it in memory twice. A snapshot is checked
//! whole before its first byte is handed out.

mod blobs;
mod header;

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use mirabelle_log::{LogId, Partition};

pub use blobs::{Blobs, DirectoryBlobs, MemoryBlobs, Readable};
pub use header::Header;

/// How many snapshots of a partition are kept: the second one for the day when the first is damaged.
pub const KEPT: usize = 2;
/// Snapshots of a header larger than this are not ours.
const HEADER_BYTES_MAX: usize = 1 << 20;
const MAGIC: &[u8; 8] = b"MIRASNAP";
const DIGEST_BYTES: u64 = 32;

/// A fault of the snapshots' medium. A damaged snapshot is none: it is passed over.
#[derive(Debug, thiserror::Error)]
#[error("could not {act} snapshot {name}")]
pub struct SnapshotError {
    /// What was tried.
    pub act: &'static str,
    /// The snapshot, or the partition's folder.
    pub name: String,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// What a reader can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The log it must be of.
    pub log_id: LogId,
    /// The payload's format.
    pub format: u32,
    /// What deciding means to this binary.
    pub domain_revision: u32,
}

/// A snapshot that checked, opened for reading.
pub struct Snapshot {
    /// What stands before the payload.
    pub header: Header,
    /// The payload, unpacked while it is read.
    pub payload: Box<dyn Read + Send>,
}

/// The newest snapshot of use, and why newer ones were not.
pub struct Latest {
    /// The snapshot, if there is one.
    pub snapshot: Option<Snapshot>,
    /// Names of newer ones with the reason why they are of no use; for the log.
    pub passed_over: Vec<(String, String)>,
}

/// Snapshots on some medium.
///
/// # Contract
/// * [`put`](Snapshots::put) makes the snapshot durable under its name whole or not at all, and then deletes
///   all of the partition but the newest [`KEPT`]. Taken from confirmed state only (PROTOCOL C2).
/// * [`latest`](Snapshots::latest) never hands out a snapshot that is damaged, cut short, of another log,
///   format or domain revision: it passes over it to the one before.
pub struct Snapshots<B> {
    blobs: B,
}

/// Writes a payload.
pub type WritePayload<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

impl<B: Blobs> Snapshots<B> {
    /// Snapshots on `blobs`.
    pub fn new(blobs: B) -> Snapshots<B> {
        Snapshots { blobs }
    }

    /// Writes a snapshot; `payload` is called once and writes in pieces of any size. Returns its name.
    pub fn put(
        &self,
        partition: Partition,
        header: &Header,
        payload: WritePayload<'_>,
    ) -> Result<String, SnapshotError> {
        let name = blob_name(partition, header.seq);
        let mut write = |out: &mut dyn Write| {
            let mut out = Digesting { out, digest: blake3::Hasher::new() };
            let head = header.encode();
            out.write_all(MAGIC)?;
            out.write_all(&u32::try_from(head.len()).map_err(io::Error::other)?.to_le_bytes())?;
            out.write_all(&head)?;
            let mut packed = zstd::Encoder::new(&mut out, 1)?;
            payload(&mut packed)?;
            packed.finish()?;
            let digest = out.digest.finalize();
            out.out.write_all(digest.as_bytes())
        };
        let failed =
            |act| move |source| SnapshotError { act, name: blob_name(partition, header.seq), source };
        self.blobs.put(&name, &mut write).map_err(failed("write"))?;
        for old in self.list(partition)?.iter().rev().skip(KEPT) {
            self.blobs.delete(old).map_err(failed("delete an older one after"))?;
        }
        Ok(name)
    }

    /// The newest snapshot of a partition that is whole and of use.
    pub fn latest(&self, partition: Partition, wanted: &Wanted) -> Result<Latest, SnapshotError> {
        let mut passed_over = Vec::new();
        for name in self.list(partition)?.into_iter().rev() {
            let mut blob = match self.blobs.open(&name) {
                // Deleted since it was listed: a newer one has taken its place.
                Err(source) if source.kind() == io::ErrorKind::NotFound => {
                    passed_over.push((name, "it is gone".to_owned()));
                    continue;
                }
                Err(source) => return Err(SnapshotError { act: "open", name, source }),
                Ok(blob) => blob,
            };
            match check(&mut *blob, wanted) {
                Ok(checked) => match open(blob, checked) {
                    Ok(snapshot) => return Ok(Latest { snapshot: Some(snapshot), passed_over }),
                    Err(error) => passed_over.push((name, error.to_string())),
                },
                Err(reason) => passed_over.push((name, reason)),
            }
        }
        Ok(Latest { snapshot: None, passed_over })
    }

    /// Names of a partition's snapshots, oldest first, each with the reason why it is of no use, if it is of none.
    pub fn check(
        &self,
        partition: Partition,
        wanted: &Wanted,
    ) -> Result<Vec<(String, Option<String>)>, SnapshotError> {
        let checked = |name: String| match self.blobs.open(&name) {
            Ok(mut blob) => (name, check(&mut *blob, wanted).err()),
            Err(error) => (name, Some(format!("it can't be opened: {error}"))),
        };
        Ok(self.list(partition)?.into_iter().map(checked).collect())
    }

    /// Names of a partition's snapshots, oldest first.
    pub fn list(&self, partition: Partition) -> Result<Vec<String>, SnapshotError> {
        let folder = format!("{:05}", partition.0);
        let names = self.blobs.list(&folder);
        let mut names = names.map_err(|source| SnapshotError { act: "list", name: folder, source })?;
        names.retain(|name| name.ends_with(".snapshot"));
        names.sort();
        Ok(names)
    }

    /// Deletes all snapshots of a partition.
    pub fn delete(&self, partition: Partition) -> Result<(), SnapshotError> {
        for name in self.list(partition)? {
            self.blobs.delete(&name).map_err(|source| SnapshotError { act: "delete", name, source })?;
        }
        Ok(())
    }
}

fn blob_name(partition: Partition, seq: u64) -> String {
    format!("{:05}/{seq:020}.snapshot", partition.0)
}

struct Digesting<'a> {
    out: &'a mut dyn Write,
    digest: blake3::Hasher,
}

impl Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A snapshot whose digest holds.
struct Checked {
    header: Header,
    payload_at: u64,
    payload_bytes: u64,
}

/// Reads the whole blob once; `Err` says why it is of no use.
fn check(blob: &mut dyn Readable, wanted: &Wanted) -> Result<Checked, String> {
    let failed = |error: io::Error| format!("it can't be read: {error}");
    let size = blob.seek(SeekFrom::End(0)).map_err(failed)?;
    let head_bytes = MAGIC.len() as u64 + 4;
    let signed = size.checked_sub(DIGEST_BYTES).filter(|signed| *signed >= head_bytes);
    let signed = signed.ok_or("it is cut short")?;
    blob.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut digest = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 18];
    let mut left = signed;
    while left > 0 {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        blob.read_exact(&mut piece[..take]).map_err(failed)?;
        digest.update(&piece[..take]);
        left -= take as u64;
    }
    let mut stored = [0; DIGEST_BYTES as usize];
    blob.read_exact(&mut stored).map_err(failed)?;
    if digest.finalize() != stored {
        return Err("its digest does not hold: it is damaged or cut short".to_owned());
    }
    blob.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut head = [0; 12];
    blob.read_exact(&mut head).map_err(failed)?;
    let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    if &head[..8] != MAGIC || u64::from(length) > signed - head_bytes || length as usize > HEADER_BYTES_MAX {
        return Err("it is not a snapshot".to_owned());
    }
    let mut bytes = vec![0; length as usize];
    blob.read_exact(&mut bytes).map_err(failed)?;
    let header = Header::decode(&bytes).ok_or("its header can't be read by this version")?;
    useful(&header, wanted)?;
    let payload_at = head_bytes + u64::from(length);
    Ok(Checked { header, payload_at, payload_bytes: signed - payload_at })
}

fn useful(header: &Header, wanted: &Wanted) -> Result<(), String> {
    if header.log_id != wanted.log_id {
        return Err("it is of another log".to_owned());
    }
    if header.format != wanted.format {
        return Err(format!("its format is {}, not {}", header.format, wanted.format));
    }
    if header.domain_revision != wanted.domain_revision {
        return Err(format!(
            "its domain revision is {}, not {}",
            header.domain_revision, wanted.domain_revision
        ));
    }
    Ok(())
}

fn open(mut blob: Box<dyn Readable>, checked: Checked) -> io::Result<Snapshot> {
    blob.seek(SeekFrom::Start(checked.payload_at))?;
    let packed = BufReader::with_capacity(1 << 18, blob.take(checked.payload_bytes));
    Ok(Snapshot { header: checked.header, payload: Box::new(zstd::Decoder::with_buffer(packed)?) })
}
