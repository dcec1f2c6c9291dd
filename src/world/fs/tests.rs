//! Whole calls on a host: random ones compared with those of the real kernel, and the rules that need a user.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::world::{Config, Host, World};

fn host() -> Arc<Host> {
    World::new(&Config::default(), 7, 1 << 22, 1 << 24).host_for([10, 0, 0, 1].into())
}

fn user() -> Who {
    Who { uid: 1000, gid: 1000, groups: Arc::from([1000]), pid: 0, umask: 0o022 }
}

#[derive(Clone, Debug)]
enum Call {
    Create(String, Vec<u8>),
    Exclusive(String),
    Append(String, Vec<u8>),
    Read(String),
    Mkdir(String),
    Rmdir(String),
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    Symlink(String, String),
    Truncate(String, u64),
    WriteAt(String, u64, Vec<u8>),
    Stat(String, bool),
    List(String),
    ReadLink(String),
    RealPath(String),
    Chmod(String, u32),
}

fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![8 => "[abc]", 1 => Just("..".to_string()), 1 => Just(".".to_string())];
    (proptest::collection::vec(part, 1..4), 0..8).prop_map(|(parts, slash)| {
        let path = parts.join("/");
        if slash == 0 { path + "/" } else { path }
    })
}

fn call() -> impl Strategy<Value = Call> {
    let target = prop_oneof!["[abc]", "[abc]/[abc]", "\\.\\./[abc]", "\\./[abc]/"];
    let bytes = || proptest::collection::vec(0_u8..3, 0..20);
    prop_oneof![
        1 => (path(), bytes()).prop_map(|(path, bytes)| Call::Create(path, bytes)),
        1 => path().prop_map(Call::Exclusive),
        1 => (path(), bytes()).prop_map(|(path, bytes)| Call::Append(path, bytes)),
        1 => path().prop_map(Call::Read),
        3 => path().prop_map(Call::Mkdir),
        1 => path().prop_map(Call::Rmdir),
        1 => path().prop_map(Call::Unlink),
        3 => (path(), path()).prop_map(|(from, to)| Call::Rename(from, to)),
        1 => (path(), path()).prop_map(|(from, to)| Call::Link(from, to)),
        2 => (target, path()).prop_map(|(target, path)| Call::Symlink(target, path)),
        1 => (path(), 0_u64..30).prop_map(|(path, len)| Call::Truncate(path, len)),
        1 => (path(), 0_u64..30, bytes()).prop_map(|(path, at, bytes)| Call::WriteAt(path, at, bytes)),
        1 => (path(), any::<bool>()).prop_map(|(path, follow)| Call::Stat(path, follow)),
        1 => path().prop_map(Call::List),
        1 => path().prop_map(Call::ReadLink),
        1 => path().prop_map(Call::RealPath),
        1 => (path(), 0_u32..0o1000).prop_map(|(path, mode)| Call::Chmod(path, mode | 0o700)),
    ]
}

/// Deep enough that no `..` leaves it.
const BASE: &str = "/x/x/x/x/x/x/x/x";

type Answer = Result<String, i32>;

fn real(root: &Path, call: &Call) -> Answer {
    let base = format!("{}{BASE}", root.display());
    let at = |path: &str| format!("{base}/{path}");
    let options = fs::OpenOptions::new;
    let done = |result: std::io::Result<()>| result.map(|()| String::new());
    let answer = match call {
        Call::Create(path, bytes) => done(
            options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o666)
                .open(at(path))
                .and_then(|mut f| f.write_all(bytes)),
        ),
        Call::Exclusive(path) => done(options().write(true).create_new(true).open(at(path)).map(drop)),
        Call::Append(path, bytes) => {
            done(options().append(true).create(true).open(at(path)).and_then(|mut f| f.write_all(bytes)))
        }
        Call::Read(path) => fs::read(at(path)).map(|bytes| format!("{bytes:?}")),
        Call::Mkdir(path) => done(fs::create_dir(at(path))),
        Call::Rmdir(path) => done(fs::remove_dir(at(path))),
        Call::Unlink(path) => done(fs::remove_file(at(path))),
        Call::Rename(from, to) => done(fs::rename(at(from), at(to))),
        Call::Link(from, to) => done(fs::hard_link(at(from), at(to))),
        Call::Symlink(target, path) => done(std::os::unix::fs::symlink(target, at(path))),
        Call::Truncate(path, len) => {
            // truncate(2) itself is not in std: a folder is the only difference.
            done(options().write(true).open(at(path)).and_then(|file| file.set_len(*len)))
        }
        Call::WriteAt(path, offset, bytes) => {
            let file = options().write(true).open(at(path));
            done(file.and_then(|file| std::os::unix::fs::FileExt::write_all_at(&file, bytes, *offset)))
        }
        Call::Stat(path, follow) => {
            let meta = if *follow { fs::metadata(at(path)) } else { fs::symlink_metadata(at(path)) };
            meta.map(|meta| {
                let (links, size) = if meta.is_dir() { (0, 0) } else { (meta.nlink(), meta.size()) };
                format!("{:o} {links} {size}", meta.mode())
            })
        }
        Call::List(path) => fs::read_dir(at(path)).map(|entries| {
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            format!("{names:?}")
        }),
        Call::ReadLink(path) => fs::read_link(at(path)).map(|target| target.display().to_string()),
        Call::RealPath(path) => {
            fs::canonicalize(at(path)).map(|path| path.strip_prefix(root).unwrap().display().to_string())
        }
        Call::Chmod(path, mode) => done(fs::set_permissions(at(path), fs::Permissions::from_mode(*mode))),
    };
    answer.map_err(|error| error.raw_os_error().unwrap_or(-1))
}

