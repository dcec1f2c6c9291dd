//! Compound commands: groups, conditions, loops, `case`, `select`, `(( ))`.

use brush_parser::ast::{
    CaseClauseCommand, CaseItemPostAction, CompoundCommand, CompoundList, ForClauseCommand, IfClauseCommand,
};

use super::{Exec, Flow, Interp};
use crate::shell::grammar::SELECT;
use crate::shell::kernel::{Boxed, Status};
use crate::shell::pattern;

impl Interp {
    pub(super) fn compound<'a>(&'a mut self, compound: &'a CompoundCommand) -> Boxed<'a, Exec<Status>> {
        Box::pin(async move {
            match compound {
                CompoundCommand::BraceGroup(group) => self.list(&group.list).await,
                CompoundCommand::Subshell(subshell) => self.subshell(&subshell.list).await,
                CompoundCommand::IfClause(clause) => self.if_clause(clause).await,
                CompoundCommand::WhileClause(clause) => self.while_clause(&clause.0, &clause.1.list, true).await,
                CompoundCommand::UntilClause(clause) => self.while_clause(&clause.0, &clause.1.list, false).await,
                CompoundCommand::ForClause(clause) => self.for_clause(clause).await,
                CompoundCommand::CaseClause(clause) => self.case_clause(clause).await,
                CompoundCommand::Arithmetic(command) => {
                    let value = self.arithmetic(&command.expr).await;
                    self.status = match value {
                        Ok(value) => i32::from(value == 0),
                        Err(Flow::Abort(status)) => status,
                        Err(flow) => return Err(flow),
                    };
                    Ok(self.status)
                }
                CompoundCommand::ArithmeticForClause(clause) => {
                    if let Some(first) = &clause.initializer {
                        self.arithmetic(first).await?;
                    }
                    let mut status = 0;
                    self.loops += 1;
                    loop {
                        self.kernel().spend(2).await?;
                        if let Some(condition) = &clause.condition
                            && !condition.value.trim().is_empty()
                            && self.arithmetic(condition).await? == 0
                        {
                            break;
                        }
                        match self.body(&clause.body.list).await? {
                            Turn::Next(next) => status = next,
                            Turn::Leave(last) => {
                                status = last;
                                break;
                            }
                        }
                        if let Some(step) = &clause.updater {
                            self.arithmetic(step).await?;
                        }
                    }
                    self.loops -= 1;
                    self.status = status;
                    Ok(status)
                }
                CompoundCommand::Coprocess(_) => {
                    self.complain("coproc: not supported").await?;
                    self.status = 1;
                    Ok(1)
                }
            }
        })
    }

    async fn condition(&mut self, list: &CompoundList) -> Exec<bool> {
        self.unchecked += 1;
        let result = self.list(list).await;
        self.unchecked -= 1;
        result.map(|status| status == 0)
    }

    async fn if_clause(&mut self, clause: &IfClauseCommand) -> Exec<Status> {
        if self.condition(&clause.condition).await? {
            return self.list(&clause.then).await;
        }
        for other in clause.elses.iter().flatten() {
            let holds = match &other.condition {
                Some(condition) => self.condition(condition).await?,
                None => true,
            };
            if holds {
                return self.list(&other.body).await;
            }
        }
        self.status = 0;
        Ok(0)
    }

    async fn while_clause(&mut self, condition: &CompoundList, body: &CompoundList, wanted: bool) -> Exec<Status> {
        let mut status = 0;
        self.loops += 1;
        loop {
            self.kernel().spend(2).await?;
            let holds = match self.condition(condition).await {
                Ok(holds) => holds,
                Err(flow) => match self.leave(flow)? {
                    Turn::Next(_) => continue,
                    Turn::Leave(last) => {
                        status = last;
                        break;
                    }
                },
            };
            if holds != wanted {
                break;
            }
            match self.body(body).await? {
                Turn::Next(next) => status = next,
                Turn::Leave(last) => {
                    status = last;
                    break;
                }
            }
        }
        self.loops -= 1;
        self.status = status;
        Ok(status)
    }

