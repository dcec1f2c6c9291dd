//! What awk reads and writes: the main input, getline, print and its redirections.

use super::super::compile::{From, Place, Target};
use super::super::input::Input;
use super::super::lex;
use super::super::value::Value;
use super::{
    ARGC, ARGV, BUFFER, FILENAME, FNR, Machine, NR, OFMT, OFS, ORS, Output, RS, entries, is_name, run_command,
};
use crate::shell::cmd::Cmd;
use crate::shell::kernel::Stop;
use crate::shell::text;
use crate::world::Open;

impl Machine {
    /// The next record of the main input; an error was reported.
    pub(super) async fn main_record(&mut self, c: &mut Cmd) -> Result<Result<Option<Vec<u8>>, ()>, Stop> {
        loop {
            if let Some(input) = &mut self.main {
                let separator = self.globals.get(RS).cloned().unwrap_or_default().bytes("%.6g");
                let record = input.record(c, &separator).await?;
                if record.is_some() {
                    let count = |value: &Value| Value::Number(value.number() + 1.0);
                    for slot in [NR, FNR] {
                        let next = count(&self.global(slot));
                        self.set_global(slot, next);
                    }
                    return Ok(Ok(record));
                }
                self.main = None;
            }
            let Some(operand) = self.next_operand() else { return Ok(Ok(None)) };
            match c.source(&operand).await? {
                Ok(source) => {
                    self.main = Some(Input::of_source(source));
                    self.set_global(FILENAME, Value::text(if operand == "-" { "" } else { &operand }));
                    self.set_global(FNR, Value::Number(0.0));
                }
                Err(crate::world::Errno::EISDIR) => {
                    c.err(&format!("{}: read error (Is a directory)\n", c.base()));
                    self.status = 2;
                }
                Err(error) => {
                    c.complain(&format!("cannot open {operand} ({})", error.text()));
                    return Ok(Err(()));
                }
            }
        }
    }

    /// The next file among the operands; assignments on the way take effect.
    pub(super) fn next_operand(&mut self) -> Option<String> {
        loop {
            let count = self.global(ARGC).number() as usize;
            if self.arg >= count {
                let first = !self.opened;
                self.opened = true;
                return first.then(|| "-".to_string());
            }
            let key = self.arg.to_string().into_bytes();
            self.arg += 1;
            let Value::Array(argv) = self.global(ARGV) else { return None };
            let operand = entries(&argv).get(&key).unwrap_or_default();
            let operand = text::decode(&self.bytes(&operand));
            if operand.is_empty() {
                continue;
            }
            if let Some((name, value)) = operand.split_once('=').filter(|(name, _)| is_name(name)) {
                self.assign(name, &lex::unescape(value));
                continue;
            }
            self.opened = true;
            return Some(operand);
        }
    }

    pub(super) async fn getline(&mut self, c: &mut Cmd, from: From, place: Option<Place>) -> Result<f64, Stop> {
        // For a file the name is above the place's subscript, for a command below.
        let has_key = matches!(place, Some(Place::Field | Place::Element(_)));
        let mut key = Value::Nothing;
        let mut name = Vec::new();
        match from {
            From::Main => key = if has_key { self.pop() } else { key },
            From::File => {
                name = self.pop_key();
                key = if has_key { self.pop() } else { key };
            }
            From::Command => {
                key = if has_key { self.pop() } else { key };
                name = self.pop_key();
            }
        }
        let record = if from == From::Main {
            match self.main_record(c).await? {
                Err(()) => return Ok(-1.0),
                Ok(record) => record,
            }
        } else {
            let id = [if from == From::File { &b"<"[..] } else { &b"|"[..] }, &name].concat();
            if !self.inputs.contains_key(&id) {
                let input = if from == From::File {
                    match c.source(&text::decode(&name)).await? {
                        Ok(source) => Input::of_source(source),
                        Err(_) => return Ok(-1.0),
                    }
                } else {
                    let bytes = run_command(c, &name, None, true).await?.1;
                    Input::of_bytes(bytes)
                };
                self.inputs.insert(id.clone(), input);
            }
            let separator = self.bytes(&self.global(RS));
            let record = match self.inputs.get_mut(&id) {
                Some(input) => input.record(c, &separator).await?,
                None => None,
            };
            if record.is_some() && from == From::Command {
                let next = Value::Number(self.global(NR).number() + 1.0);
                self.set_global(NR, next);
            }
            record
        };
        let Some(record) = record else { return Ok(0.0) };
        match place {
            None => self.set_record(record),
            Some(place) => {
                if has_key {
                    self.push(key);
                }
                self.store(place, Value::input(&record));
            }
        }
        Ok(1.0)
    }

