//! What only a model says, what nobody may get from us, and what the host's own facts rule out.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use regex::Regex;

use super::Facts;

/// Words that only a model says; compared without case.
const MODEL_TALK: &[&str] = &[
    "as an ai",
    "language model",
    "openai",
    "chatgpt",
    "i'm sorry",
    "i am sorry",
    "i apologize",
    "i cannot",
    "i can't",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "as a virtual",
    "assistant",
    "honeypot",
    "here is the",
    "here's",
    "here are",
    "you can use",
    "please note",
    "note that",
    "feel free",
    "certainly",
    "of course",
    "sure,",
    "sure!",
    "this command",
    "the command",
    "the output",
    "would you like",
    "let me",
    "i'll ",
    "i will ",
    "hello!",
    "how can i",
    "happy to",
    "in this example",
    "step 1",
    "guidelines",
    "ethical",
    "system prompt",
    "instructions",
];

/// Words of invented people and firms that no lived-in host has; compared without case.
const CLICHES: &[&str] = &[
    "john doe",
    "jane doe",
    "lorem ipsum",
    "foo bar",
    "hello, world",
    "hello world",
    "password123",
    "acme corp",
    "johndoe",
    "janedoe",
];

/// Words that files and pages may well contain.
const COMMON: &[&str] = &[
    "here are",
    "here is the",
    "you can use",
    "please note",
    "note that",
    "instructions",
    "guidelines",
    "let me",
    "i will ",
    "i'll ",
    "of course",
    "assistant",
    "this command",
    "the command",
    "the output",
    "hello!",
];

/// What makes a text a tool of attack when somebody runs it; compared without case.
const HARM: &[&str] = &[
    "/dev/tcp/",
    "/dev/udp/",
    "bash -i",
    "nc -e",
    "ncat -e",
    "socat exec",
    "mkfifo /tmp",
    "powershell -e",
    "xmrig",
    "stratum+tcp",
    "eval(base64_decode",
    "exec(base64",
    "pty.spawn",
    "meterpreter",
    "\\x90\\x90",
    "/bin/sh -i",
    "| sh\n",
    "|sh\n",
    "| bash\n",
    "|bash\n",
];

/// The longest run of Base64 that is no program.
const RUN: usize = 160;

/// Names that a host may mention: those of its distribution and its programs.
const KNOWN: &[&str] = &[
    "ubuntu.com",
    "canonical.com",
    "launchpad.net",
    "debian.org",
    "gnu.org",
    "kernel.org",
    "python.org",
    "php.net",
    "nginx.org",
    "nginx.com",
    "apache.org",
    "w3.org",
    "schema.org",
    "docker.com",
    "docker.io",
    "mysql.com",
    "mariadb.org",
    "postgresql.org",
    "openssl.org",
    "perl.org",
    "example.com",
    "example.org",
    "example.net",
    "freedesktop.org",
    "letsencrypt.org",
    "systemd.io",
    "isc.org",
    "postfix.org",
    "github.com",
];

/// Whether a model speaks; the text is in lower case. `wordy`: a file or a page, where people speak too.
pub(super) fn is_talk(lower: &str, wordy: bool) -> bool {
    let said = |talk: &&&str| lower.contains(**talk) && !(wordy && COMMON.contains(*talk));
    MODEL_TALK.iter().find(said).is_some() || CLICHES.iter().any(|words| lower.contains(words))
}

/// Whether somebody speaks of themselves, as no program or page does; the text is in lower case.
pub(super) fn is_somebody(lower: &str) -> bool {
    static FIRST: OnceLock<Option<Regex>> = OnceLock::new();
    let first = r"(?:^|[^a-z0-9_./-])(?:i(?:['’](?:m|ve|d|ll)| am| have| was| can| will| do| would)|my name is)\b";
    pattern(&FIRST, first).is_none_or(|first| first.is_match(lower))
}

/// Whether it would do harm; the text is in lower case.
pub(super) fn is_harm(lower: &str) -> bool {
    let ended = format!("{lower}\n");
    HARM.iter().any(|words| ended.contains(words))
        || lower.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).any(|run| run.len() > RUN)
}

/// A pattern of ours; none when it is not one, which the tests would show.
fn pattern(place: &'static OnceLock<Option<Regex>>, text: &str) -> Option<&'static Regex> {
    place.get_or_init(|| Regex::new(text).ok()).as_ref()
}

/// Whether it names a host or a public address that neither the question nor the host itself knows. In lower case.
pub(super) fn names_strangers(lower: &str, question: &str, host: &Facts) -> bool {
    static NAMES: OnceLock<Option<Regex>> = OnceLock::new();
    static ADDRESSES: OnceLock<Option<Regex>> = OnceLock::new();
    let names = r"\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|net|org|io|ru|cn|de|fr|uk|us|info|biz|xyz|top|dev|app|cloud|me|tv|cc|br|in|jp|kr|nl|pl|eu|ch|onion)\b";
    let Some(names) = pattern(&NAMES, names) else { return true };
    let own = |name: &str| host.names.iter().any(|own| name == own || name.ends_with(&format!(".{own}")));
    let known = |name: &str| KNOWN.iter().any(|known| name == *known || name.ends_with(&format!(".{known}")));
    if names
        .find_iter(lower)
        .any(|name| !own(name.as_str()) && !known(name.as_str()) && !question.contains(name.as_str()))
    {
        return true;
    }
    let Some(addresses) = pattern(&ADDRESSES, r"\b\d{1,3}(?:\.\d{1,3}){3}\b") else { return true };
    let public = |text: &str| {
        text.parse::<Ipv4Addr>().is_ok_and(|ip| {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_documentation() || ip.is_multicast())
                && !(shared || first == 0 || first >= 240 || ip.is_broadcast())
        })
    };
    addresses.find_iter(lower).any(|ip| public(ip.as_str()) && !question.contains(ip.as_str()))
}

/// Whether it says another kernel or release than the host has.
pub(super) fn contradicts(answer: &str, host: &Facts) -> bool {
    static KERNEL: OnceLock<Option<Regex>> = OnceLock::new();
    static RELEASE: OnceLock<Option<Regex>> = OnceLock::new();
    let kernel = pattern(&KERNEL, r"(?i)\blinux(?:\s+version)?(?:\s+[a-z0-9-]+)?\s+(\d+\.\d+\.\d+[\w.-]*)");
    let release = pattern(&RELEASE, r"(?i)\b(ubuntu|debian(?: gnu/linux)?)\s+(\d+(?:\.\d+)*)");
    let (Some(kernel), Some(release)) = (kernel, release) else { return true };
    let group = |found: &regex::Captures<'_>, at: usize| {
        found.get(at).map(|text| text.as_str().to_string()).unwrap_or_default()
    };
    let other_kernel = kernel.captures_iter(answer).any(|found| !host.kernel.starts_with(&group(&found, 1)));
    let other_release = release.captures_iter(answer).any(|found| {
        let (name, number) = (group(&found, 1), group(&found, 2));
        let same = host.system.to_ascii_lowercase().starts_with(&name.to_ascii_lowercase());
        !same || !host.system.split(' ').any(|word| word.starts_with(&number))
    });
    other_kernel || other_release
}
