//! The ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2) as its bytes were, and the fingerprints JA3 and JA4 of it.
//! What can't be read is `None`; no bytes make it fail otherwise.

use md5::Md5;
use sha2::{Digest, Sha256};

/// What a client said first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// `legacy_version`
    pub version: u16,
    /// Cipher suites in their order, GREASE (RFC 8701) among them.
    pub ciphers: Vec<u16>,
    /// Types of the extensions in their order.
    pub extensions: Vec<u16>,
    /// Host name of `server_name` (RFC 6066).
    pub sni: Option<Vec<u8>>,
    /// Names of `application_layer_protocol_negotiation` (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
    /// `supported_versions`
    pub versions: Vec<u16>,
    /// `supported_groups`
    pub groups: Vec<u16>,
    /// `ec_point_formats`
    pub formats: Vec<u8>,
    /// `signature_algorithms`
    pub signatures: Vec<u16>,
}

/// Bytes that are read one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A vector whose length stands before it in one byte.
    fn short(&mut self) -> Option<Self> {
        let len = self.byte()?;
        self.take(len.into()).map(Self)
    }

    /// A vector whose length stands before it in two bytes.
    fn long(&mut self) -> Option<Self> {
        let len = self.word()?;
        self.take(len.into()).map(Self)
    }

    fn words(mut self) -> Vec<u16> {
        std::iter::from_fn(|| self.word()).collect()
    }
}

/// The handshake message that the records of a stream begin with; how much of it is there, when it is not whole.
fn message(records: &[u8]) -> Option<Vec<u8>> {
    let (mut reader, mut message) = (Reader(records), Vec::new());
    while reader.byte() == Some(22) {
        reader.word()?;
        let len = usize::from(reader.word()?);
        let piece = reader.take(len.min(reader.0.len()))?;
        message.extend_from_slice(piece);
    }
    Some(message).filter(|message| !message.is_empty())
}

