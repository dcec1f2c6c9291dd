//! The same question asked in several ways has one answer.

use std::sync::Arc;

use super::*;

fn host() -> Arc<Host> {
    World::new(&Config::default(), 7, 1 << 22, 1 << 24).host_for([10, 0, 0, 1].into())
}

fn read(host: &Host, path: &str) -> String {
    let bytes = host.read_file(&Who::root(), path.as_bytes(), 1 << 20);
    String::from_utf8_lossy(&bytes.unwrap_or_else(|error| panic!("{path}: {error:?}"))).into_owned()
}

fn visitor(user: &str, protocol: &'static str) -> Visitor {
    let (from, local) = ("203.0.113.9:40001".parse().unwrap(), "198.51.100.1:2222".parse().unwrap());
    Visitor { user: user.into(), protocol, terminal: true, command: None, from, local }
}

#[test]
fn a_visitor_is_seen_in_every_view() {
    let host = host();
    let before = host.processes().len();
    assert!((80..220).contains(&before), "{before}");
    for protocol in ["ssh", "telnet"] {
        let presence = host.enter(visitor("root", protocol));
        let shell = host.process(presence.shell_pid()).unwrap();
        assert_eq!((shell.ppid, shell.tty), (presence.parent_pid(), Some(0)));
        assert_eq!(read(&host, &format!("/proc/{}/cmdline", shell.pid)), "-bash\0");
        let who = Who { pid: shell.pid, ..Who::root() };
        assert_eq!(host.read_link(&who, b"/proc/self").unwrap(), shell.pid.to_string().into_bytes());
        assert_eq!(host.read_file(&who, b"/proc/self/cmdline", 99).unwrap(), b"-bash\0");
        assert_eq!(host.real_path(&who, b"/proc/self/fd/0").unwrap(), b"/dev/pts/0");
        assert_eq!(host.real_path(&who, b"/dev/stdout").unwrap(), b"/dev/pts/0");
        let head = host.open(&who, b"/proc/self/exe", Open::READ).unwrap();
        assert_eq!(head.read_at(0, 4).unwrap(), b"\x7fELF");
        let sockets = host.sockets();
        let own = sockets.iter().find(|socket| socket.remote.is_some()).unwrap();
        assert_eq!(own.remote.unwrap().to_string(), "203.0.113.9:40001");
        assert_eq!(own.local.ip().to_string(), host.persona().address);
        let port = if protocol == "ssh" { 22 } else { 23 };
        let line = format!("{:04X} 097100CB:9C41 01", port);
        assert!(read(&host, "/proc/net/tcp").contains(&line), "{}", read(&host, "/proc/net/tcp"));
        assert_eq!((host.visitors().len(), host.logins()[0].until), (1, None));
        drop(presence);
        assert_eq!((host.visitors().len(), host.processes().len()), (0, before));
        assert!(host.logins()[0].until.is_some());
        assert!(host.stat(&Who::root(), b"/dev/pts/0", true).is_err());
    }
}

