//! Tests of the engine over a pipe: what is said before anything is encrypted.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::{ChannelMsg, ChannelOpenFailure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::Ssh;
use crate::event::{CloseReason, Kind};
use crate::protocols::{Config, Protocol, transcript};
use crate::respond::{Mode, Responder};
use crate::world::{self, World};

fn world(profile: &str) -> Arc<World> {
    World::new(&world::Config { profile: profile.into(), ..world::Config::default() }, 7, 1 << 20, 1 << 20)
}

/// A host and its daemon.
fn daemon(profile: &str) -> (Arc<World>, Ssh) {
    (world(profile), Ssh::new(&Config::default()))
}

/// What the daemon says to these bytes, why it ended, and what was recorded.
async fn talk((world, engine): &(Arc<World>, Ssh), bytes: &[u8]) -> (Vec<u8>, CloseReason, Vec<Kind>) {
    let state = tempfile::tempdir().unwrap();
    let (session, seen) = transcript::visit(Arc::clone(world), state.path());
    let (mut near, far) = tokio::io::duplex(1 << 16);
    let client = async {
        near.write_all(bytes).await.unwrap();
        near.shutdown().await.unwrap();
        let mut said = Vec::new();
        near.read_to_end(&mut said).await.unwrap();
        said
    };
    let visit = engine.serve(session, Responder::new(Mode::Emulator, None), Box::new(far));
    let (said, reason) = tokio::join!(client, visit);
    (said, reason, seen.kinds())
}

/// The name-lists of the KEXINIT behind the identification line.
fn lists(said: &[u8]) -> Vec<String> {
    let start = said.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let mut fields = &said[start + 5 + 17..];
    (0..8)
        .map(|_| {
            let length = u32::from_be_bytes(fields[..4].try_into().unwrap()) as usize;
            let list = String::from_utf8(fields[4..4 + length].to_vec()).unwrap();
            fields = &fields[4 + length..];
            list
        })
        .collect()
}

const CIPHERS: &str =
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com";
const MACS: &str = "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,\
                    hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,\
                    hmac-sha2-256,hmac-sha2-512,hmac-sha1";
const KEX: &str = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,\
                   ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
                   diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,kex-strict-s-v00@openssh.com";

/// Of Debian 12 as recorded, of Ubuntu 20.04 as its sshd_config(5) has them.
#[tokio::test]
async fn lists_are_those_of_the_release() {
    let zlib = "none,zlib@openssh.com";
    for (profile, banner, first, keys) in [
        (
            "debian-12",
            "SSH-2.0-OpenSSH_9.2p1 Debian-",
            "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,",
            "rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ssh-ed25519",
        ),
        (
            "ubuntu-20.04",
            "SSH-2.0-OpenSSH_8.2p1 Ubuntu-",
            "",
            "rsa-sha2-512,rsa-sha2-256,ssh-rsa,ecdsa-sha2-nistp256,ssh-ed25519",
        ),
    ] {
        let (said, reason, seen) = talk(&daemon(profile), b"SSH-2.0-test\r\n").await;
        assert!(said.starts_with(banner.as_bytes()), "{}", said.escape_ascii());
        let kex = format!("{first}{KEX}");
        assert_eq!(lists(&said), [&kex, keys, CIPHERS, CIPHERS, MACS, MACS, zlib, zlib]);
        assert_eq!(reason, CloseReason::PeerClosed);
        assert!(seen.iter().any(|kind| matches!(kind, Kind::SshClient { version, hassh: None, .. }
            if version.0 == b"SSH-2.0-test")));
    }
}

/// Nothing but the identification line comes before the client's, and errors have sshd's words.
#[tokio::test]
async fn other_words_get_openssh_s_words() {
    let daemon = daemon("debian-12");
    for (bytes, words) in [
        (&b""[..], &b""[..]),
        (b"SSH-2.0-x", b""),
        (b"\r\n", b"Invalid SSH identification string.\r\n"),
        (b"GET / HTTP/1.0\r\n\r\n", b"Invalid SSH identification string.\r\n"),
        (b"SSH-1.5-x\r\n", b"Protocol major versions differ.\r\n"),
    ] {
        let (said, ..) = talk(&daemon, bytes).await;
        let line = said.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        assert_eq!(&said[line..], words, "{}", bytes.escape_ascii());
    }
}

