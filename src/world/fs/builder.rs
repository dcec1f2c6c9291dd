//! Makes an [`Image`](super::Image) from a list of entries.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::image::{ENTRY, HEADER, INODE, MAGIC, PROGRAM, STORED, UNKNOWN, letter};
use super::types::FileKind;
use super::{name, parent, resolve};

/// One file of an image that is to be made.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Kind, content, target, device.
    pub what: What,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change, seconds since 1970.
    pub modified: i64,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub enum What {
    /// A directory.
    Folder,
    /// A file with its content.
    File(Vec<u8>),
    /// A program of this size; its bytes are made up.
    Program(u64),
    /// A file of this size; its bytes are not known.
    Unknown(u64),
    /// A symbolic link.
    Link(Vec<u8>),
    /// A device with its numbers, a pipe or a socket.
    Node(FileKind, (u32, u32)),
    /// Another name of the file at this path.
    Same(Vec<u8>),
}

/// Collects entries by their path.
#[derive(Debug, Default)]
pub struct Builder {
    entries: BTreeMap<Vec<u8>, Entry>,
    /// Other names of files, by their first one.
    others: HashMap<Vec<u8>, Vec<Vec<u8>>>,
}

/// The most inodes that an image may have.
const MOST: usize = 1_000_000;

impl Builder {
    /// Adds or replaces what lies at a path; folders on the way are made when they are missing.
    pub fn add(&mut self, path: &[u8], entry: Entry) {
        let path = resolve(b"/", path);
        let mut folder = parent(&path).to_vec();
        while !self.entries.get(&folder).is_some_and(|entry| matches!(entry.what, What::Folder)) {
            let made = Entry { what: What::Folder, mode: 0o755, uid: 0, gid: 0, modified: entry.modified };
            self.entries.insert(folder.clone(), made);
            if folder == b"/" {
                break;
            }
            folder = parent(&folder).to_vec();
        }
        let stays = matches!(entry.what, What::Folder);
        if !stays && matches!(self.entries.get(&path), Some(Entry { what: What::Folder, .. })) {
            self.remove(&path);
        }
        self.detach(&path);
        let mut entry = entry;
        if let What::Same(first) = &mut entry.what {
            // Another name of another name: all of them lead to the first.
            if let Some(Entry { what: What::Same(earlier), .. }) = self.entries.get(first) {
                *first = earlier.clone();
            }
            self.others.entry(first.clone()).or_default().push(path.clone());
        }
        self.entries.insert(path, entry);
    }

    /// Before a name goes: the next name of the file takes its place.
    fn detach(&mut self, path: &[u8]) {
        let Some(others) = self.others.remove(path) else { return };
        let Some(entry) = self.entries.get(path).cloned() else { return };
        let leads_here = |other: &Vec<u8>| {
            let what = self.entries.get(other).map(|entry| &entry.what);
            other != path && matches!(what, Some(What::Same(first)) if first == path)
        };
        let mut left = others.into_iter().filter(leads_here).collect::<Vec<_>>().into_iter();
        let Some(heir) = left.next() else { return };
        self.entries.insert(heir.clone(), entry);
        let rest: Vec<Vec<u8>> = left.collect();
        for other in &rest {
            if let Some(entry) = self.entries.get_mut(other) {
                entry.what = What::Same(heir.clone());
            }
        }
        self.others.insert(heir, rest);
    }

    /// Removes what lies at a path, with all that is in it.
    pub fn remove(&mut self, path: &[u8]) {
        let path = resolve(b"/", path);
        self.empty(&path);
        self.detach(&path);
        self.entries.remove(&path);
    }