#[test]
fn the_kernels_files_agree_with_the_facts() {
    let host = host();
    let persona = host.persona();
    assert!(read(&host, "/proc/version").starts_with(&format!("Linux version {} ", persona.kernel)));
    assert_eq!(read(&host, "/proc/sys/kernel/osrelease").trim(), persona.kernel);
    assert_eq!(read(&host, "/proc/cpuinfo").matches("processor\t:").count(), persona.cpus as usize);
    assert_eq!(read(&host, "/proc/meminfo").lines().count(), 34 + 19);
    assert!(read(&host, "/proc/meminfo").starts_with(&format!("MemTotal:       {:>8} kB\n", persona.memory_kib)));
    assert_eq!(read(&host, &format!("/sys/class/net/{}/address", persona.iface)).trim(), persona.mac);
    assert!(read(&host, "/proc/mounts").contains("/dev/sda1 / ext4 "));
    assert_eq!(read(&host, "/proc/self/mounts"), read(&host, "/proc/mounts"));
    let numbers = host.list(&Who::root(), b"/proc").unwrap();
    let numbers = numbers.iter().filter(|(name, _)| name[0].is_ascii_digit()).count();
    assert_eq!(numbers, host.processes().len());
    let nginx = host.processes().into_iter().find(|p| p.comm == b"nginx").unwrap();
    let status = read(&host, &format!("/proc/{}/status", nginx.pid));
    assert!(status.contains("Name:\tnginx\n") && status.contains("PPid:\t1\n"), "{status}");
    let memory = host.memory();
    assert!(memory.free + memory.buffers + memory.cached + memory.slab < memory.total);
    host.write_file(&Who::root(), b"/proc/sys/kernel/hostname", b"other\n", 0o644).unwrap();
    assert_eq!((host.hostname().as_str(), read(&host, "/proc/sys/kernel/hostname").as_str()), ("other", "other\n"));
    // Everything that is listed can be looked at.
    let mut todo = vec![b"/proc".to_vec(), b"/sys".to_vec()];
    let mut seen = 0;
    while let Some(folder) = todo.pop() {
        for (name, stat) in host.list(&Who::root(), &folder).unwrap() {
            let path = [folder.as_slice(), b"/", &name].concat();
            seen += 1;
            if stat.is_folder() {
                assert!(path.iter().filter(|&&b| b == b'/').count() < 9, "{}", String::from_utf8_lossy(&path));
                todo.push(path);
            } else if stat.kind == FileKind::File {
                let _ = host.read_file(&Who::root(), &path, 1 << 20).map(|text| assert!(text.len() < 1 << 20));
            }
        }
    }
    assert!(seen > 3000, "{seen}");
}

#[test]
fn processes_are_started_and_killed() {
    let host = host();
    let user = Who { uid: 1000, gid: 1000, ..Who::root() };
    let new = NewProcess { ppid: 1, uid: 1000, exe: b"/usr/bin/sleep".to_vec(), ..NewProcess::default() };
    let pid = host.start_process(new.clone()).unwrap();
    assert!(host.next_pid() > pid);
    host.signal(&user, pid, 15).unwrap();
    assert_eq!((host.take_signals(pid), host.take_signals(pid)), (vec![15], vec![]));
    host.end_process(pid);
    assert_eq!(host.signal(&user, pid, 0), Err(Errno::ESRCH));
    let cron = host.processes().into_iter().find(|p| p.comm == b"cron").unwrap().pid;
    assert_eq!(host.signal(&user, cron, 9), Err(Errno::EPERM));
    host.signal(&Who::root(), cron, 9).unwrap();
    assert!(host.process(cron).is_none() && host.stat(&user, format!("/proc/{cron}").as_bytes(), true).is_err());
    host.signal(&Who::root(), 1, 9).unwrap();
    assert!(host.process(1).is_some());
    let error = (0..5000).find_map(|_| host.start_process(new.clone()).err());
    assert_eq!(error, Some(Errno::EAGAIN));
}

#[test]
fn accounts_follow_the_files() {
    let host = host();
    let root = Who::root();
    assert_eq!(host.login(b"root", b"toor").unwrap().uid, 0);
    assert!(host.login(b"root", b"wrong").is_none() && host.login(b"nobody", b"").is_none());
    host.set_password(b"root", b"new one").unwrap();
    assert!(host.login(b"root", b"toor").is_none() && host.login(b"root", b"new one").is_some());
    let mut passwd = host.read_file(&root, b"/etc/passwd", 1 << 20).unwrap();
    passwd.extend_from_slice(b"hax::0:0::/root:/bin/bash\n");
    host.write_file(&root, b"/etc/passwd", &passwd, 0o644).unwrap();
    assert_eq!(host.login(b"hax", b"").unwrap().uid, 0);
    assert_eq!(host.account(b"ubuntu").unwrap().groups[0], 1000);
    assert!(host.account(b"ubuntu").unwrap().groups.contains(&27), "sudo");
    assert!(host.login(b"345gs5662d34", b"345gs5662d34").is_none());
}

