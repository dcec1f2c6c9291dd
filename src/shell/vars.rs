//! Variables of a shell: scalars, arrays, attributes, local scopes. Bounded in what they hold together.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that all variables of one shell may hold.
const HELD: usize = 8 * 1024 * 1024;
/// What an element of an array costs beside its text and its key.
const ELEMENT: usize = 24;
/// Variables of one shell.
const MOST: usize = 20_000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Declared, but without a value.
    Unset,
    Scalar(Arc<str>),
    Array(BTreeMap<i64, String>),
    /// An associative array.
    Map(BTreeMap<String, String>),
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Var {
    pub value: Value,
    pub exported: bool,
    pub readonly: bool,
    pub integer: bool,
    pub lower: bool,
    pub upper: bool,
    /// A name reference: its value is another variable's name.
    pub reference: bool,
    order: u32,
}

/// Why a variable could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Readonly,
    /// No more memory.
    Full,
}

/// The variables of a shell; a clone, as fork(2) makes it, shares them until one side changes something.
#[derive(Clone, Default)]
pub(super) struct Vars {
    all: Arc<HashMap<Box<str>, Var>>,
    /// What local variables hid, per function call.
    scopes: Vec<Vec<(String, Option<Var>)>>,
    held: usize,
    order: u32,
}

impl Value {
    fn size(&self) -> usize {
        match self {
            Self::Unset => 0,
            Self::Scalar(text) => text.len(),
            Self::Array(all) => all.values().map(|text| text.len() + ELEMENT).sum(),
            Self::Map(all) => all.iter().map(|(key, text)| key.len() + text.len() + ELEMENT).sum(),
        }
    }

    /// The value of the name without a subscript.
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Unset => None,
            Self::Scalar(text) => Some(text),
            Self::Array(all) => all.get(&0).map(String::as_str),
            Self::Map(all) => all.get("0").map(String::as_str),
        }
    }

    /// All values, in order.
    pub fn all(&self) -> Vec<String> {
        match self {
            Self::Unset => Vec::new(),
            Self::Scalar(text) => vec![text.to_string()],
            Self::Array(all) => all.values().cloned().collect(),
            Self::Map(all) => all.values().cloned().collect(),
        }
    }

    /// All subscripts, in order.
    pub fn keys(&self) -> Vec<String> {
        match self {
            Self::Unset => Vec::new(),
            Self::Scalar(_) => vec!["0".into()],
            Self::Array(all) => all.keys().map(ToString::to_string).collect(),
            Self::Map(all) => all.keys().cloned().collect(),
        }
    }
}

impl Vars {
    pub fn get(&self, name: &str) -> Option<&Var> {
        let var = self.all.get(name)?;
        if var.reference
            && let Value::Scalar(target) = &var.value
            && **target != *name
        {
            return self.all.get(&**target).filter(|var| !var.reference);
        }
        Some(var)
    }

    /// The value of the name without a subscript.
    pub fn scalar(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.scalar()
    }

    fn own(&mut self) -> &mut HashMap<Box<str>, Var> {
        Arc::make_mut(&mut self.all)
    }

    /// The name that a name reference stands for.
    pub fn target(&self, name: &str) -> String {
        match self.all.get(name) {
            Some(Var { reference: true, value: Value::Scalar(target), .. }) if !target.is_empty() => target.to_string(),
            _ => name.to_string(),
        }
    }

    /// Changes a variable, which is made if need be.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut Var)) -> Result<(), Refused> {
        let name = self.target(name);
        let fresh = !self.all.contains_key(name.as_str());
        if fresh && self.all.len() >= MOST {
            return Err(Refused::Full);
        }
        let order = self.order;
        self.order += u32::from(fresh);
        let made = Var {
            value: Value::Unset,
            exported: false,
            readonly: false,
            integer: false,
            lower: false,
            upper: false,
            reference: false,
            order,
        };
        let var = Arc::make_mut(&mut self.all).entry(name.into()).or_insert(made);
        let before = var.value.size();
        change(var);
        let after = var.value.size();
        self.held = (self.held + after).saturating_sub(before);
        if self.held > HELD {
            var.value = Value::Unset;
            self.held = self.held.saturating_sub(after);
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Sets a variable, as an assignment does: not when it is read-only, and by its attributes.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        if self.get(name).is_some_and(|var| var.readonly) {
            return Err(Refused::Readonly);
        }
        self.change(name, |var| {
            let value = case(var, value);
            match &mut var.value {
                Value::Array(all) => {
                    all.insert(0, value);
                }
                Value::Map(all) => {
                    all.insert("0".into(), value);
                }
                other => *other = Value::Scalar(shared(value)),
            }
        })
    }

