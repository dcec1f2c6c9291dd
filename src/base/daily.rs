//! A file per day with an upper bound on age and on total size; used by the diagnostic log and by the event log.
//!
//! `tracing-appender` rotates by day as well, but it bounds neither size nor age and keeps failed writes to itself;
//! both logs need all three.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::clock;

/// How long and how much to keep.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Files of days older than this many days go; 0 keeps them whatever their age.
    pub days: u32,
    /// The oldest files go until all files together are at most this many bytes; 0 is no bound.
    pub total_bytes: u64,
    /// A file that reaches this many bytes is closed and the day goes on in `name.1`, `name.2`, …; 0 is no bound.
    pub file_bytes: u64,
}

/// Appends to `DIR/PREFIX<YYYY-MM-DD>SUFFIX`, in UTC.
#[derive(Debug)]
pub struct DailyFile {
    dir: PathBuf,
    prefix: String,
    suffix: String,
    keep: Keep,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    day: String,
    part: u32,
    file: File,
    bytes: u64,
}

impl DailyFile {
    /// Opens today's file, so that a folder that can't be written is found at the start.
    ///
    /// # Errors
    /// The folder or file can't be made or written.
    pub fn open(dir: &Path, prefix: &str, suffix: &str, keep: Keep) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut daily = Self { dir: dir.into(), prefix: prefix.into(), suffix: suffix.into(), keep, open: None };
        daily.roll(0)?;
        Ok(daily)
    }

    /// Appends one piece (whole lines) to the file of today, in one write.
    ///
    /// # Errors
    /// What the operating system says. The piece may be written in part; the caller keeps it and tries again later.
    /// A line that was cut by such a failure is ended first, so that the next one stands alone.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.roll(piece.len() as u64)?;
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        let before = open.bytes;
        match open.file.write_all(piece) {
            Ok(()) => {
                open.bytes = before + piece.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Take back what was written in part: the piece will come again as a whole.
                let _ = open.file.set_len(before);
                Err(error)
            }
        }
    }

    /// Hands everything to the disk.
    ///
    /// # Errors
    /// What `fsync` says.
    pub fn sync(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |open| open.file.sync_data())
    }

    /// Makes sure that today's file is open and has room for `more` bytes; cleans up when a new one begins.
    fn roll(&mut self, more: u64) -> io::Result<()> {
        let today = clock::day(clock::now());
        let mut part = 0;
        if let Some(open) = &self.open
            && open.day == today
        {
            let full = self.keep.file_bytes > 0 && open.bytes > 0 && open.bytes + more > self.keep.file_bytes;
            if !full {
                return Ok(());
            }
            part = open.part + 1;
        }
        loop {
            let path = self.path(&today, part);
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            let bytes = file.metadata()?.len();
            if self.keep.file_bytes > 0 && bytes > 0 && bytes + more > self.keep.file_bytes {
                part += 1;
                continue;
            }
            self.open = Some(Open { day: today, part, file, bytes });
            break;
        }
        self.clean();
        Ok(())
    }

    fn path(&self, day: &str, part: u32) -> PathBuf {
        let Self { prefix, suffix, .. } = self;
        let name = if part == 0 { format!("{prefix}{day}{suffix}") } else { format!("{prefix}{day}{suffix}.{part}") };
        self.dir.join(name)
    }

    /// Removes what is too old or too much, oldest first, never the file that is open.
    /// Failures are left for the next time: cleaning must not stop the writing.
    fn clean(&self) {
        let Some(open) = &self.open else { return };
        let current = self.path(&open.day, open.part);
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut files: Vec<(String, u32, PathBuf, u64)> = entries
            .flatten()
            .filter_map(|entry| {
                let (day, part) = self.parse(entry.file_name().to_str()?)?;
                let size = entry.metadata().ok()?.len();
                Some((day, part, entry.path(), size))
            })
            .collect();
        files.sort();
        let oldest_kept = oldest_day(self.keep.days);
        let mut total: u64 = files.iter().map(|file| file.3).sum();
        for (day, _, path, size) in files {
            let too_old = oldest_kept.as_ref().is_some_and(|oldest| day < *oldest);
            let too_much = self.keep.total_bytes > 0 && total > self.keep.total_bytes;
            if path != current && (too_old || too_much) && fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }

    /// Day and part of a file name of ours; `None` for anything else that lies in the folder.
    fn parse(&self, name: &str) -> Option<(String, u32)> {
        let rest = name.strip_prefix(&self.prefix)?;
        let (day, rest) = rest.split_at_checked(10)?;
        let shaped =
            day.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        let rest = rest.strip_prefix(&self.suffix)?;
        let part = if rest.is_empty() { 0 } else { rest.strip_prefix('.')?.parse().ok()? };
        shaped.then(|| (day.into(), part))
    }
}

fn oldest_day(days: u32) -> Option<String> {
    let span = i64::from(days).checked_mul(86_400).filter(|_| days > 0)?;
    let at = clock::Timestamp::from_second(clock::unix_seconds().checked_sub(span)?).ok()?;
    Some(clock::day(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Keep = Keep { days: 3, total_bytes: 0, file_bytes: 0 };

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn old_days_go_and_foreign_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x.2001-01-01", "x.2001-01-02.3", "x.notes", "other.2001-01-01"] {
            fs::write(dir.path().join(name), "old").unwrap();
        }
        let mut daily = DailyFile::open(dir.path(), "x.", "", KEEP).unwrap();
        daily.append(b"line\n").unwrap();
        let today = format!("x.{}", clock::day(clock::now()));
        assert_eq!(names(dir.path()), ["other.2001-01-01".into(), today, "x.notes".to_string()]);
    }

    #[test]
    fn a_full_file_goes_on_in_parts_and_the_total_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let keep = Keep { days: 0, total_bytes: 30, file_bytes: 10 };
        let mut daily = DailyFile::open(dir.path(), "e-", ".jsonl", keep).unwrap();
        for i in 0..9 {
            daily.append(format!("line {i}\n").as_bytes()).unwrap();
        }
        let left: u64 = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(left <= 30 + 10, "{left}");
        let newest = names(dir.path()).last().cloned().unwrap();
        assert!(newest.ends_with(".jsonl.8"), "{newest}");
    }

    #[test]
    fn a_restart_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            DailyFile::open(dir.path(), "x.", "", KEEP).unwrap().append(b"line\n").unwrap();
        }
        assert_eq!(names(dir.path()).len(), 1);
    }
}
