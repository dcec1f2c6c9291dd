//! `rustbucket image import`: makes a base image from a folder, an archive, a saved container image or a listing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{self, Builder, Entry, FileKind, Image, Machine, Reading, What};

/// Contents up to this many bytes are stored; of larger files only the size is.
const KEEP: u64 = 1 << 20;
/// Bytes of all stored contents together.
const TOTAL: u64 = 1 << 30;
/// The most layers of a container image.
const LAYERS: usize = 256;
/// The most entries of all layers together.
const ENTRIES: usize = 500_000;
/// The largest manifest.
const MANIFEST: u64 = 4 << 20;

/// What the command line says.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Import {
    /// A folder, a tar archive (also compressed with gzip), an OCI archive, an archive of `docker save`, or a listing
    source: PathBuf,
    /// The image that is written
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// For a listing: edits that make another distribution of it
    #[arg(long, value_name = "FILE")]
    edits: Option<PathBuf>,
    /// For a listing: which programs are ELF files and which are scripts
    #[arg(long, value_name = "FILE")]
    programs: Option<PathBuf>,
    /// For a listing: whose numbers of users and groups it gets
    #[arg(long, value_name = "NAME", default_value = "ubuntu-20.04")]
    profile: String,
    /// For a listing: release of the kernel
    #[arg(long, value_name = "RELEASE", default_value = "5.4.0-169-generic")]
    kernel: String,
}

/// Makes the image; the error says what is wrong with which file.
pub(super) fn import(wanted: &Import) -> Result<(), String> {
    let source = &wanted.source;
    let about = |error: io::Error| format!("{}: {error}", source.display());
    let mut collector = Collector::default();
    if source.is_dir() {
        collector.folder(source).map_err(about)?;
    } else {
        let mut file = File::open(source).map_err(about)?;
        let mut head = Vec::new();
        file.by_ref().take(512).read_to_end(&mut head).map_err(about)?;
        file.seek(SeekFrom::Start(0)).map_err(about)?;
        let archive = head.get(257..262) == Some(b"ustar") || head.starts_with(&[0x1f, 0x8b]);
        if !archive {
            collector.builder = listing(wanted)?;
        } else {
            match layers(source).map_err(about)? {
                Some(names) => {
                    for (at, name) in names.iter().enumerate() {
                        eprintln!("layer {} of {}: {name}", at + 1, names.len());
                        let layer = member(source, name)
                            .map_err(about)?
                            .ok_or_else(|| format!("{name} is not in the archive"))?;
                        collector.archive(layer).map_err(|error| format!("{name}: {error}"))?;
                    }
                }
                None => collector.archive(unpacked(file).map_err(about)?).map_err(about)?,
            }
        }
    }
    eprintln!("{} entries", collector.builder.len());
    let bytes = collector.builder.build()?;
    let image = Image::from_bytes(bytes.clone(), Machine::X86_64)?;
    fs::write(&wanted.output, &bytes).map_err(|error| format!("{}: {error}", wanted.output.display()))?;
    eprintln!("{}: {} inodes, {} bytes", wanted.output.display(), image.count(), bytes.len());
    Ok(())
}

fn listing(wanted: &Import) -> Result<Builder, String> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let other = |path: &Option<PathBuf>| path.as_deref().map_or(Ok(String::new()), read);
    let (listing, edits, programs) = (read(&wanted.source)?, other(&wanted.edits)?, other(&wanted.programs)?);
    let (users, groups) = world::standard_ids(&wanted.profile);
    let kernel = &wanted.kernel;
    Reading { listing: &listing, edits: &edits, programs: &programs, kernel, users, groups }.builder()
}

