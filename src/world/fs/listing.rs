//! Makes an image from a listing: one line per file with the facts of its inode, tab between the fields, as its own
//! head explains. Edits turn the listing of one distribution into that of another.

use std::collections::HashMap;

use super::builder::{Builder, Entry, What};
use super::image::kind_of;
use super::types::FileKind;

/// What a listing is read with.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    /// The listing.
    pub listing: &'a str,
    /// Changes to it; may be empty.
    pub edits: &'a str,
    /// Which programs are ELF files and which are scripts; may be empty.
    pub programs: &'a str,
    /// Release of the kernel, in the names of its files.
    pub kernel: &'a str,
    /// Numbers of users and groups of the host, by name.
    pub users: HashMap<String, u32>,
    /// The same for groups.
    pub groups: HashMap<String, u32>,
}

struct Line {
    kind: char,
    mode: u32,
    uid: u32,
    gid: u32,
    size: String,
    modified: i64,
    links: String,
    path: String,
    target: Option<String>,
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('\t').collect();
        let [kind, mode, uid, gid, size, modified, links, path, rest @ ..] = fields.as_slice() else { return None };
        Some(Self {
            kind: kind.chars().next()?,
            mode: u32::from_str_radix(mode, 8).ok()?,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            size: (*size).into(),
            modified: modified.parse().ok()?,
            links: (*links).into(),
            path: (*path).into(),
            target: rest.first().and_then(|target| target.strip_prefix("-> ")).map(str::to_owned),
        })
    }
}

impl Reading<'_> {
    /// The entries, ready to be built.
    ///
    /// # Errors
    /// The line that can't be read.
    pub fn builder(&self) -> Result<Builder, String> {
        let (mut user_names, mut group_names) = (HashMap::new(), HashMap::new());
        let mut lines: Vec<Line> = Vec::new();
        for (number, text) in self.listing.lines().enumerate().filter(|(_, text)| !text.is_empty()) {
            if let Some(comment) = text.strip_prefix('#') {
                let words: Vec<&str> = comment.split_whitespace().collect();
                if let [kind @ ("user" | "group"), id, name] = words.as_slice()
                    && let Ok(id) = id.parse::<u32>()
                {
                    let names = if *kind == "user" { &mut user_names } else { &mut group_names };
                    names.insert(id, (*name).to_string());
                }
                continue;
            }
            lines.push(Line::parse(text).ok_or_else(|| format!("line {}: not an entry", number + 1))?);
        }
        for (number, text) in
            self.edits.lines().enumerate().filter(|(_, text)| !text.starts_with('#') && !text.is_empty())
        {
            edit(&mut lines, &mut user_names, &mut group_names, text)
                .ok_or_else(|| format!("edits, line {}: not an edit", number + 1))?;
        }
        let host_uid = |uid: u32| user_names.get(&uid).and_then(|name| self.users.get(name)).copied().unwrap_or(uid);
        let host_gid = |gid: u32| group_names.get(&gid).and_then(|name| self.groups.get(name)).copied().unwrap_or(gid);
        let programs = self.programs();
        let mut builder = Builder::default();
        let mut shared: HashMap<String, String> = HashMap::new();
        for line in &lines {
            let names = |text: &str| text.replace("@KERNEL@", self.kernel);
            let path = names(&line.path);
            // Names that differ from instance to instance are not in the image.
            if path.contains('@') && ["@MACHINEID@", "@ROOTUUID@", "@PARTUUID@"].iter().any(|name| path.contains(name))
            {
                continue;
            }
            let first = (line.links != "-").then(|| shared.get(&line.links)).flatten();
            let what = match (line.kind, first) {
                (_, Some(first)) => What::Same(first.clone().into_bytes()),
                ('d', _) => What::Folder,
                ('l', _) => What::Link(names(line.target.as_deref().unwrap_or_default()).into_bytes()),
                ('f', _) => {
                    let size = line.size.parse().map_err(|_| format!("{path}: no size"))?;
                    if is_program(&path, line.mode, &programs) { What::Program(size) } else { What::Unknown(size) }
                }
                (kind, _) => {
                    let kind =
                        u8::try_from(kind).ok().and_then(kind_of).ok_or_else(|| format!("{path}: unknown kind"))?;
                    let numbers = line.size.split_once(',').unwrap_or(("0", "0"));
                    What::Node(kind, (numbers.0.parse().unwrap_or(0), numbers.1.parse().unwrap_or(0)))
                }
            };
            if line.links != "-" {
                shared.entry(line.links.clone()).or_insert_with(|| path.clone());
            }
            let what = if matches!(what, What::Node(FileKind::File, _)) { What::Unknown(0) } else { what };
            let (uid, gid) = (host_uid(line.uid), host_gid(line.gid));
            builder.add(path.as_bytes(), Entry { what, mode: line.mode, uid, gid, modified: line.modified });
        }
        Ok(builder)
    }

    /// Paths of ELF files, and of scripts.
    fn programs(&self) -> HashMap<&str, bool> {
        let row = |line: &'_ str| -> Option<(usize, usize, bool)> {
            let (kind, rest) = line.split_once('\t')?;
            let path = rest.split('\t').next()?;
            Some((kind.len() + 1, path.len(), kind == "elf"))
        };
        let lines = self.programs.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| row(line).and_then(|(at, len, elf)| Some((line.get(at..at + len)?, elf)))).collect()
    }
}

