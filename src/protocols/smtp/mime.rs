//! What is in a mail (RFC 5322, 2045): subject, addresses, attachments, URLs. The parser is `mail-parser`; before it
//! sees a mail, what could cost it more than the mail's own size is counted, and such a mail is read by its headers
//! only.

use std::panic::catch_unwind;

use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::event::Attachment;
use crate::prelude::*;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    pub subject: Option<String>,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub attachments: Vec<Part>,
    pub urls: Vec<String>,
    /// All of it was read.
    pub whole: bool,
}

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: Option<String>,
    pub mime: String,
    pub bytes: Vec<u8>,
}

/// Containers (multipart, message) and headers of one mail that is read as a whole. Each may nest.
const CONTAINERS: usize = 200;
const HEADERS: usize = 100_000;
/// Bytes of the headers when only they are read.
const HEAD: usize = 64 << 10;
/// Of one mail.
const ADDRESSES: usize = 100;
const ATTACHMENTS: usize = 100;
const URLS: usize = 200;
/// Bytes of a text that goes into the record.
const TEXT: usize = 2048;
/// Bytes of the parts' texts that are searched for URLs.
const SEARCHED: usize = 4 << 20;

/// Reads a mail.
pub fn read(mail: &[u8]) -> Content {
    if is_tame(mail)
        && let Ok(Some(content)) = catch_unwind(|| MessageParser::default().parse(mail).map(|mail| collect(&mail)))
    {
        return content;
    }
    let head = mail.get(..HEAD).unwrap_or(mail);
    let content = catch_unwind(|| MessageParser::default().parse_headers(head).map(|head| collect(&head)));
    let mut content = content.ok().flatten().unwrap_or_default();
    find_urls(&String::from_utf8_lossy(mail.get(..SEARCHED).unwrap_or(mail)), &mut content.urls);
    Content { attachments: Vec::new(), whole: false, ..content }
}

/// Whether the parser's work and memory stay in proportion.
fn is_tame(mail: &[u8]) -> bool {
    let (mut containers, mut headers) = (0, 0);
    for line in mail.split(|&b| b == b'\n') {
        let name = line.iter().take(80).position(|&b| b == b':');
        headers += usize::from(name.is_some());
        // Types may stand on a line that continues a header.
        containers += occurrences(line, b"multipart/") + occurrences(line, b"message/");
    }
    containers <= CONTAINERS && headers <= HEADERS
}

fn occurrences(line: &[u8], word: &[u8]) -> usize {
    line.windows(word.len()).filter(|window| window.eq_ignore_ascii_case(word)).count()
}

fn collect(mail: &Message<'_>) -> Content {
    let mut content = Content {
        subject: mail.subject().map(short),
        from: addresses(mail.from()),
        to: addresses(mail.to()),
        whole: true,
        ..Content::default()
    };
    let mut searched = 0;
    // Mails in mails wait here: no recursion.
    let mut todo = vec![mail];
    while let Some(mail) = todo.pop() {
        for part in &mail.parts {
            let is_attachment = content.attachments.len() < ATTACHMENTS && is_attachment(part);
            match &part.body {
                PartType::Text(text) | PartType::Html(text) => {
                    if searched < SEARCHED {
                        searched += text.len();
                        find_urls(text, &mut content.urls);
                    }
                    if is_attachment {
                        content.attachments.push(attachment(part, text.as_bytes()));
                    }
                }
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) if is_attachment => {
                    content.attachments.push(attachment(part, bytes));
                }
                PartType::Message(inner) => {
                    if is_attachment {
                        content.attachments.push(attachment(part, inner.raw_message()));
                    }
                    todo.push(inner);
                }
                _ => {}
            }
        }
    }
    content
}

/// What a person would save: with a name, meant as an attachment, or of no kind that is shown.
fn is_attachment(part: &MessagePart<'_>) -> bool {
    let meant = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
    let binary = matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_));
    meant || binary || part.attachment_name().is_some()
}

fn attachment(part: &MessagePart<'_>, bytes: &[u8]) -> Part {
    let mime = part.content_type().map_or_else(
        || "text/plain".into(),
        |kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().into(),
        },
    );
    Part { name: part.attachment_name().map(short), mime: short(&mime), bytes: bytes.to_vec() }
}

fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let text = |address: &mail_parser::Addr<'_>| match (address.name(), address.address()) {
        (Some(name), Some(address)) => short(&format!("{name} <{address}>")),
        (name, address) => short(address.or(name).unwrap_or_default()),
    };
    header.into_iter().flat_map(Address::iter).take(ADDRESSES).map(text).collect()
}

