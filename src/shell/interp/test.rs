//! `[[ … ]]`, and the primaries that it shares with `test` and `[`.

use brush_parser::ast::{BinaryPredicate as B, ExtendedTestExpr as T, UnaryPredicate as U};

use super::{Exec, Flow, Interp};
use crate::shell::kernel::{Boxed, Status};
use crate::shell::{pattern, program};
use crate::world::{Errno, FileKind, Stat};

impl Interp {
    pub(super) async fn extended_test(&mut self, expression: &T) -> Exec<Status> {
        let result = self.holds(expression).await;
        self.status = match result {
            Ok(holds) => i32::from(!holds),
            Err(Flow::Abort(status)) => status,
            Err(flow) => return Err(flow),
        };
        Ok(self.status)
    }

    fn holds<'a>(&'a mut self, expression: &'a T) -> Boxed<'a, Exec<bool>> {
        Box::pin(async move {
            self.enter()?;
            let holds = match expression {
                T::And(left, right) => self.holds(left).await? && self.holds(right).await?,
                T::Or(left, right) => self.holds(left).await? || self.holds(right).await?,
                T::Not(inner) => !self.holds(inner).await?,
                T::Parenthesized(inner) => self.holds(inner).await?,
                T::UnaryTest(predicate, word) => {
                    let operand = self.single(&word.value).await?;
                    self.unary(predicate, &operand)
                }
                T::BinaryTest(predicate, left, right) => {
                    let left = self.single(&left.value).await?;
                    self.binary_word(predicate, &left, &right.value).await?
                }
            };
            self.exit_depth();
            Ok(holds)
        })
    }

    async fn binary_word(&mut self, predicate: &B, left: &str, right: &str) -> Exec<bool> {
        match predicate {
            B::StringExactlyMatchesPattern | B::StringDoesNotExactlyMatchPattern => {
                let wanted = self.pattern(right).await?;
                let matches = if self.options.nocasematch {
                    pattern::matches(&wanted.to_lowercase(), &left.to_lowercase(), true)
                } else {
                    pattern::matches(&wanted, left, true)
                };
                Ok(matches == matches!(predicate, B::StringExactlyMatchesPattern))
            }
            B::StringMatchesRegex => {
                let wanted = self.pattern(right).await?;
                self.regex(left, &wanted).await
            }
            B::StringContainsSubstring => {
                let wanted = self.single(right).await?;
                self.regex(left, &regex::escape(&wanted)).await
            }
            B::ArithmeticEqualTo
            | B::ArithmeticNotEqualTo
            | B::ArithmeticLessThan
            | B::ArithmeticLessThanOrEqualTo
            | B::ArithmeticGreaterThan
            | B::ArithmeticGreaterThanOrEqualTo => {
                let right = self.single(right).await?;
                let (left, right) = (self.arithmetic_text(left).await?, self.arithmetic_text(&right).await?);
                Ok(match predicate {
                    B::ArithmeticEqualTo => left == right,
                    B::ArithmeticNotEqualTo => left != right,
                    B::ArithmeticLessThan => left < right,
                    B::ArithmeticLessThanOrEqualTo => left <= right,
                    B::ArithmeticGreaterThan => left > right,
                    _ => left >= right,
                })
            }
            other => {
                let right = self.single(right).await?;
                Ok(self.compare(other, left, &right))
            }
        }
    }

    /// `=~`, with what it matched in `BASH_REMATCH`. Quoted parts arrive escaped, as regexes want them too.
    async fn regex(&mut self, text: &str, wanted: &str) -> Exec<bool> {
        self.kernel().spend(20 + text.len() as u64 / 16).await?;
        let built = regex::RegexBuilder::new(wanted)
            .size_limit(1 << 20)
            .case_insensitive(self.options.nocasematch)
            .dot_matches_new_line(true)
            .build();
        let Ok(regex) = built else {
            self.status = 2;
            return Err(Flow::Abort(2));
        };
        let Some(found) = regex.captures(text) else { return Ok(false) };
        let groups = found.iter().enumerate().map(|(at, group)| {
            (i64::try_from(at).unwrap_or_default(), group.map_or("", |group| group.as_str()).to_string())
        });
        let all = groups.collect();
        let _ = self.vars.change("BASH_REMATCH", |var| var.value = crate::shell::vars::Value::Array(all));
        Ok(true)
    }

    fn compare(&self, predicate: &B, left: &str, right: &str) -> bool {
        match predicate {
            B::StringExactlyMatchesString => left == right,
            B::StringDoesNotExactlyMatchString => left != right,
            B::LeftSortsBeforeRight => left < right,
            B::LeftSortsAfterRight => left > right,
            B::FilesReferToSameDeviceAndInodeNumbers => self.files("-ef", left, right),
            B::LeftFileIsNewerOrExistsWhenRightDoesNot => self.files("-nt", left, right),
            B::LeftFileIsOlderOrDoesNotExistWhenRightDoes => self.files("-ot", left, right),
            _ => false,
        }
    }

