//! What a client has asked the host to listen on for it. Nothing ever listens, and nobody ever comes.

use rand::RngExt;

use crate::shell::text;
use crate::world::{Account, Host, Who, parent, resolve};

/// Ports and paths of one connection; sshd itself has no such bound.
const AT_MOST: usize = 64;
/// `ip_local_port_range`
const FREE: std::ops::RangeInclusive<u32> = 32_768..=60_999;
/// Longest path of a socket (`sun_path`).
const PATH: usize = 107;

/// The listeners of one connection.
#[derive(Debug, Default)]
pub(in crate::protocols::ssh) struct Listeners {
    ports: Vec<(String, u32)>,
    paths: Vec<String>,
}

impl Listeners {
    /// Listens on a port of the loopback, as `GatewayPorts no` wants it whatever the address says; 0 is any that is
    /// free. The port, or `None` where bind(2) fails.
    pub fn listen(&mut self, host: &Host, account: &Account, address: &str, port: u32) -> Option<u32> {
        // bind(2) gets the low bits of it.
        let low = port & 0xFFFF;
        if self.ports.len() >= AT_MOST || (1..1024).contains(&low) && account.uid != 0 {
            return None;
        }
        let sockets = host.sockets();
        let is_taken = |port: u32| {
            let of_host = |at: &crate::world::Socket| {
                let ip = at.local.ip();
                at.state == "LISTEN" && u32::from(at.local.port()) == port && (ip.is_unspecified() || ip.is_loopback())
            };
            self.ports.iter().any(|(_, known)| known & 0xFFFF == port) || sockets.iter().any(of_host)
        };
        let port = if port == 0 {
            (0..100).map(|_| rand::rng().random_range(FREE)).find(|&port| !is_taken(port))?
        } else {
            Some(port).filter(|_| !is_taken(low))?
        };
        self.ports.push((address.to_string(), port));
        Some(port)
    }

    /// Ends that; false where there is none with these words.
    pub fn cancel(&mut self, address: &str, port: u32) -> bool {
        let before = self.ports.len();
        self.ports.retain(|(known, number)| (known.as_str(), *number) != (address, port));
        self.ports.len() < before
    }

    /// Listens on a socket of the file system, from the root on; false where bind(2) fails.
    pub fn listen_at(&mut self, host: &Host, account: &Account, path: &str) -> bool {
        let (who, asked) = (Who::of(account), text::encode(path));
        let fits = (1..=PATH).contains(&asked.len()) && self.paths.len() < AT_MOST;
        let bytes = resolve(b"/", &asked);
        let free = fits
            && !self.paths.iter().any(|known| known == path)
            && host.stat(&who, &bytes, false).is_err()
            && host.access(&who, parent(&bytes), 3).is_ok();
        if free {
            self.paths.push(path.to_string());
        }
        free
    }

    /// Ends that; false where there is none.
    pub fn cancel_at(&mut self, path: &str) -> bool {
        let before = self.paths.len();
        self.paths.retain(|known| known != path);
        self.paths.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Config, World};

    #[test]
    fn ports_are_given_as_bind_gives_them() {
        let host = World::new(&Config::default(), 7, 1 << 20, 1 << 20).host_for([203, 0, 113, 9].into());
        let (root, ubuntu) = (host.account(b"root").unwrap(), host.account(b"ubuntu").unwrap());
        let mut all = Listeners::default();
        assert_eq!(all.listen(&host, &root, "", 8022), Some(8022));
        assert_eq!(all.listen(&host, &root, "localhost", 8022), None);
        assert_eq!(all.listen(&host, &root, "", 22), None);
        assert_eq!(all.listen(&host, &root, "", 65_536 + 8022), None);
        assert_eq!(all.listen(&host, &root, "", 70_000), Some(70_000));
        assert_eq!(all.listen(&host, &ubuntu, "", 81), None);
        assert_eq!(all.listen(&host, &root, "", 81), Some(81));
        let free = all.listen(&host, &ubuntu, "", 0).unwrap();
        assert!(FREE.contains(&free));
        assert!(!all.cancel("localhost", 8022) && all.cancel("", 8022) && !all.cancel("", 8022));
        assert!(all.cancel("", free));
        assert!((0..200).filter(|_| all.listen(&host, &root, "", 0).is_some()).count() < AT_MOST);
        assert!(all.listen_at(&host, &root, "/tmp/x.sock") && !all.listen_at(&host, &root, "/tmp/x.sock"));
        assert!(!all.listen_at(&host, &ubuntu, "/root/x") && !all.listen_at(&host, &root, "/etc/passwd"));
        assert!(all.listen_at(&host, &root, "x.sock") && !all.listen_at(&host, &ubuntu, "y.sock"));
        assert!(all.cancel_at("/tmp/x.sock") && !all.cancel_at("/tmp/x.sock"));
    }
}
