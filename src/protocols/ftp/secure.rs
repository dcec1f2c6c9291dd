//! What is in TLS and what must be: AUTH, PBSZ and PROT (RFC 4217, RFC 2228) as vsftpd 3.0.3 answers them.

use super::config::Secure;
use super::dialog::{Step, reply};

/// The protection of one control connection and its transfers.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    rule: Secure,
    /// The control connection is in TLS.
    pub control: bool,
    /// Data connections will be.
    pub data: bool,
}

impl Protection {
    /// A connection in clear.
    pub fn new(rule: Secure) -> Self {
        Self { rule, control: false, data: false }
    }

    /// There is TLS at all.
    pub fn offered(&self) -> bool {
        self.rule != Secure::Off
    }

    /// AUTH, which vsftpd knows in clear only.
    pub fn auth(&mut self, argument: &[u8]) -> Step {
        let mechanism = argument.to_ascii_uppercase();
        if !matches!(mechanism.as_slice(), b"TLS" | b"TLS-C" | b"SSL" | b"TLS-P") {
            return reply("504 Unknown AUTH type.");
        }
        self.control = true;
        self.data = matches!(mechanism.as_slice(), b"SSL" | b"TLS-P");
        Step::StartTls(b"234 Proceed with negotiation.\r\n".to_vec())
    }

    /// PBSZ: TLS needs no buffer.
    pub fn pbsz(&self) -> Step {
        reply(if self.control { "200 PBSZ set to 0." } else { "503 PBSZ needs a secure connection." })
    }

    /// PROT
    pub fn prot(&mut self, argument: &[u8]) -> Step {
        if !self.control {
            return reply("503 PROT needs a secure connection.");
        }
        match argument.to_ascii_uppercase().as_slice() {
            b"C" => {
                self.data = false;
                reply("200 PROT now Clear.")
            }
            b"P" => {
                self.data = true;
                reply("200 PROT now Private.")
            }
            b"S" | b"E" => reply("536 PROT not supported."),
            _ => reply("504 PROT not recognized."),
        }
    }

    /// What a name is refused with, and whether that is the end.
    pub fn refuses(&self, guest: bool) -> Option<(&'static str, bool)> {
        match (guest, self.control) {
            (true, true) => Some(("530 Anonymous sessions may not use encryption.", false)),
            (false, false) if self.rule == Secure::Required => {
                Some(("530 Non-anonymous sessions must use encryption.", true))
            }
            _ => None,
        }
    }

    /// A transfer in clear is refused.
    pub fn refuses_clear(&self, guest: bool) -> bool {
        self.rule == Secure::Required && !self.data && !guest
    }
}
