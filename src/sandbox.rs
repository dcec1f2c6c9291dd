//! Gives up, once and for good, every right of this process that it will not need: user,
//! capabilities, core dumps, new programs, files, outgoing connections, dangerous system calls.
//!
//! It must not know what the program does, how it is configured, or how it logs: it gets a
//! [`Plan`], and returns a [`Report`] or a [`SandboxError`] as values.

mod access;
mod identity;
mod syscalls;

use std::path::PathBuf;
use std::{fmt, fs, io};

use caps::{CapSet, Capability};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the process still needs after [`enter`].
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The user to become, by name; `None` stays who we are. Naming the present user is fine.
    pub user: Option<String>,
    /// Existing folders that may be written. When the user changes, they and all they hold are
    /// given to that user (links are not followed).
    pub write: Vec<PathBuf>,
    /// Files, folders and Unix sockets that may be read; missing ones are skipped. A file is
    /// known by its inode: where a file is replaced by renaming, name its folder.
    pub read: Vec<PathBuf>,
    /// The only TCP ports that may be dialled; empty means none. UDP is not limited.
    pub connect_ports: Vec<u16>,
    /// True: whatever would end up in [`Report::missing`] is an error.
    pub required: bool,
}

/// What was achieved, meant for one log line.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The parts that hold now.
    pub done: Vec<&'static str>,
    /// The parts that do not, one sentence for the operator each.
    pub missing: Vec<String>,
}

/// Why the sandbox was not entered. After any of these the process may be half confined: end it.
#[derive(Debug)]
pub enum SandboxError {
    /// The user database knows no such user.
    UnknownUser(String),
    /// The named user is root, so nothing would be given up.
    UserIsRoot(String),
    /// Only root can become another user.
    NotRoot(String),
    /// A step of becoming the user failed.
    Switch {
        /// The user that was named.
        user: String,
        /// The system call, or what was tried.
        step: &'static str,
        /// The answer of the system.
        source: io::Error,
    },
    /// After the change of user the way back was still open.
    Reversible(String),
    /// A folder of [`Plan::write`] cannot be used or given to the user.
    Folder {
        /// The folder, or what lies in it.
        path: PathBuf,
        /// The answer of the system.
        source: io::Error,
    },
    /// [`Plan::required`] is set and this part, told as in [`Report::missing`], does not hold.
    Missing(String),
}

/// Confines this process according to `plan`; there is no way back.
///
/// To be called on the only thread of the process, since Landlock and capabilities belong to a
/// thread and are inherited only by threads made later (landlock(7), capabilities(7)). Sockets
/// bound and files opened before stay usable; packet and raw sockets must be opened before.
///
/// # Errors
/// A named user that cannot be switched to, a write folder that cannot be used and, with
/// [`Plan::required`], any part that the kernel or our rights do not allow.
pub fn enter(plan: &Plan) -> Result<Report, SandboxError> {
    let mut ledger = Ledger { required: plan.required, report: Report::default() };
    let target = plan.user.as_deref().map(identity::find_user).transpose()?.flatten();
    ledger.note("single thread", only_thread())?;
    // Needs CAP_SETPCAP; without it the set means nothing, thanks to no_new_privs.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        ledger.note("bounding set empty", caps::clear(None, CapSet::Bounding))?;
    }
    if let Some(user) = &target {
        for folder in &plan.write {
            identity::hand_over(folder, user, &mut ledger)?;
        }
        identity::become_user(user)?;
    }
    ledger.note("capabilities dropped", identity::drop_capabilities())?;
    if let Some(user) = &target {
        identity::check_no_return(user)?;
        ledger.done("user changed");
    }
    ledger.note("no core dumps", setrlimit(Resource::RLIMIT_CORE, 0, 0))?;
    ledger.note("open files at the limit", raise_open_files())?;
    ledger.note("no new privileges", set_no_new_privs())?;
    access::restrict(plan, &mut ledger)?;
    ledger.note("system calls denied", syscalls::deny())?;
    Ok(ledger.report)
}

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUser(user) => {
                write!(f, "there is no user {user:?}; create it (useradd --system {user}) or name another")
            }
            Self::UserIsRoot(user) => {
                write!(f, "user {user:?} is root; name a user without rights, or none")
            }
            Self::NotRoot(user) => write!(
                f,
                "cannot become user {user:?} because we are not root; start as root, start as \
                 that user, or name no user"
            ),
            Self::Switch { user, step, source } => write!(
                f,
                "cannot become user {user:?}: {step} failed: {source}; is this a container \
                 without CAP_SETUID and CAP_SETGID?"
            ),
            Self::Reversible(user) => write!(
                f,
                "became user {user:?} but could still go back; start without securebits and \
                 without other threads"
            ),
            Self::Folder { path, source } => write!(
                f,
                "cannot use the folder {}: {source}; it must exist, be no link, and every folder \
                 above it must be open to our user",
                path.display()
            ),
            Self::Missing(what) => {
                write!(f, "{what}; the sandbox is required: provide this or do not require it")
            }
        }
    }
}

impl std::error::Error for SandboxError {}

/// The report in the making.
struct Ledger {
    required: bool,
    report: Report,
}

impl Ledger {
    fn done(&mut self, part: &'static str) {
        self.report.done.push(part);
    }

    fn note<E: fmt::Display>(&mut self, part: &'static str, outcome: Result<(), E>) -> Result<(), SandboxError> {
        match outcome {
            Ok(()) => self.done(part),
            Err(error) => self.miss(format!("Not achieved: {part}: {error}"))?,
        }
        Ok(())
    }

    fn miss(&mut self, sentence: String) -> Result<(), SandboxError> {
        if self.required {
            return Err(SandboxError::Missing(sentence));
        }
        self.report.missing.push(sentence);
        Ok(())
    }
}

fn only_thread() -> Result<(), String> {
    match fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(count) if count > 1 => Err(format!("{} older threads stay unconfined", count - 1)),
        _ => Ok(()),
    }
}

fn raise_open_files() -> Result<(), nix::Error> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
