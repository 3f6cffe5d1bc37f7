//! What `verify` folds beside the data: a generation of rows as they should be, and what it has to remember of every
//! command, grant and line. In a directory all of it lies in files, so that memory does not grow with the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use mirabelle_log::LogId;
use mirabelle_store::{Ids, MemoryIds, MemoryStore, Rows, Store, StoreError};
use mirabelle_store_embedded::{EmbeddedIds, EmbeddedStore, Options};

use crate::engine::Places;

/// The folder's name, wherever it is put.
const FOLDER: &str = "verify-scratch";
const ROWS: &str = "rows.redb";
const IDS: &str = "ids.redb";
/// Room that has to be left besides what the copies may take.
const SPARE_BYTES: u64 = 32 << 20;

/// Files of one verification; they go with it.
pub(crate) struct Scratch {
    /// The rows as the facts say them.
    pub(crate) rows: Arc<dyn Rows>,
    /// Grants, redemptions and lines seen so far; see [`super::marks`].
    pub(crate) marks: Arc<dyn Rows>,
    /// Where each command was decided: `Decided::seq` is the offset in `facts`, as in the decider's own index.
    pub(crate) ids: Arc<dyn Ids>,
    /// Dropped last: the engines above have let go of the files by then.
    _folder: Option<Folder>,
}

impl Scratch {
    /// In memory: for logs that are small.
    pub(crate) fn in_memory() -> Scratch {
        let store = MemoryStore::new(LogId([0; 16]));
        let make = |name| generation(&store, name).expect("a generation in memory");
        Scratch { rows: make("rows"), marks: make("marks"), ids: Arc::new(MemoryIds::new()), _folder: None }
    }

    /// In files in a folder of `place`, which is removed afterwards; one that an interrupted verification left there is
    /// replaced.
    ///
    /// # Errors
    /// When there is not enough room for it, or it can't be made.
    pub(crate) fn beside(places: &Places, place: &Path, log_id: LogId) -> anyhow::Result<Scratch> {
        check_room(places, place)?;
        let folder = Folder::make(place)?;
        // Nothing here has to outlive the process: few syncs.
        let options = Options {
            sync_after: std::time::Duration::from_secs(3_600),
            sync_decisions: 200_000,
            ..Options::default()
        };
        let act = || format!("could not make scratch files in {}", folder.0.display());
        let store = EmbeddedStore::open(&folder.0.join(ROWS), log_id, options).with_context(act)?;
        let rows = generation(&store, "rows").with_context(act)?;
        let marks = generation(&store, "marks").with_context(act)?;
        let ids = EmbeddedIds::open(&folder.0.join(IDS), log_id, options).with_context(act)?;
        Ok(Scratch { rows, marks, ids: Arc::new(ids), _folder: Some(folder) })
    }
}

fn generation(store: &dyn Store, name: &str) -> Result<Arc<dyn Rows>, StoreError> {
    store.create(&name.parse().expect("a generation's name"))
}

/// The copies take about what the originals take, and half as much again while runs are merged.
fn check_room(places: &Places, place: &Path) -> anyhow::Result<()> {
    // Where the index of ids is gone, the log says how many there may be.
    let ids = match places.ids().exists() {
        true => length(&places.ids()),
        false => length_of_files(&places.log()) / 4,
    };
    let needed = (length(&places.rows()) + ids) / 2 * 3 + SPARE_BYTES;
    let disk = rustix::fs::statvfs(place)
        .with_context(|| format!("could not ask how much room there is in {}", place.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed {
        bail!(
            "verifying needs about {} MiB for scratch files in {}, and {} MiB are free there: make room, or name a place \
             on another disk with --scratch",
            needed.div_ceil(1 << 20),
            place.display(),
            free >> 20
        );
    }
    Ok(())
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |found| found.len())
}

fn length_of_files(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| length(&file.path())).sum()
}

struct Folder(PathBuf);

impl Folder {
    fn make(place: &Path) -> anyhow::Result<Folder> {
        let folder = Folder(place.join(FOLDER));
        folder.clear();
        std::fs::create_dir(&folder.0)
            .with_context(|| format!("could not make the scratch folder {}", folder.0.display()))?;
        Ok(folder)
    }

    /// Only what is ours: whatever else somebody put there stays, and the folder with it.
    fn clear(&self) {
        for name in [ROWS, IDS] {
            drop(std::fs::remove_file(self.0.join(name)));
        }
        drop(std::fs::remove_dir(&self.0));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path) -> Places {
        Places { root: root.to_owned() }
    }

    #[test]
    fn scratch_files_lie_beside_the_data_while_it_is_verified_and_no_longer() {
        let data = tempfile::tempdir().unwrap();
        let left = data.path().join(FOLDER);
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join(ROWS), "of a verification that was killed").unwrap();
        let scratch = Scratch::beside(&places(data.path()), data.path(), LogId([4; 16])).unwrap();
        assert!(left.join(ROWS).metadata().unwrap().len() > 100 && left.join(IDS).exists());
        drop(scratch);
        assert!(!left.exists());
    }

    #[test]
    fn a_folder_with_something_of_somebody_elses_is_not_emptied() {
        let data = tempfile::tempdir().unwrap();
        let left = data.path().join(FOLDER);
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("notes"), "mine").unwrap();
        let error = Scratch::beside(&places(data.path()), data.path(), LogId([4; 16])).err().unwrap();
        assert!(error.to_string().contains(FOLDER), "{error:#}");
        assert_eq!(std::fs::read_to_string(left.join("notes")).unwrap(), "mine");
    }

    #[test]
    fn without_room_for_scratch_files_it_says_how_much_is_needed_where() {
        let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rows = std::fs::File::create(places(data.path()).rows()).unwrap();
        // A file with nothing in it, but with a length that no disk of a test has room for twice.
        rows.set_len(1 << 42).unwrap();
        let refused = Scratch::beside(&places(data.path()), elsewhere.path(), LogId([4; 16])).err().unwrap();
        let said = refused.to_string();
        let place = elsewhere.path().display().to_string();
        assert!(
            said.contains("about 6291488 MiB") && said.contains(&place) && said.contains("--scratch"),
            "{said}"
        );
        assert!(!elsewhere.path().join(FOLDER).exists());
    }
}
