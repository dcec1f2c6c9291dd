//! What this instance has beside the image: its own texts, accounts, homes, and the operator's files. All of it is
//! written through the calls that visitors use.

use std::collections::HashMap;
use std::sync::Arc;

use super::accounts::{People, User};
use super::apps::{self, Web};
use super::bait::Baits;
use super::fs::{Errno, Time, Who, parent, resolve};
use super::persona::Config;
use super::texts::{self, Words};
use super::{FileConfig, Group, Host, apache, image, life, logs, packages};

/// What Apache shows until there are pages: as long as the page of the package, whose length scanners know
/// (`Content-Length: 10918` of Ubuntu 20.04, 10701 of Debian).
const APACHE_PAGE: &str = include_str!("../../data/apps/apache-default.html");
/// Where Ubuntu says in it that it is not Debian's.
const UBUNTU_NOTE: &str = "
  <!--
    This differs from the page of the distribution that it comes from by the name and by
    where to send reports. Last changed: 2016-11-16. Report what is wrong with the package by: ubuntu-bug apache2.
  -->";

/// Folders that the host has whatever its image has: path, mode.
const FOLDERS: &[(&str, u32)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/var", 0o755),
];

/// Those of a server of a distribution.
const SERVER_FOLDERS: &[(&str, u32)] = &[
    ("/home", 0o755),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/srv/ftp", 0o755),
    ("/srv/ftp/pub", 0o755),
    ("/usr/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/mail", 0o2775),
    ("/var/tmp", 0o1777),
    ("/var/www", 0o755),
    ("/var/www/html", 0o755),
];

/// Copies that the tools for accounts leave behind.
const ACCOUNT_FILES: [&str; 6] =
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"];

/// Files of the operator that a model is to write: path and what is in them, by inode.
pub(super) fn declared(host: &Host, config: &Config) -> HashMap<u64, (String, String)> {
    let wanted = config.files.iter().filter(|file| !file.invent.is_empty() && !file.path.ends_with('/'));
    let declared = wanted.filter_map(|file| {
        let path = resolve(b"/", file.path.as_bytes());
        host.unwritten(&path);
        let ino = host.stat(&Who::root(), &path, true).ok()?.ino;
        Some((ino, (String::from_utf8_lossy(&path).into_owned(), file.invent.clone())))
    });
    declared.collect()
}

/// Writes files of the instance.
pub(super) struct Writer<'a> {
    pub host: &'a Host,
    pub words: Words,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
}

/// How a file is put there.
#[derive(Clone, Copy)]
pub(super) struct Put<'a> {
    /// Permission bits.
    pub mode: u32,
    /// Names of user and group.
    pub owner: (&'a str, &'a str),
    /// Last change, seconds since 1970.
    pub at: i64,
}

/// Makes all that this instance has.
pub(super) fn make(host: &Host, people: &People, config: &Config, baits: &Baits, apps: &[&str], web: &Web) {
    let at = host.persona().installed;
    let mut writer = Writer { host, words: Words::new(host.persona(), people), users: Vec::new(), groups: Vec::new() };
    let root = ("root", "root");
    for (path, mode) in FOLDERS.iter().chain(if host.persona().profile.is_server() { SERVER_FOLDERS } else { &[] }) {
        if host.stat(&Who::root(), path.as_bytes(), true).is_err() {
            writer.folder(path, Put { mode: *mode, owner: root, at });
        }
    }
    image::devices(host);
    let mut files = texts::files(&host.persona().profile.sets);
    if host.persona().debian_userland {
        // This file comes with the shell's package.
        let of_shell = |file: &texts::File| file.path == "/etc/bash.bashrc";
        files.retain(|file| !of_shell(file));
        files.extend(texts::files(&["debian-12".to_string()]).into_iter().filter(of_shell));
    }
    // Owners are known by name once these two are there.
    for path in ["/etc/passwd", "/etc/group"] {
        if let Some(file) = files.iter().find(|file| file.path == path) {
            writer.file(path, writer.words.fill(file.text).as_bytes(), Put { mode: 0o644, owner: root, at });
        }
    }
    writer.users = host.users();
    writer.groups = host.groups();
    for file in &files {
        writer.text(file, people);
    }
    writer.links();
    writer.copies();
    life::live(&writer, people, baits);
    if web.apache && host.persona().profile.is_server() {
        let page = apps::fill(APACHE_PAGE, &apps::words(host.persona()));
        let (os, note) = if host.persona().os_id == "ubuntu" { ("Ubuntu", UBUNTU_NOTE) } else { ("Debian", "") };
        apache::install(&writer, &page.replace("{os}", os).replace("{note}", note));
    }
    let names: Vec<String> =
        std::iter::once("root".into()).chain(people.all.iter().map(|person| person.name.clone())).collect();
    apps::install(&writer, apps, baits, &names);
    for wanted in &config.files {
        writer.add(wanted, at);
    }
}