    /// Sets an element.
    pub fn set_element(&mut self, name: &str, key: &Key, value: &str) -> Result<(), Refused> {
        if self.get(name).is_some_and(|var| var.readonly) {
            return Err(Refused::Readonly);
        }
        let name = self.target(name);
        if !matches!(self.all.get(name.as_str()), Some(Var { value: Value::Array(_) | Value::Map(_), .. })) {
            self.change(&name, |var| {
                if matches!(key, Key::Index(_)) {
                    let first = var.value.scalar().map(|text| (0, text.to_string()));
                    var.value = Value::Array(first.into_iter().collect());
                }
            })?;
        }
        // One element is counted, not all that are there.
        let Some(var) = Arc::make_mut(&mut self.all).get_mut(name.as_str()) else { return Ok(()) };
        let value = case(var, value);
        let added = value.len() + ELEMENT;
        let (old, named) = match (&mut var.value, key) {
            (Value::Array(all), Key::Index(at)) => (all.insert(*at, value), 0),
            (Value::Map(all), Key::Name(key)) => (all.insert(key.clone(), value), key.len()),
            (Value::Map(all), Key::Index(at)) => {
                let key = at.to_string();
                let len = key.len();
                (all.insert(key, value), len)
            }
            _ => return Ok(()),
        };
        let removed = old.map_or(0, |old| old.len() + ELEMENT + named);
        self.held = (self.held + added + named).saturating_sub(removed);
        if self.held > HELD {
            self.held = self.held.saturating_sub(var.value.size());
            var.value = Value::Unset;
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Marks for export, with a value if one is given.
    pub fn export(&mut self, name: &str, value: Option<&str>) -> Result<(), Refused> {
        if let Some(value) = value {
            self.set(name, value)?;
        }
        self.change(name, |var| var.exported = true)
    }

    pub fn unset(&mut self, name: &str) -> Result<(), Refused> {
        if self.get(name).is_some_and(|var| var.readonly) {
            return Err(Refused::Readonly);
        }
        if let Some(gone) = Arc::make_mut(&mut self.all).remove(name) {
            self.held = self.held.saturating_sub(gone.value.size());
        }
        Ok(())
    }

    /// Removes an element.
    pub fn unset_element(&mut self, name: &str, key: &Key) {
        let name = self.target(name);
        let Some(var) = self.own().get_mut(name.as_str()) else { return };
        let gone = match (&mut var.value, key) {
            (Value::Array(all), Key::Index(at)) => all.remove(at).map(|old| old.len() + ELEMENT),
            (Value::Map(all), Key::Name(key)) => all.remove(key).map(|old| old.len() + key.len() + ELEMENT),
            (Value::Scalar(text), Key::Index(0)) => {
                let len = text.len();
                var.value = Value::Unset;
                Some(len)
            }
            _ => None,
        };
        self.held = self.held.saturating_sub(gone.unwrap_or(0));
    }

    /// A function begins.
    pub fn enter(&mut self) {
        self.scopes.push(Vec::new());
    }

    /// A function has ended: what its locals hid is back.
    pub fn leave(&mut self) {
        for (name, hidden) in self.scopes.pop().unwrap_or_default().into_iter().rev() {
            let gone = match hidden {
                Some(var) => {
                    self.held += var.value.size();
                    self.own().insert(name.into(), var)
                }
                None => self.own().remove(name.as_str()),
            };
            self.held = self.held.saturating_sub(gone.map_or(0, |var| var.value.size()));
        }
    }

    /// Whether a function runs.
    pub fn in_function(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// Makes a variable local to the running function; it starts unset.
    pub fn make_local(&mut self, name: &str) {
        let Some(scope) = self.scopes.last_mut() else { return };
        if scope.iter().any(|(known, _)| known == name) || scope.len() > MOST {
            return;
        }
        let hidden = Arc::make_mut(&mut self.all).remove(name);
        self.held = self.held.saturating_sub(hidden.as_ref().map_or(0, |var| var.value.size()));
        scope.push((name.to_string(), hidden));
    }

    /// Exported variables in the order in which they were made.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut found: Vec<(&str, &Var)> =
            self.all.iter().filter(|(_, var)| var.exported).map(|(name, var)| (&**name, var)).collect();
        found.sort_by_key(|(_, var)| var.order);
        let pair = |(name, var): (&str, &Var)| Some((name.to_string(), var.value.scalar()?.to_string()));
        found.into_iter().filter_map(pair).collect()
    }

    /// All variables by name.
    pub fn sorted(&self) -> Vec<(&str, &Var)> {
        let mut found: Vec<(&str, &Var)> = self.all.iter().map(|(name, var)| (&**name, var)).collect();
        found.sort_by_key(|(name, _)| *name);
        found
    }

    /// Keeps a variable's state, to be put back by [`Vars::restore`].
    pub fn keep(&self, name: &str) -> Option<Var> {
        self.all.get(name).cloned()
    }

    pub fn restore(&mut self, name: &str, kept: Option<Var>) {
        let gone = match kept {
            Some(var) => {
                self.held += var.value.size();
                self.own().insert(name.into(), var)
            }
            None => self.own().remove(name),
        };
        self.held = self.held.saturating_sub(gone.map_or(0, |var| var.value.size()));
    }
}

/// A subscript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Index(i64),
    Name(String),
}

/// The long values that were set last: each login computes the same `LS_COLORS`.
static RECENT: Mutex<VecDeque<Arc<str>>> = Mutex::new(VecDeque::new());
/// How many of them are looked at, and the least and the most bytes that make one.
const KEPT: usize = 8;
const LONG: std::ops::RangeInclusive<usize> = 512..=4096;

fn shared(value: String) -> Arc<str> {
    if !LONG.contains(&value.len()) {
        return value.into();
    }
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = recent.iter().position(|known| **known == *value).and_then(|at| recent.remove(at));
    let value = known.unwrap_or_else(|| value.into());
    recent.truncate(KEPT - 1);
    recent.push_front(Arc::clone(&value));
    value
}

fn case(var: &Var, value: &str) -> String {
    if var.lower {
        value.to_lowercase()
    } else if var.upper {
        value.to_uppercase()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(vars: &Vars) -> usize {
        vars.all.values().map(|var| var.value.size()).sum()
    }

    #[test]
    fn elements_are_counted_one_by_one() {
        let mut vars = Vars::default();
        for at in 0..50_000 {
            vars.set_element("a", &Key::Index(at % 40_000), &at.to_string()).unwrap();
        }
        vars.set("s", "text").unwrap();
        vars.set_element("s", &Key::Index(3), "more").unwrap();
        vars.change("m", |var| var.value = Value::Map(BTreeMap::new())).unwrap();
        vars.set_element("m", &Key::Name("key".into()), "one").unwrap();
        vars.set_element("m", &Key::Name("key".into()), "two").unwrap();
        vars.set_element("m", &Key::Index(7), "seven").unwrap();
        assert_eq!(vars.held, measured(&vars));
        vars.unset_element("a", &Key::Index(5));
        vars.unset_element("m", &Key::Name("key".into()));
        vars.unset_element("s", &Key::Index(0));
        assert_eq!(vars.held, measured(&vars));
        assert_eq!(vars.get("s").unwrap().value, Value::Array(BTreeMap::from([(3, "more".into())])));
        let full = (0..).find(|at| vars.set_element("b", &Key::Index(*at), &"x".repeat(10_000)).is_err()).unwrap();
        assert!((700..900).contains(&full), "{full}");
        assert_eq!(vars.held, measured(&vars));
    }
}
