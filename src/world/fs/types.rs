//! What callers of the file system see: who asks, what `stat(2)` says, how a file is opened.

use std::sync::Arc;

use crate::base::clock;

/// On whose behalf something is done: the credentials of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Effective user id; 0 may do nearly everything.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
    /// The process, which `/proc/self` shows; 0 for none.
    pub pid: u32,
    /// Permission bits that new files don't get.
    pub umask: u32,
}

impl Who {
    /// The superuser, with the usual mask of 022 and no process.
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, groups: Arc::from([0]), pid: 0, umask: 0o022 }
    }

    /// A user who has just logged in.
    pub fn of(account: &crate::world::Account) -> Self {
        Self { uid: account.uid, gid: account.gid, groups: Arc::clone(&account.groups), pid: 0, umask: 0o022 }
    }

    /// Whether the group is one of theirs.
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// The kinds of inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl FileKind {
    /// The letter of `ls -l`.
    pub fn letter(self) -> char {
        match self {
            Self::File => '-',
            Self::Folder => 'd',
            Self::Link => 'l',
            Self::CharDevice => 'c',
            Self::BlockDevice => 'b',
            Self::Fifo => 'p',
            Self::Socket => 's',
        }
    }

    /// The bits of the type in `st_mode` (inode(7)).
    pub fn bits(self) -> u32 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharDevice => 0o020_000,
            Self::Folder => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::File => 0o100_000,
            Self::Link => 0o120_000,
            Self::Socket => 0o140_000,
        }
    }
}

/// A point in time as inodes have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970-01-01 UTC.
    pub secs: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Time {
    /// A whole second.
    pub fn at(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// The present, from the one clock of the process.
    pub fn now() -> Self {
        let now = clock::now();
        Self { secs: now.as_second(), nanos: u32::try_from(now.subsec_nanosecond()).unwrap_or(0) }
    }
}

/// What `stat(2)` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Inode number.
    pub ino: u64,
    /// Kind.
    pub kind: FileKind,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// Names that lead to it.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes; of a link the length of its target.
    pub size: u64,
    /// Major and minor number of a device.
    pub rdev: (u32, u32),
    /// Last access.
    pub accessed: Time,
    /// Last change of the content.
    pub modified: Time,
    /// Last change of the inode.
    pub changed: Time,
    /// `chattr(1)` flags: [`IMMUTABLE`], [`APPEND_ONLY`], and others that have no effect here.
    pub flags: u32,
    /// Which mounted file system it lies on; 0 is the root file system.
    pub dev: u32,
}

impl Stat {
    /// Type and permissions as `ls -l` shows them: `-rwxr-sr-t`.
    pub fn permissions(&self) -> String {
        let mut text = String::from(self.kind.letter());
        for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
            let bits = self.mode >> shift;
            text.push(if bits & 4 != 0 { 'r' } else { '-' });
            text.push(if bits & 2 != 0 { 'w' } else { '-' });
            text.push(match (self.mode & special != 0, bits & 1 != 0) {
                (true, true) => letter,
                (true, false) => letter.to_ascii_uppercase(),
                (false, true) => 'x',
                (false, false) => '-',
            });
        }
        text
    }
}

impl Stat {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == FileKind::Folder
    }

    /// Whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.kind == FileKind::Link
    }
}

/// `FS_IMMUTABLE_FL`: nothing of it may change, not even by root (`chattr +i`).
pub const IMMUTABLE: u32 = 0x10;
/// `FS_APPEND_FL`: it may only grow (`chattr +a`).
pub const APPEND_ONLY: u32 = 0x20;

/// How a file is opened (`open(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// For reading.
    pub read: bool,
    /// For writing.
    pub write: bool,
    /// Each write goes to the end.
    pub append: bool,
    /// Made with this mode (before the umask) when it is missing.
    pub create: Option<u32>,
    /// Emptied.
    pub truncate: bool,
    /// With `create`: it must be missing.
    pub exclusive: bool,
    /// A link in the last place is an error.
    pub nofollow: bool,
    /// By a program for itself: nobody gets to see it, so it counts as no reading of a bait.
    pub unseen: bool,
}

impl Open {
    /// `O_RDONLY`
    pub const READ: Self = Self {
        read: true,
        write: false,
        append: false,
        create: None,
        truncate: false,
        exclusive: false,
        nofollow: false,
        unseen: false,
    };

    /// `O_WRONLY|O_CREAT|O_TRUNC`, as `>` opens.
    pub fn create(mode: u32) -> Self {
        Self { write: true, create: Some(mode), truncate: true, ..Self::default() }
    }

    /// `O_WRONLY|O_CREAT|O_APPEND`, as `>>` opens.
    pub fn append(mode: u32) -> Self {
        Self { write: true, append: true, create: Some(mode), ..Self::default() }
    }
}

/// What `statfs(2)` says; sizes in blocks of 1 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatFs {
    /// All blocks.
    pub total: u64,
    /// Those that hold something.
    pub used: u64,
    /// Those that a user may still take.
    pub available: u64,
    /// All inodes.
    pub inodes: u64,
    /// Inodes in use.
    pub inodes_used: u64,
    /// Name of the kind, such as `ext4`.
    pub kind: String,
    /// Where it comes from, such as `/dev/sda1`.
    pub device: String,
    /// Where it is mounted.
    pub mount_point: Vec<u8>,
}

/// One line of `/proc/mounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it comes from.
    pub device: String,
    /// Where it is mounted.
    pub point: String,
    /// Kind of file system.
    pub kind: String,
    /// Options, separated by commas.
    pub options: String,
}

/// Devices that reading and writing treat specially.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random`, `/dev/urandom`
    Random,
    /// `/dev/tty`: the terminal of whoever asks.
    Tty,
    /// `/dev/pts/N`
    Pts(u32),
    /// Any other.
    Other,
}

impl Device {
    pub(in crate::world) fn of(kind: FileKind, rdev: (u32, u32)) -> Option<Self> {
        match (kind, rdev) {
            (FileKind::BlockDevice, _) => Some(Self::Other),
            (FileKind::CharDevice, (1, 3)) => Some(Self::Null),
            (FileKind::CharDevice, (1, 5)) => Some(Self::Zero),
            (FileKind::CharDevice, (1, 7)) => Some(Self::Full),
            (FileKind::CharDevice, (1, 8 | 9)) => Some(Self::Random),
            (FileKind::CharDevice, (5, 0)) => Some(Self::Tty),
            (FileKind::CharDevice, (136, number)) => Some(Self::Pts(number)),
            (FileKind::CharDevice, _) => Some(Self::Other),
            _ => None,
        }
    }
}
