//! Parameter expansion: `$x`, `${x:-y}`, `${x##*/}`, arrays, special parameters.

use brush_parser::word::{
    Parameter, ParameterExpr as E, ParameterTestType, ParameterTransformOp, SpecialParameter, SubstringMatchKind,
};

use super::expand::{Fields, How};
use super::{Dialect, Exec, Flow, Interp};
use crate::shell::arith::Names;
use crate::shell::grammar;
use crate::shell::pattern::{self, Cut, Replace};
use crate::shell::text;
use crate::shell::vars::{Key, Value};

/// What a parameter stands for.
enum Found {
    Unset,
    One(String),
    /// All of a list; with `*` rather than `@`.
    Many(Vec<String>, bool),
}

impl Found {
    fn is_null(&self) -> bool {
        match self {
            Self::Unset => true,
            Self::One(text) => text.is_empty(),
            Self::Many(all, _) => all.iter().all(String::is_empty),
        }
    }

    fn map(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Unset => Self::One(change("")),
            Self::One(text) => Self::One(change(&text)),
            Self::Many(all, star) => Self::Many(all.iter().map(|text| change(text)).collect(), star),
        }
    }
}

impl Interp {
    pub(super) async fn parameter(&mut self, expression: &E, quoted: bool, how: How, out: &mut Fields) -> Exec<()> {
        let found = match expression {
            E::Parameter { parameter, indirect } => {
                let found = self.look_up(parameter, *indirect).await?;
                if matches!(found, Found::Unset) {
                    self.check_unset(parameter).await?;
                }
                found
            }
            E::UseDefaultValues { parameter, indirect, test_type, default_value } => {
                let found = self.look_up(parameter, *indirect).await?;
                if !is_missing(&found, test_type) {
                    found
                } else {
                    return self.default(default_value.as_deref(), quoted, how, out).await;
                }
            }
            E::UseAlternativeValue { parameter, indirect, test_type, alternative_value } => {
                let found = self.look_up(parameter, *indirect).await?;
                if is_missing(&found, test_type) {
                    return Ok(());
                }
                return self.default(alternative_value.as_deref(), quoted, how, out).await;
            }
            E::AssignDefaultValues { parameter, indirect, test_type, default_value } => {
                let found = self.look_up(parameter, *indirect).await?;
                if is_missing(&found, test_type) {
                    let value = self.single_default(default_value.as_deref().unwrap_or_default(), quoted).await?;
                    match parameter {
                        Parameter::Named(name) => self.assign(name, &value).await?,
                        Parameter::NamedWithIndex { name, index } => {
                            let key = self.key(name, index).await?;
                            self.assign_element(name, &key, &value).await?;
                        }
                        other => {
                            self.complain(&format!("{other}: cannot assign in this way")).await?;
                            return Err(Flow::Abort(1));
                        }
                    }
                    Found::One(value)
                } else {
                    found
                }
            }
            E::IndicateErrorIfNullOrUnset { parameter, indirect, test_type, error_message } => {
                let found = self.look_up(parameter, *indirect).await?;
                if is_missing(&found, test_type) {
                    let default = match test_type {
                        ParameterTestType::UnsetOrNull => "parameter null or not set",
                        ParameterTestType::Unset => "parameter not set",
                    };
                    let message = match error_message.as_deref().filter(|text| !text.is_empty()) {
                        Some(message) => self.single_default(message, quoted).await?,
                        None => default.to_string(),
                    };
                    self.complain(&format!("{}: {message}", name_of(parameter))).await?;
                    return Err(if self.is_interactive() { Flow::Abort(127) } else { Flow::Exit(127) });
                }
                found
            }
            E::ParameterLength { parameter, indirect } => {
                let found = self.look_up(parameter, *indirect).await?;
                if matches!(found, Found::Unset) {
                    self.check_unset(parameter).await?;
                }
                let length = match found {
                    Found::Unset => 0,
                    Found::One(text) => text.chars().count(),
                    Found::Many(all, _) => all.len(),
                };
                Found::One(length.to_string())
            }
            E::RemoveSmallestSuffixPattern { parameter, indirect, pattern } => {
                self.cut(parameter, *indirect, pattern.as_deref(), Cut::ShortestSuffix).await?
            }
            E::RemoveLargestSuffixPattern { parameter, indirect, pattern } => {
                self.cut(parameter, *indirect, pattern.as_deref(), Cut::LongestSuffix).await?
            }
            E::RemoveSmallestPrefixPattern { parameter, indirect, pattern } => {
                self.cut(parameter, *indirect, pattern.as_deref(), Cut::ShortestPrefix).await?
            }
            E::RemoveLargestPrefixPattern { parameter, indirect, pattern } => {
                self.cut(parameter, *indirect, pattern.as_deref(), Cut::LongestPrefix).await?
            }
            E::Substring { parameter, indirect, offset, length } => {
                let found = self.look_up(parameter, *indirect).await?;
                let offset = self.arithmetic(offset).await?;
                let length = match length {
                    Some(length) => Some(self.arithmetic(length).await?),
                    None => None,
                };
                self.substring(found, parameter, offset, length).await?
            }
            E::ReplaceSubstring { parameter, indirect, pattern, replacement, match_kind } => {
                let found = self.look_up(parameter, *indirect).await?;
                let pattern = self.pattern(pattern).await?;
                let with = match replacement {
                    Some(text) => self.single(text).await?,
                    None => String::new(),
                };
                let how = match match_kind {
                    SubstringMatchKind::Prefix => Replace::Prefix,
                    SubstringMatchKind::Suffix => Replace::Suffix,
                    SubstringMatchKind::FirstOccurrence => Replace::First,
                    SubstringMatchKind::Anywhere => Replace::All,
                };
                self.kernel()
                    .spend(match &found {
                        Found::One(text) => text.len() as u64,
                        _ => 1,
                    })
                    .await?;
                let extended = self.options.extglob;
                found.map(|text| pattern::replace(text, &pattern, &with, how, extended).unwrap_or_default())
            }
            E::UppercaseFirstChar { parameter, indirect, pattern } => {
                self.case(parameter, *indirect, pattern.as_deref(), true, false).await?
            }
            E::UppercasePattern { parameter, indirect, pattern } => {
                self.case(parameter, *indirect, pattern.as_deref(), true, true).await?
            }
            E::LowercaseFirstChar { parameter, indirect, pattern } => {
                self.case(parameter, *indirect, pattern.as_deref(), false, false).await?
            }
            E::LowercasePattern { parameter, indirect, pattern } => {
                self.case(parameter, *indirect, pattern.as_deref(), false, true).await?
            }
            E::Transform { parameter, indirect, op } => {
                let found = self.look_up(parameter, *indirect).await?;
                if matches!(found, Found::Unset) {
                    return Ok(());
                }
                found.map(|text| transform(text, op))
            }
            E::VariableNames { prefix, concatenate } => {
                let names = self.vars.sorted().into_iter().map(|(name, _)| name);
                let names = names.filter(|name| name.starts_with(prefix.as_str())).map(str::to_string).collect();
                Found::Many(names, *concatenate)
            }
            E::MemberKeys { variable_name, concatenate } => {
                let keys = self.vars.get(variable_name).map(|var| var.value.keys()).unwrap_or_default();
                Found::Many(keys, *concatenate)
            }
        };
        match found {
            Found::Unset => self.put("", quoted, how, out),
            Found::One(value) => self.put(&value, quoted, how, out),
            Found::Many(values, star) => self.put_each(&values, star, quoted, how, out),
        }
        Ok(())
    }