    /// Removes what is in a folder.
    pub fn empty(&mut self, path: &[u8]) {
        let mut inside = resolve(b"/", path);
        if inside != b"/" {
            inside.push(b'/');
        }
        let below: Vec<Vec<u8>> = self
            .entries
            .range(inside.clone()..)
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(&inside))
            .filter(|path| *path != inside)
            .collect();
        for path in below {
            self.detach(&path);
            self.entries.remove(&path);
        }
    }

    /// What lies at a path.
    pub fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The image.
    ///
    /// # Errors
    /// Too many entries or bytes, a name of more than 255 bytes, another name of a file that is not there.
    pub fn build(mut self) -> Result<Vec<u8>, String> {
        self.entries.entry(b"/".to_vec()).or_insert(Entry {
            what: What::Folder,
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: 0,
        });
        if self.entries.len() > MOST {
            return Err(format!("more than {MOST} files"));
        }
        let mut folders: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for path in self.entries.keys().filter(|path| path.as_slice() != b"/") {
            folders.entry(parent(path)).or_default().push(path);
        }
        // Numbers: level by level, so that a folder has a lower one than what is in it; other names share one.
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut order: Vec<(&[u8], &Entry)> = Vec::new();
        let mut queue: VecDeque<&[u8]> = VecDeque::from([b"/".as_slice()]);
        while let Some(path) = queue.pop_front() {
            let Some(entry) = self.entries.get(path) else { continue };
            if matches!(entry.what, What::Same(_)) {
                continue;
            }
            numbers.insert(path, count(order.len())?);
            order.push((path, entry));
            if let Some(children) = folders.get_mut(path) {
                children.sort_by_key(|path| name(path));
                queue.extend(children.iter().copied());
            }
        }
        for (path, entry) in &self.entries {
            let What::Same(first) = &entry.what else { continue };
            let number = numbers.get(first.as_slice()).copied();
            let number = number.ok_or_else(|| format!("{}: no such file", String::from_utf8_lossy(first)))?;
            numbers.insert(path, number);
        }
        let mut out = Parts::default();
        let mut links: HashMap<u32, u32> = HashMap::new();
        // Entries first: an inode's record names one of its own.
        let mut ranges: HashMap<&[u8], (u32, u32)> = HashMap::new();
        let mut names: HashMap<u32, u32> = HashMap::new();
        for (path, entry) in &order {
            if !matches!(entry.what, What::Folder) {
                continue;
            }
            let first = count(out.entries.len() / ENTRY)?;
            let children = folders.get(path).map(Vec::as_slice).unwrap_or_default();
            for child in children {
                let Some(&number) = numbers.get(child) else { continue };
                let at = count(out.entries.len() / ENTRY)?;
                names.entry(number).or_insert(at);
                *links.entry(number).or_insert(0) += 1;
                out.entry(name(child), number)?;
            }
            ranges.insert(path, (first, count(children.len())?));
        }
        for (path, entry) in &order {
            let number = numbers.get(path).copied().unwrap_or(0);
            let (mut a, mut b, mut size, mut content) = (0, 0, 0, STORED);
            let mut nlink = links.get(&number).copied().unwrap_or(1);
            match &entry.what {
                What::Folder => {
                    (a, b) = ranges.get(path).copied().unwrap_or((0, 0));
                    let inside = folders.get(path).map(Vec::as_slice).unwrap_or_default();
                    let is_folder =
                        |path: &&&[u8]| self.entries.get(**path).is_some_and(|e| matches!(e.what, What::Folder));
                    nlink = 2 + count(inside.iter().filter(is_folder).count())?;
                }
                What::File(bytes) | What::Link(bytes) => {
                    size = bytes.len() as u64;
                    (a, b) = out.content(bytes)?;
                }
                What::Program(len) => (size, content) = (*len, PROGRAM),
                What::Unknown(len) => (size, content) = (*len, UNKNOWN),
                What::Node(_, rdev) => (a, b) = *rdev,
                What::Same(_) => {}
            }
            let above = numbers.get(parent(path)).copied().unwrap_or(0);
            out.inodes.extend([letter(kind(&entry.what)), content]);
            out.inodes.extend(u16::try_from(entry.mode & 0o7777).unwrap_or(0).to_le_bytes());
            for field in [entry.uid, entry.gid, nlink] {
                out.inodes.extend(field.to_le_bytes());
            }
            out.inodes.extend(entry.modified.to_le_bytes());
            out.inodes.extend(size.to_le_bytes());
            for field in [a, b, above, names.get(&number).copied().unwrap_or(0)] {
                out.inodes.extend(field.to_le_bytes());
            }
        }
        out.assemble()
    }
}

fn kind(what: &What) -> FileKind {
    match what {
        What::Folder => FileKind::Folder,
        What::Link(_) => FileKind::Link,
        What::Node(kind, _) => *kind,
        What::File(_) | What::Program(_) | What::Unknown(_) | What::Same(_) => FileKind::File,
    }
}

fn count(number: usize) -> Result<u32, String> {
    u32::try_from(number).map_err(|_| "the image would have more than 4 GiB".to_string())
}

#[derive(Default)]
struct Parts {
    inodes: Vec<u8>,
    entries: Vec<u8>,
    names: Vec<u8>,
    contents: Vec<u8>,
    known_names: HashMap<Vec<u8>, u32>,
    known_contents: HashMap<Vec<u8>, (u32, u32)>,
}