fn ours(host: &Host, call: &Call) -> Answer {
    let who = &Who::root();
    let at = |path: &str| format!("{BASE}/{path}").into_bytes();
    let done = |result: Result<(), Errno>| result.map(|()| String::new());
    let write = Open { write: true, ..Open::default() };
    let answer = match call {
        Call::Create(path, bytes) => done(host.write_file(who, &at(path), bytes, 0o666)),
        Call::Exclusive(path) => {
            let how = Open { create: Some(0o666), exclusive: true, ..write };
            done(host.open(who, &at(path), how).map(drop))
        }
        Call::Append(path, bytes) => {
            done(host.open(who, &at(path), Open::append(0o666)).and_then(|file| file.append(bytes)).map(drop))
        }
        Call::Read(path) => host.read_file(who, &at(path), 1000).map(|bytes| format!("{bytes:?}")),
        Call::Mkdir(path) => done(host.make_folder(who, &at(path), 0o777)),
        Call::Rmdir(path) => done(host.remove_folder(who, &at(path))),
        Call::Unlink(path) => done(host.remove_file(who, &at(path))),
        Call::Rename(from, to) => done(host.rename(who, &at(from), &at(to))),
        Call::Link(from, to) => done(host.link(who, &at(from), &at(to))),
        Call::Symlink(target, path) => done(host.symlink(who, target.as_bytes(), &at(path))),
        Call::Truncate(path, len) => done(host.open(who, &at(path), write).and_then(|file| file.set_len(*len))),
        Call::WriteAt(path, offset, bytes) => {
            done(host.open(who, &at(path), write).and_then(|file| file.write_at(*offset, bytes)).map(drop))
        }
        Call::Stat(path, follow) => host.stat(who, &at(path), *follow).map(|stat| {
            let kind = match stat.kind {
                FileKind::Folder => 0o040_000,
                FileKind::Link => 0o120_000,
                _ => 0o100_000,
            };
            let (links, size) = if stat.is_folder() { (0, 0) } else { (stat.nlink, stat.size) };
            format!("{:o} {links} {size}", stat.mode | kind)
        }),
        Call::List(path) => host.list(who, &at(path)).map(|entries| {
            let names: Vec<_> = entries.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect();
            format!("{names:?}")
        }),
        Call::ReadLink(path) => host.read_link(who, &at(path)).map(|target| String::from_utf8(target).unwrap()),
        Call::RealPath(path) => {
            host.real_path(who, &at(path)).map(|path| String::from_utf8(path[1..].to_vec()).unwrap())
        }
        Call::Chmod(path, mode) => done(host.set_mode(who, &at(path), *mode)),
    };
    answer.map_err(Errno::number)
}

