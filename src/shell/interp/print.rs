//! Commands as bash prints them: in `jobs`, and functions in `type` and `declare -f`.

use brush_parser::ast::{
    AndOr, AndOrList, CaseItemPostAction, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
    FunctionDefinition, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, SeparatorOperator,
    SimpleCommand, Word,
};

use crate::shell::grammar::SELECT;

/// A command that is only its words.
pub(super) fn plain(text: &str) -> Command {
    Command::Simple(SimpleCommand { prefix: None, word_or_name: Some(Word::new(text)), suffix: None })
}

/// A list that runs in the background, on one line.
pub(super) fn and_or(list: &AndOrList) -> String {
    let mut text = pipeline(&list.first);
    for next in &list.additional {
        match next {
            AndOr::And(next) => text.push_str(&format!(" && {}", pipeline(next))),
            AndOr::Or(next) => text.push_str(&format!(" || {}", pipeline(next))),
        }
    }
    text
}

fn pipeline(line: &Pipeline) -> String {
    let bang = if line.bang { "! " } else { "" };
    bang.to_string() + &line.seq.iter().map(command).collect::<Vec<_>>().join(" | ")
}

/// A command on one line.
pub(super) fn command(command: &Command) -> String {
    let mut printer = Printer { out: String::new(), flat: true };
    printer.command(command, 0);
    printer.out
}

/// A function as `declare -f` prints it.
pub(in crate::shell) fn function(function: &FunctionDefinition) -> String {
    let mut printer = Printer { out: format!("{} () \n", function.fname.value), flat: false };
    match &function.body.0 {
        CompoundCommand::BraceGroup(group) => {
            printer.out.push_str("{ \n");
            printer.list(&group.list, 4);
            printer.out.push_str("\n}");
        }
        other => {
            printer.out.push_str("{ \n    ");
            printer.compound(other, 4);
            printer.out.push_str("\n}");
        }
    }
    for redirect in function.body.1.iter().flat_map(|list| &list.0) {
        printer.out.push_str(&format!(" {}", one_redirect(redirect)));
    }
    printer.out.push('\n');
    printer.out
}

struct Printer {
    out: String,
    flat: bool,
}

impl Printer {
    fn new_line(&mut self, indent: usize) {
        if self.flat {
            self.out.push(' ');
        } else {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent.min(400)));
        }
    }

    fn list(&mut self, list: &CompoundList, indent: usize) {
        if !self.flat {
            self.out.push_str(&" ".repeat(indent.min(400)));
        }
        self.items(list, indent);
    }

    fn items(&mut self, list: &CompoundList, indent: usize) {
        for (at, item) in list.0.iter().enumerate() {
            self.and_or(&item.0, indent);
            let last = at + 1 == list.0.len();
            match item.1 {
                SeparatorOperator::Async => self.out.push_str(" &"),
                SeparatorOperator::Sequence if !last => self.out.push(';'),
                SeparatorOperator::Sequence => {}
            }
            if !last {
                self.new_line(indent);
            }
        }
    }

    fn and_or(&mut self, list: &AndOrList, indent: usize) {
        self.pipeline(&list.first, indent);
        for next in &list.additional {
            match next {
                AndOr::And(next) => {
                    self.out.push_str(" && ");
                    self.pipeline(next, indent);
                }
                AndOr::Or(next) => {
                    self.out.push_str(" || ");
                    self.pipeline(next, indent);
                }
            }
        }
    }

    fn pipeline(&mut self, line: &Pipeline, indent: usize) {
        if line.bang {
            self.out.push_str("! ");
        }
        for (at, part) in line.seq.iter().enumerate() {
            if at > 0 {
                self.out.push_str(" | ");
            }
            self.command(part, indent);
        }
    }

    fn command(&mut self, command: &Command, indent: usize) {
        match command {
            Command::Simple(simple) => self.out.push_str(&simple_text(simple)),
            Command::Compound(compound, redirects) => {
                self.compound(compound, indent);
                for redirect in redirects.iter().flat_map(|list| &list.0) {
                    self.out.push_str(&format!(" {}", one_redirect(redirect)));
                }
            }
            Command::Function(definition) => self.out.push_str(function(definition).trim_end()),
            Command::ExtendedTest(test, _) => self.out.push_str(&format!("[[ {} ]]", test.expr)),
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, indent: usize) {
        let inner = indent + 4;
        match compound {
            CompoundCommand::BraceGroup(group) => {
                self.out.push_str("{ ");
                self.new_or_none(inner);
                self.items(&group.list, inner);
                self.end(";", indent);
                self.out.push('}');
            }
            CompoundCommand::Subshell(subshell) => {
                self.out.push_str("( ");
                self.items(&subshell.list, indent);
                self.out.push_str(" )");
            }
            CompoundCommand::IfClause(clause) => {
                self.out.push_str("if ");
                self.items(&clause.condition, indent);
                self.out.push_str("; then");
                self.new_line(inner);
                self.items(&clause.then, inner);
                for other in clause.elses.iter().flatten() {
                    self.end(";", indent);
                    match &other.condition {
                        Some(condition) => {
                            self.out.push_str("elif ");
                            self.items(condition, indent);
                            self.out.push_str("; then");
                        }
                        None => self.out.push_str("else"),
                    }
                    self.new_line(inner);
                    self.items(&other.body, inner);
                }
                self.end(";", indent);
                self.out.push_str("fi");
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                let word = if matches!(compound, CompoundCommand::WhileClause(_)) { "while " } else { "until " };
                self.out.push_str(word);
                self.items(&clause.0, indent);
                self.out.push_str("; do");
                self.new_line(inner);
                self.items(&clause.1.list, inner);
                self.end(";", indent);
                self.out.push_str("done");
            }
            CompoundCommand::ForClause(clause) => {
                let (word, name) = match clause.variable_name.strip_prefix(SELECT) {
                    Some(name) => ("select", name),
                    None => ("for", clause.variable_name.as_str()),
                };
                self.out.push_str(&format!("{word} {name}"));
                if let Some(values) = &clause.values {
                    let values: Vec<&str> = values.iter().map(|word| word.value.as_str()).collect();
                    self.out.push_str(&format!(" in {}", values.join(" ")));
                }
                self.out.push(';');
                self.new_line(indent);
                self.out.push_str("do");
                self.new_line(inner);
                self.items(&clause.body.list, inner);
                self.end(";", indent);
                self.out.push_str("done");
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                let part = |part: &Option<brush_parser::ast::UnexpandedArithmeticExpr>| {
                    part.as_ref().map_or("1".to_string(), |part| part.value.clone())
                };
                self.out.push_str(&format!(
                    "for (({}; {}; {}))",
                    part(&clause.initializer),
                    part(&clause.condition),
                    part(&clause.updater)
                ));
                self.new_line(indent);
                self.out.push_str("do");
                self.new_line(inner);
                self.items(&clause.body.list, inner);
                self.end(";", indent);
                self.out.push_str("done");
            }
            CompoundCommand::CaseClause(clause) => {
                self.out.push_str(&format!("case {} in ", clause.value.value));
                for item in &clause.cases {
                    self.new_line(inner);
                    let patterns: Vec<&str> = item.patterns.iter().map(|word| word.value.as_str()).collect();
                    self.out.push_str(&format!("{})", patterns.join(" | ")));
                    self.new_line(inner + 4);
                    if let Some(list) = &item.cmd {
                        self.items(list, inner + 4);
                    }
                    self.new_line(inner);
                    self.out.push_str(match item.post_action {
                        CaseItemPostAction::ExitCase => ";;",
                        CaseItemPostAction::UnconditionallyExecuteNextCaseItem => ";&",
                        CaseItemPostAction::ContinueEvaluatingCases => ";;&",
                    });
                }
                self.new_line(indent);
                self.out.push_str("esac");
            }
            CompoundCommand::Arithmetic(command) => self.out.push_str(&format!("(( {} ))", command.expr.value.trim())),
            CompoundCommand::Coprocess(process) => {
                self.out.push_str("coproc ");
                self.command(&process.body, indent);
            }
        }
    }

    /// The line after an opening brace; on one line it follows directly.
    fn new_or_none(&mut self, indent: usize) {
        if !self.flat {
            self.new_line(indent);
        }
    }

    /// Ends the last command before a closing word.
    fn end(&mut self, mark: &str, indent: usize) {
        if !self.out.ends_with('&') {
            self.out.push_str(mark);
        }
        self.new_line(indent);
    }
}