#[test]
fn guesses_are_granted_only_as_the_policy_says() {
    let login = Login { tries: 3, refuse: vec!["ubuntu/password".into()], ..Login::default() };
    let world = World::with_login(&Config::default(), &login, 7, 1 << 22, 1 << 24);
    let host = world.host_for([10, 0, 0, 1].into());
    for guess in ["123456", "nothing", "qwerty"] {
        assert!(host.login(b"ubuntu", guess.as_bytes()).is_none());
    }
    assert!(host.login(b"ubuntu", b"not weak").is_none() && host.login(b"ubuntu", b"password").is_none());
    assert!(host.login(b"www-data", b"123456").is_none(), "no shell");
    assert!(host.login(b"ubuntu", b"123456").is_some());
    assert!(host.login(b"ubuntu", b"qwerty").is_none() && host.login(b"ubuntu", b"123456").is_some(), "sticky");
    assert!(world.host_for([10, 0, 0, 2].into()).login(b"ubuntu", b"123456").is_none());
}

/// What tells one instance from another.
fn identifiers(host: &Host) -> Vec<String> {
    let persona = host.persona();
    let mut all = vec![
        persona.hostname.clone(),
        persona.fqdn.clone(),
        persona.domain.clone(),
        persona.address.clone(),
        persona.gateway.clone(),
        persona.mac.clone(),
        persona.machine_id.clone(),
        persona.boot_id.clone(),
        persona.disk.uuid.clone(),
        persona.installed.to_string(),
        persona.booted.to_string(),
        persona.memory_kib.to_string(),
        persona.disk.used_kib.to_string(),
    ];
    let own = host.users().into_iter().filter(|user| user.uid > 1000 && user.uid < 60_000);
    all.extend(own.flat_map(|user| [user.name, user.gecos, user.home]));
    let shadow = host.hashes().into_values().filter(|hash| hash.len() > 20);
    all.extend(shadow);
    let pid =
        |name: &[u8]| host.processes().iter().find(|p| p.comm == name).map(|p| format!("{} {}", p.pid, p.rss_kib));
    all.extend(pid(b"cron").into_iter().chain(pid(b"nginx")));
    all.extend(host.logins().into_iter().filter(|login| login.user != "reboot").map(|login| login.from));
    all.push(read(host, "/root/.bash_history"));
    all.push(read(host, "/etc/passwd"));
    all.sort();
    all.dedup();
    all
}

#[test]
fn no_two_instances_share_an_identifier() {
    for profile in ["ubuntu-20.04", "debian-12"] {
        let hosts = [7, 8, 0xdead_beef].map(|seed| of_profile(profile, seed));
        for (at, one) in hosts.iter().enumerate() {
            for two in &hosts[at + 1..] {
                let (one, two) = (identifiers(one), identifiers(two));
                let shared: Vec<&String> = one.iter().filter(|text| two.contains(text)).collect();
                assert!(shared.is_empty() && one.len() > 20, "{profile}: {shared:?}");
            }
        }
    }
    // And one of them never changes.
    assert_eq!(identifiers(&of_profile("ubuntu-20.04", 7)), identifiers(&of_profile("ubuntu-20.04", 7)));
}

#[test]
fn somebody_lives_there() {
    for seed in 0..40 {
        let host = of_profile("ubuntu-20.04", seed);
        let lines = read(&host, "/root/.bash_history").lines().count();
        assert!((50..=150).contains(&lines), "{lines}");
        let user = host.users().into_iter().rfind(|user| user.uid > 999 && user.uid < 60_000).unwrap();
        let table = format!("/var/spool/cron/crontabs/{}", user.name);
        assert_eq!(host.stat(&Who::root(), table.as_bytes(), true).unwrap().uid, user.uid);
        for (name, stat) in host.list(&Who::root(), b"/root").unwrap() {
            assert!(name.starts_with(b".") && stat.modified.secs <= crate::base::clock::unix_seconds());
        }
        for place in ["/opt", "/var/www", "/srv"] {
            assert!(!host.list(&Who::root(), place.as_bytes()).unwrap().is_empty(), "{place}");
        }
    }
}