/// An archive, unpacked if it is compressed.
fn unpacked(mut file: File) -> io::Result<Box<dyn Read>> {
    let mut magic = [0; 2];
    let got = file.read(&mut magic)?;
    file.seek(SeekFrom::Start(0))?;
    let file = BufReader::new(file);
    Ok(if got == 2 && magic == [0x1f, 0x8b] {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

/// A file in an archive, unpacked if it is compressed itself.
fn member(archive: &Path, name: &str) -> io::Result<Option<Box<dyn Read>>> {
    let mut tar = tar::Archive::new(unpacked(File::open(archive)?)?);
    let mut place = None;
    for entry in tar.entries()? {
        let entry = entry?;
        if normal(&entry.path_bytes()) == normal(name.as_bytes()) {
            place = Some((entry.raw_file_position(), entry.size()));
            break;
        }
    }
    let Some((start, len)) = place else { return Ok(None) };
    let mut whole = unpacked(File::open(archive)?)?;
    io::copy(&mut whole.by_ref().take(start), &mut io::sink())?;
    let mut part = BufReader::new(whole.take(len));
    let zipped = io::BufRead::fill_buf(&mut part)?.starts_with(&[0x1f, 0x8b]);
    Ok(Some(if zipped { Box::new(flate2::read::MultiGzDecoder::new(part)) } else { Box::new(part) }))
}

/// Names of the layers of a container image, lowest first; `None` for an ordinary archive.
fn layers(archive: &Path) -> io::Result<Option<Vec<String>>> {
    let json = |name: &str| -> io::Result<Option<Value>> {
        let Some(part) = member(archive, name)? else { return Ok(None) };
        let mut text = Vec::new();
        part.take(MANIFEST).read_to_end(&mut text)?;
        serde_json::from_slice(&text).map(Some).map_err(|error| io::Error::other(format!("{name}: {error}")))
    };
    let strings = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|entry| entry.as_str().map(str::to_owned)).take(LAYERS).collect()
    };
    if let Some(saved) = json("manifest.json")? {
        return Ok(saved.pointer("/0/Layers").map(strings).filter(|names| !names.is_empty()));
    }
    let Some(mut index) = json("index.json")? else { return Ok(None) };
    let blob = |digest: &Value| digest.as_str().map(|digest| format!("blobs/{}", digest.replacen(':', "/", 1)));
    // An index may lead to another index, of one manifest per machine.
    for _ in 0..4 {
        if let Some(layers) = index.get("layers").and_then(Value::as_array) {
            return Ok(Some(layers.iter().filter_map(|layer| blob(layer.get("digest")?)).take(LAYERS).collect()));
        }
        let Some(name) = index.pointer("/manifests/0/digest").and_then(blob) else { break };
        index = json(&name)?.ok_or_else(|| io::Error::other(format!("{name} is not in the archive")))?;
    }
    Err(io::Error::other("no manifest with layers"))
}

/// A path from the root, without `.` and doubled slashes.
fn normal(path: &[u8]) -> Vec<u8> {
    world::resolve(b"/", path)
}

#[derive(Default)]
struct Collector {
    builder: Builder,
    stored: u64,
    /// First names of files with several, by device and inode.
    links: BTreeMap<(u64, u64), Vec<u8>>,
}

impl Collector {
    fn content(&mut self, size: u64, bytes: impl Read) -> io::Result<What> {
        if size > KEEP || self.stored + size > TOTAL {
            let mut head = Vec::new();
            bytes.take(4).read_to_end(&mut head)?;
            return Ok(if head == b"\x7fELF" { What::Program(size) } else { What::Unknown(size) });
        }
        let mut all = Vec::new();
        bytes.take(size).read_to_end(&mut all)?;
        self.stored += size;
        Ok(What::File(all))
    }

    fn folder(&mut self, root: &Path) -> io::Result<()> {
        let mut todo = vec![(root.to_path_buf(), b"/".to_vec())];
        while let Some((real, path)) = todo.pop() {
            let meta = fs::symlink_metadata(&real)?;
            let kind = meta.file_type();
            let key = (meta.dev(), meta.ino());
            let what = if kind.is_dir() {
                for entry in fs::read_dir(&real)? {
                    let entry = entry?;
                    todo.push((entry.path(), [path.as_slice(), b"/", entry.file_name().as_bytes()].concat()));
                }
                What::Folder
            } else if kind.is_symlink() {
                What::Link(fs::read_link(&real)?.as_os_str().as_bytes().to_vec())
            } else if kind.is_file() {
                match self.links.get(&key).filter(|_| meta.nlink() > 1) {
                    Some(first) => What::Same(first.clone()),
                    None => {
                        self.links.insert(key, normal(&path));
                        self.content(meta.size(), File::open(&real)?)?
                    }
                }
            } else {
                let node = if kind.is_fifo() {
                    FileKind::Fifo
                } else if kind.is_socket() {
                    FileKind::Socket
                } else if kind.is_block_device() {
                    FileKind::BlockDevice
                } else {
                    FileKind::CharDevice
                };
                let rdev = meta.rdev();
                What::Node(node, (libc::major(rdev), libc::minor(rdev)))
            };
            let entry =
                Entry { what, mode: meta.mode() & 0o7777, uid: meta.uid(), gid: meta.gid(), modified: meta.mtime() };
            self.builder.add(&path, entry);
            self.progress()?;
        }
        Ok(())
    }

    /// One archive, over what there is: its whiteouts remove what lower layers brought.
    fn archive(&mut self, archive: impl Read) -> io::Result<()> {
        let mut tar = tar::Archive::new(archive);
        for entry in tar.entries()? {
            let mut entry = entry?;
            let path = normal(&entry.path_bytes());
            let name = world::name(&path).to_vec();
            if name == b".wh..wh..opq" {
                self.builder.empty(world::parent(&path));
                continue;
            }
            if let Some(gone) = name.strip_prefix(b".wh.") {
                self.builder.remove(&world::resolve(world::parent(&path), gone));
                continue;
            }
            let header = entry.header().clone();
            let target = |entry: &tar::Entry<'_, _>| entry.link_name_bytes().unwrap_or_default().to_vec();
            let device = || {
                (header.device_major().ok().flatten().unwrap_or(0), header.device_minor().ok().flatten().unwrap_or(0))
            };
            let what = match header.entry_type() {
                tar::EntryType::Directory => What::Folder,
                tar::EntryType::Symlink => What::Link(target(&entry)),
                tar::EntryType::Link => What::Same(normal(&target(&entry))),
                tar::EntryType::Char => What::Node(FileKind::CharDevice, device()),
                tar::EntryType::Block => What::Node(FileKind::BlockDevice, device()),
                tar::EntryType::Fifo => What::Node(FileKind::Fifo, (0, 0)),
                tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                    let size = entry.size();
                    self.content(size, &mut entry)?
                }
                _ => continue,
            };
            let id = |number: io::Result<u64>| number.ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
            let mode = header.mode().unwrap_or(0o644) & 0o7777;
            let modified = i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0);
            self.builder.add(&path, Entry { what, mode, uid: id(header.uid()), gid: id(header.gid()), modified });
            self.progress()?;
        }
        Ok(())
    }

    fn progress(&self) -> io::Result<()> {
        if self.builder.len() > ENTRIES {
            return Err(io::Error::other(format!("more than {ENTRIES} entries")));
        }
        if self.builder.len().is_multiple_of(10_000) {
            eprintln!("{} entries, {} bytes of contents", self.builder.len(), self.stored);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o640);
            header.set_mtime(1_600_000_000);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// The host with the image that is made of a file.
    fn imported(folder: &Path, source: &str) -> Result<std::sync::Arc<world::Host>, String> {
        let (source, output) = (folder.join(source), folder.join("out.img"));
        let kernel = String::new();
        import(&Import {
            source,
            output: output.clone(),
            edits: None,
            programs: None,
            profile: String::new(),
            kernel,
        })?;
        let image = Image::from_bytes(fs::read(output).unwrap(), Machine::X86_64)?;
        let world = world::World::build(world::Setup {
            persona: &world::Config::default(),
            login: &world::Login::default(),
            overlay: &world::Overlay::default(),
            state: None,
            image: Some(image),
            seed: 7,
            overlay_bytes: 1 << 20,
            total_bytes: 1 << 20,
        });
        Ok(world.host_for([10, 0, 0, 1].into()))
    }

    #[test]
    fn layers_lie_over_each_other() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let lower = archive(&[("opt/a", b"a"), ("opt/b", b"b"), ("opt/d/x", b"x")]);
        let mut upper = Vec::new();
        flate2::read::GzEncoder::new(
            archive(&[("opt/.wh.a", b""), ("opt/b", b"new"), ("opt/d/.wh..wh..opq", b""), ("opt/d/y", b"y")])
                .as_slice(),
            flate2::Compression::fast(),
        )
        .read_to_end(&mut upper)
        .unwrap();
        let docker = archive(&[
            ("manifest.json", br#"[{"Config":"c.json","Layers":["one/layer.tar","two/layer.tar"]}]"#),
            ("one/layer.tar", &lower),
            ("two/layer.tar", &upper),
        ]);
        let oci = archive(&[
            ("blobs/sha256/11", &lower),
            ("blobs/sha256/22", &upper),
            ("blobs/sha256/33", br#"{"layers":[{"digest":"sha256:11"},{"digest":"sha256:22"}]}"#),
            ("index.json", br#"{"manifests":[{"digest":"sha256:33"}]}"#),
        ]);
        fs::write(folder.join("plain.tar"), &lower).unwrap();
        fs::write(folder.join("docker.tar"), docker).unwrap();
        fs::write(folder.join("oci.tar"), oci).unwrap();
        let root = world::Who::root();
        let read = |host: &world::Host, path: &str| host.read_file(&root, path.as_bytes(), 99).ok();
        let plain = imported(folder, "plain.tar").unwrap();
        assert_eq!(read(&plain, "/opt/a").unwrap(), b"a");
        let stat = plain.stat(&root, b"/opt/b", true).unwrap();
        assert_eq!((stat.mode, stat.modified.secs), (0o640, 1_600_000_000));
        for source in ["docker.tar", "oci.tar"] {
            let host = imported(folder, source).unwrap();
            assert_eq!((read(&host, "/opt/a"), read(&host, "/opt/d/x")), (None, None), "{source}");
            assert_eq!(
                (read(&host, "/opt/b").unwrap(), read(&host, "/opt/d/y").unwrap()),
                (b"new".to_vec(), b"y".to_vec())
            );
        }
        fs::write(folder.join("broken.tar"), &lower[..700]).unwrap();
        assert!(imported(folder, "broken.tar").is_err() && imported(folder, "nothing").is_err());
        fs::create_dir_all(folder.join("tree/etc")).unwrap();
        fs::write(folder.join("tree/etc/motd"), "hello\n").unwrap();
        std::os::unix::fs::symlink("etc/motd", folder.join("tree/link")).unwrap();
        let host = imported(folder, "tree").unwrap();
        assert_eq!(read(&host, "/link").unwrap(), b"hello\n");
    }
}
