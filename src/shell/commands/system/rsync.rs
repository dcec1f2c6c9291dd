//! `rsync --server`, which sshd starts for a client: the exchange of versions, flags and seed as rsync 3.1.3 does it
//! (protocol 31), the beginning of the list, and an error that ends it. No file is transferred.

use super::common::decode;
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::resolve;

/// Versions that a peer may have (`MIN_PROTOCOL_VERSION`, `MAX_PROTOCOL_VERSION`).
const KNOWN: std::ops::RangeInclusive<u32> = 20..=40;
/// From here on flags are told.
const FLAGS: u32 = 30;
/// Bytes of a list that are read before the error.
const LIST: usize = 64 << 10;
/// Kinds of messages between the data (`MPLEX_BASE` 7 added).
const ERROR_XFER: u32 = 7 + 1;
const ERROR: u32 = 7 + 3;
const ERROR_EXIT: u32 = 7 + 86;

/// What the arguments say.
#[derive(Debug, Default, PartialEq, Eq)]
struct How {
    sender: bool,
    recursive: bool,
    /// What the client can, behind `-e.`.
    info: String,
    paths: Vec<String>,
}

/// `--server [--sender] -logDtpre.iLsfxC . PATH...`
fn read(args: &[String]) -> How {
    let mut how = How::default();
    let mut words = args.iter().skip_while(|arg| arg.as_str() != "--server").skip(1);
    for word in words.by_ref() {
        match word.as_str() {
            "--sender" => how.sender = true,
            "." => break,
            long if long.starts_with("--") => {}
            short if short.starts_with('-') => {
                let (letters, info) = short.split_once('e').unwrap_or((short, ""));
                how.recursive |= letters.contains('r');
                how.info.push_str(info);
            }
            path => {
                how.paths.push(path.to_string());
                break;
            }
        }
    }
    how.paths.extend(words.cloned());
    how
}

impl How {
    /// `compat_flags`
    fn flags(&self) -> u8 {
        let has = |letter, flag| if self.info.contains(letter) { flag } else { 0 };
        let recursion = if self.recursive { has('i', 1) } else { 0 };
        recursion | 2 | 4 | has('f', 8) | has('x', 16) | has('C', 32)
    }

    /// What the process calls itself in its errors.
    fn name(&self) -> &'static str {
        if self.sender { "sender" } else { "Receiver" }
    }
}

/// A message of this kind.
fn message(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(0) & 0x00FF_FFFF;
    [&(kind << 24 | length).to_le_bytes(), body].concat()
}

/// Answers a client until the error.
pub(super) async fn serve(c: &mut Cmd) -> Result<i32, Stop> {
    let how = read(&c.args);
    let (release, protocol) = version(c);
    c.out_bytes(&protocol.to_le_bytes());
    c.flush().await?;
    let mut theirs = Vec::new();
    while theirs.len() < 4 {
        let more = c.read(4 - theirs.len()).await?;
        if more.is_empty() {
            c.err(&format!(
                "rsync: connection unexpectedly closed ({} bytes received so far) [{who}]\n\
                 rsync error: error in rsync protocol data stream (code 12) at io.c(235) [{who}={release}]\n",
                theirs.len(),
                who = how.name()
            ));
            return Ok(12);
        }
        theirs.extend(more);
    }
    let theirs = theirs.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if !KNOWN.contains(&theirs) {
        c.err(&format!(
            "protocol version mismatch -- is your shell clean?\n(see the rsync man page for an explanation)\n\
             rsync error: protocol incompatibility (code 2) at compat.c(178) [{}={release}]\n",
            how.name()
        ));
        return Ok(2);
    }
    if theirs.min(protocol) >= FLAGS {
        c.out_bytes(&[how.flags()]);
    }
    let seed = u32::try_from(c.now().as_second() & 0xFFFF_FFFF).unwrap_or(0) ^ c.pid().wrapping_shl(6);
    c.out_bytes(&seed.to_le_bytes());
    c.flush().await?;
    // The list, or the filters of one who fetches.
    let came = c.read(LIST).await?;
    if came.is_empty() {
        return Ok(12);
    }
    let (code, words) = end(c, &how, &release);
    for (kind, text) in words {
        c.out_bytes(&message(kind, &text::encode(&text)));
    }
    if theirs.min(protocol) >= 31 {
        c.out_bytes(&message(ERROR_EXIT, &code.to_le_bytes()));
    }
    c.flush().await?;
    Ok(code)
}

/// How it ends: the status, and what is said.
fn end(c: &Cmd, how: &How, release: &str) -> (i32, Vec<(u32, String)>) {
    let operand = how.paths.last().map_or(".", String::as_str);
    let full = decode(&resolve(c.cwd(), &text::encode(operand)));
    if how.sender {
        let why = match c.stat(operand) {
            Err(errno) => format!("rsync: link_stat \"{full}\" failed: {} ({})\n", errno.text(), errno.number()),
            Ok(_) => format!("rsync: send_files failed to open \"{full}\": Input/output error (5)\n"),
        };
        return (23, vec![(ERROR_XFER, why)]);
    }
    let parent = full.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
    let why = if c.stat(operand).is_ok() || c.stat(parent).is_ok() {
        format!("rsync: write failed on \"{full}\": No space left on device (28)\n")
    } else {
        format!("rsync: mkdir \"{full}\" failed: No such file or directory (2)\n")
    };
    let line = format!("rsync error: error in file IO (code 11) at main.c(675) [Receiver={release}]\n");
    (11, vec![(ERROR, why), (ERROR, line)])
}

/// Release and protocol of the host's rsync.
fn version(c: &Cmd) -> (String, u32) {
    if c.host().persona().os_id == "ubuntu" { ("3.1.3".into(), 31) } else { ("3.5.0".into(), 32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_a_client_are_read() {
        let args = |line: &str| line.split(' ').map(str::to_string).collect::<Vec<_>>();
        let how = read(&args("--server -vlogDtpre.iLsfxC --delete . /srv/www"));
        assert_eq!(how.paths, ["/srv/www"]);
        assert_eq!((how.sender, how.flags()), (false, 1 | 2 | 4 | 8 | 16 | 32));
        let how = read(&args("--server --sender -de.LsfxCIvu . /etc/passwd a"));
        assert_eq!((how.sender, how.flags(), how.paths.len()), (true, 2 | 4 | 8 | 16 | 32, 2));
        assert_eq!(message(ERROR, b"ab"), [2, 0, 0, 10, b'a', b'b']);
        assert_eq!(read(&[]), How::default());
    }
}
