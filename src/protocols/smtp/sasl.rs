//! The exchanges of AUTH (RFC 4954) as Postfix has them with Cyrus SASL: PLAIN (RFC 4616) and LOGIN. Pure.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What the server waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sasl {
    /// The whole of PLAIN.
    Plain,
    /// The name of LOGIN.
    Name,
    /// The password of LOGIN, for this name.
    Password(Vec<u8>),
}

/// What follows from a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for more.
    Challenge(Sasl),
    /// Somebody wants to log in.
    Login {
        /// The name given.
        user: Vec<u8>,
        /// The password given.
        password: Vec<u8>,
    },
    /// The answer that ends it.
    Fail(&'static str),
}

pub const BAD_PASSWORD: &str = "535 5.7.8 Error: authentication failed: authentication failure";
const NO_MECHANISM: &str = "535 5.7.8 Error: authentication failed: no mechanism available";
/// Cyrus SASL's words for base64 that ends too early and for what is no base64.
const UNFINISHED: &str = "535 5.7.8 Error: authentication failed: another step is needed in authentication";
const BAD_PROTOCOL: &str = "535 5.7.8 Error: authentication failed: bad protocol / cancel";
const NO_NAME: &str = "454 4.7.0 Temporary authentication failure: generic failure";
const ABORTED: &str = "501 5.7.0 Authentication aborted";

impl Sasl {
    /// `AUTH mechanism [initial-response]`
    pub fn begin(mechanism: &[u8], initial: Option<&[u8]>) -> Next {
        let start = if mechanism.eq_ignore_ascii_case(b"PLAIN") {
            Self::Plain
        } else if mechanism.eq_ignore_ascii_case(b"LOGIN") {
            Self::Name
        } else {
            return Next::Fail(NO_MECHANISM);
        };
        match initial.map(decode) {
            None => Next::Challenge(start),
            Some(Ok(response)) => start.take(response),
            Some(Err(reason)) => Next::Fail(reason),
        }
    }

    /// The line that the client is shown.
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "334 ",
            Self::Name => "334 VXNlcm5hbWU6",
            Self::Password(_) => "334 UGFzc3dvcmQ6",
        }
    }

    /// A line of the client.
    pub fn respond(self, line: &[u8]) -> Next {
        if line == b"*" {
            return Next::Fail(ABORTED);
        }
        match decode(line) {
            Ok(response) => self.take(response),
            Err(reason) => Next::Fail(reason),
        }
    }

    fn take(self, response: Vec<u8>) -> Next {
        match self {
            Self::Plain => plain(&response),
            Self::Name => Next::Challenge(Self::Password(response)),
            Self::Password(user) if user.is_empty() => Next::Fail(NO_NAME),
            Self::Password(user) => Next::Login { user, password: response },
        }
    }
}

/// `[authzid] NUL authcid NUL password`. Nobody may act for another one.
fn plain(response: &[u8]) -> Next {
    let parts: Vec<&[u8]> = response.splitn(4, |&b| b == 0).collect();
    match parts.as_slice() {
        [_, [], _] => Next::Fail(NO_NAME),
        [other, user, _] if !other.is_empty() && other != user => Next::Fail(BAD_PASSWORD),
        [_, user, password] => Next::Login { user: user.to_vec(), password: password.to_vec() },
        _ => Next::Fail(BAD_PROTOCOL),
    }
}

/// As `sasl_decode64` of Cyrus SASL 2.1: whole groups of four, then nothing.
fn decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let (whole, rest) = text.split_at_checked(text.len() / 4 * 4).unwrap_or_default();
    let bytes = ENGINE.decode(whole).map_err(|_| BAD_PROTOCOL)?;
    match (rest, whole.ends_with(b"=")) {
        ([], _) => Ok(bytes),
        (_, true) => Err(BAD_PROTOCOL),
        (_, false) => Err(UNFINISHED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asked of Postfix 3.7.11 with Cyrus SASL 2.1.28 and its sasldb.
    #[test]
    fn what_is_said_to_responses() {
        let fail = |text: &str| match Sasl::begin(b"plain", Some(text.as_bytes())) {
            Next::Fail(said) => said,
            other => panic!("{text}: {other:?}"),
        };
        for short in ["!!!", "!", "aaaaa", "a", "aaa", "=", "*"] {
            assert_eq!(fail(short), UNFINISHED, "{short}");
        }
        for bad in
            ["!!!!", "aaaa", "====", "aa==", "aa=a", "aaaa====", "aaa=aaaa", "eA==", "AHg=", "AHgAeQB6", "AHgAeQ== "]
        {
            assert_eq!(fail(bad), BAD_PROTOCOL, "{bad}");
        }
        assert_eq!(fail("AAB5"), NO_NAME);
        assert_eq!(fail("YQB4AHk="), BAD_PASSWORD);
        let login = Next::Login { user: b"x".into(), password: b"".into() };
        assert_eq!(Sasl::begin(b"PLAIN", Some(b"AHgA")), login);
        assert_eq!(Sasl::begin(b"NTLM", None), Next::Fail(NO_MECHANISM));
        assert_eq!(Sasl::Plain.respond(b""), Next::Fail(BAD_PROTOCOL));
        assert_eq!(Sasl::Name.respond(b"*"), Next::Fail(ABORTED));
        assert_eq!(Sasl::Name.respond(b"* "), Next::Fail(UNFINISHED));
        assert_eq!(Sasl::Password(Vec::new()).respond(b""), Next::Fail(NO_NAME));
    }
}
