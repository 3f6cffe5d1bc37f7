//! A disk in memory that keeps what was synced, may keep or lose the rest sector by sector, and fails as told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::files::{File, Files, Lock};

const SECTOR: usize = 512;

/// What the disk is to do wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// The next write fails.
    Write,
    /// The next write takes half of the bytes.
    ShortWrite,
    /// The next sync of a file fails.
    Sync,
}

/// Clones share one disk.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    names: Names,
    durable_names: Names,
    /// Directory operations since the directory was last synced.
    renamed: Vec<Names>,
    files: Vec<Content>,
    locked: BTreeSet<PathBuf>,
    fault: Fault,
    /// Operations left until everything fails, as in a process that was killed.
    operations_left: Option<u64>,
    operations: u64,
    room: Option<u64>,
    syncs: u64,
    touched_after_fault: u64,
    faulted: bool,
}

type Names = BTreeMap<PathBuf, usize>;

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
}

impl State {
    /// Every operation passes here; after the last one that is allowed, all fail.
    fn operation(&mut self) -> io::Result<()> {
        if self.operations_left == Some(0) {
            return Err(io::Error::other("the process was killed"));
        }
        self.operations_left = self.operations_left.map(|left| left - 1);
        self.operations += 1;
        Ok(())
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn changed_names(&mut self) {
        self.renamed.push(self.names.clone());
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].bytes.len() as u64).sum()
    }
}

impl Disk {
    pub(super) fn files(&self) -> Arc<dyn Files> {
        Arc::new(self.clone())
    }

    pub(super) fn plant(&self, fault: Fault) {
        self.0.lock().fault = fault;
    }

    /// Lets `operations` more succeed and then none.
    pub(super) fn kill_after(&self, operations: u64) {
        self.0.lock().operations_left = Some(operations);
    }

    pub(super) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Bounds the bytes of all files together.
    pub(super) fn set_room(&self, room: Option<u64>) {
        self.0.lock().room = room;
    }

    pub(super) fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// Syncs of files so far.
    pub(super) fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Writes and syncs after the planted fault struck.
    pub(super) fn touched_after_fault(&self) -> u64 {
        self.0.lock().touched_after_fault
    }

