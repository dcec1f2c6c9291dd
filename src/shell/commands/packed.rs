//! Compressed data: gzip, bzip2, xz and lzma, worked on piece by piece so that others have their turn, and bounded.

use std::io::{Error, ErrorKind, Read, Write};

use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::world::Errno;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Bzip2,
    Xz,
    /// `.lzma`, what xz calls "alone".
    Lzma,
}

/// What is wrong with compressed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Other data.
    Foreign,
    /// It ends too early.
    Short,
    /// A checksum does not fit.
    Sum,
    Corrupt,
    /// It was whole, and something else follows.
    Trailing,
    /// More memory would be needed than there is.
    Memory,
}

/// Bytes that are worked on between two shares of time.
const PIECE: usize = 8192;
/// KiB that the dictionary of an xz file may take: presets up to -8.
const DICTIONARY_KIB: u32 = 34 << 10;
/// Most of the input that a match finder looks back: more than that costs tenfold its size of memory.
const WINDOW: u32 = 1 << 20;
/// Hundreds of thousands of bytes that bzip2 sorts at once.
const BLOCKS: u32 = 2;

impl Format {
    /// The format of data that begins so.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let lzma = bytes.starts_with(&[0x5d, 0, 0]) && bytes.len() > 13;
        [
            (bytes.starts_with(&[0x1f, 0x8b]), Self::Gzip),
            (bytes.starts_with(b"BZh"), Self::Bzip2),
            (bytes.starts_with(b"\xfd7zXZ\0"), Self::Xz),
            (lzma, Self::Lzma),
        ]
        .into_iter()
        .find_map(|(is, format)| is.then_some(format))
    }

    /// Bytes that one step of work compresses.
    fn pace(self) -> u64 {
        match self {
            Self::Gzip => 32,
            Self::Bzip2 => 10,
            Self::Xz | Self::Lzma => 3,
        }
    }
}

/// Compresses `bytes`; `level` is that of the program (gzip and bzip2 from 1, xz from 0).
pub(super) async fn compress(c: &mut Cmd, format: Format, level: u32, bytes: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut encoder: Box<dyn Encoder> = match format {
        Format::Gzip => {
            let builder = flate2::GzBuilder::new().operating_system(3);
            Box::new(builder.write(Vec::new(), flate2::Compression::new(level)))
        }
        Format::Bzip2 => {
            let blocks = bzip2::Compression::new(level.clamp(1, BLOCKS));
            Box::new(bzip2::write::BzEncoder::new(Vec::new(), blocks))
        }
        Format::Xz => {
            let options = lzma_rust2::XzOptions { lzma_options: lzma_options(level, bytes), ..Default::default() };
            match lzma_rust2::XzWriter::new(Vec::new(), options) {
                Ok(writer) => Box::new(writer),
                Err(_) => return Ok(Vec::new()),
            }
        }
        Format::Lzma => match lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &lzma_options(level, bytes), None) {
            Ok(writer) => Box::new(writer),
            Err(_) => return Ok(Vec::new()),
        },
    };
    for piece in bytes.chunks(PIECE) {
        c.spend(1 + piece.len() as u64 / format.pace()).await?;
        if encoder.write_all(piece).is_err() {
            break;
        }
    }
    let mut out = encoder.end();
    declare(format, level, &mut out);
    Ok(out)
}

/// Something that compresses.
trait Encoder: Write + Send {
    fn end(self: Box<Self>) -> Vec<u8>;
}

macro_rules! encoder {
    ($($kind:ty),*) => {
        $(impl Encoder for $kind {
            fn end(self: Box<Self>) -> Vec<u8> {
                (*self).finish().unwrap_or_default()
            }
        })*
    };
}
encoder!(
    flate2::write::GzEncoder<Vec<u8>>,
    bzip2::write::BzEncoder<Vec<u8>>,
    lzma_rust2::XzWriter<Vec<u8>>,
    lzma_rust2::LzmaWriter<Vec<u8>>
);

/// log2 of the dictionary that xz's preset has.
fn dictionary(level: u32) -> u32 {
    [18, 20, 21, 22, 22, 23, 23, 24, 25, 26].get(level as usize).copied().unwrap_or(23)
}

fn lzma_options(level: u32, bytes: &[u8]) -> lzma_rust2::LzmaOptions {
    let mut options = lzma_rust2::LzmaOptions::with_preset(level.min(6));
    let needed = u32::try_from(bytes.len().next_power_of_two()).unwrap_or(WINDOW);
    options.dict_size = options.dict_size.min(needed.clamp(4096, WINDOW));
    options
}

/// Writes the level's dictionary or block size into the header, whatever was used: decoders may have more than they need.
fn declare(format: Format, level: u32, out: &mut [u8]) {
    match format {
        Format::Xz => {
            let Some(header) = out.get_mut(12..24).filter(|header| header.starts_with(&[2, 0, 0x21, 1])) else {
                return;
            };
            if let Some(size) = header.get_mut(4) {
                *size = u8::try_from((dictionary(level) - 12) * 2).unwrap_or(22);
            }
            let mut sum = flate2::Crc::new();
            sum.update(header.get(..8).unwrap_or_default());
            let sum = sum.sum().to_le_bytes();
            header.iter_mut().skip(8).zip(sum).for_each(|(slot, byte)| *slot = byte);
        }
        Format::Lzma => {
            let size = (1u32 << dictionary(level)).to_le_bytes();
            out.iter_mut().skip(1).zip(size).for_each(|(slot, byte)| *slot = byte);
        }
        Format::Bzip2 => {
            if let Some(digit) = out.get_mut(3) {
                *digit = b'0' + u8::try_from(level.clamp(1, 9)).unwrap_or(9);
            }
        }
        Format::Gzip => {}
    }
}