/// Packets of every length, and of kinds that nobody knows.
#[tokio::test]
async fn wrong_packets_end_it_without_a_panic() {
    let begin = b"SSH-2.0-x\r\n";
    let daemon = daemon("debian-12");
    for length in (0..20).chain([1 << 10, 1 << 18, 1 << 20, u32::MAX]) {
        for kind in [0, 1, 2, 20, 30, 200_u8] {
            let packet = [&begin[..], &length.to_be_bytes(), &[4, kind], &[0; 200]].concat();
            let (said, reason, _) = talk(&daemon, &packet).await;
            assert!(said.len() < 4096 && reason != CloseReason::Failure, "{length} {kind}: {reason:?}");
        }
    }
    let (said, ..) = talk(&daemon, &[&begin[..], &[0, 0, 0, 12, 10, 200], &[0; 10]].concat()).await;
    let words = b"\x01\x00\x00\x00\x02\x00\x00\x00\x1dInvalid ssh2 packet type: 200\x00\x00\x00\x00";
    assert!(said.windows(words.len()).any(|part| part == words), "{}", said.escape_ascii());
}

/// A client that believes every host.
struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _key: &russh::keys::PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// Root's session of a client with these settings.
async fn logged_in<F: Future<Output = ()>>(settings: client::Config, dialog: impl FnOnce(Handle<Trusting>) -> F) {
    let (world, engine) = daemon("debian-12");
    let state = tempfile::tempdir().unwrap();
    let (session, _seen) = transcript::visit(world, state.path());
    let (near, far) = tokio::io::duplex(1 << 16);
    let client = async {
        let mut handle = client::connect_stream(Arc::new(settings), near, Trusting).await.unwrap();
        assert!(handle.authenticate_password("root", "toor").await.unwrap().success());
        dialog(handle).await;
    };
    let visit = engine.serve(session, Responder::new(Mode::Emulator, None), Box::new(far));
    tokio::select! {
        reason = visit => panic!("{reason:?}"),
        () = client => {}
    }
}

/// What a command prints; `None` when nothing comes.
async fn output(handle: &Handle<Trusting>, line: &str) -> Option<Vec<u8>> {
    let mut channel = handle.channel_open_session().await.unwrap();
    channel.exec(true, line).await.unwrap();
    let said = async {
        loop {
            if let ChannelMsg::Data { data } = channel.wait().await? {
                return Some(data.to_vec());
            }
        }
    };
    timeout(Duration::from_secs(1), said).await.unwrap_or_default()
}

/// Of ten thousand there are ten at once (`MaxSessions`), and the next when one has gone.
#[tokio::test]
async fn ten_thousand_channels() {
    logged_in(client::Config::default(), async |handle| {
        let (mut open, mut refused) = (Vec::new(), 0);
        for _ in 0..10_000 {
            match handle.channel_open_session().await {
                Ok(channel) => open.push(channel),
                Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((open.len(), refused), (10, 9990));
        open.pop().unwrap().close().await.unwrap();
        assert_eq!(output(&handle, "echo alive").await.as_deref(), Some(&b"alive\n"[..]));
    })
    .await;
}

/// Packets and windows in which nothing or little has room.
#[tokio::test]
async fn small_packets_and_windows() {
    for (window_size, maximum_packet_size, heard) in
        [(1 << 20, 0, None), (0, 1, None), (1 << 20, 1, Some(&b"x"[..])), (1, 32_768, Some(b"x"))]
    {
        let settings = client::Config { window_size, maximum_packet_size, ..client::Config::default() };
        logged_in(settings, async |handle| {
            // The second: the connection goes on.
            for _ in 0..2 {
                assert_eq!(output(&handle, "echo x").await.as_deref(), heard, "{window_size} {maximum_packet_size}");
            }
        })
        .await;
    }
}