impl Parts {
    fn entry(&mut self, name: &[u8], number: u32) -> Result<(), String> {
        let len = u8::try_from(name.len()).map_err(|_| "a name of more than 255 bytes".to_string())?;
        let at = match self.known_names.get(name) {
            Some(at) => *at,
            None => {
                let at = count(self.names.len())?;
                self.names.extend_from_slice(name);
                self.known_names.insert(name.to_vec(), at);
                at
            }
        };
        self.entries.extend(at.to_le_bytes());
        self.entries.extend(number.to_le_bytes());
        self.entries.extend([len, 0, 0, 0]);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(u32, u32), String> {
        if let Some(known) = self.known_contents.get(bytes) {
            return Ok(*known);
        }
        let place = (count(self.contents.len())?, count(bytes.len())?);
        self.contents.extend_from_slice(bytes);
        if bytes.len() < 4096 {
            self.known_contents.insert(bytes.to_vec(), place);
        }
        Ok(place)
    }

    fn assemble(self) -> Result<Vec<u8>, String> {
        let mut head = MAGIC.to_vec();
        let mut start = HEADER;
        for (part, size) in [(&self.inodes, INODE), (&self.entries, ENTRY), (&self.names, 1), (&self.contents, 1)] {
            head.extend(count(part.len() / size)?.to_le_bytes());
            head.extend(count(start)?.to_le_bytes());
            start += part.len();
        }
        let parts = [self.inodes, self.entries, self.names, self.contents].concat();
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        head.extend(parts.iter().fold(0xcbf2_9ce4_8422_2325, fnv).to_le_bytes());
        head.resize(HEADER, 0);
        Ok([head, parts].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::super::elf::Machine;
    use super::*;

    fn sample() -> Vec<u8> {
        let mut builder = Builder::default();
        let entry = |what| Entry { what, mode: 0o755, uid: 0, gid: 0, modified: 5 };
        builder.add(b"/usr/bin/ls", entry(What::Program(5000)));
        builder.add(b"/usr/bin/dir", entry(What::Same(b"/usr/bin/ls".to_vec())));
        builder.add(b"/bin", entry(What::Link(b"usr/bin".to_vec())));
        builder.add(b"/etc/motd", entry(What::File(b"hello\n".to_vec())));
        builder.build().unwrap()
    }

    #[test]
    fn what_goes_in_comes_out() {
        let image = Image::from_bytes(sample(), Machine::X86_64).unwrap();
        let usr = image.child(2, b"usr").unwrap();
        let bin = image.child(usr, b"bin").unwrap();
        let names: Vec<&[u8]> = image.children(bin).map(|(name, _)| name).collect();
        assert_eq!(names, [b"dir".as_slice(), b"ls"]);
        let ls = image.child(bin, b"ls").unwrap();
        assert_eq!(image.child(bin, b"dir"), Some(ls));
        assert_eq!((image.node(ls).unwrap().nlink, image.node(2).unwrap().nlink), (2, 4));
        assert_eq!(image.path_of(ls).unwrap(), b"/usr/bin/dir");
        let motd = image.child(image.child(2, b"etc").unwrap(), b"motd").unwrap();
        assert_eq!(image.node(motd).unwrap().content.read_at(0, 99), b"hello\n");
    }

    #[test]
    fn a_file_outlives_its_first_name() {
        let mut builder = Builder::default();
        let entry = |what| Entry { what, mode: 0o644, uid: 0, gid: 0, modified: 5 };
        builder.add(b"/a", entry(What::File(b"x".to_vec())));
        for (name, first) in [(b"/b", b"/a"), (b"/c", b"/b"), (b"/d", b"/a")] {
            builder.add(name, entry(What::Same(first.to_vec())));
        }
        builder.remove(b"/a");
        builder.add(b"/b", entry(What::File(b"new".to_vec())));
        let image = Image::from_bytes(builder.build().unwrap(), Machine::X86_64).unwrap();
        let read = |name: &[u8]| image.node(image.child(2, name).unwrap()).unwrap().content.read_at(0, 9);
        assert_eq!(
            (read(b"b"), read(b"c"), image.child(2, b"c")),
            (b"new".to_vec(), b"x".to_vec(), image.child(2, b"d"))
        );
    }

    #[test]
    fn a_broken_image_is_an_error() {
        let good = sample();
        for len in 0..good.len() {
            assert!(Image::from_bytes(good[..len].to_vec(), Machine::X86_64).is_err(), "{len}");
        }
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                if let Ok(image) = Image::from_bytes(bad, Machine::X86_64) {
                    for number in 0..image.count() as u64 + 2 {
                        let ino = 131_072 + number;
                        let _ = image.node(ino).map(|node| node.content.read_at(0, 100));
                        let _ = (image.path_of(ino), image.children(ino).count());
                    }
                }
            }
        }
    }
}
