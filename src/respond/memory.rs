//! What a model said and what it cost, in one file of the state folder: answers that are given again, files that it
//! invented, sums of spending. Bounded; whatever cannot be written down is still known until the end of the run.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Name of the file in the state folder.
pub const FILE: &str = "model.redb";

/// Answers by the digest of their question; behind them, in the order in which they came, the digests.
const ANSWERS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("answers");
const ORDER: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("order");
/// Files by path.
const FILES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("files");
/// Spending by name of its window.
const SPENT: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("spent");

/// Answers that are kept; the oldest go first. At 8 KiB each that is 160 MiB on disk at most.
const MOST_ANSWERS: u64 = 20_000;
/// Answers that are held in memory too.
const HELD: usize = 2_000;

/// Which question: a digest of all that its answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The question of these parts, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        let mut key = [0; 16];
        key.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
        Self(key)
    }
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What is said; `None` when no model had an answer that could be given.
    pub text: Option<String>,
    /// What was asked, cut to a few hundred bytes: for whoever looks into the file.
    pub question: String,
    /// When, seconds since 1970.
    pub at: i64,
}

/// What a window has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Calls.
    pub calls: u64,
    /// Tokens.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

/// Why the file can't be used.
#[derive(Debug)]
pub struct MemoryError(String);

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MemoryError {}

/// The file and what of it is held in memory. Cheap to clone.
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    database: Database,
    held: Mutex<HashMap<Key, Kept>>,
}

impl Memory {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It is none, another process has it open, or the folder can't be written.
    pub fn open(path: &Path) -> Result<Self, MemoryError> {
        let wrong = |error: &dyn fmt::Display| {
            MemoryError(format!("{}: {error}; end the other process, or remove the file", path.display()))
        };
        let database = Database::create(path).map_err(|error| wrong(&error))?;
        Self::prepared(database).map_err(|error| wrong(&error))
    }

    /// One that is forgotten.
    ///
    /// # Errors
    /// Never in practice: the library's own.
    pub fn volatile() -> Result<Self, MemoryError> {
        let backend = redb::backends::InMemoryBackend::new();
        let wrong = |error: &dyn fmt::Display| MemoryError(error.to_string());
        let database = Database::builder().create_with_backend(backend).map_err(|error| wrong(&error))?;
        Self::prepared(database).map_err(|error| wrong(&error))
    }

    fn prepared(database: Database) -> Result<Self, redb::Error> {
        let begun = database.begin_write()?;
        begun.open_table(ANSWERS)?;
        begun.open_table(ORDER)?;
        begun.open_table(FILES)?;
        begun.open_table(SPENT)?;
        begun.commit()?;
        Ok(Self(Arc::new(Inner { database, held: Mutex::default() })))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was answered before.
    pub fn answer(&self, key: Key) -> Option<Kept> {
        if let Some(kept) = self.held().get(&key) {
            return Some(kept.clone());
        }
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.0.database.begin_read()?.open_table(ANSWERS)?;
            Ok(table.get(key.0.as_slice())?.map(|value| value.value().to_vec()))
        };
        let kept: Kept = serde_json::from_slice(&said(read())??).ok()?;
        self.hold(key, kept.clone());
        Some(kept)
    }

    fn hold(&self, key: Key, kept: Kept) {
        let mut held = self.held();
        if held.len() >= HELD {
            held.clear();
        }
        held.insert(key, kept);
    }

    /// Keeps an answer. Blocks for the disk.
    pub fn keep(&self, key: Key, kept: Kept) {
        let value = serde_json::to_vec(&kept).unwrap_or_default();
        self.hold(key, kept);
        let write = || -> Result<(), redb::Error> {
            let begun = self.0.database.begin_write()?;
            {
                let mut answers = begun.open_table(ANSWERS)?;
                let mut order = begun.open_table(ORDER)?;
                let next = order.last()?.map_or(0, |(number, _)| number.value() + 1);
                if answers.insert(key.0.as_slice(), value.as_slice())?.is_none() {
                    order.insert(next, key.0.as_slice())?;
                }
                while order.len()? > MOST_ANSWERS {
                    let Some((_, oldest)) = order.pop_first()? else { break };
                    answers.remove(oldest.value())?;
                }
            }
            begun.commit()?;
            Ok(())
        };
        said(write());
    }

