//! Contents of files from `data/files`: words in braces stand for facts of this instance.

use super::accounts::People;
use super::data;
use super::persona::Persona;

/// A file of the sets that a host is made of.
pub(super) struct File {
    /// The set that it comes from.
    pub set: &'static str,
    /// Its path; `/home/USER` stands for several homes.
    pub path: &'static str,
    /// Its text with words in braces.
    pub text: &'static str,
}

/// One line of `attributes.tsv` about a file.
pub(super) struct Attributes {
    /// Permission bits.
    pub mode: u32,
    /// Names of user and group; `{user}` is the owner of the home.
    pub owner: (&'static str, &'static str),
}

/// The files of some sets, sorted by path; a later set hides what an earlier one has at the same path.
pub(super) fn files(sets: &[String]) -> Vec<File> {
    let mut all = std::collections::BTreeMap::new();
    for name in sets {
        let Some((set, texts)) = data::set(name) else { continue };
        for (path, text) in texts {
            all.insert(*path, File { set, path, text });
        }
    }
    all.into_values().collect()
}

/// The text of one file of the sets; empty when none has it.
pub(super) fn text(sets: &[String], path: &str) -> &'static str {
    files(sets).into_iter().find(|file| file.path == path).map_or("", |file| file.text)
}

/// What the table says about a file; the ordinary attributes when it says nothing.
pub(super) fn attributes(file: &File) -> Attributes {
    let row = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["file", set, path, mode, user, group] = fields.as_slice() else { return None };
        let mode = u32::from_str_radix(mode, 8).ok()?;
        (*set == file.set && *path == file.path).then_some(Attributes { mode, owner: (user, group) })
    };
    let found = data::ATTRIBUTES.lines().find_map(row);
    found.unwrap_or(Attributes { mode: 0o644, owner: ("root", "root") })
}

/// Links of some sets: path and target.
pub(super) fn links(sets: &[String]) -> impl Iterator<Item = (&'static str, &'static str)> {
    data::ATTRIBUTES.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["link", set, path, target] = fields.as_slice() else { return None };
        sets.iter().any(|name| name == set).then_some((*path, *target))
    })
}

/// What the words in braces stand for.
pub(super) struct Words {
    words: Vec<(&'static str, String)>,
    /// Words that stand for a line of each account.
    lines: Vec<(&'static str, Vec<String>)>,
}

impl Words {
    pub(super) fn new(persona: &Persona, people: &People) -> Self {
        let text = |text: &str| text.to_string();
        let day = persona.installed / 86_400;
        let archive = format!("http://mirror.{}/{}", persona.domain, persona.os_id);
        let admins: Vec<&str> = people.all.iter().filter(|person| person.admin).map(|p| p.name.as_str()).collect();
        let each = |line: &dyn Fn(&super::accounts::Person) -> String| people.all.iter().map(line).collect();
        Self {
            words: vec![
                ("hostname", text(&persona.hostname)),
                ("domain", text(&persona.domain)),
                ("fqdn", text(&persona.fqdn)),
                ("address", text(&persona.address)),
                ("network", persona.address.rsplit_once('.').map_or("", |(network, _)| network).to_string()),
                ("prefix", persona.prefix.to_string()),
                ("gateway", text(&persona.gateway)),
                ("dns", if persona.profile.is_server() { text(&persona.gateway) } else { text(&persona.dns) }),
                ("iface", text(&persona.iface)),
                ("timezone", text(&persona.timezone)),
                ("locale", text(&persona.locale)),
                ("kernel", text(&persona.kernel)),
                ("machine_id", text(&persona.machine_id)),
                ("root_uuid", text(&persona.disk.uuid)),
                ("security_mirror", format!("{archive}-security")),
                ("mirror", archive),
                ("installed_days", day.to_string()),
                ("root_hash", text(&people.root_hash)),
                ("admins", admins.join(",")),
            ],
            lines: vec![
                ("{accounts}", each(&|p| format!("{}:x:{1}:{1}:{2}:{3}:/bin/bash", p.name, p.uid, p.gecos, p.home()))),
                ("{account_groups}", each(&|p| format!("{}:x:{}:", p.name, p.uid))),
                ("{account_shadows}", each(&|p| format!("{}:{}:{}:0:99999:7:::", p.name, p.hash, day + p.days))),
                ("{account_gshadows}", each(&|p| format!("{}:!::", p.name))),
                (
                    "{subids}",
                    (0_u32..)
                        .zip(&people.all)
                        .map(|(n, p)| format!("{}:{}:65536", p.name, 100_000 + n * 65_536))
                        .collect(),
                ),
            ],
        }
    }

    /// The text with facts in place of its words.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 64);
        for line in text.split_inclusive('\n') {
            let body = line.strip_suffix('\n').unwrap_or(line);
            if let Some((_, lines)) = self.lines.iter().find(|(word, _)| *word == body) {
                for line in lines {
                    out.push_str(line);
                    out.push('\n');
                }
                continue;
            }
            self.fill_line(body, &mut out);
            // A list of names that ends in none.
            if body.ends_with(",{admins}") && out.ends_with(',') {
                out.pop();
            }
            out.push_str(line.get(body.len()..).unwrap_or_default());
        }
        out
    }

    fn fill_line(&self, line: &str, out: &mut String) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let known = after
                .split_once('}')
                .and_then(|(word, behind)| Some((&self.words.iter().find(|(known, _)| *known == word)?.1, behind)));
            match known {
                Some((fact, behind)) => {
                    out.push_str(fact);
                    rest = behind;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
    }
}