/// Link counts of folders, and what is held, agree with what can be seen.
fn sound(host: &Host, path: &[u8]) -> u32 {
    let entries = host.list(&Who::root(), path).unwrap();
    let folders: Vec<_> = entries.iter().filter(|(_, stat)| stat.is_folder()).collect();
    assert_eq!(host.stat(&Who::root(), path, false).unwrap().nlink as usize, 2 + folders.len());
    let below = folders.iter().map(|(name, _)| sound(host, &[path, b"/", name.as_slice()].concat())).sum::<u32>();
    below + entries.len() as u32
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_calls_do_what_the_kernel_does(calls in proptest::collection::vec(call(), 1..60)) {
        let scratch = tempfile::tempdir().unwrap();
        let root: PathBuf = fs::canonicalize(scratch.path()).unwrap();
        fs::create_dir_all(format!("{}{BASE}", root.display())).unwrap();
        let host = host();
        for end in (2..=BASE.len()).step_by(2) {
            host.make_folder(&Who::root(), &BASE.as_bytes()[..end], 0o755).unwrap();
        }
        for call in &calls {
            prop_assert_eq!(ours(&host, call), real(&root, call), "{:?} after {:?}", call, calls);
        }
        sound(&host, BASE.as_bytes());
        let own = host.state.own();
        prop_assert!(own.nodes().all(|(_, node)| node.nlink > 0));
        drop(own);
    }
}

/// Files that are in the image already, below [`BASE`].
fn seeded(root: &Path) -> Image {
    let base = format!("{}{BASE}", root.display());
    fs::create_dir_all(format!("{base}/a/c")).unwrap();
    fs::create_dir_all(format!("{base}/c")).unwrap();
    fs::write(format!("{base}/a/b"), "xyz").unwrap();
    fs::hard_link(format!("{base}/a/b"), format!("{base}/c/a")).unwrap();
    std::os::unix::fs::symlink("a/b", format!("{base}/b")).unwrap();
    std::os::unix::fs::symlink("../a", format!("{base}/c/c")).unwrap();
    let mut builder = Builder::default();
    let at = |path: &str| format!("{BASE}/{path}").into_bytes();
    let entry = |what, mode| Entry { what, mode, uid: 0, gid: 0, modified: 5 };
    builder.add(&at("a/c"), entry(What::Folder, 0o755));
    builder.add(&at("a/b"), entry(What::File(b"xyz".to_vec()), 0o644));
    builder.add(&at("c/a"), entry(What::Same(at("a/b")), 0o644));
    builder.add(&at("b"), entry(What::Link(b"a/b".to_vec()), 0o777));
    builder.add(&at("c/c"), entry(What::Link(b"../a".to_vec()), 0o777));
    Image::from_bytes(builder.build().unwrap(), Machine::X86_64).unwrap()
}