    async fn default(&mut self, word: Option<&str>, quoted: bool, how: How, out: &mut Fields) -> Exec<()> {
        let word = word.unwrap_or_default();
        if quoted {
            let value = self.single_default(word, true).await?;
            self.put(&value, true, how, out);
            return Ok(());
        }
        let options = brush_parser::ParserOptions::default();
        let Ok(Ok(pieces)) = grammar::guarded(word, || brush_parser::word::parse(word, &options)) else {
            return self.bad_substitution(word).await;
        };
        // Unquoted text of the word is split as an expansion's result is.
        for piece in &pieces {
            match &piece.piece {
                brush_parser::word::WordPiece::Text(text) => self.put(text, false, how, out),
                _ => self.one_piece(&piece.piece, how, out).await?,
            }
        }
        Ok(())
    }

    async fn single_default(&mut self, word: &str, quoted: bool) -> Exec<String> {
        if quoted && !word.contains('"') {
            return self.here_document(word).await;
        }
        self.single(word).await
    }

    async fn check_unset(&mut self, parameter: &Parameter) -> Exec<()> {
        let exempt = matches!(parameter, Parameter::Special(_) | Parameter::NamedWithAllIndices { .. });
        if !self.options.nounset || exempt {
            return Ok(());
        }
        let message = match self.dialect {
            Dialect::Bash => format!("{}: unbound variable", name_of(parameter)),
            _ => format!("{}: parameter not set", name_of(parameter)),
        };
        self.complain(&message).await?;
        Err(if self.is_interactive() {
            Flow::Abort(1)
        } else {
            Flow::Exit(if self.dialect == Dialect::Bash { 1 } else { 2 })
        })
    }

