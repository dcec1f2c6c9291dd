//! The sandbox, from within: `examples/sandbox_probe.rs` tries everything, free and confined.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Cargo builds examples beside the tests: `target/debug/examples`, `target/debug/deps`.
fn probe() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/sandbox_probe")
}

#[expect(clippy::disallowed_types, reason = "starts our own probe")]
fn run(mode: &str, folder: &Path, user: &str, allowed: u16, other: u16) -> BTreeMap<String, String> {
    let output = std::process::Command::new(probe())
        .args([mode, folder.to_str().unwrap(), user, &allowed.to_string(), &other.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn forbids_and_leaves() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["in", "out", "read"] {
        let folder = scratch.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), "x").unwrap();
        // Open to everybody: what is refused is refused by the sandbox, not by these bits.
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    }
    std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let (allowed, other) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (allowed_port, other_port) = (allowed.local_addr().unwrap().port(), other.local_addr().unwrap().port());

    let free = run("free", scratch.path(), "", allowed_port, other_port);
    std::fs::remove_file(scratch.path().join("in/new")).unwrap();
    std::fs::remove_file(scratch.path().join("out/new")).unwrap();
    let user = if root { "nobody" } else { "" };
    let confined = run("confined", scratch.path(), user, allowed_port, other_port);

    let done: Vec<&str> = confined["done"].split(',').collect();
    let files = done.contains(&"files limited");
    let ports = done.contains(&"TCP connects limited");
    let system_calls = done.contains(&"system calls denied");
    for thread in ["", "thread_"] {
        for (check, forbidden) in [
            ("exec", files || system_calls),
            ("connect_other", ports),
            ("connect_allowed", false),
            ("bind", false),
            ("read_inside", false),
            ("read_outside", files),
            ("write_inside", false),
            ("write_outside", files),
        ] {
            let name = format!("{thread}{check}");
            assert_eq!(free[&name], "ok", "free: {name}");
            assert_eq!(
                confined[&name],
                if forbidden { "PermissionDenied" } else { "ok" },
                "confined: {name}; {done:?}"
            );
        }
    }
    assert_eq!(confined["CapEff"].trim_start_matches('0'), "");
    if root {
        assert_ne!(free["CapEff"].trim_start_matches('0'), "");
        assert_eq!((free["Uid"].as_str(), confined["Uid"].as_str()), ("0", "65534"));
    }
}
