//! A folder for one group of servers, that goes with the process that uses it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

static MADE: AtomicU32 = AtomicU32::new(0);

/// A folder of its own below `CACHE/run`. Dropping it removes it; what a process that was killed left behind is removed
/// when the next one makes a folder.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Locked while this process lives. Children do not inherit it.
    _lock: File,
}

impl Scratch {
    pub(crate) fn new(runs: &Path) -> Result<Scratch, Error> {
        fs::create_dir_all(runs).map_err(Error::file("create", runs))?;
        // Whoever makes or removes a folder holds this: a folder without a lock yet is not taken for a dead one.
        let gate = runs.join("lock");
        let gate_file = File::create(&gate).map_err(Error::file("create", &gate))?;
        gate_file.lock().map_err(Error::file("lock", &gate))?;
        remove_dead(runs)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = runs.join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        let name = path.join("lock");
        let lock = File::create(&name).map_err(Error::file("create", &name))?;
        lock.lock().map_err(Error::file("lock", &name))?;
        Ok(Scratch { path, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next process.
        fs::remove_dir_all(&self.path).ok();
    }
}

fn remove_dead(runs: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(runs).map_err(Error::file("list", runs))? {
        let path = entry.map_err(Error::file("list", runs))?.path();
        if !path.is_dir() {
            continue;
        }
        let alive = match File::open(path.join("lock")) {
            Ok(lock) => matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
            Err(_) => false,
        };
        if !alive {
            fs::remove_dir_all(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}