    async fn look_up(&mut self, parameter: &Parameter, indirect: bool) -> Exec<Found> {
        let found = self.look_up_direct(parameter).await?;
        if !indirect {
            return Ok(found);
        }
        let Found::One(name) = found else { return Ok(Found::Unset) };
        let options = brush_parser::ParserOptions::default();
        let Ok(Ok(parameter)) = grammar::guarded(&name, || brush_parser::word::parse_parameter(&name, &options)) else {
            self.complain(&format!("{name}: invalid variable name")).await?;
            return Err(Flow::Abort(1));
        };
        self.look_up_direct(&parameter).await
    }

    async fn look_up_direct(&mut self, parameter: &Parameter) -> Exec<Found> {
        Ok(match parameter {
            Parameter::Positional(0) | Parameter::Special(SpecialParameter::ShellName) => {
                Found::One(self.name0.clone())
            }
            Parameter::Positional(at) => {
                let at = usize::try_from(*at).unwrap_or(usize::MAX);
                self.positional.get(at - 1).cloned().map_or(Found::Unset, Found::One)
            }
            Parameter::Special(special) => self.special(special),
            Parameter::Named(name) => self.named(name),
            Parameter::NamedWithIndex { name, index } => {
                let key = self.key(name, index).await?;
                self.value(name, Some(&key)).map_or(Found::Unset, Found::One)
            }
            Parameter::NamedWithAllIndices { name, concatenate } => {
                let all = match self.dynamic(name) {
                    Some(_) if name == "PIPESTATUS" => self.pipe_status.iter().map(ToString::to_string).collect(),
                    Some(value) => vec![value],
                    None => self.vars.get(name).map(|var| var.value.all()).unwrap_or_default(),
                };
                Found::Many(all, *concatenate)
            }
        })
    }

    fn special(&self, special: &SpecialParameter) -> Found {
        match special {
            SpecialParameter::AllPositionalParameters { concatenate } => {
                Found::Many(self.positional.clone(), *concatenate)
            }
            SpecialParameter::PositionalParameterCount => Found::One(self.positional.len().to_string()),
            SpecialParameter::LastExitStatus => Found::One(self.status.to_string()),
            SpecialParameter::CurrentOptionFlags => Found::One(self.flags()),
            SpecialParameter::ProcessId => Found::One(self.shell_pid.to_string()),
            SpecialParameter::LastBackgroundProcessId => {
                self.last_background.map_or(Found::Unset, |pid| Found::One(pid.to_string()))
            }
            SpecialParameter::ShellName => Found::One(self.name0.clone()),
        }
    }

    fn named(&mut self, name: &str) -> Found {
        if name == "_" {
            return Found::One(self.last_argument.clone());
        }
        if let Some(value) = self.dynamic(name) {
            return Found::One(value);
        }
        self.vars.scalar(name).map_or(Found::Unset, |value| Found::One(value.to_string()))
    }

    /// A subscript: a name for associative arrays, else an expression.
    pub(super) async fn key(&mut self, name: &str, index: &str) -> Exec<Key> {
        if matches!(self.vars.get(name).map(|var| &var.value), Some(Value::Map(_))) {
            return self.single(index).await.map(Key::Name);
        }
        let at = self.arithmetic_text(index).await?;
        if at < 0 {
            let last = match self.vars.get(name).map(|var| &var.value) {
                Some(Value::Array(all)) => all.keys().next_back().copied().unwrap_or(-1),
                Some(Value::Scalar(_)) => 0,
                _ => -1,
            };
            return Ok(Key::Index(last.saturating_add(1).saturating_add(at)));
        }
        Ok(Key::Index(at))
    }

    async fn cut(&mut self, parameter: &Parameter, indirect: bool, word: Option<&str>, how: Cut) -> Exec<Found> {
        let found = self.look_up(parameter, indirect).await?;
        if matches!(found, Found::Unset) {
            self.check_unset(parameter).await?;
        }
        let pattern = self.pattern(word.unwrap_or_default()).await?;
        let extended = self.options.extglob;
        self.kernel()
            .spend(match &found {
                Found::One(text) => text.len() as u64,
                _ => 1,
            })
            .await?;
        Ok(found.map(|text| pattern::cut(text, &pattern, how, extended)))
    }

    async fn case(
        &mut self,
        parameter: &Parameter,
        indirect: bool,
        word: Option<&str>,
        upper: bool,
        all: bool,
    ) -> Exec<Found> {
        let found = self.look_up(parameter, indirect).await?;
        let pattern = self.pattern(word.unwrap_or_default()).await?;
        let extended = self.options.extglob;
        Ok(found.map(|text| {
            let mut first = true;
            text.chars()
                .flat_map(|c| {
                    let wanted = (all || std::mem::take(&mut first))
                        && (pattern.is_empty() || pattern::matches(&pattern, &c.to_string(), extended));
                    let changed: Vec<char> = match (wanted, upper) {
                        (true, true) => c.to_uppercase().collect(),
                        (true, false) => c.to_lowercase().collect(),
                        _ => vec![c],
                    };
                    changed
                })
                .collect()
        }))
    }

