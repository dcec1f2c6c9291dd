//! The zip file format (APPNOTE 6.3): reading and writing of central directories, and the old encryption.

use super::super::times::{Moment, days_of};
use crate::world::Time;

/// Members that are looked at.
const MEMBERS: usize = 65_535;

/// An entry of the central directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    pub name: Vec<u8>,
    /// Bit 0: encrypted; bits 1 and 2: how hard was tried; bit 3: sizes follow the data.
    pub flags: u16,
    /// 0 stored, 8 deflated.
    pub method: u16,
    pub sum: u32,
    pub packed: u64,
    pub size: u64,
    pub made_by: u16,
    /// Bit 0: text.
    pub internal: u16,
    /// The mode of Unix in its upper half.
    pub external: u32,
    pub modified: i64,
    pub owner: Option<(u32, u32)>,
    /// Where the data lie in the file.
    pub data: (usize, usize),
    pub has_extra: bool,
}

impl Member {
    /// Mode bits, type included; 0 when it was not made by Unix.
    pub fn mode(&self) -> u32 {
        if self.made_by >> 8 == 3 { self.external >> 16 } else { 0 }
    }

    pub fn is_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }

    pub fn is_link(&self) -> bool {
        self.mode() & 0o170_000 == 0o120_000
    }

    pub fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn wide(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn from_dos(date: u16, time: u16) -> i64 {
    let (year, month, day) =
        (i64::from(date >> 9) + 1980, i64::from(date >> 5 & 15).max(1), i64::from(date & 31).max(1));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
}

fn to_dos(secs: i64) -> (u16, u16) {
    let m = Moment::of(Time::at(secs.saturating_add(secs & 1)));
    let bits = |value: i64| u16::try_from(value).unwrap_or(0);
    let year = (m.year - 1980).clamp(0, 127);
    (bits(year << 9 | m.month << 5 | m.day), bits(m.hour << 11 | m.minute << 5 | (m.second / 2)))
}

/// Reads the central directory and the archive's comment; `None` when there is no directory.
pub(super) fn read(file: &[u8]) -> Option<(Vec<Member>, Vec<u8>)> {
    let from = file.len().saturating_sub(65_557);
    let tail = file.get(from..)?;
    let end = from + tail.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let count = usize::from(short(file, end + 10)?);
    let (size, start) = (long(file, end + 12)? as usize, long(file, end + 16)? as usize);
    let comment = file.get(end + 22..)?.get(..usize::from(short(file, end + 20)?)).unwrap_or_default().to_vec();
    // Something may lie before the archive: self-extracting programs.
    let shift = if count == 0xffff { 0 } else { end.checked_sub(size)?.checked_sub(start)? };
    let mut at = start + shift;
    let mut members = Vec::new();
    while file.get(at..at + 4) == Some(b"PK\x01\x02") && members.len() < MEMBERS {
        let Some((member, next)) = entry(file, at, shift) else { break };
        members.push(member);
        at = next;
    }
    Some((members, comment))
}

fn entry(file: &[u8], at: usize, shift: usize) -> Option<(Member, usize)> {
    let name_length = usize::from(short(file, at + 28)?);
    let extra_length = usize::from(short(file, at + 30)?);
    let comment_length = usize::from(short(file, at + 32)?);
    let name = file.get(at + 46..at + 46 + name_length)?.to_vec();
    let extra = file.get(at + 46 + name_length..at + 46 + name_length + extra_length)?;
    let mut member = Member {
        name,
        made_by: short(file, at + 4)?,
        flags: short(file, at + 8)?,
        method: short(file, at + 10)?,
        modified: from_dos(short(file, at + 14)?, short(file, at + 12)?),
        sum: long(file, at + 16)?,
        packed: u64::from(long(file, at + 20)?),
        size: u64::from(long(file, at + 24)?),
        internal: short(file, at + 36)?,
        external: long(file, at + 38)?,
        has_extra: extra_length > 0,
        ..Member::default()
    };
    let mut offset = u64::from(long(file, at + 42)?);
    let mut rest = extra;
    while let (Some(id), Some(length)) = (short(rest, 0), short(rest, 2)) {
        let body = rest.get(4..4 + usize::from(length)).unwrap_or_default();
        match id {
            0x5455 if body.first().is_some_and(|flags| flags & 1 != 0) => {
                member.modified = i64::from(long(body, 1).unwrap_or(0));
            }
            0x7875 if body.len() >= 11 => member.owner = long(body, 2).zip(long(body, 7)),
            // The 64-bit values of the fields that are full.
            0x0001 => {
                let mut place = 0;
                for field in [&mut member.size, &mut member.packed, &mut offset] {
                    if *field == 0xffff_ffff
                        && let Some(value) = wide(body, place)
                    {
                        *field = value;
                        place += 8;
                    }
                }
            }
            _ => {}
        }
        rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
    }
    let local = usize::try_from(offset).ok()?.checked_add(shift)?;
    // The names in front of the data may have other extras than here.
    let head = usize::from(short(file, local.checked_add(26)?)?) + usize::from(short(file, local + 28)?);
    let begin = local.checked_add(30 + head)?;
    member.data = (begin, begin.saturating_add(usize::try_from(member.packed).ok()?));
    Some((member, at + 46 + name_length + extra_length + comment_length))
}

/// Writes an archive: the members with their packed data.
pub(super) fn write(members: &[(Member, Vec<u8>)], comment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (member, data) in members {
        let offset = u32::try_from(out.len()).unwrap_or(u32::MAX);
        let (date, time) = to_dos(member.modified);
        let needed: u16 = if member.method == 8 || member.is_encrypted() { 20 } else { 10 };
        let stamp = u32::try_from(member.modified).unwrap_or(0).to_le_bytes();
        let mut extra = Vec::new();
        if member.has_extra {
            extra.extend([b"UT\x09\0\x03".as_slice(), &stamp, &stamp].concat());
        }
        let mut central = Vec::new();
        if member.has_extra {
            central.extend([b"UT\x05\0\x03".as_slice(), &stamp].concat());
        }
        if let Some((uid, gid)) = member.owner {
            let ids = [b"ux\x0b\0\x01\x04".as_slice(), &uid.to_le_bytes(), &[4], &gid.to_le_bytes()].concat();
            extra.extend_from_slice(&ids);
            central.extend(ids);
        }
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
        let size = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        let common = [
            needed.to_le_bytes().as_slice(),
            &member.flags.to_le_bytes(),
            &member.method.to_le_bytes(),
            &time.to_le_bytes(),
            &date.to_le_bytes(),
            &member.sum.to_le_bytes(),
            &size(data.len() as u64),
            &size(member.size),
            &length(&member.name),
        ]
        .concat();
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&common);
        out.extend_from_slice(&length(&extra));
        out.extend_from_slice(&member.name);
        out.extend_from_slice(&extra);
        out.extend_from_slice(data);
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&member.made_by.to_le_bytes());
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&length(&central));
        directory.extend_from_slice(&[0; 4]);
        directory.extend_from_slice(&member.internal.to_le_bytes());
        directory.extend_from_slice(&member.external.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(&member.name);
        directory.extend_from_slice(&central);
    }
    let (start, size) = (u32::try_from(out.len()).unwrap_or(u32::MAX), directory.len());
    out.extend(directory);
    let count = u16::try_from(members.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&[count, count].concat());
    out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&u16::try_from(comment.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(comment);
    out
}

