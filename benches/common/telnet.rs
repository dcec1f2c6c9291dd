//! A Telnet client for logins and lines.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use super::PATIENCE;

/// A Telnet client that refuses every option.
pub struct Visitor {
    stream: TcpStream,
    /// What came since the last question.
    said: Vec<u8>,
}

impl Visitor {
    /// Root's shell at its prompt.
    pub fn logged_in(port: u16) -> Self {
        let mut visitor = Self::connect(port).expect("the server greets");
        visitor.log_in();
        visitor
    }

    /// From the login prompt to root's shell.
    pub fn log_in(&mut self) {
        self.say("root");
        self.until("assword: ");
        self.say("rootpass");
        self.until("# ");
    }

    /// A connection that has shown its login prompt.
    pub fn connect(port: u16) -> Option<Self> {
        Self::on(TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE).ok()?)
    }

    /// The same on a connection.
    pub fn on(stream: TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut visitor = Self { stream, said: Vec::new() };
        visitor.wait_for("ogin: ").then_some(visitor)
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        self.said.clear();
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Reads until what came ends so.
    pub fn until(&mut self, end: &str) {
        assert!(self.wait_for(end), "{end:?} after {:?}", String::from_utf8_lossy(&self.said));
    }

    fn wait_for(&mut self, end: &str) -> bool {
        let mut bytes = [0; 4096];
        loop {
            if self.said.ends_with(end.as_bytes()) {
                return true;
            }
            match self.stream.read(&mut bytes) {
                Ok(count) if count > 0 => {
                    self.said.extend_from_slice(&bytes[..count]);
                    self.refuse();
                }
                _ => return false,
            }
        }
    }

    /// Takes Telnet's commands out of what was said, and answers them.
    fn refuse(&mut self) {
        let (mut text, mut answer, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(&byte) = self.said.get(at) {
            match (byte, self.said.get(at + 1), self.said.get(at + 2)) {
                (255, Some(250), _) => {
                    let rest = &self.said[at..];
                    let Some(end) = rest.windows(2).position(|pair| pair == [255, 240]) else { break };
                    at += end + 2;
                }
                (255, Some(251 | 252), Some(option)) => {
                    if self.said[at + 1] == 251 && !matches!(option, 1 | 3) {
                        answer.extend([255, 254, *option]);
                    }
                    at += 3;
                }
                (255, Some(253 | 254), Some(option)) => {
                    if self.said[at + 1] == 253 {
                        answer.extend([255, 252, *option]);
                    }
                    at += 3;
                }
                (255, Some(_), Some(_)) => at += 2,
                (255, ..) => break,
                _ => {
                    text.push(byte);
                    at += 1;
                }
            }
        }
        text.extend_from_slice(&self.said[at..]);
        self.said = text;
        let _ = self.stream.write_all(&answer);
    }

    /// Reads to the end of the connection.
    pub fn rest(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }
}