    /// Power is lost and comes back: of what was not synced, some sectors and some names survive. `None` keeps it
    /// all, as when a process is killed and its machine goes on.
    pub(super) fn crash(&self, seed: Option<u64>) {
        let mut state = self.0.lock();
        let state = &mut *state;
        state.operations_left = None;
        state.locked.clear();
        state.fault = Fault::None;
        let mut random = seed.map(Pcg64::seed_from_u64);
        let renamed = std::mem::take(&mut state.renamed);
        if let Some(random) = &mut random {
            let kept = random.next_u64() as usize % (renamed.len() + 1);
            state.names =
                kept.checked_sub(1).map_or(state.durable_names.clone(), |last| renamed[last].clone());
        }
        state.durable_names = state.names.clone();
        for file in &mut state.files {
            let pending = std::mem::take(&mut file.pending);
            if let Some(random) = &mut random {
                file.bytes = file.durable.clone();
                for (at, bytes) in pending {
                    write_some_sectors(&mut file.bytes, at, &bytes, random);
                }
            }
            file.durable = file.bytes.clone();
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let state = self.0.lock();
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        state.names.keys().filter(|path| path.file_name().is_some()).map(name).collect()
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock();
        let file = state.file(&Path::new(super::DIR).join(name)).unwrap();
        state.files[file].bytes.clone()
    }

    /// Replaces a file's content, behind the log's back.
    pub(super) fn write(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        let content = Content { durable: bytes.clone(), bytes, pending: Vec::new() };
        state.files.push(content);
        let file = state.files.len() - 1;
        state.names.insert(Path::new(super::DIR).join(name), file);
        state.durable_names = state.names.clone();
    }

    /// Changes a file's content in place: who has it open sees it.
    pub(super) fn damage(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        let file = state.file(&Path::new(super::DIR).join(name)).unwrap();
        state.files[file].bytes = bytes;
    }

    pub(super) fn delete(&self, name: &str) {
        let mut state = self.0.lock();
        state.names.remove(&Path::new(super::DIR).join(name)).unwrap();
        state.durable_names = state.names.clone();
    }

    /// A disk of its own with the same content.
    pub(super) fn copy(&self) -> Disk {
        let copy = Disk::default();
        let state = self.0.lock();
        for (path, file) in &state.names {
            copy.write(path.file_name().unwrap().to_str().unwrap(), state.files[*file].bytes.clone());
        }
        copy
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn write_some_sectors(file: &mut Vec<u8>, at: usize, bytes: &[u8], random: &mut Pcg64) {
    let mut from = 0;
    while from < bytes.len() {
        let to = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len());
        if random.next_u64() & 1 == 0 {
            put(file, at + from, &bytes[from..to]);
        } else if file.len() < at + to {
            file.resize(at + to, 0);
        }
        from = to;
    }
}

impl Files for Disk {
    fn free(&self, _: &Path) -> io::Result<u64> {
        let state = self.0.lock();
        Ok(state.room.map_or(u64::MAX, |room| room.saturating_sub(state.used())))
    }

    fn make_dir(&self, _: &Path) -> io::Result<()> {
        self.0.lock().operation()
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        self.0.lock().operation()?;
        Ok(self.names())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        state.operation()?;
        state.files.push(Content::default());
        let file = state.files.len() - 1;
        state.names.insert(path.to_owned(), file);
        state.changed_names();
        Ok(Arc::new(Handle { disk: self.clone(), file }))
    }

    fn open(&self, path: &Path, _: bool) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        state.operation()?;
        let file = state.file(path)?;
        Ok(Arc::new(Handle { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operation()?;
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        state.changed_names();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operation()?;
        state.file(path)?;
        state.names.remove(path);
        state.changed_names();
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.operation()?;
        state.durable_names = state.names.clone();
        state.renamed.clear();
        Ok(())
    }

    fn lock(&self, path: &Path, _: bool) -> io::Result<Option<Lock>> {
        let mut state = self.0.lock();
        state.operation()?;
        let free = state.locked.insert(path.to_owned());
        Ok(free.then(|| Box::new(Held(self.clone(), path.to_owned())) as Lock))
    }
}

struct Held(Disk, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().locked.remove(&self.1);
    }
}

struct Handle {
    disk: Disk,
    file: usize,
}

impl State {
    /// Counts what is done after the fault, and says whether the fault strikes now.
    fn strikes(&mut self, fault: &[Fault]) -> Option<Fault> {
        let strikes = fault.contains(&self.fault);
        self.touched_after_fault += u64::from(self.faulted);
        self.faulted |= strikes;
        strikes.then(|| std::mem::take(&mut self.fault))
    }
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        state.operation()?;
        let bytes = &state.files[self.file].bytes;
        let from = bytes.len().min(position as usize);
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        state.operation()?;
        let written = match state.strikes(&[Fault::Write, Fault::ShortWrite]) {
            Some(Fault::Write) => return Err(io::Error::other("a planted fault")),
            Some(_) => bytes.len() / 2,
            None => bytes.len(),
        };
        let at = position as usize;
        let grows = (at + written).saturating_sub(state.files[self.file].bytes.len()) as u64;
        if grows > 0 && state.room.is_some_and(|room| state.used() + grows > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = &mut state.files[self.file];
        put(&mut file.bytes, at, &bytes[..written]);
        file.pending.push((at, bytes[..written].to_vec()));
        Ok(written)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.operation()?;
        if state.strikes(&[Fault::Sync]).is_some() {
            return Err(io::Error::other("a planted fault"));
        }
        state.syncs += 1;
        let file = &mut state.files[self.file];
        let pending = std::mem::take(&mut file.pending);
        for (at, bytes) in pending {
            put(&mut file.durable, at, &bytes);
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let mut state = self.disk.0.lock();
        state.operation()?;
        Ok(state.files[self.file].bytes.len() as u64)
    }
}
