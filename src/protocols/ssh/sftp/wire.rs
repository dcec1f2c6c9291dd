//! Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): reading fields, writing replies. Pure.

use crate::world::{Stat, Time};

/// Codes of SSH_FXP_STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

impl Code {
    /// What OpenSSH's sftp-server says.
    pub fn text(self) -> &'static str {
        match self {
            Self::Ok => "Success",
            Self::Eof => "End of file",
            Self::NoSuchFile => "No such file",
            Self::PermissionDenied => "Permission denied",
            Self::Failure => "Failure",
            Self::BadMessage => "Bad message",
            Self::Unsupported => "Operation unsupported",
        }
    }
}

/// Attributes that a client sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub size: Option<u64>,
    pub owner: Option<(u32, u32)>,
    pub mode: Option<u32>,
    pub times: Option<(u32, u32)>,
}

/// A packet that is being read.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn u32(&mut self) -> Option<u32> {
        let (first, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*first))
    }

    pub fn u64(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*first))
    }

    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    pub fn attributes(&mut self) -> Option<Attributes> {
        let flags = self.u32()?;
        let mut found = Attributes::default();
        if flags & 1 != 0 {
            found.size = Some(self.u64()?);
        }
        if flags & 2 != 0 {
            found.owner = Some((self.u32()?, self.u32()?));
        }
        if flags & 4 != 0 {
            found.mode = Some(self.u32()?);
        }
        if flags & 8 != 0 {
            found.times = Some((self.u32()?, self.u32()?));
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.u32()? {
                self.string()?;
                self.string()?;
            }
        }
        Some(found)
    }
}

/// A packet that is being written: its kind and the request's number come first.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub fn new(kind: u8, id: u32) -> Self {
        Self([&[0; 4][..], &[kind], &id.to_be_bytes()].concat())
    }

    pub fn version(number: u32) -> Self {
        Self::new(2, number)
    }

    pub fn status(id: u32, code: Code) -> Self {
        Self::new(101, id).u32(code as u32).string(code.text().as_bytes()).string(b"")
    }

    pub fn handle(id: u32, number: u32) -> Self {
        Self::new(102, id).string(&number.to_be_bytes())
    }

    pub fn data(id: u32, bytes: &[u8]) -> Self {
        Self::new(103, id).string(bytes)
    }

    pub fn stat(id: u32, stat: &Stat) -> Self {
        Self::new(105, id).attributes(stat)
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub fn string(mut self, bytes: &[u8]) -> Self {
        self.0.extend(u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn attributes(self, stat: &Stat) -> Self {
        let seconds = |time: Time| u32::try_from(time.secs).unwrap_or(0);
        self.u32(15)
            .u64(stat.size)
            .u32(stat.uid)
            .u32(stat.gid)
            .u32(stat.kind.bits() | stat.mode)
            .u32(seconds(stat.accessed))
            .u32(seconds(stat.modified))
    }

    /// The packet with its length.
    pub fn done(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(0);
        if let Some(room) = self.0.first_chunk_mut::<4>() {
            *room = length.to_be_bytes();
        }
        self.0
    }
}