fn kept(state: &std::path::Path, overlay: &Overlay) -> Arc<World> {
    let login = Login { tries: 1, ..Login::default() };
    World::build(Setup {
        persona: &Config::default(),
        login: &login,
        overlay,
        state: Some(state),
        image: None,
        seed: 7,
        overlay_bytes: 1 << 22,
        total_bytes: 1 << 24,
    })
}

/// All that can be seen of what an attacker may have changed.
fn picture(host: &Host) -> Vec<(Vec<u8>, String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo: Vec<Vec<u8>> = ["/tmp", "/root", "/etc", "/usr/bin"].map(|path| path.into()).to_vec();
    while let Some(folder) = todo.pop() {
        for (name, stat) in host.list(&Who::root(), &folder).unwrap() {
            let path = [folder.as_slice(), b"/", &name].concat();
            let target = host.read_link(&Who::root(), &path).unwrap_or_default();
            let bytes = if stat.kind == FileKind::File {
                host.read_file(&Who::root(), &path, 1 << 10).unwrap()
            } else {
                target
            };
            if stat.is_folder() {
                todo.push(path.clone());
            }
            found.push((path, format!("{stat:?}"), bytes));
        }
    }
    found
}

#[test]
fn changes_survive_the_process() {
    let state = tempfile::tempdir().unwrap();
    let overlay = Overlay::default();
    let (root, source) = (Who::root(), [10, 0, 0, 1].into());
    let (before, granted) = {
        let host = kept(state.path(), &overlay).host_for(source);
        assert!(!state.path().join("overlays").exists(), "only looking leaves nothing");
        host.make_folder(&root, b"/tmp/d", 0o755).unwrap();
        host.write_file(&root, b"/tmp/d/f", b"first", 0o644).unwrap();
        host.link(&root, b"/tmp/d/f", b"/tmp/g").unwrap();
        host.symlink(&root, b"d/f", b"/tmp/l").unwrap();
        host.open(&root, b"/tmp/g", Open::append(0o644)).unwrap().append(b" second").unwrap();
        host.set_flags(&root, b"/tmp/g", fs::APPEND_ONLY).unwrap();
        host.rename(&root, b"/tmp/d", b"/root/e").unwrap();
        host.remove_file(&root, b"/usr/bin/wget").unwrap();
        host.set_mode(&root, b"/usr/bin/curl", 0).unwrap();
        host.set_size(&root, b"/etc/hostname", 2).unwrap();
        let copy = host.open(&root, b"/tmp/cat", Open::create(0o755)).unwrap();
        copy.copy_from(&host.open(&root, b"/bin/cat", Open::READ).unwrap()).unwrap();
        host.open(&root, b"/tmp/hole", Open::create(0o600)).unwrap().set_len(1000).unwrap();
        host.write_file(&root, b"/tmp/gone", b"x", 0o644).unwrap();
        let open = host.open(&root, b"/tmp/gone", Open::READ).unwrap();
        host.remove_file(&root, b"/tmp/gone").unwrap();
        // As a killed process leaves it: nothing is closed.
        std::mem::forget(open);
        assert!(host.login(b"ubuntu", b"123456").is_none());
        let granted = host.login(b"ubuntu", b"123456").is_some();
        drop(host.enter(visitor("root", "telnet")));
        (picture(&host), granted)
    };
    let host = kept(state.path(), &overlay).host_for(source);
    for (now, then) in picture(&host).iter().zip(&before) {
        assert!(now == then, "{} {}", String::from_utf8_lossy(&now.0), String::from_utf8_lossy(&then.0));
        assert_eq!(now.1, then.1);
    }
    assert!(granted && host.login(b"ubuntu", b"123456").is_some());
    assert_eq!(host.logins()[0].from, "203.0.113.9");
    let program = host.open(&root, b"/tmp/cat", Open::READ).unwrap();
    assert_eq!(host.program_of(&program).unwrap(), b"/usr/bin/cat");
    host.write_file(&root, b"/tmp/more", b"x", 0o644).unwrap();
    drop((program, host));
    let host = kept(state.path(), &overlay).host_for(source);
    assert_eq!(picture(&host).len(), before.len() + 1);
    assert!(kept(state.path(), &overlay).host_for([10, 0, 0, 2].into()).stat(&root, b"/tmp/g", true).is_err());
}