/// All that lies in a folder, as text.
fn drawn(host: &Host, path: &[u8], out: &mut String) {
    for (name, stat) in host.list(&Who::root(), path).unwrap() {
        let path = [path, b"/", name.as_slice()].concat();
        let bytes = match stat.kind {
            FileKind::File => host.read_file(&Who::root(), &path, 1000).unwrap(),
            FileKind::Link => host.read_link(&Who::root(), &path).unwrap(),
            _ => Vec::new(),
        };
        out.push_str(&format!("{} {stat:?} {bytes:?}\n", String::from_utf8_lossy(&path)));
        if stat.is_folder() {
            drawn(host, &path, out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_over_an_image_and_after_a_reload(calls in proptest::collection::vec(call(), 1..60)) {
        let scratch = tempfile::tempdir().unwrap();
        let root: PathBuf = fs::canonicalize(scratch.path()).unwrap();
        let image = seeded(&root);
        let state = tempfile::tempdir().unwrap();
        let again = || {
            let world = World::build(crate::world::Setup {
                persona: &Config::default(),
                login: &crate::world::Login::default(),
                overlay: &crate::world::Overlay::default(),
                state: Some(state.path()),
                image: Some(image.clone()),
                seed: 7,
                overlay_bytes: 1 << 22,
                total_bytes: 1 << 24,
            });
            world.host_for([10, 0, 0, 1].into())
        };
        let host = again();
        for call in &calls {
            prop_assert_eq!(ours(&host, call), real(&root, call), "{:?} after {:?}", call, calls);
        }
        sound(&host, BASE.as_bytes());
        let (mut before, mut after) = (String::new(), String::new());
        drawn(&host, BASE.as_bytes(), &mut before);
        let held = |host: &Host| {
            let own = host.state.own();
            (own.bytes(), own.files(), own.disk())
        };
        let held_before = held(&host);
        drop(host);
        let host = again();
        drawn(&host, BASE.as_bytes(), &mut after);
        prop_assert_eq!(before, after);
        prop_assert_eq!(held_before, held(&host));
    }
}

#[test]
fn permissions_hold_for_users() {
    let host = host();
    let (root, user) = (Who::root(), user());
    host.write_file(&root, b"/tmp/r", b"x", 0o600).unwrap();
    assert_eq!(host.read_file(&user, b"/tmp/r", 9), Err(Errno::EACCES));
    assert_eq!(host.remove_file(&user, b"/tmp/r"), Err(Errno::EPERM), "sticky");
    assert_eq!(host.write_file(&user, b"/etc/x", b"", 0o644), Err(Errno::EACCES));
    host.write_file(&user, b"/tmp/u", b"x", 0o666).unwrap();
    let stat = host.stat(&user, b"/tmp/u", true).unwrap();
    assert_eq!((stat.mode, stat.uid, stat.gid, stat.nlink), (0o644, 1000, 1000, 1));
    host.set_owner(&root, b"/tmp/r", None, Some(50), true).unwrap();
    host.set_mode(&root, b"/tmp/r", 0o640).unwrap();
    let member = Who { groups: Arc::from([1000, 50]), ..user.clone() };
    assert_eq!(host.read_file(&member, b"/tmp/r", 9).unwrap(), b"x");
    assert_eq!(host.set_mode(&member, b"/tmp/r", 0o777), Err(Errno::EPERM));
    host.make_folder(&root, b"/tmp/g", 0o777).unwrap();
    host.set_owner(&root, b"/tmp/g", None, Some(50), true).unwrap();
    host.set_mode(&root, b"/tmp/g", 0o2777).unwrap();
    host.make_folder(&user, b"/tmp/g/d", 0o755).unwrap();
    let inside = host.stat(&user, b"/tmp/g/d", true).unwrap();
    assert_eq!((inside.gid, inside.mode), (50, 0o2755), "setgid folder");
}

#[test]
fn flags_hold_for_root_as_well() {
    let host = host();
    let root = Who::root();
    host.write_file(&root, b"/root/k", b"a", 0o644).unwrap();
    host.set_flags(&root, b"/root/k", IMMUTABLE).unwrap();
    assert_eq!(host.write_file(&root, b"/root/k", b"", 0o644), Err(Errno::EPERM));
    assert_eq!(host.remove_file(&root, b"/root/k"), Err(Errno::EPERM));
    assert_eq!(host.rename(&root, b"/root/k", b"/root/l"), Err(Errno::EPERM));
    assert_eq!(host.set_mode(&root, b"/root/k", 0o777), Err(Errno::EPERM));
    assert_eq!(host.link(&root, b"/root/k", b"/root/l"), Err(Errno::EPERM));
    host.set_flags(&root, b"/root/k", APPEND_ONLY).unwrap();
    assert_eq!(host.write_file(&root, b"/root/k", b"", 0o644), Err(Errno::EPERM));
    host.open(&root, b"/root/k", Open::append(0o644)).unwrap().append(b"b").unwrap();
    assert_eq!(host.read_file(&root, b"/root/k", 9).unwrap(), b"ab");
    host.set_flags(&root, b"/root", IMMUTABLE).unwrap();
    assert_eq!(host.write_file(&root, b"/root/new", b"", 0o644), Err(Errno::EPERM));
    assert_eq!(host.set_flags(&root, b"/dev/shm", IMMUTABLE), Err(Errno::ENOTTY));
}

#[test]
fn devices_and_the_kernels_file_systems() {
    let host = host();
    let root = Who::root();
    let both = Open { read: true, write: true, ..Open::default() };
    let open = |path: &str| host.open(&root, path.as_bytes(), both).unwrap();
    assert_eq!((open("/dev/null").write_at(0, b"abc"), open("/dev/null").read_at(0, 5)), (Ok(3), Ok(Vec::new())));
    assert_eq!(open("/dev/zero").read_at(7, 3).unwrap(), [0; 3]);
    assert_eq!(open("/dev/full").write_at(0, b"a"), Err(Errno::ENOSPC));
    assert_ne!(open("/dev/urandom").read_at(0, 16).unwrap(), open("/dev/urandom").read_at(0, 16).unwrap());
    assert_eq!(host.make_folder(&root, b"/proc/x", 0o755), Err(Errno::ENOENT));
    assert_eq!(host.write_file(&root, b"/proc/x", b"", 0o644), Err(Errno::ENOENT));
    assert_eq!(host.write_file(&root, b"/sys/x", b"", 0o644), Err(Errno::EACCES));
    assert_eq!(host.make_folder(&root, b"/sys/x", 0o755), Err(Errno::EPERM));
    assert_eq!(host.remove_file(&root, b"/proc/version"), Err(Errno::EPERM));
    host.write_file(&root, b"/dev/shm/x", b"x", 0o644).unwrap();
    assert_eq!(host.rename(&root, b"/dev/shm/x", b"/tmp/x"), Err(Errno::EXDEV));
    assert_eq!(host.link(&root, b"/dev/shm/x", b"/tmp/x"), Err(Errno::EXDEV));
    assert_eq!(host.remove_folder(&root, b"/dev/shm"), Err(Errno::EBUSY));
}

#[test]
fn open_files_outlive_their_name() {
    let host = host();
    let root = Who::root();
    host.write_file(&root, b"/tmp/x", b"old", 0o644).unwrap();
    let file = host.open(&root, b"/tmp/x", Open::READ).unwrap();
    host.remove_file(&root, b"/tmp/x").unwrap();
    host.write_file(&root, b"/tmp/x", b"new", 0o644).unwrap();
    assert_eq!((file.read_at(0, 9).unwrap(), file.stat().nlink), (b"old".to_vec(), 0));
    let held = host.state.own().bytes();
    drop(file);
    assert!(host.state.own().bytes() < held);
}

#[test]
fn programs_are_known_in_any_guise() {
    let host = host();
    let root = Who::root();
    let open = |path: &str| host.open(&root, path.as_bytes(), Open::READ).unwrap();
    assert_eq!(host.program_of(&open("/bin/cat")).unwrap(), b"/usr/bin/cat");
    let copy = host.open(&root, b"/tmp/c", Open::create(0o755)).unwrap();
    copy.copy_from(&open("/bin/cat")).unwrap();
    assert_eq!(host.program_of(&copy).unwrap(), b"/usr/bin/cat");
    assert_eq!(open("/tmp/c").read_at(0, 4).unwrap(), b"\x7fELF");
    assert!(host.is_original(b"/tmp/c"));
    host.link(&root, b"/usr/bin/cat", b"/usr/bin/dog").unwrap();
    assert_eq!(host.program_of(&open("/usr/bin/dog")).unwrap(), b"/usr/bin/cat");
    copy.append(b"x").unwrap();
    assert_eq!((host.program_of(&copy), host.is_original(b"/tmp/c")), (None, false));
}

#[test]
fn quotas_end_in_no_space() {
    let host = World::new(&Config::default(), 7, 100_000, 1 << 24).host_for([10, 0, 0, 1].into());
    let root = Who::root();
    let file = host.open(&root, b"/tmp/x", Open::append(0o644)).unwrap();
    let mut written = 0;
    let error = loop {
        match file.append(&[7; 999]) {
            Ok(len) => written = len,
            Err(error) => break error,
        }
    };
    assert_eq!(error, Errno::ENOSPC);
    assert!((90_000..100_000).contains(&written), "{written}");
    assert_eq!(host.make_folder(&root, b"/tmp/d", 0o755), Err(Errno::ENOSPC));
    host.remove_file(&root, b"/tmp/x").unwrap();
    drop(file);
    host.make_folder(&root, b"/tmp/d", 0o755).unwrap();
    // Zeros take no memory, only disk.
    let zeros = host.open(&root, b"/tmp/zeros", Open::append(0o644)).unwrap();
    let before = host.statfs(b"/tmp").unwrap().used;
    for _ in 0..100 {
        zeros.append(&[0; 1 << 20]).unwrap();
    }
    assert_eq!((zeros.len(), host.statfs(b"/").unwrap().used - before), (100 << 20, 100 << 10));
    let mut path = b"/tmp".to_vec();
    let deepest = (0..1000).find(|_| {
        path.extend_from_slice(b"/d");
        host.make_folder(&root, &path, 0o755).is_err_and(|error| error != Errno::EEXIST)
    });
    assert!(deepest.is_some());
}

#[test]
fn appending_many_lines_is_cheap() {
    let host = World::new(&Config::default(), 7, 64 << 20, 1 << 30).host_for([10, 0, 0, 1].into());
    for number in 0..200_000 {
        let file = host.open(&Who::root(), b"/tmp/log", Open::append(0o644)).unwrap();
        file.append(format!("line {number} with some text in it\n").as_bytes()).unwrap();
    }
}
