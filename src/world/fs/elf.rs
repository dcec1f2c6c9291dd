//! Programs of which only the size is known: a real ELF header of the host's machine (elf(5)), then bytes that look
//! like code and text, always the same for one program.

/// Processor that the host's programs are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 64 bit x86, little endian.
    X86_64,
    /// 32 bit ARM (EABI 5), little endian.
    Arm,
    /// 64 bit ARM, little endian.
    Aarch64,
    /// 32 bit MIPS, big endian.
    Mips,
    /// 32 bit MIPS, little endian.
    Mipsel,
}

impl Machine {
    /// The machine that `uname -m` names; x86-64 when the name is not known.
    pub fn named(name: &str) -> Self {
        match name {
            "armv7l" | "armv6l" | "armv5l" | "arm" => Self::Arm,
            "aarch64" | "arm64" => Self::Aarch64,
            "mips" => Self::Mips,
            "mipsel" => Self::Mipsel,
            _ => Self::X86_64,
        }
    }

    fn wide(self) -> bool {
        matches!(self, Self::X86_64 | Self::Aarch64)
    }

    /// `e_machine`
    fn number(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Arm => 40,
            Self::Aarch64 => 183,
            Self::Mips | Self::Mipsel => 8,
        }
    }

    /// `e_flags`
    fn flags(self) -> u32 {
        match self {
            Self::Arm => 0x0500_0400,
            Self::Mips | Self::Mipsel => 0x7000_1007,
            _ => 0,
        }
    }

    fn loader(self) -> &'static str {
        match self {
            Self::X86_64 => "/lib64/ld-linux-x86-64.so.2",
            Self::Arm => "/lib/ld-linux-armhf.so.3",
            Self::Aarch64 => "/lib/ld-linux-aarch64.so.1",
            Self::Mips | Self::Mipsel => "/lib/ld.so.1",
        }
    }
}

/// One such program.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Program {
    pub machine: Machine,
    /// What makes its bytes its own.
    pub seed: u64,
}

/// Bytes of header, program headers and the loader's name.
const HEAD: usize = 1024;

impl Program {
    /// At most `want` bytes from `offset` on of a program of `len` bytes; the caller keeps within `len`.
    pub fn read_at(&self, len: u64, offset: u64, want: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(want);
        let head = if offset < HEAD as u64 { self.head(len) } else { Vec::new() };
        let mut at = offset;
        let end = offset.saturating_add(want as u64);
        while at < end {
            match usize::try_from(at).ok().and_then(|at| head.get(at)) {
                Some(&byte) => {
                    out.push(byte);
                    at += 1;
                }
                None => {
                    let word = self.word(at / 8, len);
                    let from = usize::try_from(at % 8).unwrap_or(0);
                    let many = usize::try_from(end - at).unwrap_or(8).min(8 - from);
                    out.extend_from_slice(word.get(from..from + many).unwrap_or_default());
                    at += many as u64;
                }
            }
        }
        out
    }

    /// Eight bytes of the body: code in the middle, names behind it, zeros between sections.
    fn word(&self, number: u64, len: u64) -> [u8; 8] {
        let mut z = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let bytes = z.to_le_bytes();
        let place = number * 8 * 100 / len.max(1);
        match place {
            // Symbol names.
            0..8 => bytes.map(|b| if b < 40 { 0 } else { *NAMES.get(usize::from(b) % NAMES.len()).unwrap_or(&b'_') }),
            8..12 if bytes[0] < 200 => [0; 8],
            // Messages.
            70..82 => bytes.map(|b| if b < 16 { 0 } else { *TEXT.get(usize::from(b) % TEXT.len()).unwrap_or(&b' ') }),
            88..90 => [0; 8],
            _ => self.code(bytes),
        }
    }