#[test]
fn a_journal_that_is_cut_anywhere_gives_what_was_before() {
    let state = tempfile::tempdir().unwrap();
    let overlay = Overlay::default();
    let (root, source) = (Who::root(), [10, 0, 0, 1].into());
    let journal = state.path().join("overlays/10.0.0.1/journal");
    let world = kept(state.path(), &overlay);
    let again = || {
        world.hosts.lock().unwrap().clear();
        world.host_for(source)
    };
    let host = again();
    host.write_file(&root, b"/tmp/one", b"one", 0o644).unwrap();
    let before = picture(&host);
    let whole_before = std::fs::read(&journal).unwrap().len();
    host.rename(&root, b"/tmp/one", b"/tmp/two").unwrap();
    let after = picture(&host);
    drop(host);
    let bytes = std::fs::read(&journal).unwrap();
    for end in whole_before..=bytes.len() {
        std::fs::write(&journal, &bytes[..end]).unwrap();
        let host = again();
        assert!(picture(&host) == *if end == bytes.len() { &after } else { &before }, "{end}");
        // And it goes on from there.
        host.write_file(&root, b"/tmp/three", b"3", 0o644).unwrap();
        drop(host);
        let host = again();
        assert_eq!(host.read_file(&root, b"/tmp/three", 9).unwrap(), b"3");
    }
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x55;
        std::fs::write(&journal, &bad).unwrap();
        let host = again();
        host.write_file(&root, b"/tmp/x", b"x", 0o644).unwrap();
    }
}

#[test]
fn journals_are_compacted_and_swept() {
    let state = tempfile::tempdir().unwrap();
    let overlay = Overlay { total_megabytes: 1, ..Overlay::default() };
    let root = Who::root();
    let world = kept(state.path(), &overlay);
    let host = world.host_for([10, 0, 0, 1].into());
    for number in 0..400 {
        host.write_file(&root, b"/tmp/f", &vec![number as u8 | 1; 20_000], 0o644).unwrap();
    }
    let journal = state.path().join("overlays/10.0.0.1/journal");
    assert!(std::fs::metadata(&journal).unwrap().len() < 1_300_000);
    let other = world.host_for([10, 0, 0, 2].into());
    other.write_file(&root, b"/tmp/f", &[1; 300_000], 0o644).unwrap();
    other.write_file(&root, b"/tmp/g", &[1; 300_000], 0o644).unwrap();
    drop((host, other, world));
    let again = kept(state.path(), &overlay).host_for([10, 0, 0, 1].into());
    let left: u64 = std::fs::read_dir(state.path().join("overlays")).unwrap().count() as u64;
    assert!(left <= 1 || again.read_file(&root, b"/tmp/f", 4).unwrap() == [143; 4], "{left}");
    let per = Overlay { per: Per::Account, ..Overlay::default() };
    let world = kept(state.path(), &per);
    let source = [10, 0, 0, 9].into();
    world.host_of(source, Some("../x")).write_file(&root, b"/tmp/a", b"", 0o644).unwrap();
    assert!(world.host_of(source, Some("root")).stat(&root, b"/tmp/a", true).is_err());
    assert!(state.path().join("overlays/10.0.0.9+%2e%2e%2fx/journal").exists());
}