/// CRC-32 as zip writes it.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The keys of the traditional encryption.
pub(super) struct Keys {
    keys: [u32; 3],
    table: [u32; 256],
}

impl Keys {
    pub fn new(password: &[u8]) -> Self {
        let mut table = [0; 256];
        for (value, slot) in (0u32..).zip(table.iter_mut()) {
            *slot = (0..8).fold(value, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 });
        }
        let mut keys = Self { keys: [0x1234_5678, 0x2345_6789, 0x3456_7890], table };
        password.iter().for_each(|byte| keys.turn(*byte));
        keys
    }

    fn crc(&self, crc: u32, byte: u8) -> u32 {
        let [low, ..] = crc.to_le_bytes();
        self.table.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ crc >> 8
    }

    fn turn(&mut self, byte: u8) {
        let [a, b, c] = self.keys;
        let a = self.crc(a, byte);
        let b = b.wrapping_add(a & 255).wrapping_mul(134_775_813).wrapping_add(1);
        let [.., top] = b.to_le_bytes();
        self.keys = [a, b, self.crc(c, top)];
    }

    fn mask(&self) -> u8 {
        let [_, _, c] = self.keys;
        let value = (c | 2) & 0xffff;
        (value.wrapping_mul(value ^ 1) >> 8).to_le_bytes()[0]
    }

    pub fn decrypt(&mut self, byte: u8) -> u8 {
        let plain = byte ^ self.mask();
        self.turn(plain);
        plain
    }

    pub fn encrypt(&mut self, byte: u8) -> u8 {
        let masked = byte ^ self.mask();
        self.turn(byte);
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_come_back() {
        let member = Member {
            name: b"a/b".to_vec(),
            sum: sum(b"hello"),
            size: 5,
            made_by: 0x031e,
            external: 0o100_644 << 16,
            modified: 1_700_000_000,
            owner: Some((1, 2)),
            has_extra: true,
            ..Member::default()
        };
        let file = [b"#!/bin/sh\n".as_slice(), &write(&[(member, b"hello".to_vec())], b"note")].concat();
        let (members, comment) = read(&file).unwrap();
        let found = &members[0];
        assert_eq!(
            (found.name.as_slice(), found.modified, found.owner),
            (b"a/b".as_slice(), 1_700_000_000, Some((1, 2)))
        );
        assert_eq!(&file[found.data.0..found.data.1], b"hello");
        assert_eq!(comment, b"note");
        assert!(read(b"garbage").is_none() && read(b"").is_none() && read(&file[..file.len() - 20]).is_none());
        for cut in 0..file.len() {
            read(&file[cut..]);
        }
    }

    #[test]
    fn encryption_is_its_own_inverse() {
        let (mut there, mut back) = (Keys::new(b"pw"), Keys::new(b"pw"));
        let hidden: Vec<u8> = b"secret".iter().map(|b| there.encrypt(*b)).collect();
        assert_ne!(hidden, b"secret");
        assert_eq!(hidden.iter().map(|b| back.decrypt(*b)).collect::<Vec<u8>>(), b"secret");
    }
}