/// Files whose content is made when somebody looks.
pub(super) fn made(host: &Host, people: &[String]) {
    let (persona, people) = (Arc::new(host.persona().clone()), Arc::from(people));
    if !persona.profile.is_server() {
        return;
    }
    for (path, which, back) in logs::FILES {
        let path = if persona.apache { path.replace("/nginx/", "/apache2/") } else { path.to_string() };
        if persona.apache && host.stat(&Who::root(), path.as_bytes(), true).is_err() {
            let _ = host.write_file(&Who::root(), path.as_bytes(), b"", 0o640);
        }
        host.set_source(path.as_bytes(), Arc::new(logs::Log::new(&persona, &people, which, back)));
    }
    // An imported image says itself which packages it has.
    let written = packages::FILES.iter().filter(|(path, _)| !has_content(host, path));
    for (path, which) in written {
        host.set_source(path.as_bytes(), Arc::new(packages::Written::new(&persona, *which)));
    }
}

/// Whether a file is there whose content is known.
fn has_content(host: &Host, path: &str) -> bool {
    host.open(&Who::root(), path.as_bytes(), super::Open::READ).is_ok_and(|file| file.known() && !file.is_empty())
}

impl Writer<'_> {
    /// One of the texts, for every home that it is meant for.
    fn text(&self, file: &texts::File, people: &People) {
        if file.text == self.words.fill(file.text) && has_content(self.host, file.path) {
            return;
        }
        let attributes = texts::attributes(file);
        let filled = self.words.fill(file.text);
        let filled = if file.path == "/etc/shadow" { people.shadow(&filled) } else { filled };
        let installed = self.host.persona().installed;
        // What every host of the distribution has is as old as its package.
        let packed = self.host.stat(&Who::root(), file.path.as_bytes(), true).ok().map(|stat| stat.modified.secs);
        let at = packed.filter(|_| filled == file.text).unwrap_or(installed);
        let (mode, owner) = (attributes.mode, attributes.owner);
        let Some(rest) = file.path.strip_prefix("/home/USER/") else {
            return self.file(file.path, filled.as_bytes(), Put { mode, owner, at });
        };
        for person in &people.all {
            let at = installed + person.days * 86_400;
            let owner = (person.name.as_str(), person.name.as_str());
            if self.host.stat(&Who::root(), person.home().as_bytes(), true).is_err() {
                self.folder(&person.home(), Put { mode: 0o755, owner, at });
            }
            self.file(&format!("{}/{rest}", person.home()), filled.as_bytes(), Put { mode, owner, at });
        }
    }

    /// Whether the image itself has a file with content at a path, as those of the operator do.
    fn links(&self) {
        let root = Who::root();
        for (path, target) in texts::links(&self.host.persona().profile.sets) {
            let (path, target) = (path.as_bytes(), self.words.fill(target));
            if self.host.read_link(&root, path).is_ok_and(|old| old == target.as_bytes()) {
                continue;
            }
            let time = Some(Time::at(self.host.persona().installed));
            self.folders(path, Put { mode: 0o755, owner: ("root", "root"), at: self.host.persona().installed });
            let before = self.host.stat(&root, parent(path), true).ok();
            let _ = self.host.remove_file(&root, path);
            let _ = self.host.symlink(&root, target.as_bytes(), path);
            let _ = self.host.set_times(&root, path, time, time, false);
            if let Some(before) = before {
                let _ = self.host.set_times(&root, parent(path), Some(before.accessed), Some(before.modified), true);
            }
        }
    }

    /// `/etc/passwd-` and the like: as the files were before their last line came.
    fn copies(&self) {
        for path in ACCOUNT_FILES {
            let (Ok(stat), Ok(text)) = (
                self.host.stat(&Who::root(), path.as_bytes(), true),
                self.host.read_file(&Who::root(), path.as_bytes(), 1 << 20),
            ) else {
                continue;
            };
            let copy = format!("{path}-");
            let Ok(old) = self.host.stat(&Who::root(), copy.as_bytes(), true) else { continue };
            let last = text.iter().rev().skip(1).position(|&b| b == b'\n').map_or(0, |at| text.len() - 1 - at);
            let owner = (self.user_name(stat.uid), self.group_name(stat.gid));
            let at = old.modified.secs.min(stat.modified.secs);
            self.file(&copy, text.get(..last).unwrap_or_default(), Put { mode: stat.mode, owner, at });
        }
    }

    /// Adds an operator's file, and the folders on the way that are not there yet.
    fn add(&self, wanted: &FileConfig, at: i64) {
        let (name, of_group) = wanted.owner.split_once(':').unwrap_or((&wanted.owner, ""));
        let owner = self.users.iter().find(|user| user.name == name);
        let group = owner.map_or("root", |user| self.group_name(user.gid));
        let group = self.groups.iter().find(|known| known.name == of_group).map_or(group, |known| &known.name);
        let owner = (owner.map_or("root", |user| user.name.as_str()), group);
        let at = wanted.modified.parse::<crate::base::clock::Timestamp>().map_or(at, |stamp| stamp.as_second());
        let mode = u32::from_str_radix(&wanted.mode, 8).ok();
        let path = resolve(b"/", wanted.path.as_bytes());
        self.folders(&path, Put { mode: 0o755, owner, at });
        let path = String::from_utf8_lossy(&path).into_owned();
        if wanted.path.ends_with('/') {
            self.folder(&path, Put { mode: mode.unwrap_or(0o755), owner, at });
        } else {
            self.file(&path, wanted.content.as_bytes(), Put { mode: mode.unwrap_or(0o644), owner, at });
        }
    }

    /// Makes the folders on the way that are missing.
    fn folders(&self, path: &[u8], put: Put<'_>) {
        let missing = |folder: &&[u8]| self.host.stat(&Who::root(), folder, true).is_err();
        let above = std::iter::successors(Some(parent(path)), |folder| Some(parent(folder)));
        let folders: Vec<&[u8]> = above.take_while(missing).take(64).collect();
        for folder in folders.into_iter().rev() {
            self.folder(&String::from_utf8_lossy(folder), put);
        }
    }

    /// Makes a folder, or sets what its inode says.
    pub(super) fn folder(&self, path: &str, put: Put<'_>) {
        self.put(path, None, put);
    }

    /// Writes a file, with the folders on the way.
    pub(super) fn file(&self, path: &str, content: &[u8], put: Put<'_>) {
        self.folders(path.as_bytes(), Put { mode: 0o755, ..put });
        self.put(path, Some(content), put);
    }

    fn put(&self, path: &str, content: Option<&[u8]>, put: Put<'_>) {
        let (root, path) = (Who::root(), path.as_bytes());
        let folder = parent(path);
        let before = self.host.stat(&root, folder, true).ok();
        let new = self.host.stat(&root, path, false).is_err();
        let done = match content {
            Some(bytes) => self.host.write_file(&root, path, bytes, 0o600),
            None => self.host.make_folder(&root, path, 0o700),
        };
        if let Err(error) = done.or_else(|error| if error == Errno::EEXIST { Ok(()) } else { Err(error) }) {
            tracing::warn!("the host has no {}: {}", String::from_utf8_lossy(path), error.text());
            return;
        }
        let time = Some(Time::at(put.at));
        let (uid, gid) = (self.uid(put.owner.0), self.gid(put.owner.1));
        let _ = self.host.set_owner(&root, path, Some(uid), Some(gid), true);
        let _ = self.host.set_mode(&root, path, put.mode);
        let _ = self.host.set_times(&root, path, time, time, true);
        if let Some(before) = before {
            // A folder is as young as what was put there last.
            let modified = if new { before.modified.max(Time::at(put.at)) } else { before.modified };
            let _ = self.host.set_times(&root, folder, Some(modified), Some(modified), true);
        }
    }

    fn uid(&self, name: &str) -> u32 {
        self.users.iter().find(|user| user.name == name).map_or(0, |user| user.uid)
    }

    fn gid(&self, name: &str) -> u32 {
        self.groups.iter().find(|group| group.name == name).map_or(0, |group| group.gid)
    }

    fn user_name(&self, uid: u32) -> &str {
        self.users.iter().find(|user| user.uid == uid).map_or("root", |user| user.name.as_str())
    }

    fn group_name(&self, gid: u32) -> &str {
        self.groups.iter().find(|group| group.gid == gid).map_or("root", |group| group.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_welcome_page_has_its_known_size() {
        assert_eq!(include_str!("../../data/files/common/var/www/html/index.nginx-debian.html").len(), 612);
    }
}