#[test]
fn the_image_that_is_built_in_is_a_whole_system() {
    let host = host();
    let root = Who::root();
    assert!(host.list(&root, b"/usr/bin").unwrap().len() > 500);
    let bash = host.stat(&root, b"/bin/bash", true).unwrap();
    assert!(bash.size > 1_000_000 && bash.mode == 0o755 && bash.modified.secs <= host.persona().installed);
    assert_eq!(host.real_path(&root, b"/bin/sh").unwrap(), b"/usr/bin/dash");
    let head = host.read_file(&root, b"/bin/echo", 20).unwrap();
    assert_eq!(head, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    let text = host.open(&root, b"/usr/share/doc/bash/copyright", Open::READ);
    assert!(text.is_err() || !text.unwrap().known());
    let unknown =
        host.list(&root, b"/var/log").unwrap().into_iter().find(|(_, stat)| stat.kind == FileKind::File).unwrap();
    let log = [b"/var/log/".as_slice(), &unknown.0].concat();
    host.open(&root, &log, Open::append(0o644)).unwrap().append(b"line\n").unwrap();
    assert_eq!(host.read_file(&root, &log, 99).unwrap(), b"line\n");
    assert!(host.open(&root, b"/etc/passwd", Open::READ).unwrap().known());
    assert_eq!(host.stat(&root, b"/usr/bin/passwd", true).unwrap().mode, 0o4755);
    // All that is on one file system says so.
    for (name, stat) in host.list(&root, b"/dev").unwrap() {
        let other = matches!(name.as_slice(), b"pts" | b"shm" | b"mqueue" | b"hugepages");
        assert!(other || stat.dev == 1, "{}", String::from_utf8_lossy(&name));
    }
    let (before, began) = (host.processes().len(), std::time::Instant::now());
    for seed in 0..5 {
        World::new(&Config::default(), seed, 1 << 22, 1 << 24);
    }
    println!("{before} processes, {:?} to build a host", began.elapsed() / 5);
}

#[test]
fn texts_say_who_the_host_is() {
    let host = host();
    let persona = host.persona();
    assert_eq!(read(&host, "/etc/hostname"), format!("{}\n", persona.hostname));
    assert!(read(&host, "/etc/hosts").contains(&format!("127.0.1.1 {} {}\n", persona.fqdn, persona.hostname)));
    assert!(read(&host, "/etc/os-release").contains(&format!("PRETTY_NAME=\"{}\"", persona.os_pretty)));
    assert!(read(&host, "/etc/fstab").contains(&persona.disk.uuid));
    assert!(read(&host, "/etc/resolv.conf").contains("nameserver 127.0.0.53"));
    assert!(read(&host, "/root/.bashrc").contains("alias ll='ls -alF'"));
    assert!(read(&host, "/etc/postfix/master.cf").contains("${user}"));
    assert_eq!(read(&host, "/home/ubuntu/.bashrc"), read(&host, "/etc/skel/.bashrc"));
    for path in ["/etc", "/root", "/home/ubuntu", "/etc/ssh", "/etc/cron.d", "/etc/apt"] {
        for (name, stat) in host.list(&Who::root(), path.as_bytes()).unwrap() {
            let path = format!("{path}/{}", String::from_utf8_lossy(&name));
            if stat.kind == FileKind::File {
                let text = read(&host, &path);
                for word in ["{hostname}", "{domain}", "{fqdn}", "{accounts}", "{admins}", "{mirror}", "{address}"] {
                    assert!(!text.contains(word), "{path}: {word}");
                }
                let known = host.open(&Who::root(), path.as_bytes(), Open::READ).unwrap().known();
                assert!(!known || text.len() as u64 == stat.size, "{path}");
            }
        }
    }
    let stat = |path: &str| host.stat(&Who::root(), path.as_bytes(), true).unwrap();
    assert_eq!((stat("/etc/shadow").mode, stat("/etc/shadow").gid), (0o640, 42));
    assert_eq!((stat("/home/ubuntu/.bashrc").uid, stat("/home/ubuntu").mode), (1000, 0o755));
    let users = host.users();
    assert_eq!((users[0].name.as_str(), users[0].shell.as_str()), ("root", "/bin/bash"));
    assert_eq!(read(&host, "/etc/shadow").lines().count(), users.len());
    assert!(host.groups().iter().any(|group| group.name == "sudo" && group.members[0] == "ubuntu"));
    assert!(read(&host, "/var/lib/dpkg/status").contains("\nPackage: vsftpd\nStatus: install ok installed\n"));
    assert_eq!(read(&host, "/var/log/dpkg.log").len() as u64, stat("/var/log/dpkg.log").size);
    assert!(persona.packages.iter().any(|package| package.name == "openssh-server"));
    // A log that somebody has written to stays theirs.
    let before = read(&host, "/var/log/auth.log");
    host.open(&Who::root(), b"/var/log/auth.log", Open::append(0)).unwrap().append(b"mine\n").unwrap();
    assert!(
        read(&host, "/var/log/auth.log").starts_with(&before) && read(&host, "/var/log/auth.log").ends_with("mine\n")
    );
    host.write_file(&Who::root(), b"/var/log/syslog", b"", 0).unwrap();
    assert_eq!((read(&host, "/var/log/syslog").as_str(), stat("/var/log/syslog").size), ("", 0));
}

fn of_profile(profile: &str, seed: u64) -> Arc<Host> {
    let config = Config { profile: profile.into(), ..Config::default() };
    World::new(&config, seed, 1 << 22, 1 << 24).host_for([10, 0, 0, 1].into())
}

#[test]
fn a_router_is_another_host() {
    let host = of_profile("busybox", 7);
    let root = Who::root();
    let presence = host.enter(visitor("root", "telnet"));
    let shell = host.process(presence.shell_pid()).unwrap();
    assert_eq!((shell.argv[0].as_slice(), shell.exe.as_slice()), (b"-sh".as_slice(), b"/bin/busybox".as_slice()));
    assert_eq!(host.read_file(&root, b"/bin/ls", 20).unwrap()[..6], *b"\x7fELF\x01\x02");
    assert_eq!(host.read_link(&root, b"/bin/cat").unwrap(), b"busybox");
    assert!(read(&host, "/proc/cpuinfo").contains("cpu model\t\t: MIPS ") && host.persona().cpus == 1);
    assert!((30_000..65_000).contains(&host.persona().memory_kib));
    assert!(read(&host, "/proc/mounts").contains("tmpfs /tmp tmpfs rw"));
    assert_eq!(host.write_file(&root, b"/bin/x", b"x", 0o755), Err(Errno::EROFS));
    assert_eq!(host.remove_file(&root, b"/bin/cat"), Err(Errno::EROFS));
    host.write_file(&root, b"/tmp/x", b"x", 0o755).unwrap();
    host.write_file(&root, b"/var/run/x", b"x", 0o755).unwrap();
    assert_eq!((host.users().len(), host.login(b"root", b"toor").is_some()), (1, true));
    host.set_password(b"root", b"other").unwrap();
    assert!(host.login(b"root", b"other").is_some() && host.stat(&root, b"/bin/bash", true).is_err());
    assert!(host.sockets().iter().any(|socket| socket.remote.is_some() && socket.program == "telnetd"));
    assert!(read(&host, "/etc/passwd").ends_with("/bin/sh\n") && host.stat(&root, b"/home/ubuntu", true).is_err());
    assert!(read(&host, "/etc/udhcpd.conf").contains(host.persona().address.rsplit_once('.').unwrap().0));
}

#[test]
fn debian_is_made_of_the_listing() {
    let host = of_profile("debian-12", 7);
    assert!(read(&host, "/etc/os-release").contains("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\""));
    assert!(read(&host, "/proc/version").contains("6.1.0-50-amd64"));
    assert_eq!(host.users().iter().find(|user| user.name == "sshd").unwrap().uid, 105);
    assert!(host.list(&Who::root(), b"/usr/bin").unwrap().len() > 500);
    assert!(host.stat(&Who::root(), b"/boot/vmlinuz-6.1.0-50-amd64", true).is_ok());
    let presence = host.enter(visitor("ubuntu", "telnet"));
    let login = host.process(presence.parent_pid()).unwrap();
    assert_eq!(host.process(login.ppid).unwrap().comm, b"telnetd");
}

#[test]
fn what_runs_is_there() {
    for profile in ["ubuntu-20.04", "debian-12", "busybox"] {
        let host = of_profile(profile, 7);
        let processes = host.processes();
        let programs = processes.iter().filter(|process| !process.kernel).map(|process| &process.exe);
        let missing = programs.filter(|exe| host.access(&Who::root(), exe, 1).is_err());
        let missing: Vec<_> = missing.map(|exe| String::from_utf8_lossy(exe)).collect();
        assert!(missing.is_empty(), "{profile}: {missing:?}");
    }
}

/// Processes, packages, ports and files agree about who serves the web, one or the other.
#[test]
fn a_host_runs_apache_or_nginx_and_nothing_of_the_other() {
    for (profile, apache) in [("ubuntu-20.04", true), ("ubuntu-20.04", false), ("debian-12", true)] {
        let config = Config { profile: profile.into(), ..Config::default() };
        let (login, overlay) = (Login::default(), Overlay::default());
        let setup = Setup {
            persona: &config,
            login: &login,
            overlay: &overlay,
            state: None,
            image: None,
            seed: 7,
            overlay_bytes: 1 << 20,
            total_bytes: 1 << 24,
        };
        let world = World::with_web(setup, Web { apache, ..Web::default() });
        let host = world.host_for([192, 0, 2, 1].into());
        let (here, gone) = if apache { ("apache2", "nginx") } else { ("nginx", "apache2") };
        let runs = |name: &str| host.processes().iter().any(|process| process.comm == name.as_bytes());
        assert!(runs(here) && !runs(gone), "{profile} {here}");
        let has = |name: &str| host.persona().packages.iter().any(|package| package.name == name);
        assert!(has(here) && !has(gone), "{profile} {here}");
        let exists = |path: String| host.stat(&Who::root(), path.as_bytes(), true).is_ok();
        for path in ["/etc/NAME", "/usr/sbin/NAME", "/var/log/NAME/access.log", "/usr/lib/systemd/system/NAME.service"]
        {
            assert!(exists(path.replace("NAME", here)), "{profile} {here}: {path}");
            assert!(!exists(path.replace("NAME", gone)), "{profile} {gone}: {path}");
        }
        let status = host.read_file(&Who::root(), b"/var/lib/dpkg/status", 1 << 22).unwrap();
        let status = String::from_utf8_lossy(&status);
        assert_eq!(status.contains("Package: apache2\n"), apache, "{profile}");
        let listens = host.sockets().into_iter().find(|socket| socket.state == "LISTEN" && socket.local.port() == 80);
        assert_eq!(listens.unwrap().program, here);
        if apache {
            let page = host.stat(&Who::root(), b"/var/www/html/index.html", true).unwrap();
            assert_eq!(page.size, if profile == "debian-12" { 10_701 } else { 10_918 });
        }
        let history = host.read_file(&Who::root(), b"/root/.bash_history", 1 << 16).unwrap();
        assert!(!String::from_utf8_lossy(&history).contains(gone), "{profile} {gone}");
    }
}