    fn code(&self, bytes: [u8; 8]) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h] = bytes;
        match self.machine {
            // mov, lea, call, test, jump with small displacements: their bytes are the frequent ones.
            Machine::X86_64 => {
                let op = |b: u8| *X86.get(usize::from(b) % X86.len()).unwrap_or(&0x48);
                [op(a), op(b), c & 0x7f, op(d), op(e), if f < 128 { 0 } else { f }, op(g), if h < 160 { 0 } else { h }]
            }
            Machine::Arm => [a & 0x1f, b & 0xf1, c & 0x9f, 0xe0 | d & 7, e & 0x3f, f & 0x31, g & 0x9f, 0xe0 | h & 11],
            Machine::Aarch64 => [a, b & 0x43, c & 0x40, 0x91 | d & 0x68, e, f & 3, g & 0x5f, 0x94 | h & 0x2b],
            Machine::Mips => [0x24 | a & 0x88, b & 0x7f, c & 1, d, 0x8f ^ e & 0x20, f & 0xbd, g & 1, h & 0xfc],
            Machine::Mipsel => [d, c & 1, b & 0x7f, 0x24 | a & 0x88, h & 0xfc, g & 1, f & 0xbd, 0x8f ^ e & 0x20],
        }
    }

    fn head(&self, len: u64) -> Vec<u8> {
        let wide = self.machine.wide();
        let little = self.machine != Machine::Mips;
        let mut out = Out { bytes: Vec::with_capacity(HEAD), wide, little };
        let (header, record, section): (u16, u16, u16) = if wide { (64, 56, 64) } else { (52, 32, 40) };
        let segments: u16 = 9;
        let sections: u16 = 29;
        // Section headers are the last part of the file.
        let table = len.saturating_sub(u64::from(section) * u64::from(sections)) & !7;
        out.bytes.extend([0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, if little { 1 } else { 2 }, 1, 0]);
        out.bytes.extend([0; 8]);
        out.half(3);
        out.half(self.machine.number());
        out.word(1);
        let code = (len / 8) & !0xfff;
        out.address(code + 0x10 * (self.seed % 0x400));
        out.address(u64::from(header));
        out.address(table);
        out.word(self.machine.flags());
        for field in [header, record, segments, section, sections, sections - 1] {
            out.half(field);
        }
        let loader = self.machine.loader();
        let table_end = u64::from(header) + u64::from(record) * u64::from(segments);
        let data = (len * 9 / 10) & !0xfff;
        let text = (len * 7 / 10) & !0xfff;
        let size = u64::from(record) * u64::from(segments);
        // type, flags, offset, size in file, size in memory, alignment
        let rows: [(u32, u32, u64, u64, u64, u64); 9] = [
            (6, 4, u64::from(header), size, size, 8),
            (3, 4, table_end, loader.len() as u64 + 1, loader.len() as u64 + 1, 1),
            (1, 4, 0, code, code, 0x1000),
            (1, 5, code, text - code.min(text), text - code.min(text), 0x1000),
            (1, 4, text, data - text.min(data), data - text.min(data), 0x1000),
            (1, 6, data, table.saturating_sub(data), table.saturating_sub(data) + 0x1200, 0x1000),
            (2, 6, data + 0x200, 0x1f0, 0x1f0, 8),
            (4, 4, table_end + 0x20, 0x44, 0x44, 4),
            (0x6474_e551, 6, 0, 0, 0, 0x10),
        ];
        for (kind, flags, offset, in_file, in_memory, align) in rows {
            let address = if kind == 0x6474_e551 { 0 } else { offset };
            out.word(kind);
            if wide {
                out.word(flags);
            }
            out.address(offset);
            out.address(address);
            out.address(address);
            out.address(in_file);
            out.address(in_memory);
            if !wide {
                out.word(flags);
            }
            out.address(align);
        }
        out.bytes.extend_from_slice(loader.as_bytes());
        out.bytes.resize(HEAD, 0);
        out.bytes
    }
}

struct Out {
    bytes: Vec<u8>,
    wide: bool,
    little: bool,
}

impl Out {
    fn half(&mut self, value: u16) {
        self.bytes.extend(if self.little { value.to_le_bytes() } else { value.to_be_bytes() });
    }

    fn word(&mut self, value: u32) {
        self.bytes.extend(if self.little { value.to_le_bytes() } else { value.to_be_bytes() });
    }

    fn address(&mut self, value: u64) {
        if self.wide {
            self.bytes.extend(if self.little { value.to_le_bytes() } else { value.to_be_bytes() });
        } else {
            self.word(u32::try_from(value).unwrap_or(u32::MAX));
        }
    }
}

const X86: &[u8] = &[
    0x48, 0x89, 0x8b, 0x0f, 0xe8, 0x85, 0xc0, 0x74, 0x75, 0x4c, 0x41, 0x31, 0xff, 0x8d, 0x44, 0x24, 0x5d, 0xc3, 0x83,
    0xeb, 0xf3, 0x1e, 0xfa, 0xbe, 0x66,
];
const NAMES: &[u8] = b"_abcdefghilmnoprstuvxyz_GLIBC_2.4eeinorst";
const TEXT: &[u8] = b" eeeettaaoinnshrrdlucmfwypvbgk-%s:.,\nIECAN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_machine() {
        let read = |machine, offset, want| Program { machine, seed: 7 }.read_at(100_000, offset, want);
        let x86 = read(Machine::X86_64, 0, 52);
        assert_eq!(&x86[..20], b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
        assert_eq!(&read(Machine::Arm, 0, 20)[4..20], b"\x01\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x28\0");
        assert_eq!(&read(Machine::Mips, 0, 20)[4..20], b"\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x03\0\x08");
        let whole = read(Machine::X86_64, 0, 100_000);
        assert_eq!(whole.len(), 100_000);
        for (offset, want) in [(1000, 100), (1023, 9), (1024, 3), (99_990, 10)] {
            assert_eq!(read(Machine::X86_64, offset as u64, want), whole[offset..offset + want]);
        }
    }
}
