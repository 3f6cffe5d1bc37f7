//! Where snapshots lie: a directory, memory; object storage fits the same seam.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

/// Bytes that can be read from any place.
pub trait Readable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Readable for T {}

/// Named blobs. A name is `folder/file` of plain ASCII.
///
/// # Contract
/// * `put` replaces the blob whole or leaves things as they were, and is durable when it returns.
/// * `list` gives the full names in a folder, in any order; a folder that is not there is empty.
/// * `delete` of what is not there succeeds.
pub trait Blobs: Send + Sync + 'static {
    /// Writes a blob.
    fn put(&self, name: &str, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;

    /// Opens a blob.
    fn open(&self, name: &str) -> io::Result<Box<dyn Readable>>;

    /// Names in a folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Deletes a blob.
    fn delete(&self, name: &str) -> io::Result<()>;
}

/// Blobs as files: written beside, synced, renamed, and the folder synced.
#[derive(Clone, Debug)]
pub struct DirectoryBlobs {
    directory: PathBuf,
}

const UNFINISHED: &str = "unfinished";

impl DirectoryBlobs {
    /// Blobs below `directory`, which is made when first needed.
    pub fn new(directory: impl Into<PathBuf>) -> DirectoryBlobs {
        DirectoryBlobs { directory: directory.into() }
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Blobs for DirectoryBlobs {
    fn put(&self, name: &str, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let path = self.directory.join(name);
        let folder = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(folder)?;
        let unfinished = path.with_extension(UNFINISHED);
        let written = (|| {
            let mut out = BufWriter::with_capacity(1 << 18, File::create(&unfinished)?);
            write(&mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&unfinished, &path)
        })();
        if written.is_err() {
            // What is left over is never listed; the failure to tell of is the first one.
            drop(fs::remove_file(&unfinished));
        }
        written?;
        sync_folder(folder)?;
        // A folder just made must be found again as well.
        sync_folder(&self.directory)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Readable>> {
        Ok(Box::new(File::open(self.directory.join(name))?))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.directory.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // Names that are not UTF-8 are not ours.
            if let Some(file) = entry?.file_name().to_str().filter(|file| !file.ends_with(UNFINISHED)) {
                names.push(format!("{folder}/{file}"));
            }
        }
        Ok(names)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

/// Blobs in memory, for simulations. Clones share the blobs.
#[derive(Clone, Default)]
pub struct MemoryBlobs {
    blobs: Arc<Mutex<BTreeMap<String, Arc<[u8]>>>>,
}

impl MemoryBlobs {
    /// No blobs.
    pub fn new() -> MemoryBlobs {
        MemoryBlobs::default()
    }

    /// Changes a blob's bytes, as a failing disk would.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(blob) = self.blobs.lock().get_mut(name) {
            let mut bytes = blob.to_vec();
            change(&mut bytes);
            *blob = bytes.into();
        }
    }
}

impl Blobs for MemoryBlobs {
    fn put(&self, name: &str, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.blobs.lock().insert(name.to_owned(), bytes.into());
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Readable>> {
        let blob = self.blobs.lock().get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(blob)))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{folder}/");
        Ok(self.blobs.lock().keys().filter(|name| name.starts_with(&prefix)).cloned().collect())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.blobs.lock().remove(name);
        Ok(())
    }
}
