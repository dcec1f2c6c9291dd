//! Values of awk: strings, numbers, and strings that look like numbers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::super::regexp::Regexp;
use crate::shell::format::{Spec, leading_float};

/// An array; a function that gets it changes the caller's.
pub(super) type Array = Arc<Mutex<Table>>;

/// The elements of an array. mawk goes through them in the order of its hash table, and so do we: 64 lists and more,
/// chosen by FNV-1a; within a list what was used last comes first.
#[derive(Debug, Default)]
pub(super) struct Table {
    elements: HashMap<Vec<u8>, (u64, Value)>,
    clock: u64,
    most: usize,
}

impl Table {
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    pub fn get(&mut self, key: &[u8]) -> Option<Value> {
        self.clock += 1;
        let (used, value) = self.elements.get_mut(key)?;
        *used = self.clock;
        Some(value.clone())
    }

    /// Whether the key was new.
    pub fn insert(&mut self, key: Vec<u8>, value: Value) -> bool {
        self.clock += 1;
        let new = self.elements.insert(key, (self.clock, value)).is_none();
        self.most = self.most.max(self.elements.len());
        new
    }

    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.elements.remove(key).is_some()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The keys in the order of `for (k in a)`.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        let mut lists = 64u64;
        while self.most as u64 > lists * 2 && lists < 1 << 30 {
            lists *= 2;
        }
        let hash = |key: &[u8]| {
            let hash =
                key.iter().fold(2_166_136_261u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619));
            u64::from(hash) % lists
        };
        // Keys that are whole numbers get their place as strings only when somebody asks for the order.
        let whole = |key: &[u8]| {
            let text = std::str::from_utf8(key).ok()?;
            text.parse::<u64>().ok().filter(|number| number.to_string() == text)
        };
        let mut keys: Vec<(u64, std::cmp::Reverse<u64>, &Vec<u8>)> = self
            .elements
            .iter()
            .map(|(key, (used, _))| {
                let rank = whole(key).map_or(*used, |number| number % lists);
                (hash(key), std::cmp::Reverse(rank), key)
            })
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, _, key)| key.clone()).collect()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) enum Value {
    /// Never assigned: 0 and the empty string.
    #[default]
    Nothing,
    Number(f64),
    Text(Arc<[u8]>),
    /// Input that looks like a number: compared as one.
    Numeric(Arc<[u8]>, f64),
    Array(Array),
    Pattern(Arc<Regexp>),
}

impl Value {
    pub fn text(bytes: impl AsRef<[u8]>) -> Self {
        Self::Text(Arc::from(bytes.as_ref()))
    }

    pub fn truth(condition: bool) -> Self {
        Self::Number(f64::from(u8::from(condition)))
    }

    /// Input: a number if it looks like one.
    pub fn input(bytes: &[u8]) -> Self {
        let trimmed = bytes.trim_ascii();
        let (value, len) = leading_float(trimmed, false);
        if len > 0 && len == trimmed.len() { Self::Numeric(Arc::from(bytes), value) } else { Self::text(bytes) }
    }

    pub fn number(&self) -> f64 {
        match self {
            Self::Number(value) | Self::Numeric(_, value) => *value,
            Self::Text(bytes) => leading_float(bytes.trim_ascii_start(), true).0,
            _ => 0.0,
        }
    }

    pub fn bytes(&self, format: &str) -> Arc<[u8]> {
        match self {
            Self::Number(value) => Arc::from(number_text(*value, format).into_bytes()),
            Self::Text(bytes) | Self::Numeric(bytes, _) => Arc::clone(bytes),
            _ => Arc::from(&b""[..]),
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Self::Number(value) | Self::Numeric(_, value) => *value != 0.0,
            Self::Text(bytes) => !bytes.is_empty(),
            _ => false,
        }
    }

    pub fn is_numeric(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// A number as print and strings have it: whole ones as such, others by the format.
pub(super) fn number_text(value: f64, format: &str) -> String {
    if value == value.trunc() && value.abs() <= 2_147_483_647.0 {
        return if value == 0.0 { "0".into() } else { format!("{value:.0}") };
    }
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan".into() } else { "nan".into() };
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let Some(rest) = format.strip_prefix('%') else { return format.to_string() };
    let (spec, taken) = Spec::read(rest.as_bytes());
    let mut out = Vec::new();
    if matches!(spec.letter, 'd' | 'i') {
        spec.integer(value as i128, &mut out);
    } else {
        spec.float(value, &mut out);
    }
    out.extend_from_slice(rest.as_bytes().get(taken..).unwrap_or_default());
    String::from_utf8_lossy(&out).into_owned()
}
