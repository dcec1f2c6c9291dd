//! From a file and the environment to a [`Config`], and from a mistake to a message with line and caret.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::Config;

/// What is wrong with the configuration: where, why, what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// Environment variables, read once by the command line.
pub type Environment = BTreeMap<String, String>;

/// `RUSTBUCKET__SECTION__KEY`
const PREFIX: &str = "RUSTBUCKET__";

/// Short names of single keys; each also exists as `NAME_FILE`, a file that holds the value.
const SHORT: &[(&str, &[&str])] = &[
    ("CHATGPT_API_KEY", &["openai", "api_key"]),
    ("OPENAI_API_KEY", &["openai", "api_key"]),
    ("RUSTBUCKET_REGISTRY_URL", &["registration", "rustbucket_registry_url"]),
    ("RUSTBUCKET_API_KEY", &["registration", "registration_key"]),
];

/// One override: the variable, the key that it sets, its value.
struct Override {
    variable: String,
    path: Vec<String>,
    text: String,
}

/// Reads `file` (or the embedded defaults when there is none), then lets the environment override single keys.
///
/// # Errors
/// The first mistake, ready to be printed.
pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Config, ConfigError> {
    let text = match file {
        Some(path) => fs::read_to_string(path).map_err(|error| unreadable(path, &error))?,
        None => String::new(),
    };
    let name = file.map_or_else(|| "defaults".into(), |path| path.display().to_string());
    // First the file alone, so that its mistakes are shown in its own lines.
    let config = parse(&text).map_err(|mistake| mistake.in_file(&name, &text))?;
    config.check().map_err(|(path, reason)| Mistake::at(&text, &path, reason).in_file(&name, &text))?;
    let overrides = overrides(environment)?;
    if overrides.is_empty() { Ok(config) } else { apply(&text, &overrides) }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError(format!(
        "{}: can't be read: {error}\n  = help: name a readable file with --config, or leave it out to run on the defaults",
        path.display()
    ))
}

fn parse(text: &str) -> Result<Config, Mistake> {
    let deserializer = toml::Deserializer::parse(text).map_err(|error| Mistake {
        span: error.span(),
        path: String::new(),
        reason: error.message().into(),
    })?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner();
        Mistake {
            span: inner.span(),
            path: if path == "." { String::new() } else { path },
            reason: inner.message().into(),
        }
    })
}

fn overrides(environment: &Environment) -> Result<Vec<Override>, ConfigError> {
    let mut found = Vec::new();
    for (variable, path) in SHORT {
        let path: Vec<String> = path.iter().map(|part| (*part).to_string()).collect();
        if let Some(text) = environment.get(*variable).filter(|text| !text.is_empty()) {
            found.push(Override { variable: (*variable).into(), path: path.clone(), text: text.clone() });
        }
        let from_file = format!("{variable}_FILE");
        if let Some(file) = environment.get(&from_file) {
            found.push(Override { text: secret_file(&from_file, file)?, variable: from_file, path });
        }
    }
    for (variable, text) in environment.iter().filter(|(variable, _)| variable.starts_with(PREFIX)) {
        let key = variable.trim_start_matches(PREFIX).to_ascii_lowercase();
        let secret = key.strip_suffix("_file").filter(|key| key.ends_with("_key"));
        let text = if secret.is_some() { secret_file(variable, text)? } else { text.clone() };
        let path = secret.unwrap_or(&key).split("__").map(Into::into).collect();
        found.push(Override { variable: variable.clone(), path, text });
    }
    Ok(found)
}

fn secret_file(variable: &str, file: &str) -> Result<String, ConfigError> {
    let read = fs::read_to_string(PathBuf::from(file)).map(|text| text.trim().to_string());
    read.map_err(|error| ConfigError(format!("environment variable {variable}: {file} can't be read: {error}")))
}

