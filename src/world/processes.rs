//! The table of processes: those of the system, the same for all attackers, and those that an attacker's sessions
//! start. Numbers grow with the time, also when nobody is there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::persona::Persona;
use super::{Errno, Host, PastLogin, Seen, State, Who};
use crate::base::clock::{self, Timestamp};

/// A process as `ps` and `/proc` show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent; 0 for the first ones.
    pub ppid: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Terminal `pts/N`.
    pub tty: Option<u32>,
    /// When it was started.
    pub started: Timestamp,
    /// Words of its command line; none for kernel threads.
    pub argv: Vec<Vec<u8>>,
    /// Its name, at most 15 bytes.
    pub comm: Vec<u8>,
    /// Path of its program.
    pub exe: Vec<u8>,
    /// Where it is.
    pub cwd: Vec<u8>,
    /// `S`, `R`, `I`, `T`, `Z`
    pub state: char,
    /// Processor time it has used, in ms.
    pub cpu_ms: u64,
    /// Virtual memory, KiB.
    pub vsz_kib: u64,
    /// Resident memory, KiB.
    pub rss_kib: u64,
    /// Threads.
    pub threads: u32,
    /// Nice value.
    pub nice: i32,
    /// Session leader.
    pub session: u32,
    /// Process group leader.
    pub group: u32,
    /// Environment as the kernel keeps it: `NAME=value`, each with a NUL behind it. Shared by the processes of a login.
    pub environ: Arc<[u8]>,
    /// A thread of the kernel.
    pub kernel: bool,
}

/// What a new process needs.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of Process")]
pub struct NewProcess {
    pub ppid: u32,
    pub uid: u32,
    pub gid: u32,
    pub tty: Option<u32>,
    pub argv: Vec<Vec<u8>>,
    pub exe: Vec<u8>,
    pub cwd: Vec<u8>,
    pub environ: Arc<[u8]>,
}

/// What one attacker's sessions run.
#[derive(Debug, Default)]
pub(super) struct Processes {
    own: BTreeMap<u32, Box<Process>>,
    /// Processes of the system that they killed.
    gone: HashSet<u32>,
    signals: HashMap<u32, Vec<i32>>,
    last_pid: u32,
    pub(super) seen: Vec<Seen>,
    pub(super) past: Vec<PastLogin>,
    /// Files of `/proc/sys` and `/sys` that were written to, and what they say since.
    pub(super) settings: BTreeMap<String, String>,
}

/// Processes that one attacker may have at once; `ulimit -u` of a small server.
const PROCESSES: usize = 1024;
/// Settings of the kernel that one attacker may change.
const SETTINGS: usize = 256;
const HOSTNAME: &str = "/proc/sys/kernel/hostname";
/// `kernel.pid_max`
pub(super) const PID_MAX: u32 = 4_194_304;

/// The number that a process gets when it is started so many seconds after boot: the host starts some by itself.
pub(super) fn pid_at(persona: &Persona, seconds: u64) -> u32 {
    let pace = 3 + persona.seed % 5;
    let wave = seconds / 60 * (persona.seed % 3);
    let number = 1200 + persona.seed % 700 + seconds.saturating_mul(pace) / 20 + wave;
    // The numbers of a small device begin anew much sooner.
    let most = if persona.profile.is_server() { PID_MAX } else { 32_768 };
    u32::try_from(300 + number % u64::from(most - 300)).unwrap_or(300)
}

impl Processes {
    /// The program of those that run it has no name any more, as `/proc/PID/exe` says.
    pub(super) fn lost_program(&mut self, path: &[u8]) {
        for process in self.own.values_mut().filter(|process| process.exe == path) {
            process.exe.extend_from_slice(b" (deleted)");
        }
    }

    fn take_pid(&mut self, persona: &Persona) -> u32 {
        let up = u64::try_from(clock::unix_seconds() - persona.booted).unwrap_or(0);
        let usual = pid_at(persona, up);
        // Ahead of the clock only by what was started since.
        let mut pid = usual.max(self.last_pid.saturating_add(1));
        if pid >= PID_MAX || pid.abs_diff(usual) > PID_MAX / 2 {
            pid = usual;
        }
        while self.own.contains_key(&pid) {
            pid += 1;
        }
        self.last_pid = pid;
        pid
    }
}

