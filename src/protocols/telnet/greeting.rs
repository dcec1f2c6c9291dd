//! What stands before the login prompt and behind a login: issue, message of the day, the last login.

use crate::base::clock::Timestamp;
use crate::protocols::motd::{SHOWN, motd};
use crate::world::{Host, LoginProgram, Persona, TelnetDaemon, Who};

/// Where all three look for their text.
const ISSUE: &[u8] = b"/etc/issue.net";

/// What telnetd prints before it starts login, as it goes over the wire.
pub(super) fn banner(daemon: TelnetDaemon, host: &Host) -> Vec<u8> {
    let persona = host.persona();
    let tty = format!("pts/{}", host.free_tty());
    let issue = || host.read_file(&Who::root(), ISSUE, SHOWN).unwrap_or_default();
    match daemon {
        TelnetDaemon::Netkit => lines(&filled(&issue(), persona, &tty, b"%"), b"\r\n"),
        TelnetDaemon::Inetutils => {
            format!("\r\nLinux {} ({}) ({tty})\r\n\r\n", persona.kernel, persona.fqdn).into_bytes()
        }
        // It writes LF CR, and the terminal makes CR LF of the LF.
        TelnetDaemon::Busybox => {
            [b"\r\r\n".to_vec(), lines(&filled(&issue(), persona, &tty, b"\\%"), b"\r\n\r")].concat()
        }
    }
}

/// What a login prints before the shell, as the terminal shows it.
pub(super) fn greeting(login: LoginProgram, host: &Host, user: &str) -> Vec<u8> {
    let text = match (login, host.persona().os_id.as_str()) {
        (LoginProgram::Busybox, _) => host.read_file(&Who::root(), b"/etc/motd", SHOWN).unwrap_or_default(),
        (LoginProgram::Shadow, "ubuntu") => [last_login(host, user), motd(host)].concat(),
        (LoginProgram::Shadow, _) => [motd(host), last_login(host, user)].concat(),
    };
    lines(&text, b"\r\n")
}

/// The line of `pam_lastlog`; nothing for a first login.
fn last_login(host: &Host, user: &str) -> Vec<u8> {
    let last = host.logins().into_iter().find(|login| login.user == user && login.tty.contains("pts"));
    let Some(last) = last else { return Vec::new() };
    let from = if last.from.is_empty() { String::new() } else { format!(" from {}", last.from) };
    format!("Last login: {}{from} on {}\n", stamp(last.since), last.tty).into_bytes()
}

/// `Mon Nov 23 18:38:22 UTC 2026`
fn stamp(at: Timestamp) -> String {
    at.strftime("%a %b %e %H:%M:%S UTC %Y").to_string()
}

/// Each line's end becomes `end`; 255 is doubled (RFC 854).
fn lines(text: &[u8], end: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 16);
    for &byte in text {
        match byte {
            b'\n' => wire.extend_from_slice(end),
            255 => wire.extend_from_slice(&[255, 255]),
            other => wire.push(other),
        }
    }
    wire
}

/// The letters behind a backslash or a percent sign are facts: those that both daemons know.
fn filled(text: &[u8], persona: &Persona, tty: &str, signs: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if !signs.contains(&byte) {
            out.push(byte);
            continue;
        }
        let fact = match bytes.next() {
            Some(b'h' | b'n') => persona.hostname.as_str(),
            Some(b's') => "Linux",
            Some(b'm') => &persona.machine,
            Some(b'r') => &persona.kernel,
            Some(b'v') => &persona.kernel_version,
            Some(b'l' | b't') => tty,
            Some(b'o' | b'D') => &persona.domain,
            Some(other) => {
                out.push(other);
                continue;
            }
            None => break,
        };
        out.extend_from_slice(fact.as_bytes());
    }
    out
}