fn short(text: &str) -> String {
    let end = (0..=TEXT.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default().into()
}

/// Adds the URLs of a text, each once.
fn find_urls(text: &str, urls: &mut Vec<String>) {
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at);
        let scheme = before.len() - before.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
        let scheme = before.get(scheme..).unwrap_or_default();
        let after = after.get(3..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
        let place = after.get(..after.find(ends).unwrap_or(after.len())).unwrap_or_default();
        rest = after.get(place.len()..).unwrap_or_default();
        let place = place.trim_end_matches(['.', ',', ';', '!', '?', ')', ']', '}']);
        let known = ["http", "https", "ftp", "ftps", "hxxp", "hxxps", "tftp", "ws", "wss"];
        if known.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !place.is_empty() {
            let url = short(&format!("{scheme}://{place}"));
            if urls.len() < URLS && !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
}

/// Reads a mail that was kept, captures its attachments, and records what is in it.
pub fn record(session: &Session, queue_id: &str, mail: &[u8]) {
    let content = read(mail);
    let attachments = content.attachments.into_iter().map(|part| {
        let mut capture = session.captures().begin(session.limits().capture_bytes);
        capture.push(&part.bytes);
        let stored = capture.store();
        Attachment {
            name: part.name.map(|name| Raw::from(name.as_bytes())),
            mime: part.mime,
            bytes: stored.bytes,
            sha256: stored.sha256,
            stored: stored.name,
        }
    });
    let raw = |texts: Vec<String>| texts.into_iter().map(|text| Raw::from(text.into_bytes())).collect();
    session.log().record(Kind::MailParsed {
        queue_id: queue_id.into(),
        subject: content.subject.map(|subject| Raw::from(subject.into_bytes())),
        from: raw(content.from),
        to: raw(content.to),
        attachments: attachments.collect(),
        urls: raw(content.urls),
        whole: content.whole,
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_in_a_mail() {
        let mail = b"From: \"A B\" <a@b.c>\r\nTo: root@x.y, Z <z@x.y>\r\nSubject: =?utf-8?q?Rechnung_=E2=82=AC?=\r\n\
            Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n\
            <a href=\"http://evil.example/x?y=1\">go</a> (see https://b.example/).\r\n--q\r\n\
            Content-Type: application/zip; name=\"in.zip\"\r\nContent-Disposition: attachment\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n\
            Subject: inner\r\n\r\nftp://c.example/f\r\n--q--\r\n";
        let content = read(mail);
        assert_eq!(content.subject.as_deref(), Some("Rechnung \u{20ac}"));
        assert_eq!(
            (content.from, content.to),
            (vec!["A B <a@b.c>".into()], vec!["root@x.y".into(), "Z <z@x.y>".into()])
        );
        let zip = Part { name: Some("in.zip".into()), mime: "application/zip".into(), bytes: b"PK\x03\x04".into() };
        assert_eq!(content.attachments, [zip]);
        assert_eq!(content.urls, ["http://evil.example/x?y=1", "https://b.example/", "ftp://c.example/f"]);
        assert!(content.whole);
    }

    /// Nesting that would overflow a stack, headers that would fill the memory: read by their beginning, at once.
    #[test]
    fn bombs_are_read_by_their_headers() {
        let began = std::time::Instant::now();
        let mut nested = String::from("Subject: bomb\r\n");
        for level in 0..1000 {
            nested += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
        }
        let wrapped = format!("Subject: bomb\n{}", "Content-Type: message/rfc822\n\n".repeat(300_000));
        let headers = format!("Subject: bomb\n{}\nhttp://x.example/\n", "a:\n".repeat(3_000_000));
        let folded = format!("Subject: bomb\nX: {}\n\nbody", "y\n ".repeat(2_000_000));
        let list = format!("Subject: bomb\nTo: {}\n\nbody", "a@b,".repeat(2_000_000));
        for mail in [nested, wrapped, headers, folded, list] {
            let content = read(mail.as_bytes());
            assert_eq!(content.subject.as_deref(), Some("bomb"));
            assert!(content.to.len() <= ADDRESSES);
        }
        // The deepest that is read as a whole.
        let deep = "Content-Type: message/rfc822\n\n".repeat(CONTAINERS);
        assert!(read(deep.as_bytes()).whole);
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    /// Found by fuzzing: boundaries of which the inner one is empty and the outer one ends first. The library asserts about
    /// it in debug builds.
    #[test]
    fn boundaries_that_cross_are_read_somehow() {
        let part = "Content-Type: message/rfc822\r\n\r\nTo: a <b@c>\r\n";
        let mail = format!(
            "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n{part}Content-Type: multipart/mixed; boundary=\r\n\
             \rq\r\n--q\r\n{part}\r\nhttp/:\0==\r\n--q--\r\n"
        );
        assert!(read(mail.as_bytes()).attachments.len() < 3);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, at in 0..300_usize) {
            let mut mail = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: \
                message/rfc822\r\n\r\nTo: a\r\n\r\n--q--\r\n"
                .to_vec();
            let at = at.min(mail.len());
            mail.splice(at..at, bytes.iter().copied());
            read(&mail);
            read(&bytes);
        }
    }
}