/// Whether a file is an ELF file: as the list says, else by its place and rights.
fn is_program(path: &str, mode: u32, programs: &HashMap<&str, bool>) -> bool {
    if let Some(elf) = programs.get(path) {
        return *elf;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let library =
        (path.starts_with("/usr/lib") || path.starts_with("/lib/")) && (name.ends_with(".so") || name.contains(".so."));
    let module = name.ends_with(".ko");
    let script = [".sh", ".py", ".pl", ".pm", ".rb"].iter().any(|ending| name.ends_with(ending));
    let places = ["/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/"];
    let place = places.iter().any(|place| path.starts_with(place));
    library || module || (place && mode & 0o111 != 0 && !script)
}

/// The listing's number of a user or group; a name that it does not know gets one.
fn number_of(names: &mut HashMap<u32, String>, text: &str) -> u32 {
    if let Ok(number) = text.parse() {
        return number;
    }
    let known = names.iter().find(|(_, name)| *name == text).map(|(number, _)| *number);
    known.unwrap_or_else(|| {
        let free = (70_000..).find(|number| !names.contains_key(number)).unwrap_or(0);
        names.insert(free, text.to_string());
        free
    })
}

fn edit(
    lines: &mut Vec<Line>,
    users: &mut HashMap<u32, String>,
    groups: &mut HashMap<u32, String>,
    text: &str,
) -> Option<()> {
    let (verb, rest) = text.split_once('\t')?;
    let fields: Vec<&str> = rest.split('\t').collect();
    match (verb, fields.as_slice()) {
        ("gone", [path]) => {
            let below = format!("{path}/");
            lines.retain(|line| line.path != *path && !line.path.starts_with(&below));
        }
        ("replace", [old, new]) => {
            for line in lines {
                line.path = line.path.replace(old, new);
                line.target = line.target.take().map(|target| target.replace(old, new));
            }
        }
        ("group", [old, new]) => {
            for name in groups.values_mut().filter(|name| name == old) {
                *name = (*new).to_string();
            }
        }
        ("owner", [path, mode, user, group]) => {
            let (user, group) = (number_of(users, user), number_of(groups, group));
            let mode = u32::from_str_radix(mode, 8).ok()?;
            for line in lines.iter_mut().filter(|line| line.path == *path) {
                line.mode = mode;
                line.uid = user;
                line.gid = group;
            }
        }
        ("add", _) => {
            let new = Line::parse(rest)?;
            lines.retain(|line| line.path != new.path);
            lines.push(new);
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Image, Machine};
    use super::*;

    #[test]
    fn a_listing_becomes_an_image() {
        let listing = "# user 101 messagebus\nd\t0755\t0\t0\t4096\t0\t-\t/\nf\t4755\t101\t0\t5000\t7\t1\t/usr/bin/a\n\
            f\t4755\t101\t0\t5000\t7\t1\t/usr/bin/b\nl\t0777\t0\t0\t7\t0\t-\t/bin\t-> usr/bin\n\
            f\t0644\t0\t0\t12\t0\t-\t/boot/config-@KERNEL@\nc\t0666\t0\t0\t1,3\t1\t-\t/dev/null\n";
        let edits = "# x\nreplace\tbin/b\tbin/c\nadd\tf\t0644\t0\t0\t3\t0\t-\t/etc/x\nowner\t/etc/x\t0640\tmessagebus\tadm\ngone\t/boot\n";
        let users = HashMap::from([("messagebus".to_string(), 103)]);
        let groups = HashMap::from([("adm".to_string(), 4)]);
        let reading = Reading { listing, edits, kernel: "5.4", users, groups, ..Reading::default() };
        let image = Image::from_bytes(reading.builder().unwrap().build().unwrap(), Machine::X86_64).unwrap();
        let bin = image.child(image.child(2, b"usr").unwrap(), b"bin").unwrap();
        let names: Vec<&[u8]> = image.children(bin).map(|(name, _)| name).collect();
        assert_eq!(names, [b"a".as_slice(), b"c"]);
        let node = image.node(image.child(bin, b"c").unwrap()).unwrap();
        assert_eq!((node.uid, node.mode, node.nlink, node.content.len()), (103, 0o4755, 2, 5000));
        let owned = image.node(image.child(image.child(2, b"etc").unwrap(), b"x").unwrap()).unwrap();
        assert_eq!((owned.uid, owned.gid, owned.mode), (103, 4, 0o640));
        assert_eq!(image.child(2, b"boot"), None);
        let null = image.node(image.child(image.child(2, b"dev").unwrap(), b"null").unwrap()).unwrap();
        assert_eq!((null.kind, null.rdev), (FileKind::CharDevice, (1, 3)));
        assert!(Reading { listing: "x\ty", ..Reading::default() }.builder().is_err());
    }
}