    /// `-nt`, `-ot`, `-ef`
    pub(in crate::shell) fn files(&self, operator: &str, left: &str, right: &str) -> bool {
        let (left, right) = (self.stat_of(left, true), self.stat_of(right, true));
        match (operator, left, right) {
            ("-ef", Ok(left), Ok(right)) => left.ino == right.ino && left.dev == right.dev,
            ("-nt", Ok(left), Ok(right)) => left.modified > right.modified,
            ("-ot", Ok(left), Ok(right)) => left.modified < right.modified,
            ("-nt", Ok(_), Err(_)) | ("-ot", Err(_), Ok(_)) => true,
            _ => false,
        }
    }

    fn stat_of(&self, operand: &str, follow: bool) -> Result<Stat, Errno> {
        self.kernel().host.stat(self.who(), &program::join(&self.cwd, operand), follow)
    }

    fn unary(&self, predicate: &U, operand: &str) -> bool {
        let letter = match predicate {
            U::FileExists => 'e',
            U::FileExistsAndIsBlockSpecialFile => 'b',
            U::FileExistsAndIsCharSpecialFile => 'c',
            U::FileExistsAndIsDir => 'd',
            U::FileExistsAndIsRegularFile => 'f',
            U::FileExistsAndIsSetgid => 'g',
            U::FileExistsAndIsSymlink => 'h',
            U::FileExistsAndHasStickyBit => 'k',
            U::FileExistsAndIsFifo => 'p',
            U::FileExistsAndIsReadable => 'r',
            U::FileExistsAndIsNotZeroLength => 's',
            U::FdIsOpenTerminal => 't',
            U::FileExistsAndIsSetuid => 'u',
            U::FileExistsAndIsWritable => 'w',
            U::FileExistsAndIsExecutable => 'x',
            U::FileExistsAndOwnedByEffectiveGroupId => 'G',
            U::FileExistsAndModifiedSinceLastRead => 'N',
            U::FileExistsAndOwnedByEffectiveUserId => 'O',
            U::FileExistsAndIsSocket => 'S',
            U::ShellOptionEnabled => 'o',
            U::ShellVariableIsSetAndAssigned => 'v',
            U::ShellVariableIsSetAndNameRef => 'R',
            U::StringHasZeroLength => 'z',
            U::StringHasNonZeroLength => 'n',
        };
        self.primary(letter, operand)
    }

    /// A unary primary of `test`.
    pub(in crate::shell) fn primary(&self, letter: char, operand: &str) -> bool {
        let stat = |follow| if operand.is_empty() { Err(Errno::ENOENT) } else { self.stat_of(operand, follow) };
        let kind = |wanted| stat(true).is_ok_and(|stat| stat.kind == wanted);
        let may = |mask| {
            !operand.is_empty()
                && self.kernel().host.access(self.who(), &program::join(&self.cwd, operand), mask).is_ok()
        };
        match letter {
            'z' => operand.is_empty(),
            'n' => !operand.is_empty(),
            'a' | 'e' => stat(true).is_ok(),
            'f' => kind(FileKind::File),
            'd' => kind(FileKind::Folder),
            'b' => kind(FileKind::BlockDevice),
            'c' => kind(FileKind::CharDevice),
            'p' => kind(FileKind::Fifo),
            'S' => kind(FileKind::Socket),
            'h' | 'L' => stat(false).is_ok_and(|stat| stat.kind == FileKind::Link),
            's' => stat(true).is_ok_and(|stat| stat.size > 0),
            'r' => may(4),
            'w' => may(2),
            'x' => may(1),
            'u' => stat(true).is_ok_and(|stat| stat.mode & 0o4000 != 0),
            'g' => stat(true).is_ok_and(|stat| stat.mode & 0o2000 != 0),
            'k' => stat(true).is_ok_and(|stat| stat.mode & 0o1000 != 0),
            'O' => stat(true).is_ok_and(|stat| stat.uid == self.who().uid),
            'G' => stat(true).is_ok_and(|stat| stat.gid == self.who().gid),
            'N' => stat(true).is_ok_and(|stat| stat.modified > stat.accessed),
            't' => operand.trim().parse().is_ok_and(|fd: i32| self.fds.get(&fd).is_some_and(|open| open.is_tty())),
            'v' => {
                self.vars.scalar(operand).is_some()
                    || self.vars.get(operand).is_some_and(|var| !var.value.all().is_empty())
            }
            'R' => self.vars.get(operand).is_some_and(|var| var.reference),
            'o' => self.option(operand).unwrap_or(false),
            _ => false,
        }
    }
}
