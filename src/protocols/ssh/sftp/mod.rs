//! SFTP as OpenSSH's sftp-server speaks it, over the files of the simulated host. Uploads are captured when their
//! handle is closed.

mod server;
mod wire;

use std::time::Duration;

use super::lists::Release;
use super::mailbox::Input;
use super::shell::{End, Inbox, Job};
use crate::base::rng::spread;
use crate::world::Visitor;
pub(super) use server::Server;

/// Longest packet (`SFTP_MAX_MSG_LENGTH`).
const LONGEST: usize = 256 * 1024;
/// How long sftp-server takes to start.
const START: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(12));
/// Most bytes that are read before replies are sent.
const SHARE: usize = 64 * 1024;

/// Answers until the client ends.
pub(super) async fn serve(job: Job, release: Release) {
    tokio::time::sleep(spread(START.0, START.1)).await;
    let host = job.session.host_of(&job.account.name);
    let presence = host.enter(Visitor {
        user: job.account.name.clone(),
        protocol: "ssh",
        terminal: false,
        command: Some(vec![b"/usr/lib/openssh/sftp-server".to_vec()]),
        from: job.session.peer(),
        local: (job.session.local_ip(), job.session.called_port()).into(),
    });
    let mut server = Server::new(&job.session, &job.account, host, release);
    let (mut inbox, mut packet) = (Inbox::default(), Vec::new());
    let status = loop {
        match inbox.take(SHARE) {
            Some(bytes) => packet.extend(bytes),
            None if inbox.has_ended() => break 0,
            None => match job.input.next().await {
                None => return,
                Some(Input::Data(bytes)) => inbox.push(bytes),
                Some(Input::End) => inbox.end(),
                Some(Input::Signal(_) | Input::Resize(..)) => {}
            },
        }
        if let Some(by) = inbox.adjustment()
            && job.handle.window_adjust(job.id, by).await.is_err()
        {
            return;
        }
        let mut used = 0;
        let good = loop {
            let rest = packet.get(used..).unwrap_or_default();
            let Some((length, rest)) = rest.split_first_chunk::<4>() else { break true };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > LONGEST || length == 0 {
                break false;
            }
            let Some(body) = rest.get(..length) else { break true };
            used += 4 + length;
            let Some(reply) = server.answer(body) else { break false };
            if !job.send(&reply, false).await {
                return;
            }
        };
        packet.drain(..used);
        if !good {
            break 255;
        }
        tokio::task::yield_now().await;
    };
    drop(server);
    drop(presence);
    job.finish(End::Status(status), inbox.has_ended()).await;
}
