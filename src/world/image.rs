//! The base image: the files that every host of this persona has; its devices and mounted file systems.

use std::sync::OnceLock;

use super::Host;
use super::fs::{FileKind, Image, Machine, Reading, Time, Who};
use super::profile::Profile;

/// The files of Ubuntu, as `rustbucket image import` made them of a listing.
static UBUNTU: &[u8] = include_bytes!("../../data/images/ubuntu-20.04.img");
/// Listings of the others; they become images when a profile asks for them.
static DEBIAN: &str = include_str!("../../data/images/debian-12.tree");
static DEBIAN_PROGRAMS: &str = include_str!("../../data/images/elf.txt");
static BUSYBOX: &str = include_str!("../../data/images/busybox.tree");

/// The base image of a profile; its records are looked at once.
pub(super) fn embedded(profile: &Profile) -> Image {
    static IMAGES: [OnceLock<Image>; 3] = [const { OnceLock::new() }; 3];
    let [ubuntu, debian, busybox] = &IMAGES;
    let machine = Machine::named(&profile.system.machine);
    let listed = |listing, programs| {
        let (users, groups) = super::accounts::standard_ids(&profile.sets);
        let reading = Reading { listing, edits: "", programs, kernel: &profile.system.kernel, users, groups };
        Image::from_bytes(reading.builder()?.build()?, machine)
    };
    let opened = |image: Result<Image, String>| {
        image.unwrap_or_else(|error| {
            tracing::error!("the base image can't be used: {error}");
            Image::empty()
        })
    };
    let image = match profile.image.as_str() {
        "debian-12" => debian.get_or_init(|| opened(listed(DEBIAN, DEBIAN_PROGRAMS))),
        "busybox" => busybox.get_or_init(|| opened(listed(BUSYBOX, ""))),
        _ => ubuntu.get_or_init(|| opened(Image::from_static(UBUNTU, machine))),
    };
    image.clone()
}

/// Character devices: path, major, minor, mode.
const DEVICES: &[(&str, u32, u32, u32)] = &[
    ("/dev/null", 1, 3, 0o666),
    ("/dev/zero", 1, 5, 0o666),
    ("/dev/full", 1, 7, 0o666),
    ("/dev/random", 1, 8, 0o666),
    ("/dev/urandom", 1, 9, 0o666),
    ("/dev/kmsg", 1, 11, 0o644),
    ("/dev/mem", 1, 1, 0o640),
    ("/dev/tty", 5, 0, 0o666),
    ("/dev/console", 5, 1, 0o600),
    ("/dev/ptmx", 5, 2, 0o666),
    ("/dev/tty0", 4, 0, 0o620),
    ("/dev/tty1", 4, 1, 0o620),
    ("/dev/ttyS0", 4, 64, 0o660),
    ("/dev/fuse", 10, 229, 0o666),
    ("/dev/hwrng", 10, 183, 0o600),
];

/// Block devices: path, major, minor.
const DISKS: &[(&str, u32, u32)] = &[
    ("/dev/sda", 8, 0),
    ("/dev/sda1", 8, 1),
    ("/dev/loop0", 7, 0),
    ("/dev/loop1", 7, 1),
    ("/dev/loop2", 7, 2),
    ("/dev/loop3", 7, 3),
];

/// What devtmpfs holds, and the file systems that are mounted beside the root.
pub(super) fn devices(host: &Host) {
    let root = Who { umask: 0, ..Who::root() };
    let profile = host.persona().profile;
    for (number, point) in (1..).zip(&profile.mounts.separate) {
        let _ = host.make_folder(&root, point.as_bytes(), 0o755);
        host.mount(point.as_bytes(), number);
    }
    let points = [("/dev/pts", 0o755), ("/dev/shm", 0o1777), ("/run/lock", 0o1777)];
    for (point, mode) in points.into_iter().take(if profile.is_server() { 3 } else { 1 }) {
        let _ = host.make_folder(&root, point.as_bytes(), mode);
        let _ = host.set_mode(&root, point.as_bytes(), mode);
    }
    for &(path, major, minor, mode) in DEVICES {
        let _ = host.make_device(&root, path.as_bytes(), FileKind::CharDevice, mode, (major, minor));
        if path.starts_with("/dev/tty") {
            let _ = host.set_owner(&root, path.as_bytes(), None, Some(5), false);
        }
    }
    for &(path, major, minor) in DISKS.iter().filter(|_| profile.is_server()) {
        let _ = host.make_device(&root, path.as_bytes(), FileKind::BlockDevice, 0o660, (major, minor));
        let _ = host.set_owner(&root, path.as_bytes(), None, Some(6), false);
    }
    let links = [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")];
    for (name, target) in links.into_iter().chain([("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore")]) {
        let _ = host.symlink(&root, target.as_bytes(), format!("/dev/{name}").as_bytes());
    }
    let booted = Time::at(host.persona().booted);
    for (name, _) in host.list(&root, b"/dev").unwrap_or_default() {
        let _ = host.set_times(&root, &[b"/dev/", name.as_slice()].concat(), Some(booted), Some(booted), false);
    }
}
