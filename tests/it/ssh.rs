//! SSH with real clients: OpenSSH's ssh, sftp and scp, Dropbear's dbclient, PuTTY's plink, curl.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::clients::program;
use crate::sensor::{Sensor, Setup, of_kind};

const PASSWORD: &str = "toor";

fn sensor() -> Sensor {
    Sensor::start(&Setup::default())
}

/// The options of each of OpenSSH's clients; a password comes by the program that OpenSSH asks.
fn options(sensor: &Sensor) -> Vec<String> {
    let mut all = vec!["-F".into(), "none".into()];
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "IdentitiesOnly=yes",
        &format!("Port={}", sensor.port("ssh")),
    ] {
        all.extend(["-o".to_string(), option.to_string()]);
    }
    all
}

pub fn client(sensor: &Sensor, name: &str, password: &str) -> Command {
    let ask = sensor.dir().join("ask");
    if !ask.exists() {
        std::fs::write(&ask, "#!/bin/sh\necho \"$ASKED\"\n").unwrap();
        std::fs::set_permissions(&ask, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let mut command = Command::new("timeout");
    command.arg("60").arg(name).args(options(sensor));
    command.env("SSH_ASKPASS", ask).env("SSH_ASKPASS_REQUIRE", "force").env("DISPLAY", ":0").env("ASKED", password);
    command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
    command
}

fn ssh(sensor: &Sensor, extra: &[&str], line: &str) -> Output {
    client(sensor, "ssh", PASSWORD).args(extra).args(["root@127.0.0.1", "--", line]).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes that no compression leaves as they are.
fn noise(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn commands_have_two_streams_a_status_and_input() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = sensor();
    let output = ssh(&sensor, &[], "echo out; echo err >&2; exit 5");
    assert_eq!(
        (text(&output.stdout).as_str(), text(&output.stderr).as_str(), output.status.code()),
        ("out\n", "err\n", Some(5))
    );
    let up = sensor.dir().join("up");
    std::fs::write(&up, noise(700_000)).unwrap();
    let mut cat = client(&sensor, "ssh", PASSWORD);
    let output = cat.args(["root@127.0.0.1", "cat"]).stdin(std::fs::File::open(&up).unwrap()).output().unwrap();
    assert_eq!((output.stdout.len(), output.stdout == noise(700_000)), (700_000, true), "{}", text(&output.stderr));
    // A terminal, its name, and the visitor's variables.
    let output = ssh(&sensor, &["-tt", "-o", "SetEnv=LC_TEST=x TERM=vt100"], "tty; echo $TERM $LC_TEST $SSH_TTY");
    assert!(text(&output.stdout).starts_with("/dev/pts/"), "{output:?}");
    let hello = sensor.wait_for_event(|event| event["kind"] == "ssh_client");
    assert!(hello["version"].as_str().unwrap().starts_with("SSH-2.0-OpenSSH"), "{hello}");
    assert_eq!((hello["hassh"].as_str().unwrap().len(), hello["lists"].as_array().unwrap().len()), (32, 8));
}

/// Each algorithm that is offered, with a new exchange of keys on the way.
#[test]
fn everything_that_is_offered_works() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup { extra: "[overlay]\nper = \"visit\"\n", ..Setup::default() });
    let mut ways: Vec<Vec<String>> = Vec::new();
    for kex in [
        "curve25519-sha256",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group14-sha256",
    ] {
        ways.push(vec!["-o".into(), format!("KexAlgorithms={kex}")]);
    }
    for key in ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"] {
        ways.push(vec!["-o".into(), format!("HostKeyAlgorithms={key}")]);
    }
    for cipher in [
        "chacha20-poly1305@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
    ] {
        ways.push(vec!["-c".into(), cipher.into()]);
    }
    for mac in ["umac-64", "umac-128", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"] {
        ways.push(vec!["-c".into(), "aes128-ctr".into(), "-m".into(), format!("{mac}-etm@openssh.com")]);
        let plain = if mac.starts_with("umac") { format!("{mac}@openssh.com") } else { mac.into() };
        ways.push(vec!["-c".into(), "aes128-ctr".into(), "-m".into(), plain]);
    }
    ways.push(vec!["-C".into(), "-o".into(), "RekeyLimit=32K".into()]);
    let mut wrong = Vec::new();
    for way in &ways {
        let way: Vec<&str> = way.iter().map(String::as_str).collect();
        let output = ssh(&sensor, &way, "head -c 150000 /dev/zero | wc -c; head -c 150000 /etc/ssl/certs/*");
        if !text(&output.stdout).starts_with("150000\n") {
            wrong.push(format!("{way:?}: {}", text(&output.stderr)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What Debian 12 has beside.
    let known = text(&Command::new("ssh").args(["-Q", "kex"]).output().unwrap().stdout);
    if known.contains("sntrup761x25519") {
        let debian =
            Sensor::start(&Setup { env: &[("RUSTBUCKET__PERSONA__USERLAND", "debian-12")], ..Setup::default() });
        let kex = known.lines().find(|name| name.starts_with("sntrup")).unwrap();
        let output = ssh(&debian, &["-o", &format!("KexAlgorithms={kex}")], "ssh -V");
        assert!(text(&output.stderr).starts_with("OpenSSH_9.2p1 Debian"), "{output:?}");
    }
}

#[test]
fn files_come_and_go_by_sftp_and_both_scps() {
    if program("sftp").is_none() {
        return;
    }
    let sensor = sensor();
    let (up, down) = (sensor.dir().join("up.bin"), sensor.dir().join("down.bin"));
    std::fs::write(&up, noise(300_000)).unwrap();
    let batch = sensor.dir().join("batch");
    let lines = format!(
        "put {0} up.bin\nrename up.bin x.bin\nget x.bin {1}\nchmod 600 x.bin\nmkdir d\nsymlink x.bin d/l\nls -l d\n\
         rm d/l\nrmdir d\nls -l x.bin\ndf\n",
        up.display(),
        down.display()
    );
    std::fs::write(&batch, lines).unwrap();
    let mut sftp = client(&sensor, "sftp", PASSWORD);
    sftp.args(["-o", "BatchMode=no", "-b", batch.to_str().unwrap(), "root@127.0.0.1"]);
    let output = sftp.output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(std::fs::read(&down).unwrap(), noise(300_000));
    let said = text(&output.stdout);
    assert!(said.contains("-rw-------") && said.contains("lrwxrwxrwx    1 root     root            5 "), "{said}");
    let event = sensor.wait_for_event(|event| event["kind"] == "file_uploaded");
    assert_eq!((&event["bytes"], &event["truncated"]), (&300_000.into(), &false.into()));
    let stored = std::fs::read(sensor.dir().join("state/captures").join(event["stored"].as_str().unwrap())).unwrap();
    assert_eq!(stored, noise(300_000));

    let tree = sensor.dir().join("tree");
    std::fs::create_dir_all(tree.join("a/b")).unwrap();
    std::fs::write(tree.join("a/one"), noise(70_000)).unwrap();
    std::fs::write(tree.join("a/b/empty"), b"").unwrap();
    for (number, old) in ["-s", "-O"].into_iter().enumerate() {
        let far = format!("root@127.0.0.1:/tmp/t{number}");
        let mut there = client(&sensor, "scp", PASSWORD);
        let output = there.args([old, "-rp", tree.to_str().unwrap(), &far]).output().unwrap();
        assert!(output.status.success(), "{old}: {}", text(&output.stderr));
        let back = sensor.dir().join(format!("back{number}"));
        let mut here = client(&sensor, "scp", PASSWORD);
        let output = here.args([old, "-rp", &far, back.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{old}: {}", text(&output.stderr));
        assert_eq!(std::fs::read(back.join("a/one")).unwrap(), noise(70_000), "{old}");
        assert_eq!(std::fs::read(back.join("a/b/empty")).unwrap(), b"", "{old}");
        let mut wrong = client(&sensor, "scp", PASSWORD);
        let output = wrong.args([old, "root@127.0.0.1:/nosuch", back.to_str().unwrap()]).output().unwrap();
        assert!(!output.status.success() && text(&output.stderr).contains("No such file"), "{output:?}");
    }
}

/// What a dropper does: its key opens the account from then on, also after the sensor was killed.
#[test]
fn a_key_that_a_visitor_installs_lets_them_in_again() {
    if program("ssh").is_none() || program("ssh-keygen").is_none() {
        return;
    }
    let mut sensor = sensor();
    let key = sensor.dir().join("key");
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let _ = std::fs::remove_file(&key);
        let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-f"]).arg(&key).status().unwrap();
        assert!(made.success());
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        let by_key = |sensor: &Sensor| {
            let mut command = client(sensor, "ssh", "");
            command.args(["-i", key.to_str().unwrap(), "-o", "PasswordAuthentication=no", "root@127.0.0.1", "id -un"]);
            let output = command.output().unwrap();
            (text(&output.stdout), text(&output.stderr))
        };
        let (_, refused) = by_key(&sensor);
        assert!(refused.contains("Permission denied (publickey,password)."), "{refused}");
        let line = format!("mkdir -p .ssh; chmod 700 .ssh; echo '{}' >> .ssh/authorized_keys", public.trim());
        assert!(ssh(&sensor, &[], &line).status.success());
        assert_eq!(by_key(&sensor).0, "root\n", "{kind}");
        sensor = sensor.kill_and_restart();
        assert_eq!(by_key(&sensor).0, "root\n", "{kind} after a restart");
        let print = Command::new("ssh-keygen").args(["-l", "-f"]).arg(&key).output().unwrap();
        let tried = sensor.wait_for_event(|event| {
            event["kind"] == "key_tried"
                && event["accepted"] == true
                && text(&print.stdout).contains(event["fingerprint"].as_str().unwrap())
        });
        assert!(public.contains(tried["key"].as_str().unwrap()) && tried["known"] == true, "{tried}");
    }
    // A file that others may write to is not believed.
    assert!(ssh(&sensor, &[], "chmod 666 .ssh/authorized_keys").status.success());
    let mut command = client(&sensor, "ssh", "");
    command.args(["-i", key.to_str().unwrap(), "-o", "PasswordAuthentication=no", "root@127.0.0.1", "id"]);
    assert!(text(&command.output().unwrap().stderr).contains("Permission denied"));
}

/// OpenSSH 9.2 takes keys with the host's key behind them; clients use that where it is offered.
#[test]
fn keys_that_are_bound_to_the_host_open_it() {
    if program("ssh").is_none() || program("ssh-keygen").is_none() {
        return;
    }
    let sensor = Sensor::start(&Setup { env: &[("RUSTBUCKET__PERSONA__PROFILE", "debian-12")], ..Setup::default() });
    let key = sensor.dir().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let line = format!("mkdir -p .ssh; chmod 700 .ssh; echo '{}' >> .ssh/authorized_keys", public.trim());
    assert!(ssh(&sensor, &[], &line).status.success());
    for kind in ["ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256"] {
        let mut command = client(&sensor, "ssh", "");
        command.args(["-i", key.to_str().unwrap(), "-o", "PasswordAuthentication=no", "-o"]);
        command.arg(format!("HostKeyAlgorithms={kind}")).args(["root@127.0.0.1", "id -un"]);
        let output = command.output().unwrap();
        assert_eq!(text(&output.stdout), "root\n", "{kind}: {}", text(&output.stderr));
    }
}

/// 2,000 who begin and say nothing more: a hundred of one address are kept, the rest hear why, others get in.
#[test]
fn half_open_visitors_keep_nobody_out() {
    let sensor = sensor();
    let port = sensor.port("ssh");
    let (mut kept, mut told) = (Vec::new(), 0);
    for _ in 0..2000 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut said = [0; 8];
        stream.read_exact(&mut said).unwrap();
        match &said {
            b"SSH-2.0-" => {
                stream.write_all(b"SSH-2.0-x\r\n").unwrap();
                kept.push(stream);
            }
            b"Exceeded" => {
                let mut rest = String::new();
                stream.read_to_string(&mut rest).unwrap();
                assert_eq!(rest, " MaxStartups\r\n");
                told += 1;
            }
            other => panic!("{}", other.escape_ascii()),
        }
    }
    assert_eq!((kept.len(), told), (100, 1900));
    let mut other = Command::new("timeout");
    if program("ssh").is_some() {
        other.args(["30", "ssh", "-b", "127.0.0.2"]).args(options(&sensor)).args(["root@127.0.0.1", "echo in"]);
        let envs = client(&sensor, "ssh", PASSWORD);
        other.envs(envs.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
        let output = other.output().unwrap();
        assert_eq!(text(&output.stdout), "in\n", "{output:?}");
    }
}

#[test]
fn wrong_passwords_take_their_time_and_six_are_enough() {
    if program("ssh").is_none() {
        return;
    }
    let sensor = sensor();
    let begun = Instant::now();
    let output = client(&sensor, "ssh", "wrong")
        .args(["-o", "NumberOfPasswordPrompts=1", "root@127.0.0.1", "id"])
        .output()
        .unwrap();
    let took = begun.elapsed().as_secs_f32();
    assert!(text(&output.stderr).contains("Permission denied (publickey,password)."), "{output:?}");
    assert!((1.0..6.0).contains(&took), "{took}");
    let mut many = client(&sensor, "ssh", "wrong");
    let output = many.args(["-o", "NumberOfPasswordPrompts=9", "root@127.0.0.1", "id"]).output().unwrap();
    assert!(text(&output.stderr).contains("Too many authentication failures"), "{output:?}");
    let events = sensor.events();
    let tries = of_kind(&events, "login_tried");
    assert_eq!(tries.len(), 7);
    assert!(tries.iter().all(|event| event["accepted"] == false && event["password"] == "wrong"));
}

/// The keys are those that lie in /etc/ssh, and stay.
#[test]
fn host_keys_are_the_hosts_and_are_kept() {
    if program("ssh-keyscan").is_none() {
        return;
    }
    let scan = |sensor: &Sensor| {
        let port = sensor.port("ssh").to_string();
        let output = Command::new("ssh-keyscan").args(["-T", "20", "-p", &port, "127.0.0.1"]).output().unwrap();
        let mut keys: Vec<String> =
            text(&output.stdout).lines().filter_map(|line| line.split_once(' ').map(|(_, key)| key.into())).collect();
        keys.sort();
        keys
    };
    let sensor = sensor();
    let keys = scan(&sensor);
    assert_eq!(keys.len(), 3, "{keys:?}");
    let shown = text(&ssh(&sensor, &[], "cut -d' ' -f1,2 /etc/ssh/ssh_host_*_key.pub | sort").stdout);
    assert_eq!(shown.lines().collect::<Vec<_>>(), keys);
    // OpenSSH learns all of them at its second login, and has each proved.
    let known = sensor.dir().join("known");
    let mut learn = Command::new("timeout");
    learn.args(["30", "ssh", "-o", &format!("UserKnownHostsFile={}", known.display()), "-o", "UpdateHostKeys=yes"]);
    learn.args(["-o", "StrictHostKeyChecking=accept-new"]).args(options(&sensor)).args(["root@127.0.0.1", "sleep 1"]);
    let envs = client(&sensor, "ssh", PASSWORD);
    learn.envs(envs.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    learn.output().unwrap();
    let output = learn.output().unwrap();
    let learned = std::fs::read_to_string(&known).unwrap();
    assert!(keys.iter().all(|key| learned.contains(key.as_str())), "{learned} {output:?}");
    let sensor = sensor.kill_and_restart();
    assert_eq!(scan(&sensor), keys);
}

#[test]
fn other_clients_get_in() {
    let sensor = sensor();
    let port = sensor.port("ssh").to_string();
    if program("dbclient").is_some() {
        let mut command = Command::new("timeout");
        command.args(["30", "dbclient", "-y", "-y", "-p", &port, "root@127.0.0.1", "id; exit 6"]);
        let output = command.env("DROPBEAR_PASSWORD", PASSWORD).stdin(Stdio::null()).output().unwrap();
        assert_eq!(
            (text(&output.stdout).as_str(), output.status.code()),
            ("uid=0(root) gid=0(root) groups=0(root)\n", Some(6))
        );
    }
    if program("plink").is_some() && program("ssh-keyscan").is_some() {
        let line = format!(
            "ssh-keyscan -t ed25519 -p {port} 127.0.0.1 2>/dev/null | ssh-keygen -lf - | cut -d' ' -f2 > {0}/print; \
             timeout 30 plink -batch -ssh -P {port} -pw {PASSWORD} -hostkey $(cat {0}/print) root@127.0.0.1 'id; exit 3'",
            sensor.dir().display()
        );
        let output = Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().unwrap();
        assert!(text(&output.stdout).starts_with("uid=0(root)") && output.status.code() == Some(3), "{output:?}");
    }
    let url = format!("sftp://127.0.0.1:{port}/etc/hostname");
    let arguments = ["-sSk", "--max-time", "20", "-u", &format!("root:{PASSWORD}"), &url];
    if let Some((said, output)) = crate::clients::run("curl", &arguments)
        && !said.contains("not supported")
    {
        assert!(output.status.success() && said == "mail\n", "{said}");
    }
}

/// Nobody named the port: another sshd keeps it. Somebody did: the start stops.
#[test]
fn a_taken_port_leaves_ssh_out_unless_it_was_named() {
    let dir = tempfile::tempdir().unwrap();
    let usual = if nix::unistd::geteuid().is_root() { 22 } else { 2222 };
    let _held = TcpListener::bind(("0.0.0.0", usual));
    let [http] = crate::sensor::free_ports::<1>();
    let off = ["ftp", "telnet", "smtp"].map(|name| format!("{name} = {{ enabled = false }}\n")).concat();
    let start = |ssh: &str| {
        let config = format!("[general]\naddress = \"0.0.0.0\"\n[ports]\nhttp = {{ port = {http} }}\n{off}{ssh}");
        std::fs::write(dir.path().join("Config.toml"), config).unwrap();
        let line = format!("timeout -s TERM 6 {} 2>&1", env!("CARGO_BIN_EXE_rustbucket"));
        text(&Command::new("sh").args(["-c", &line]).current_dir(Path::new(dir.path())).output().unwrap().stdout)
    };
    let said = start("");
    assert!(said.contains(&format!("listening on http {http}")), "{said}");
    let warning = format!("SSH is left out: something else listens on port {usual}");
    assert!(said.contains(&warning) && said.contains("/etc/ssh/sshd_config"), "{said}");
    let said = start(&format!("ssh = {{ port = {usual} }}\n"));
    assert!(said.contains(&format!("port {usual} for ssh can't be opened")), "{said}");
}