/// Puts the overrides in one by one, so that a mistake names its variable. A value is TOML where that fits the key
/// (`2121`, `true`, `["a"]`), else a text.
fn apply(text: &str, overrides: &[Override]) -> Result<Config, ConfigError> {
    let mut table: toml::Table = toml::from_str(text).map_err(|error| ConfigError(error.to_string()))?;
    for Override { variable, path, text } in overrides {
        let literal = format!("v = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("v"));
        let mut candidates: Vec<Value> = literal.into_iter().collect();
        candidates.push(Value::String(text.clone()));
        let mut first_mistake = None;
        let mut fitting = None;
        for candidate in candidates {
            let mut changed = table.clone();
            set(&mut changed, path, candidate);
            match check_table(&changed) {
                Ok(()) => {
                    fitting = Some(changed);
                    break;
                }
                Err(reason) => first_mistake = first_mistake.or(Some(reason)),
            }
        }
        table = fitting.ok_or_else(|| {
            let reason = first_mistake.unwrap_or_default();
            ConfigError(format!("environment variable {variable} ({}): {reason}", path.join(".")))
        })?;
    }
    let whole = toml::to_string(&table).map_err(|error| ConfigError(error.to_string()))?;
    let config = parse(&whole).map_err(|mistake| ConfigError(mistake.reason))?;
    config.check().map_err(|(path, reason)| {
        let variables: Vec<&str> = overrides.iter().map(|each| each.variable.as_str()).collect();
        ConfigError(format!("{} (after {}): {reason}", path.join("."), variables.join(", ")))
    })?;
    Ok(config)
}

fn check_table(table: &toml::Table) -> Result<(), String> {
    let text = toml::to_string(table).map_err(|error| error.to_string())?;
    parse(&text).map(|_| ()).map_err(|mistake| mistake.reason)
}

fn set(table: &mut toml::Table, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return;
    }
    let below = table.entry(first.clone()).or_insert_with(|| Value::Table(toml::Table::new()));
    if let Value::Table(below) = below {
        set(below, rest, value);
    } else {
        let mut fresh = toml::Table::new();
        set(&mut fresh, rest, value);
        *below = Value::Table(fresh);
    }
}

/// A mistake and where it is.
struct Mistake {
    span: Option<Range<usize>>,
    path: String,
    reason: String,
}

impl Mistake {
    /// A mistake that only the whole shows: the key is looked up in the file.
    fn at(text: &str, path: &[String], reason: String) -> Self {
        let table = DeTable::parse(text).ok();
        let span = table.and_then(|table| find(table.get_ref(), path));
        Self { span, path: path.join("."), reason }
    }

    /// `FILE:LINE:COLUMN`, the line, a caret under the culprit, the reason.
    fn in_file(self, file: &str, text: &str) -> ConfigError {
        let Self { span, path, reason } = self;
        let key = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let help = "\n  = help: `rustbucket print-config` shows every key with its default";
        let Some(span) = span.filter(|span| span.start <= text.len()) else {
            return ConfigError(format!("{file}: {key}{reason}{help}"));
        };
        let before = text.get(..span.start).unwrap_or(text);
        let number = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = text.get(start..span.start).unwrap_or_default().chars().count() + 1;
        let width = text.get(span).unwrap_or_default().lines().next().unwrap_or_default().chars().count().max(1);
        let gutter = " ".repeat(number.to_string().len());
        let caret = format!("{}{}", " ".repeat(column - 1), "^".repeat(width));
        ConfigError(format!(
            "{file}:{number}:{column}: {key}{reason}\n {gutter} |\n {number} | {line}\n {gutter} | {caret}{help}"
        ))
    }
}

/// The span of the deepest part of `path` that is in the file.
fn find(table: &DeTable<'_>, path: &[String]) -> Option<Range<usize>> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == first.as_str())?;
    let inner = if rest.is_empty() { None } else { find_in(value.get_ref(), rest) };
    let own = match value.get_ref() {
        DeValue::Table(_) | DeValue::Array(_) => key.span(),
        _ => value.span(),
    };
    Some(inner.unwrap_or(own))
}

fn find_in(value: &DeValue<'_>, path: &[String]) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => find(table, path),
        DeValue::Array(array) => {
            let (at, rest) = path.split_first()?;
            let element = array.get(at.parse::<usize>().ok()?)?;
            find_in(element.get_ref(), rest).or_else(|| Some(element.span()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
