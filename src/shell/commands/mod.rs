//! The programs of the host: one file each, one line in a table.

mod accounts;
mod awk;
mod bc;
pub(super) mod busybox;
mod bzip2;
mod cat;
mod change;
mod copy;
mod cut;
mod date;
mod date_text;
mod dd;
mod diff;
mod digest;
mod dircolors;
mod dump;
mod file;
mod find;
pub(super) mod foreign;
mod glob;
mod grep;
mod gzip;
mod head;
pub(super) mod help;
mod lines;
mod ls;
mod mode;
mod names;
mod numbers;
mod numfmt;
mod options;
mod packed;
mod print;
mod regexp;
mod remove;
mod sed;
mod sort;
mod stat;
mod system;
mod tar;
mod times;
mod tools;
mod touch;
mod uniq;
mod version;
mod wc;
mod which;
mod xargs;
mod xz;
mod zip;

use super::cmd::Run;

/// Programs that are acted here; those of the image that are not in them go to the model.
static TABLES: &[&[(&str, Run)]] = &[tools::TOOLS, system::TABLE];

/// The program by that file name.
pub(super) fn program(name: &str) -> Option<Run> {
    TABLES.iter().flat_map(|table| table.iter()).find(|(known, _)| *known == name).map(|(_, run)| *run)
}