    pub(super) fn print(&mut self, c: &mut Cmd, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        if self.out.len() >= BUFFER || c.is_tty(1) {
            self.flush(c);
        }
    }

    pub(super) fn flush(&mut self, c: &mut Cmd) {
        c.out_bytes(&std::mem::take(&mut self.out));
    }

    /// Writes; `false` if the file cannot be opened.
    pub(super) fn write(&mut self, c: &mut Cmd, target: Target, name: &[u8], bytes: &[u8]) -> bool {
        if target == Target::Out {
            self.print(c, bytes);
            return true;
        }
        if !self.outputs.iter().any(|(known, _)| known == name) {
            let output = match name {
                b"/dev/stdout" | b"-" if target != Target::Pipe => Output::Standard(false),
                b"/dev/stderr" if target != Target::Pipe => Output::Standard(true),
                _ if target == Target::Pipe => Output::Pipe(Vec::new()),
                _ => {
                    let how =
                        Open { write: true, create: Some(0o666), truncate: target == Target::File, ..Open::default() };
                    let operand = text::decode(name);
                    match c.host().open(c.who(), &c.path(&operand), how) {
                        Ok(file) => {
                            c.note_written(&operand);
                            Output::File(file)
                        }
                        Err(error) => {
                            c.complain(&format!("cannot open \"{operand}\" for output\n"));
                            let _ = error;
                            return false;
                        }
                    }
                }
            };
            self.outputs.push((name.to_vec(), output));
        }
        match self.outputs.iter_mut().find(|(known, _)| known == name) {
            Some((_, Output::File(file))) => {
                let _ = file.append(bytes);
            }
            Some((_, Output::Pipe(held))) => {
                if held.len() + bytes.len() < c.bound() {
                    held.extend_from_slice(bytes);
                }
            }
            Some((_, Output::Standard(true))) => c.err(&text::decode(bytes)),
            _ => self.print(c, bytes),
        }
        true
    }

    pub(super) async fn close(&mut self, c: &mut Cmd, name: &[u8]) -> Result<f64, Stop> {
        let mut result = -1.0;
        for id in [[b"<", name].concat(), [b"|", name].concat()] {
            if self.inputs.remove(&id).is_some() {
                result = 0.0;
            }
        }
        if let Some(at) = self.outputs.iter().position(|(known, _)| known == name) {
            let (_, output) = self.outputs.remove(at);
            result = 0.0;
            if let Output::Pipe(bytes) = output {
                result = f64::from(run_command(c, name, Some(bytes), false).await?.0);
            }
        }
        Ok(result)
    }

    pub(super) fn where_it_was(&mut self, c: &mut Cmd) {
        let text = |value: Value| text::decode(&value.bytes("%.6g"));
        let line = format!(
            "\tFILENAME=\"{}\" FNR={} NR={}\n",
            text(self.global(FILENAME)),
            text(self.global(FNR)),
            text(self.global(NR))
        );
        c.err(&line);
    }

    pub(super) fn printed(&mut self, args: &[Value]) -> Vec<u8> {
        let mut line = Vec::new();
        let ofmt = String::from_utf8_lossy(&self.global(OFMT).bytes("%.6g")).into_owned();
        if args.is_empty() {
            self.join();
            line.extend_from_slice(&self.record);
        }
        let separator = self.bytes(&self.global(OFS));
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                line.extend_from_slice(&separator);
            }
            line.extend_from_slice(&arg.bytes(&ofmt));
        }
        line.extend_from_slice(&self.bytes(&self.global(ORS)));
        line
    }
}