impl State {
    pub(super) fn processes(&self) -> std::sync::MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// All processes, by number.
    pub(super) fn all_processes(&self) -> Vec<Process> {
        let own = self.processes();
        let system = self.base.processes.iter().filter(|process| !own.gone.contains(&process.pid));
        let mut all: Vec<Process> = system.chain(own.own.values().map(|process| &**process)).cloned().collect();
        all.sort_by_key(|process| process.pid);
        all
    }

    pub(super) fn process(&self, pid: u32) -> Option<Process> {
        let own = self.processes();
        let system = || self.base.processes.iter().find(|p| p.pid == pid && !own.gone.contains(&pid));
        own.own.get(&pid).map(|process| &**process).or_else(system).cloned()
    }

    /// Number of the daemon of that name; process 1 where there is none.
    pub(super) fn daemon(&self, name: &[u8]) -> u32 {
        let found = self.base.processes.iter().find(|process| process.ppid == 1 && process.comm == name);
        found.map_or(1, |process| process.pid)
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        let own = self.processes();
        let system = self.base.processes.iter().map(|process| process.pid).filter(|pid| !own.gone.contains(pid));
        let mut pids: Vec<u32> = system.chain(own.own.keys().copied()).collect();
        pids.sort_unstable();
        pids
    }

    /// What an attacker wrote to a file of `/proc/sys` or `/sys`.
    pub(super) fn setting(&self, path: &str) -> Option<String> {
        self.processes().settings.get(path).cloned()
    }

    /// Keeps what was written there; nothing when there is too much already.
    pub(super) fn set(&self, path: &str, value: String) {
        {
            let mut own = self.processes();
            if own.settings.len() >= SETTINGS && !own.settings.contains_key(path) {
                return;
            }
            own.settings.insert(path.into(), value.clone());
        }
        self.own().log.setting(path, &value);
    }

    pub(super) fn last_pid(&self) -> u32 {
        let own = self.processes();
        let up = u64::try_from(clock::unix_seconds() - self.base.persona.booted).unwrap_or(0);
        own.last_pid.max(pid_at(&self.base.persona, up))
    }
}

impl Host {
    /// All processes, sorted by number.
    pub fn processes(&self) -> Vec<Process> {
        self.state.all_processes()
    }

    /// One process.
    pub fn process(&self, pid: u32) -> Option<Process> {
        self.state.process(pid)
    }

    /// Adds a process to the table; its number.
    ///
    /// # Errors
    /// EAGAIN when there are too many.
    pub fn start_process(&self, new: NewProcess) -> Result<u32, Errno> {
        let exe_name = new.exe.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let called = new.argv.first().map(|name| name.rsplit(|&b| b == b'/').next().unwrap_or_default());
        // One program with many names is called by the one that was used.
        let called = called.filter(|name| exe_name == b"busybox" && !name.is_empty());
        let mut comm = called.map_or(exe_name, |name| name.strip_prefix(b"-").unwrap_or(name)).to_vec();
        comm.truncate(15);
        let mut own = self.state.processes();
        if own.own.len() >= PROCESSES {
            return Err(Errno::EAGAIN);
        }
        let pid = own.take_pid(&self.state.base.persona);
        let parent = own.own.get(&new.ppid).map(|parent| parent.session);
        let shell = matches!(comm.as_slice(), b"bash" | b"sh" | b"dash" | b"ash");
        let NewProcess { ppid, uid, gid, tty, argv, exe, cwd, environ } = new;
        let process = Process {
            pid,
            ppid,
            uid,
            gid,
            tty,
            started: clock::now(),
            argv,
            comm,
            exe,
            cwd,
            state: 'S',
            cpu_ms: 0,
            vsz_kib: if shell { 8_276 } else { 5_476 },
            rss_kib: if shell { 5_120 } else { 732 },
            threads: 1,
            nice: 0,
            session: parent.filter(|session| *session != 0).unwrap_or(pid),
            group: pid,
            environ,
            kernel: false,
        };
        own.own.insert(pid, Box::new(process));
        Ok(pid)
    }