    /// All files that were invented: path and content.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let read = || -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
            let table = self.0.database.begin_read()?.open_table(FILES)?;
            let mut files = Vec::new();
            for entry in table.iter()? {
                let (path, bytes) = entry?;
                files.push((path.value().to_string(), bytes.value().to_vec()));
            }
            Ok(files)
        };
        said(read()).unwrap_or_default()
    }

    /// Keeps a file. Blocks for the disk.
    pub fn keep_file(&self, path: &str, bytes: &[u8]) {
        let write = || -> Result<(), redb::Error> {
            let begun = self.0.database.begin_write()?;
            begun.open_table(FILES)?.insert(path, bytes)?;
            begun.commit()?;
            Ok(())
        };
        said(write());
    }

    /// The windows whose names begin so.
    pub fn spent(&self, begins: &str) -> Vec<(String, Spent)> {
        let read = || -> Result<Vec<(String, Spent)>, redb::Error> {
            let table = self.0.database.begin_read()?.open_table(SPENT)?;
            let mut windows = Vec::new();
            for entry in table.range(begins..)? {
                let (name, value) = entry?;
                let Some(name) = Some(name.value()).filter(|name| name.starts_with(begins)) else { break };
                let (calls, tokens, micro_usd) = value.value();
                windows.push((name.to_string(), Spent { calls, tokens, micro_usd }));
            }
            Ok(windows)
        };
        said(read()).unwrap_or_default()
    }

    /// Writes windows down, and forgets those that `old` names. Blocks for the disk.
    pub fn keep_spent(&self, windows: &[(String, Spent)], old: impl Fn(&str) -> bool) {
        let write = || -> Result<(), redb::Error> {
            let begun = self.0.database.begin_write()?;
            {
                let mut table = begun.open_table(SPENT)?;
                for (name, spent) in windows {
                    table.insert(name.as_str(), (spent.calls, spent.tokens, spent.micro_usd))?;
                }
                table.retain(|name, _| !old(name))?;
            }
            begun.commit()?;
            Ok(())
        };
        said(write());
    }
}

/// What a step gave; its error is the operator's to read.
fn said<T>(result: Result<T, redb::Error>) -> Option<T> {
    result.map_err(|error| tracing::debug!(%error, "what the model said can't be kept")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Kept {
        Kept { text: Some(text.into()), question: "q".into(), at: 1 }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        let key = Key::of(&["telnet", "", "lsblk"]);
        let memory = Memory::open(&path).unwrap();
        memory.keep(key, kept("sda"));
        memory.keep_file("/srv/a", b"bytes");
        let day = Spent { calls: 2, tokens: 300, micro_usd: 45 };
        memory
            .keep_spent(&[("day 2026-11-23".into(), day), ("day 2026-11-22".into(), day)], |name| name.ends_with("22"));
        assert!(Memory::open(&path).is_err(), "two processes");
        drop(memory);
        let memory = Memory::open(&path).unwrap();
        assert_eq!(memory.answer(key), Some(kept("sda")));
        assert_eq!(memory.answer(Key::of(&["telnet", "", "lsblk "])), None);
        assert_eq!(memory.files(), [("/srv/a".to_string(), b"bytes".to_vec())]);
        assert_eq!(memory.spent("day"), [("day 2026-11-23".to_string(), day)]);
        assert!(memory.spent("hour").is_empty());
    }

    #[test]
    fn parts_of_a_question_are_not_mixed_up() {
        assert_ne!(Key::of(&["a", "bc"]), Key::of(&["ab", "c"]));
    }
}
