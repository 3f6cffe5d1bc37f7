//! Slots of a fixed size in a file: written once, synced before they count, zeroed where they lie.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::io;
use crate::KeysError;
use crate::sealing::WRAPPED_BYTES;

/// Bytes of a slot: a wrapped key, and four zeros that keep slots within one sector.
pub(super) const SLOT_BYTES: usize = 64;

pub(super) struct Slots {
    file: File,
    path: PathBuf,
}

/// What a slot holds.
pub(super) enum Slot {
    Key([u8; WRAPPED_BYTES]),
    Erased,
    /// The file ends before it.
    Missing,
}

impl Slots {
    pub(super) fn open(path: &Path) -> Result<Slots, KeysError> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(|source| io(format!("open {}", path.display()), source))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| io(format!("sync directory {}", folder.display()), source))?;
        Ok(Slots { file, path: path.to_owned() })
    }

    /// Writes keys to slots from `first` on and syncs.
    pub(super) fn write(&self, first: u64, wrapped: &[Vec<u8>]) -> Result<(), KeysError> {
        let mut bytes = vec![0; wrapped.len() * SLOT_BYTES];
        for (slot, key) in bytes.chunks_exact_mut(SLOT_BYTES).zip(wrapped) {
            slot[..WRAPPED_BYTES].copy_from_slice(key);
        }
        self.put(first, &bytes, "write keys to")
    }

    /// Zeroes a slot and syncs.
    pub(super) fn erase(&self, slot: u64) -> Result<(), KeysError> {
        self.put(slot, &[0; SLOT_BYTES], "erase a key in")
    }

    fn put(&self, slot: u64, bytes: &[u8], act: &str) -> Result<(), KeysError> {
        self.file
            .write_all_at(bytes, slot.saturating_mul(SLOT_BYTES as u64))
            .and_then(|()| self.file.sync_data())
            .map_err(|source| io(format!("{act} {}", self.path.display()), source))
    }

    pub(super) fn read(&self, slot: u64) -> Result<Slot, KeysError> {
        let mut bytes = [0; SLOT_BYTES];
        match self.file.read_exact_at(&mut bytes, slot.saturating_mul(SLOT_BYTES as u64)) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(Slot::Missing),
            Err(source) => return Err(io(format!("read a key from {}", self.path.display()), source)),
            Ok(()) => {}
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Slot::Erased);
        }
        let mut wrapped = [0; WRAPPED_BYTES];
        wrapped.copy_from_slice(&bytes[..WRAPPED_BYTES]);
        Ok(Slot::Key(wrapped))
    }
}