/// Writes what came of a file and takes the file away, unless it is kept.
pub(super) fn put(c: &mut Cmd, path: &str, target: &str, bytes: &[u8], keep: bool) -> Result<(), Errno> {
    let stat = c.stat(path)?;
    if c.lstat(target).is_ok() {
        let _ = c.host().remove_file(c.who(), &c.path(target));
    }
    c.write_file(target, bytes)?;
    let full = c.path(target);
    if c.who().uid == 0 {
        let _ = c.host().set_owner(c.who(), &full, Some(stat.uid), Some(stat.gid), false);
    }
    let _ = c.host().set_mode(c.who(), &full, stat.mode & 0o777);
    let _ = c.host().set_times(c.who(), &full, Some(stat.accessed), Some(stat.modified), true);
    if !keep {
        let _ = c.host().remove_file(c.who(), &c.path(path));
    }
    Ok(())
}

/// Decompresses all parts of `bytes`, up to the bound of one value; what came before a fault is given too.
pub(super) async fn decompress(c: &mut Cmd, format: Format, bytes: &[u8]) -> Result<(Vec<u8>, Option<Fault>), Stop> {
    if Format::of(bytes).is_some_and(|own| own != format) || Format::of(bytes).is_none() && format != Format::Lzma {
        let start: &[u8] = match format {
            Format::Gzip => &[0x1f, 0x8b],
            Format::Bzip2 => b"BZh",
            _ => b"\xfd7zXZ\0",
        };
        let cut = bytes.is_empty() || bytes.len() < start.len() && start.starts_with(bytes);
        return Ok((Vec::new(), Some(if cut { Fault::Short } else { Fault::Foreign })));
    }
    if format == Format::Bzip2 {
        return unbzip2(c, bytes).await;
    }
    let mut decoder: Box<dyn Read + Send> = match format {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Format::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, DICTIONARY_KIB)),
        _ => match lzma_rust2::LzmaReader::new_mem_limit(bytes, DICTIONARY_KIB, None) {
            Ok(reader) => Box::new(reader),
            Err(error) => return Ok((Vec::new(), Some(fault(&error, Fault::Foreign)))),
        },
    };
    let mut out = Vec::new();
    let mut piece = vec![0; PIECE];
    while out.len() < c.bound() {
        c.spend(1 + PIECE as u64 / 60).await?;
        match decoder.read(&mut piece) {
            Ok(0) => return Ok((out, None)),
            Ok(count) => out.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) => return Ok((out, Some(fault(&error, Fault::Corrupt)))),
        }
    }
    Ok((out, None))
}

fn fault(error: &Error, other: Fault) -> Fault {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::Short,
        ErrorKind::OutOfMemory => Fault::Memory,
        _ if text.contains("mem_limit") => Fault::Memory,
        _ if text.contains("checksum") => Fault::Sum,
        _ => other,
    }
}

async fn unbzip2(c: &mut Cmd, bytes: &[u8]) -> Result<(Vec<u8>, Option<Fault>), Stop> {
    let mut out: Vec<u8> = Vec::new();
    let mut piece = vec![0; PIECE];
    let mut rest = bytes;
    while !rest.is_empty() {
        if !rest.starts_with(b"BZh") {
            return Ok((out, Some(Fault::Trailing)));
        }
        let mut decoder = bzip2::Decompress::new(false);
        loop {
            if out.len() >= c.bound() {
                return Ok((out, None));
            }
            let before = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(rest, &mut piece);
            let taken = usize::try_from(decoder.total_in() - before.0).unwrap_or(0);
            let given = usize::try_from(decoder.total_out() - before.1).unwrap_or(0);
            c.spend(1 + taken as u64 / 4 + given as u64 / 20).await?;
            rest = rest.get(taken..).unwrap_or_default();
            out.extend_from_slice(piece.get(..given).unwrap_or_default());
            match status {
                Ok(bzip2::Status::StreamEnd) => break,
                Ok(_) if taken == 0 && given == 0 => return Ok((out, Some(Fault::Short))),
                Ok(_) => {}
                Err(_) => return Ok((out, Some(Fault::Corrupt))),
            }
        }
    }
    Ok((out, None))
}

/// Raw deflate data (RFC 1951) of which at most `most` bytes are wanted; `false` when it is damaged.
pub(super) async fn inflate(c: &mut Cmd, bytes: &[u8], most: usize) -> Result<(Vec<u8>, bool), Stop> {
    let mut decoder = flate2::read::DeflateDecoder::new(bytes);
    let (mut out, mut piece) = (Vec::new(), vec![0; PIECE]);
    let most = most.min(c.bound());
    while out.len() <= most {
        c.spend(1 + PIECE as u64 / 60).await?;
        match decoder.read(&mut piece) {
            Ok(0) => return Ok((out, true)),
            Ok(count) => out.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(_) => return Ok((out, false)),
        }
    }
    Ok((out, true))
}

/// The same way back.
pub(super) async fn deflate(c: &mut Cmd, bytes: &[u8], level: u32) -> Result<Vec<u8>, Stop> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
    for piece in bytes.chunks(PIECE) {
        c.spend(1 + piece.len() as u64 / Format::Gzip.pace()).await?;
        let _ = encoder.write_all(piece);
    }
    Ok(encoder.finish().unwrap_or_default())
}
