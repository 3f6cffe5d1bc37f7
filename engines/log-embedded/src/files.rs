//! The layer of files under the log: what it asks of a disk, so that tests can put a failing one there.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// A held lock; dropping it releases it.
pub type Lock = Box<dyn Send + Sync>;

/// What the log asks of a directory.
pub trait Files: Send + Sync {
    /// Creates the directory and its parents where they are missing.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// Names of what lies in the directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates or empties a file and opens it for reading and writing.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing file, for writing too if `write`.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn File>>;
    /// Renames a file; what had the new name before is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in the directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a file, creating it unless `shared`; `None` if another holds it in a way that excludes this one.
    fn lock(&self, path: &Path, shared: bool) -> io::Result<Option<Lock>>;
    /// Bytes that may still be written to the disk under the directory.
    fn free(&self, _dir: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// What the log asks of a file.
pub trait File: Send + Sync {
    /// Reads at a position; fewer bytes than asked for at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Writes at a position, making the file longer if need be; says how much was written.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Makes what was written durable: `fdatasync`.
    fn sync_data(&self) -> io::Result<()>;
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
}

/// Fills `buffer` from `position` on; the error is `UnexpectedEof` if the file ends before.
pub(crate) fn read_exact_at(file: &dyn File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], position + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes all of `bytes`. For files that nobody relies on yet; the log itself takes a short write as fatal.
pub(crate) fn write_all_at(file: &dyn File, bytes: &[u8], position: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], position + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        // The directory's own name must survive too.
        match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.sync_dir(parent),
            _ => Ok(()),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for found in fs::read_dir(dir)? {
            names.push(found?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        Ok(Arc::new(OsFile(options.read(true).write(true).create(true).truncate(true).open(path)?)))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OsFile(fs::OpenOptions::new().read(true).write(write).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path, shared: bool) -> io::Result<Option<Lock>> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(!shared).create(!shared).truncate(false).open(path)?;
        let locked = if shared { file.try_lock_shared() } else { file.try_lock() };
        match locked {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn free(&self, dir: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(dir)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

struct OsFile(fs::File);

impl File for OsFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.0.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.0.write_at(bytes, position)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
