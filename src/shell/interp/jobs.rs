//! Jobs: what runs in the background or was stopped.

use std::sync::Arc;

use super::{Exec, Interp};
use crate::shell::kernel::Status;
use crate::shell::signals;

/// Jobs that a shell remembers.
const MOST: usize = 256;

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shell) enum State {
    Running,
    Stopped,
    Done(Status),
}

/// A job.
#[derive(Clone, Debug)]
pub(in crate::shell) struct Job {
    pub number: u32,
    /// Process group, which is the pid of its first process.
    pub pid: u32,
    pub pids: Vec<u32>,
    pub text: String,
    pub state: State,
    /// It was stopped when `kill %N` reached it: bash tells that once more before it looks.
    pub told_again: bool,
}

#[derive(Clone, Default)]
pub(in crate::shell) struct Jobs {
    all: Vec<Job>,
    /// Statuses of children that were not waited for, for `wait PID`.
    ended: Vec<(u32, Status)>,
}

impl Jobs {
    /// Adds a job that runs; gives its number.
    pub fn add(&mut self, pid: u32, text: String) -> u32 {
        self.push(pid, vec![pid], text, State::Running)
    }

    pub fn tell_again(&mut self, number: u32) {
        if let Some(job) = self.all.iter_mut().find(|job| job.number == number) {
            job.told_again = true;
        }
    }

    pub fn add_stopped(&mut self, pid: u32, pids: Vec<u32>, text: String) -> u32 {
        self.push(pid, pids, text, State::Stopped)
    }

    fn push(&mut self, pid: u32, pids: Vec<u32>, text: String, state: State) -> u32 {
        let number = self.all.last().map_or(1, |job| job.number + 1);
        if self.all.len() >= MOST {
            self.all.remove(0);
        }
        self.all.push(Job { number, pid, pids, text, state, told_again: false });
        number
    }

    pub fn all(&self) -> &[Job] {
        &self.all
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `%1`, `%+`, `%-`, `%%`, `%sleep`, `%?x`
    pub fn find(&self, name: &str) -> Option<&Job> {
        let name = name.strip_prefix('%')?;
        match name {
            "" | "+" | "%" => self.current(),
            "-" => self.previous(),
            name => match name.parse::<u32>() {
                Ok(number) => self.all.iter().find(|job| job.number == number),
                Err(_) => match name.strip_prefix('?') {
                    Some(part) => self.all.iter().rev().find(|job| job.text.contains(part)),
                    None => self.all.iter().rev().find(|job| job.text.starts_with(name)),
                },
            },
        }
    }

    pub fn current(&self) -> Option<&Job> {
        self.all.iter().rev().find(|job| job.state == State::Stopped).or_else(|| self.all.last())
    }

    fn previous(&self) -> Option<&Job> {
        let current = self.current()?.number;
        self.all.iter().rev().find(|job| job.number != current).or_else(|| self.current())
    }

    pub fn set(&mut self, number: u32, state: State) {
        if let Some(job) = self.all.iter_mut().find(|job| job.number == number) {
            job.state = state;
        }
    }

    pub fn remove(&mut self, number: u32) {
        if let Some(at) = self.all.iter().position(|job| job.number == number) {
            let gone = self.all.remove(at);
            if let State::Done(status) = gone.state {
                self.remember(gone.pid, status);
            }
        }
    }

    fn remember(&mut self, pid: u32, status: Status) {
        if self.ended.len() >= MOST {
            self.ended.remove(0);
        }
        self.ended.push((pid, status));
    }

    /// How a child ended that is no job any more.
    pub fn ended(&self, pid: u32) -> Option<Status> {
        self.ended.iter().rev().find(|(known, _)| *known == pid).map(|(_, status)| *status)
    }

    /// A job as `jobs` shows it.
    pub fn line(&self, job: &Job, with_pid: bool) -> String {
        let mark = match (self.current(), self.previous()) {
            (Some(current), _) if current.number == job.number => '+',
            (_, Some(previous)) if previous.number == job.number => '-',
            _ => ' ',
        };
        let state = match job.state {
            State::Running => "Running".to_string(),
            State::Stopped => "Stopped".to_string(),
            State::Done(0) => "Done".to_string(),
            State::Done(status) if status > 128 => {
                signals::report(status - 128).map_or_else(|| format!("Exit {status}"), str::to_string)
            }
            State::Done(status) => format!("Exit {status}"),
        };
        let pid = if with_pid { format!("{} ", job.pid) } else { String::new() };
        let and = if job.state == State::Running { " &" } else { "" };
        format!("[{}]{mark}  {pid}{state:<24}{}{and}\n", job.number, job.text)
    }
}

impl Interp {
    /// Looks which jobs have ended or been stopped.
    pub(in crate::shell) fn look_after_jobs(&mut self) {
        let kernel = Arc::clone(self.kernel());
        let changes: Vec<(u32, State)> = self
            .jobs
            .all
            .iter()
            .filter_map(|job| {
                if matches!(job.state, State::Done(_)) {
                    return None;
                }
                if let Some(status) = kernel.reap(job.pid) {
                    return Some((job.number, State::Done(status)));
                }
                let stopped = kernel.is_stopped(job.pid);
                let now = if stopped { State::Stopped } else { State::Running };
                (now != job.state).then_some((job.number, now))
            })
            .collect();
        for (number, state) in changes {
            self.jobs.set(number, state);
        }
    }

    /// Before a prompt: says which jobs have ended, and forgets them.
    pub(super) async fn notify(&mut self) -> Exec<()> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for at in 0..self.jobs.all.len() {
            let Some(job) = self.jobs.all.get_mut(at).filter(|job| job.told_again) else { continue };
            job.told_again = false;
            if let Some(job) = self.jobs.all.get(at) {
                text.push('\n');
                text.push_str(&self.jobs.line(job, false));
            }
        }
        if !text.is_empty() {
            self.print_error(&text).await?;
            return Ok(());
        }
        let before: Vec<(u32, State)> = self.jobs.all.iter().map(|job| (job.number, job.state)).collect();
        self.look_after_jobs();
        let mut done = Vec::new();
        for job in &self.jobs.all {
            let changed = before.iter().any(|(number, state)| *number == job.number && *state != job.state);
            match job.state {
                State::Done(_) => {
                    text.push_str(&self.jobs.line(job, false));
                    done.push(job.number);
                }
                State::Stopped if changed => text.push_str(&self.jobs.line(job, false)),
                _ => {}
            }
        }
        for number in done {
            self.jobs.remove(number);
        }
        if !text.is_empty() {
            self.print_error(&text).await?;
        }
        Ok(())
    }
}