    /// Takes a number without an entry, for a command that is over at once.
    pub fn next_pid(&self) -> u32 {
        self.state.processes().take_pid(&self.state.base.persona)
    }

    /// Takes a process out of the table; its children go to process 1.
    pub fn end_process(&self, pid: u32) {
        let mut own = self.state.processes();
        own.signals.remove(&pid);
        if own.own.remove(&pid).is_some() {
            for child in own.own.values_mut().filter(|child| child.ppid == pid) {
                child.ppid = 1;
            }
        }
    }

    /// Changes what the table says about a process of this attacker.
    pub fn change_process(&self, pid: u32, change: impl FnOnce(&mut Process)) {
        if let Some(process) = self.state.processes().own.get_mut(&pid) {
            change(process);
            process.pid = pid;
        }
    }

    /// Sends a signal; 0 only asks. System processes that are killed are gone for this attacker.
    ///
    /// # Errors
    /// As `kill(2)`: EINVAL, ESRCH, EPERM.
    pub fn signal(&self, who: &Who, pid: u32, signal: i32) -> Result<(), Errno> {
        if !(0..=64).contains(&signal) {
            return Err(Errno::EINVAL);
        }
        let target = self.process(pid).ok_or(Errno::ESRCH)?;
        if who.uid != 0 && who.uid != target.uid {
            return Err(Errno::EPERM);
        }
        if signal == 0 {
            return Ok(());
        }
        let mut own = self.state.processes();
        if own.own.contains_key(&pid) {
            let waiting = own.signals.entry(pid).or_default();
            if waiting.len() < 64 {
                waiting.push(signal);
            }
            return Ok(());
        }
        // Daemons reload on HUP; the journal and udev are started again at once by systemd.
        let kills = matches!(signal, 2 | 3 | 4 | 6 | 9 | 11 | 14 | 15);
        if kills && !target.kernel && pid != 1 {
            own.gone.insert(pid);
        }
        Ok(())
    }

    /// Signals that wait for a process that the shell runs.
    pub fn take_signals(&self, pid: u32) -> Vec<i32> {
        self.state.processes().signals.remove(&pid).unwrap_or_default()
    }

    /// The name that the host has now.
    pub fn hostname(&self) -> String {
        self.state.setting(HOSTNAME).unwrap_or_else(|| self.persona().hostname.clone())
    }

    /// Changes it, as `hostname NAME` does: until the next start.
    pub fn set_hostname(&self, name: &[u8]) {
        let name = String::from_utf8_lossy(name.get(..name.len().min(64)).unwrap_or_default()).into_owned();
        self.state.set(HOSTNAME, name);
    }
}

/// Joins variables, `NAME=value` each, to the block that the kernel keeps of them.
pub fn environ<T: AsRef<[u8]>>(variables: impl IntoIterator<Item = T>) -> Arc<[u8]> {
    let mut block = Vec::new();
    for variable in variables {
        block.extend_from_slice(variable.as_ref());
        block.push(0);
    }
    block.into()
}

/// File descriptors of a process and what they lead to, for `/proc/PID/fd`.
pub(super) fn descriptors(process: &Process) -> Vec<(u32, Vec<u8>)> {
    if process.kernel {
        return Vec::new();
    }
    match process.tty {
        Some(tty) => {
            let terminal = format!("/dev/pts/{tty}").into_bytes();
            let mut all: Vec<(u32, Vec<u8>)> = (0..3).map(|fd| (fd, terminal.clone())).collect();
            if process.exe.ends_with(b"bash") {
                all.push((255, terminal));
            }
            all
        }
        None => {
            let inode = 14_000 + u64::from(process.pid) * 7;
            let mut all = vec![(0, b"/dev/null".to_vec())];
            all.extend((1..3).map(|fd| (fd, format!("socket:[{inode}]").into_bytes())));
            all.push((3, format!("socket:[{}]", inode + 4).into_bytes()));
            all
        }
    }
}
