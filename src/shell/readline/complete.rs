//! Tab: what a word can become.

use super::Editor;
use crate::shell::interp::{Exec, Interp};
use crate::shell::{program, text};
use crate::world::FileKind;

impl Editor {
    /// Tab: what the word can become; a second Tab lists it.
    pub(super) async fn complete(&mut self, shell: &Interp) -> Exec<()> {
        let from = self.blank_word_start();
        let word: String = self.line.get(from..self.at).unwrap_or_default().iter().collect();
        let before: String = self.line.get(..from).unwrap_or_default().iter().collect();
        let first = before.trim().is_empty() || before.trim_end().ends_with(['|', ';', '&', '(']);
        let candidates: Vec<(String, bool)> = if first && !word.contains('/') {
            commands(shell, &word).into_iter().map(|name| (name, false)).collect()
        } else {
            files(shell, &word)
        };
        let Some((shortest, _)) = candidates.first() else {
            self.show(shell, "\x07").await?;
            return Ok(());
        };
        let stem = word.rsplit('/').next().unwrap_or_default().chars().count();
        let mut common: Vec<char> = shortest.chars().collect();
        for (other, _) in &candidates {
            let same = common.iter().zip(other.chars()).take_while(|(a, b)| **a == *b).count();
            common.truncate(same);
        }
        let mut addition: Vec<char> = common.get(stem..).unwrap_or_default().to_vec();
        if let [(_, folder)] = candidates.as_slice() {
            addition.push(if *folder { '/' } else { ' ' });
        }
        if !addition.is_empty() {
            if candidates.len() > 1 {
                self.show(shell, "\x07").await?;
            }
            self.insert(&addition);
            return Ok(());
        }
        if !self.last_tab {
            self.show(shell, "\x07").await?;
            return Ok(());
        }
        self.list(shell, &candidates).await
    }

    /// What the word can become, in columns; asks first when it is much.
    async fn list(&mut self, shell: &Interp, candidates: &[(String, bool)]) -> Exec<()> {
        if candidates.len() > ASK {
            let question = format!("\nDisplay all {} possibilities? (y or n)", candidates.len());
            self.show(shell, &question).await?;
            loop {
                match self.byte(shell).await? {
                    Some(b'y' | b'Y' | b' ') => break,
                    Some(b'n' | b'N' | 127 | 3) | None => {
                        let again = self.display.again("\n", &self.line, self.at);
                        self.show(shell, &again).await?;
                        return Ok(());
                    }
                    Some(_) => self.show(shell, "\x07").await?,
                }
            }
        }
        let width = candidates.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        let columns = shell.kernel().tty(|tty| tty.columns).filter(|&columns| columns > 1).unwrap_or(80);
        let mut per_row = (columns / width).max(1);
        if per_row > 1 && per_row * width == columns {
            per_row -= 1;
        }
        let rows = candidates.len().div_ceil(per_row);
        let mut out = String::from("\n");
        for row in 0..rows.min(ROWS) {
            for column in 0..per_row {
                let Some((name, folder)) = candidates.get(column * rows + row) else { break };
                let shown = if *folder { format!("{name}/") } else { name.clone() };
                out.push_str(&if column + 1 < per_row { format!("{shown:<width$}") } else { shown });
            }
            out.push('\n');
        }
        let again = self.display.again(&out, &self.line, self.at);
        self.show(shell, &again).await?;
        Ok(())
    }
}

/// Candidates above which readline asks whether to list them (`completion-query-items`).
const ASK: usize = 100;
/// Rows of a list that are shown.
const ROWS: usize = 2_000;

/// Commands that begin like `word`: builtins, functions, aliases, programs along `PATH`.
pub(in crate::shell) fn commands(shell: &Interp, word: &str) -> Vec<String> {
    let mut found: Vec<String> = shell.functions.keys().chain(shell.aliases.keys()).cloned().collect();
    found.extend(crate::shell::builtins::all_names().map(str::to_string));
    let path = shell.vars.scalar("PATH").unwrap_or_default().to_string();
    for folder in path.split(':') {
        let Ok(entries) = shell.kernel().host.list(shell.who(), folder.as_bytes()) else { continue };
        found.extend(entries.into_iter().map(|(name, _)| text::decode(&name)).filter(|name| name.starts_with(word)));
    }
    found.retain(|name| name.starts_with(word));
    found.sort_unstable();
    found.dedup();
    found
}

/// Files that begin like `word`, by their last part, and whether they are folders.
pub(in crate::shell) fn files(shell: &Interp, word: &str) -> Vec<(String, bool)> {
    let (folder, stem) = match word.rsplit_once('/') {
        Some((folder, stem)) => (format!("{folder}/"), stem),
        None => (".".to_string(), word),
    };
    let home = shell.vars.scalar("HOME").unwrap_or_default();
    let folder = match folder.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None => folder,
    };
    let place = program::join(&shell.cwd, &folder);
    let Ok(entries) = shell.kernel().host.list(shell.who(), &place) else { return Vec::new() };
    entries
        .into_iter()
        .map(|(name, stat)| (text::decode(&name), stat.kind == FileKind::Folder))
        .filter(|(name, _)| name.starts_with(stem) && (stem.starts_with('.') || !name.starts_with('.')))
        .collect()
}
