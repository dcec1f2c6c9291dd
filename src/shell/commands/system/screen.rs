//! The terminal as a full-screen program has it: every key at once, output as it is.

use std::time::Duration;

use crate::shell::cmd::Cmd;
use crate::shell::io::Fail;
use crate::shell::kernel::Stop;
use crate::shell::tty::Mode;

/// A terminal in raw mode; [`Screen::close`] gives it back.
pub(super) struct Screen {
    keys: Vec<u8>,
}

impl Screen {
    /// Takes the terminal.
    pub async fn open(c: &mut Cmd) -> Result<Self, Stop> {
        c.flush().await?;
        c.kernel().set_mode(Mode::Raw);
        Ok(Self { keys: Vec::new() })
    }

    /// Gives the terminal back.
    pub fn close(self, c: &Cmd) {
        c.kernel().set_mode(Mode::Cooked { echo: true });
    }

    /// Rows and columns.
    pub fn size(&self, c: &Cmd) -> (usize, usize) {
        let size = c.kernel().tty(|tty| (tty.rows, tty.columns)).unwrap_or((24, 80));
        (size.0.clamp(2, 500), size.1.clamp(10, 500))
    }

    /// Prints at once.
    pub async fn print(&mut self, c: &mut Cmd, text: &str) -> Result<(), Stop> {
        c.out(text);
        c.flush().await
    }

    /// The next key; `None` at the end of the input.
    pub async fn key(&mut self, c: &mut Cmd) -> Result<Option<u8>, Stop> {
        if self.keys.is_empty() {
            let mut bytes = c.read(256).await?;
            bytes.reverse();
            self.keys = bytes;
        }
        Ok(self.keys.pop())
    }

    /// The next key, if one comes in time.
    pub async fn key_within(&mut self, c: &mut Cmd, time: Duration) -> Result<Option<u8>, Stop> {
        if let Some(key) = self.keys.pop() {
            return Ok(Some(key));
        }
        let kernel = std::sync::Arc::clone(c.kernel());
        let Some(open) = c.spec.fds.get(&0).cloned() else { return Ok(Some(b'q')) };
        let until = kernel.now() + time;
        match kernel.before(until, open.read(&kernel, 256)).await? {
            None => Ok(None),
            Some(Ok(mut bytes)) => {
                // The terminal is gone.
                if bytes.is_empty() {
                    return Ok(Some(b'q'));
                }
                bytes.reverse();
                self.keys = bytes;
                Ok(self.keys.pop())
            }
            Some(Err(Fail::Stop(stop))) => Err(stop),
            Some(Err(Fail::Errno(_))) => Ok(Some(b'q')),
        }
    }
}

/// Asks a question on the terminal, or reads its answer from a pipe; without echo for a password. `None` at the end
/// of the input.
pub(super) async fn ask(c: &mut Cmd, question: &str, echo: bool) -> Result<Option<String>, Stop> {
    c.err(question);
    c.flush().await?;
    let terminal = c.is_tty(0);
    if terminal && !echo {
        c.kernel().set_mode(Mode::Cooked { echo: false });
    }
    let line = c.read_line().await;
    if terminal && !echo {
        c.kernel().set_mode(Mode::Cooked { echo: true });
        c.err("\n");
    }
    let line = line?;
    Ok(line.map(|line| {
        let text = super::common::decode(&line);
        text.trim_end_matches(['\n', '\r']).to_string()
    }))
}