impl ClientHello {
    /// Reads the first bytes of a stream: TLS records.
    pub fn read(records: &[u8]) -> Option<Self> {
        let message = message(records)?;
        let mut reader = Reader(&message);
        if reader.byte()? != 1 {
            return None;
        }
        let len = reader.take(3)?.iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
        let mut body = Reader(reader.take(len)?);
        let mut hello = Self { version: body.word()?, ..Self::default() };
        body.take(32)?;
        body.short()?;
        hello.ciphers = body.long()?.words();
        body.short()?;
        // A hello without extensions ends here.
        let mut extensions = body.long().unwrap_or(Reader(&[]));
        while let Some(kind) = extensions.word() {
            let data = extensions.long()?;
            hello.extensions.push(kind);
            hello.extension(kind, data);
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, mut data: Reader<'_>) {
        match kind {
            0 => {
                let name = || {
                    let mut list = data.long()?;
                    (list.byte()? == 0).then(|| list.long())?
                };
                self.sni = { name }().map(|name| name.0.to_vec());
            }
            10 => self.groups = data.long().map(Reader::words).unwrap_or_default(),
            11 => self.formats = data.short().map(|list| list.0.to_vec()).unwrap_or_default(),
            13 => self.signatures = data.long().map(Reader::words).unwrap_or_default(),
            16 => {
                let mut list = data.long().unwrap_or(Reader(&[]));
                self.alpn = std::iter::from_fn(|| list.short()).map(|name| name.0.to_vec()).collect();
            }
            43 => self.versions = data.short().map(Reader::words).unwrap_or_default(),
            _ => {}
        }
    }

    /// Names of the versions that are offered, the client's favourite first.
    pub fn version_names(&self) -> Vec<String> {
        let offered = if self.versions.is_empty() { vec![self.version] } else { self.versions.clone() };
        offered.into_iter().filter(|&version| !is_grease(version)).map(version_name).collect()
    }

    /// JA3: MD5 of version, ciphers, extensions, groups and point formats in decimal, without GREASE.
    pub fn ja3(&self) -> String {
        hex(&Md5::digest(self.ja3_text()))
    }

    fn ja3_text(&self) -> String {
        let list = |values: &[u16]| {
            let values = values.iter().filter(|&&value| !is_grease(value)).map(u16::to_string);
            values.collect::<Vec<_>>().join("-")
        };
        let formats = self.formats.iter().map(u8::to_string).collect::<Vec<_>>().join("-");
        let (ciphers, extensions) = (list(&self.ciphers), list(&self.extensions));
        format!("{},{ciphers},{extensions},{},{formats}", self.version, list(&self.groups))
    }

    /// JA4 of TLS over TCP: what is offered in short, the sorted ciphers, the sorted extensions with the signature
    /// algorithms.
    pub fn ja4(&self) -> String {
        let real = |values: &[u16]| values.iter().copied().filter(|&value| !is_grease(value)).collect::<Vec<_>>();
        let (mut ciphers, mut extensions) = (real(&self.ciphers), real(&self.extensions));
        let highest = real(&self.versions).into_iter().max().unwrap_or(self.version);
        let version = match highest {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        };
        let domain = if extensions.contains(&0) { 'd' } else { 'i' };
        let (many, more) = (ciphers.len().min(99), extensions.len().min(99));
        let alpn = self.ja4_alpn();
        ciphers.sort_unstable();
        extensions.retain(|kind| !matches!(kind, 0 | 16));
        extensions.sort_unstable();
        let (ciphers, mut rest) = (hex_list(&ciphers), hex_list(&extensions));
        let signatures = hex_list(&real(&self.signatures));
        if !signatures.is_empty() {
            rest = format!("{rest}_{signatures}");
        }
        format!("t{version}{domain}{many:02}{more:02}{alpn}_{}_{}", short_hash(&ciphers), short_hash(&rest))
    }

    /// First and last character of the first ALPN name; of its hexadecimal form when they are not alphanumeric.
    fn ja4_alpn(&self) -> String {
        let Some((&first, &last)) = self.alpn.first().and_then(|name| name.first().zip(name.last())) else {
            return "00".into();
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            return [char::from(first), char::from(last)].iter().collect();
        }
        let digits = format!("{first:02x}{last:02x}");
        digits.chars().next().into_iter().chain(digits.chars().last()).collect()
    }
}

/// Values that clients send so that servers get used to unknown ones (RFC 8701).
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn version_name(version: u16) -> String {
    match version {
        0x0304 => "TLSv1.3".into(),
        0x0303 => "TLSv1.2".into(),
        0x0302 => "TLSv1.1".into(),
        0x0301 => "TLSv1".into(),
        0x0300 => "SSLv3".into(),
        other => format!("{other:04x}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hex_list(values: &[u16]) -> String {
    values.iter().map(|value| format!("{value:04x}")).collect::<Vec<_>>().join(",")
}

/// Twelve digits of SHA-256; zeros for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    hex(&Sha256::digest(text)).chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn short(bytes: &[u8]) -> Vec<u8> {
        [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// A hello in records of `size` bytes.
    fn records(version: u16, ciphers: &[u16], extensions: &[(u16, Vec<u8>)], size: usize) -> Vec<u8> {
        let mut body =
            [&version.to_be_bytes()[..], &[7; 32], &short(&[9; 32]), &long(&words(ciphers)), &[1, 0]].concat();
        let list: Vec<u8> = extensions.iter().flat_map(|(kind, data)| [words(&[*kind]), long(data)].concat()).collect();
        if !extensions.is_empty() {
            body.extend(long(&list));
        }
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        let message = [&[1], &len[1..], &body].concat();
        message.chunks(size).flat_map(|piece| [&[22, 3, 1], long(piece).as_slice()].concat()).collect()
    }

    /// The two examples of JA3's own description.
    #[test]
    fn published_ja3() {
        let extensions = [(0, vec![]), (10, long(&words(&[23, 24, 25]))), (11, short(&[0]))];
        let ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
        let hello = ClientHello::read(&records(769, &ciphers, &extensions, 9999)).unwrap();
        assert_eq!(hello.ja3_text(), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        assert_eq!(hello.ja3(), "ada70206e40642a3e4461f35503241d5");
        let hello = ClientHello::read(&records(769, &[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], &[], 9999)).unwrap();
        assert_eq!(hello.ja3(), "de350869b8c85de67a350c8d186f11e6");
    }

    /// The example of JA4's own description, with GREASE and in another order.
    #[test]
    fn published_ja4() {
        let ciphers = [
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let name = [&[0][..], &long(b"example.org")].concat();
        let mut extensions = vec![
            (0x1a1a, vec![]),
            (0, long(&name)),
            (16, long(&[short(b"h2"), short(b"http/1.1")].concat())),
            (43, short(&words(&[0x2a2a, 0x0304, 0x0303]))),
            (13, long(&words(&signatures))),
        ];
        let rest = [0x1b, 0x4469, 0xff01, 0x17, 0x0b, 0x0a, 0x23, 5, 0x12, 0x33, 0x2d, 0x15];
        extensions.extend(rest.map(|kind| (kind, vec![])));
        for size in [9999, 50, 1] {
            let hello = ClientHello::read(&records(0x0303, &ciphers, &extensions, size)).unwrap();
            assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
            assert_eq!(hello.sni.as_deref(), Some(b"example.org".as_slice()));
            assert_eq!(hello.alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
            assert_eq!(hello.version_names(), ["TLSv1.3", "TLSv1.2"]);
        }
    }

    #[test]
    fn ja4_of_odd_hellos() {
        let hello = ClientHello::read(&records(0x0301, &[], &[(16, long(&short(b"\xab\xcd")))], 9999)).unwrap();
        assert_eq!(hello.ja4(), "t10i0001ad_000000000000_000000000000");
        assert_eq!(ClientHello::read(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(ClientHello::read(b""), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, at in 0..200_usize, ciphers: Vec<u16>) {
            let mut whole = records(0x0303, &ciphers, &[(0, bytes.clone()), (16, bytes.clone()), (43, bytes.clone())], 40);
            let at = at.min(whole.len());
            whole.splice(at..at, bytes.iter().copied());
            for input in [bytes, whole] {
                if let Some(hello) = ClientHello::read(&input) {
                    let _ = (hello.ja3(), hello.ja4(), hello.version_names());
                }
            }
        }
    }
}