    /// One turn of a loop.
    async fn body(&mut self, list: &CompoundList) -> Exec<Turn> {
        let depth = self.depth;
        match self.list(list).await {
            Ok(status) => Ok(Turn::Next(status)),
            Err(flow) => {
                self.depth = depth;
                self.leave(flow)
            }
        }
    }

    /// What `break` and `continue` mean for this loop.
    fn leave(&mut self, flow: Flow) -> Exec<Turn> {
        let outer = match flow {
            Flow::Continue(1) => return Ok(Turn::Next(0)),
            Flow::Break(1) => return Ok(Turn::Leave(0)),
            Flow::Continue(levels) => Flow::Continue(levels - 1),
            Flow::Break(levels) => Flow::Break(levels - 1),
            other => other,
        };
        self.loops -= 1;
        Err(outer)
    }

    async fn for_clause(&mut self, clause: &ForClauseCommand) -> Exec<Status> {
        let values = match &clause.values {
            Some(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.value.as_str()).collect();
                self.words(&words).await?
            }
            None => self.positional.clone(),
        };
        if let Some(name) = clause.variable_name.strip_prefix(SELECT) {
            return self.select(name, &values, &clause.body.list).await;
        }
        let mut status = 0;
        self.loops += 1;
        for value in values {
            self.kernel().spend(2).await?;
            if self.options.xtrace {
                self.trace(&format!("for {} in {value}", clause.variable_name)).await?;
            }
            self.assign(&clause.variable_name, &value).await?;
            match self.body(&clause.body.list).await? {
                Turn::Next(next) => status = next,
                Turn::Leave(last) => {
                    status = last;
                    break;
                }
            }
        }
        self.loops -= 1;
        self.status = status;
        Ok(status)
    }

    async fn select(&mut self, name: &str, values: &[String], body: &CompoundList) -> Exec<Status> {
        let mut status = 0;
        let mut menu = String::new();
        for (at, value) in values.iter().enumerate() {
            menu.push_str(&format!("{}) {value}\n", at + 1));
        }
        self.loops += 1;
        let mut show = true;
        loop {
            if show {
                self.print_error(&menu).await?;
            }
            let prompt = self.vars.scalar("PS3").unwrap_or("#? ").to_string();
            self.print_error(&prompt).await?;
            let Some(line) = self.read_line_of(0).await? else { break };
            let line = line.trim_end_matches('\n').to_string();
            show = line.is_empty();
            if show {
                continue;
            }
            let chosen = line.trim().parse::<usize>().ok().and_then(|at| values.get(at.checked_sub(1)?));
            let chosen = chosen.cloned().unwrap_or_default();
            let _ = self.vars.set("REPLY", &line);
            self.assign(name, &chosen).await?;
            match self.body(body).await? {
                Turn::Next(next) => status = next,
                Turn::Leave(last) => {
                    status = last;
                    break;
                }
            }
        }
        self.loops -= 1;
        self.status = status;
        Ok(status)
    }

    async fn case_clause(&mut self, clause: &CaseClauseCommand) -> Exec<Status> {
        let value = self.single(&clause.value.value).await?;
        let mut status = 0;
        let mut fall_through = false;
        for item in &clause.cases {
            let mut matched = fall_through;
            for word in &item.patterns {
                if matched {
                    break;
                }
                self.kernel().spend(1 + value.len() as u64 / 256).await?;
                let wanted = self.pattern(&word.value).await?;
                matched = if self.options.nocasematch {
                    pattern::matches(&wanted.to_lowercase(), &value.to_lowercase(), self.options.extglob)
                } else {
                    pattern::matches(&wanted, &value, self.options.extglob)
                };
            }
            if !matched {
                continue;
            }
            self.status = 0;
            if let Some(list) = &item.cmd {
                status = self.list(list).await?;
            }
            match item.post_action {
                CaseItemPostAction::ExitCase => break,
                CaseItemPostAction::UnconditionallyExecuteNextCaseItem => fall_through = true,
                CaseItemPostAction::ContinueEvaluatingCases => fall_through = false,
            }
        }
        self.status = status;
        Ok(status)
    }
}

/// How a loop goes on.
enum Turn {
    Next(Status),
    Leave(Status),
}