fn simple_text(simple: &SimpleCommand) -> String {
    let mut parts = Vec::new();
    let item = |item: &Item| match item {
        Item::Word(word) | Item::AssignmentWord(_, word) => word.value.clone(),
        Item::IoRedirect(redirect) => one_redirect(redirect),
        Item::ProcessSubstitution(kind, subshell) => format!("{kind}({})", subshell.list),
    };
    parts.extend(simple.prefix.iter().flat_map(|prefix| &prefix.0).map(item));
    parts.extend(simple.word_or_name.iter().map(|word| word.value.clone()));
    parts.extend(simple.suffix.iter().flat_map(|suffix| &suffix.0).map(item));
    parts.join(" ")
}

fn one_redirect(redirect: &IoRedirect) -> String {
    match redirect {
        IoRedirect::File(fd, kind, target) => {
            let fd = fd.map(|fd| fd.to_string()).unwrap_or_default();
            let operator = match kind {
                IoFileRedirectKind::Read => "< ",
                IoFileRedirectKind::Write => "> ",
                IoFileRedirectKind::Append => ">> ",
                IoFileRedirectKind::ReadAndWrite => "<> ",
                IoFileRedirectKind::Clobber => ">| ",
                IoFileRedirectKind::DuplicateInput => "<&",
                IoFileRedirectKind::DuplicateOutput => ">&",
            };
            let target = match target {
                IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => word.value.clone(),
                IoFileRedirectTarget::Fd(fd) => fd.to_string(),
                IoFileRedirectTarget::ProcessSubstitution(kind, subshell) => format!("{kind}({})", subshell.list),
            };
            // `2>&1` shows its descriptor, and `>&2` becomes `1>&2`.
            let fd = if fd.is_empty() && operator == ">&" { "1".into() } else { fd };
            format!("{fd}{operator}{target}")
        }
        IoRedirect::HereDocument(_, document) => {
            let dash = if document.remove_tabs { "-" } else { "" };
            format!("<<{dash}{}\n{}{}", document.here_end.value, document.doc.value, document.here_end.value)
        }
        IoRedirect::HereString(_, word) => format!("<<< {}", word.value),
        IoRedirect::OutputAndError(word, append) => format!("&>{} {}", if *append { ">" } else { "" }, word.value),
    }
}
