//! Where an attacker's changes are kept: `overlays/WHO/journal` in the state folder. Each call's entries are appended
//! directly, under the lock of the layer: that keeps their order without a queue, and costs one write to the page cache,
//! which a killed process does not lose. Nothing waits for the disk itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::Base;
use super::fs::Layer;
use super::record::{self, Log, Rest};

/// `[overlay]` of `Config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// Who has a host of their own: each `address`, or each `address+account`.
    pub per: Per,
    /// Days without a visit after which an attacker's changes are forgotten; 0: never.
    pub days: u32,
    /// MiB on disk for one attacker; the memory is bounded by `[limits] overlay_bytes`.
    pub megabytes: u64,
    /// MiB on disk for all of them; the one who has been away longest is forgotten first.
    pub total_megabytes: u64,
    /// Files that one attacker may make or change.
    pub files: u64,
}

/// Who has a host of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Per {
    /// Each source address.
    #[serde(rename = "address")]
    Address,
    /// Each account of a source address.
    #[serde(rename = "address+account")]
    Account,
    /// Each connection: nothing is remembered. For comparisons with a recorded host.
    #[serde(rename = "visit")]
    Visit,
}

impl Default for Overlay {
    fn default() -> Self {
        Self { per: Per::Address, days: 60, megabytes: 64, total_megabytes: 1024, files: 40_000 }
    }
}

/// The journal of one attacker.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Option<File>,
    len: u64,
    most: u64,
}

/// A journal is rewritten when it is so much longer than what it says.
const SLACK: u64 = 1 << 20;

impl Journal {
    /// The journal in a folder, which is made when there is something to write.
    pub fn new(folder: PathBuf, most: u64) -> Self {
        Self { path: folder.join("journal"), file: None, len: 0, most }
    }

    /// Reads what is there into a layer; what was cut off at the end is removed.
    pub fn load(&mut self, layer: &mut Layer, base: &Base) -> Rest {
        let mut rest = Rest::default();
        let Ok(bytes) = fs::read(&self.path) else { return rest };
        let (frames, whole) = record::frames(&bytes);
        for frame in frames {
            record::replay(frame, layer, base, &mut rest);
        }
        if rest.image != base.image.checksum() {
            // It was written over another image: its numbers mean other files here.
            *layer = Layer::new(super::fs::FIRST_OF_ATTACKER);
            let _ = fs::remove_file(&self.path);
            return Rest::default();
        }
        layer.drop_unnamed();
        self.len = whole as u64;
        if whole < bytes.len() {
            let cut = OpenOptions::new().write(true).open(&self.path).and_then(|file| file.set_len(self.len));
            if cut.is_err() {
                self.most = 0;
            }
        }
        rest
    }

    /// Writes entries down. `snapshot` gives all of them anew when the journal has grown too long.
    pub fn append(&mut self, entries: &[u8], held: u64, snapshot: impl FnOnce() -> Vec<u8>, image: u64) {
        if entries.is_empty() {
            return;
        }
        let done = if self.len + entries.len() as u64 > held.saturating_mul(3).saturating_add(SLACK) {
            self.rewrite(&snapshot())
        } else {
            self.extend(entries, image)
        };
        if let Err(error) = done {
            tracing::debug!("an overlay can't be kept: {error}");
            // What comes later must not stand without what is missing now.
            self.most = 0;
        }
    }

    fn extend(&mut self, entries: &[u8], image: u64) -> std::io::Result<()> {
        if self.most == 0 {
            return Ok(());
        }
        let mut out = Vec::new();
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
            self.file = Some(file);
        }
        if self.len == 0 {
            let mut log = Log::new();
            log.image(image);
            out = record::frame(&log.take());
        }
        out.extend(record::frame(entries));
        if self.len + out.len() as u64 > self.most {
            return Err(std::io::Error::other("the journal is full"));
        }
        if let Some(file) = &mut self.file {
            file.write_all(&out)?;
        }
        self.len += out.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self, entries: &[u8]) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("new");
        let out = record::frame(entries);
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&out)?;
        fs::rename(&new, &self.path)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        self.len = out.len() as u64;
        Ok(())
    }
}

/// Name of the folder of an attacker: the address, and the account when it has a host of its own.
pub(super) fn folder_name(source: std::net::IpAddr, account: Option<&str>) -> String {
    let mut name = source.to_canonical().to_string();
    if let Some(account) = account {
        name.push('+');
        for byte in account.bytes().take(64) {
            if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
                name.push(char::from(byte));
            } else {
                name.push_str(&format!("%{byte:02x}"));
            }
        }
    }
    name
}

/// Removes what is too old or too much, oldest first, by `remove`, which is given the name and the folder and says whether
/// it did: not that of somebody who is on the host right now.
pub(super) fn sweep(folder: &Path, config: &Overlay, remove: impl Fn(&str, &Path) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let now = crate::base::clock::unix_seconds();
    let mut found: Vec<(i64, u64, PathBuf, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let meta = fs::metadata(entry.path().join("journal")).ok()?;
            let changed = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let changed = i64::try_from(changed.as_secs()).unwrap_or(i64::MAX);
            Some((changed, meta.len(), entry.path(), entry.file_name().to_string_lossy().into_owned()))
        })
        .collect();
    found.sort();
    let mut total: u64 = found.iter().map(|(_, len, ..)| len).sum();
    let oldest = now - i64::from(config.days) * 86_400;
    for (changed, len, path, name) in found {
        let too_old = config.days > 0 && changed < oldest;
        if (too_old || total > config.total_megabytes << 20) && remove(&name, &path) {
            total = total.saturating_sub(len);
        }
    }
}