    async fn substring(
        &mut self,
        found: Found,
        parameter: &Parameter,
        offset: i64,
        length: Option<i64>,
    ) -> Exec<Found> {
        let range = |len: usize, first: i64| -> Option<(usize, usize)> {
            let len = i64::try_from(len).unwrap_or(i64::MAX);
            let begin = if offset < 0 { len.saturating_add(offset) } else { offset.saturating_sub(first) };
            if begin < 0 || begin > len {
                return Some((0, 0));
            }
            let end = match length {
                None => len,
                Some(length) if length < 0 => len.saturating_add(length),
                Some(length) => begin.saturating_add(length).min(len),
            };
            if end < begin {
                return None;
            }
            Some((usize::try_from(begin).unwrap_or(0), usize::try_from(end).unwrap_or(0)))
        };
        let range = |len, first| range(len, first).map(|(begin, end)| begin..end);
        let cut = match found {
            Found::Unset => return Ok(Found::Unset),
            Found::One(text) => {
                let chars: Vec<char> = text.chars().collect();
                range(chars.len(), 0).map(|range| Found::One(chars.get(range).unwrap_or_default().iter().collect()))
            }
            Found::Many(mut all, star) => {
                let positional = matches!(parameter, Parameter::Special(_));
                if positional && offset == 0 {
                    all.insert(0, self.name0.clone());
                }
                let first = i64::from(positional && offset > 0);
                range(all.len(), first).map(|range| Found::Many(all.get(range).unwrap_or_default().to_vec(), star))
            }
        };
        match cut {
            Some(found) => Ok(found),
            None => {
                let length = length.unwrap_or_default();
                self.complain(&format!("{length}: substring expression < 0")).await?;
                Err(Flow::Abort(1))
            }
        }
    }
}

impl Names for Interp {
    fn value(&mut self, name: &str, key: Option<&Key>) -> Option<String> {
        let Some(key) = key else {
            if let Some(value) = self.dynamic(name) {
                return Some(value);
            }
            return self.vars.scalar(name).map(str::to_string);
        };
        if let (Some(value), Key::Index(at)) = (self.dynamic(name), key) {
            let at = usize::try_from(*at).ok()?;
            return if name == "PIPESTATUS" {
                self.pipe_status.get(at).map(ToString::to_string)
            } else {
                Some(value).filter(|_| at == 0)
            };
        }
        match (&self.vars.get(name)?.value, key) {
            (Value::Array(all), Key::Index(at)) => all.get(at).cloned(),
            (Value::Map(all), Key::Name(key)) => all.get(key).cloned(),
            (Value::Map(all), Key::Index(at)) => all.get(&at.to_string()).cloned(),
            (Value::Scalar(text), Key::Index(0)) => Some(text.to_string()),
            _ => None,
        }
    }

    fn assign(&mut self, name: &str, key: Option<&Key>, value: i64) -> bool {
        let value = value.to_string();
        match key {
            None => self.vars.set(name, &value).is_ok(),
            Some(key) => self.vars.set_element(name, key, &value).is_ok(),
        }
    }

    fn is_map(&self, name: &str) -> bool {
        matches!(self.vars.get(name).map(|var| &var.value), Some(Value::Map(_)))
    }
}

fn is_missing(found: &Found, test: &ParameterTestType) -> bool {
    match (found, test) {
        (Found::Unset, _) => true,
        (Found::Many(all, _), ParameterTestType::Unset) => all.is_empty(),
        (found, ParameterTestType::UnsetOrNull) => found.is_null(),
        _ => false,
    }
}

fn name_of(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Named(name) => name.clone(),
        Parameter::NamedWithIndex { name, index } => format!("{name}[{index}]"),
        Parameter::Positional(at) => at.to_string(),
        other => other.to_string().trim_start_matches('$').to_string(),
    }
}

fn transform(value: &str, op: &ParameterTransformOp) -> String {
    match op {
        ParameterTransformOp::Quoted | ParameterTransformOp::ToAssignmentLogic => super::quoted(value),
        ParameterTransformOp::ToUpperCase => value.to_uppercase(),
        ParameterTransformOp::ToLowerCase => value.to_lowercase(),
        ParameterTransformOp::CapitalizeInitial => {
            let mut chars = value.chars();
            chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
        }
        ParameterTransformOp::ExpandEscapeSequences => text::decode(&crate::shell::escape::ansi_c(value)),
        _ => value.to_string(),
    }
}
