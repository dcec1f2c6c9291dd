//! Decimal numbers of any length, as bc has them: digits and a scale.

use std::cmp::Ordering;

/// Digits that a number may have.
pub(super) const LONGEST: usize = 20_000;

/// `±digits / 10^scale`; digits are least significant first, without leading zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    digits: Vec<u8>,
    pub scale: usize,
}

fn trim(digits: &mut Vec<u8>) {
    while digits.last() == Some(&0) {
        digits.pop();
    }
}

fn order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len().max(b.len()) + 1);
    let mut carry = 0;
    for at in 0..a.len().max(b.len()) {
        let sum = a.get(at).unwrap_or(&0) + b.get(at).unwrap_or(&0) + carry;
        out.push(sum % 10);
        carry = sum / 10;
    }
    if carry > 0 {
        out.push(carry);
    }
    out
}

/// `a` is not less than `b`.
fn sub(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len());
    let mut borrow = 0;
    for (at, digit) in a.iter().enumerate() {
        let take = b.get(at).unwrap_or(&0) + borrow;
        borrow = u8::from(*digit < take);
        out.push(digit + 10 * borrow - take);
    }
    trim(&mut out);
    out
}

fn mul(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sums = vec![0u32; a.len() + b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        for (slot, y) in sums.iter_mut().skip(i).zip(b) {
            *slot += u32::from(*x) * u32::from(*y);
        }
    }
    let mut carry = 0;
    let mut out: Vec<u8> = sums
        .into_iter()
        .map(|sum| {
            let sum = sum + carry;
            carry = sum / 10;
            u8::try_from(sum % 10).unwrap_or(0)
        })
        .collect();
    trim(&mut out);
    out
}

/// Quotient of whole numbers.
fn div(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len());
    let mut rest: Vec<u8> = Vec::new();
    for digit in a.iter().rev() {
        rest.insert(0, *digit);
        trim(&mut rest);
        let mut times = 0;
        while order(&rest, b) != Ordering::Less {
            rest = sub(&rest, b);
            times += 1;
        }
        out.push(times);
    }
    out.reverse();
    trim(&mut out);
    out
}

impl Number {
    pub fn of(value: i64) -> Self {
        let digits = value.unsigned_abs().to_string().bytes().rev().map(|b| b - b'0').collect();
        Self::new(value < 0, digits, 0)
    }

    fn new(negative: bool, mut digits: Vec<u8>, scale: usize) -> Self {
        trim(&mut digits);
        Self { negative: negative && !digits.is_empty(), digits, scale }
    }

    /// Digits and at most one point, in a base from 2 to 16.
    pub fn parse(text: &str, base: u32) -> Self {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if base == 10 {
            let digit = |c: char| u8::try_from(c.to_digit(16).unwrap_or(0).min(9)).unwrap_or(0);
            let digits = format!("{whole}{part}").chars().rev().map(digit).collect();
            return Self::new(false, digits, part.len());
        }
        let base_number = Self::of(i64::from(base));
        let read = |text: &str| {
            text.chars().fold(Self::default(), |value, c| {
                let digit = Self::of(i64::from(c.to_digit(16).unwrap_or(0)));
                value.times(&base_number, 0).plus(&digit)
            })
        };
        let value = read(whole);
        if part.is_empty() {
            return value;
        }
        let power = (0..part.len()).fold(Self::of(1), |power, _| power.times(&base_number, 0));
        value.plus(&read(part).over(&power, part.len()).unwrap_or_default())
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub fn len(&self) -> usize {
        self.digits.len().max(self.scale)
    }

    pub fn negate(mut self) -> Self {
        self.negative = !self.negative && !self.digits.is_empty();
        self
    }

    /// The same value with that many digits behind the point; what is too much is cut off.
    pub fn with_scale(&self, scale: usize) -> Self {
        let mut digits = self.digits.clone();
        if scale >= self.scale {
            if !digits.is_empty() {
                digits.splice(0..0, std::iter::repeat_n(0, scale - self.scale));
            }
        } else {
            digits.drain(..(self.scale - scale).min(digits.len()));
        }
        Self::new(self.negative, digits, scale)
    }

    pub fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.with_scale(scale), other.with_scale(scale));
        if a.negative == b.negative {
            return Self::new(a.negative, add(&a.digits, &b.digits), scale);
        }
        match order(&a.digits, &b.digits) {
            Ordering::Less => Self::new(b.negative, sub(&b.digits, &a.digits), scale),
            _ => Self::new(a.negative, sub(&a.digits, &b.digits), scale),
        }
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.clone().negate())
    }

    /// The product, with the scale that bc gives it.
    pub fn times(&self, other: &Self, scale: usize) -> Self {
        let full = self.scale + other.scale;
        let wanted = full.min(scale.max(self.scale).max(other.scale));
        let product = Self::new(self.negative != other.negative, mul(&self.digits, &other.digits), full);
        product.with_scale(wanted)
    }

    /// The quotient with that many digits behind the point; `None` for a division by zero.
    pub fn over(&self, other: &Self, scale: usize) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let mut digits = self.digits.clone();
        let shift = scale + other.scale;
        if shift >= self.scale {
            if !digits.is_empty() {
                digits.splice(0..0, std::iter::repeat_n(0, shift - self.scale));
            }
        } else {
            digits.drain(..(self.scale - shift).min(digits.len()));
        }
        Some(Self::new(self.negative != other.negative, div(&digits, &other.digits), scale))
    }

    /// The remainder as bc defines it.
    pub fn rest(&self, other: &Self, scale: usize) -> Option<Self> {
        let quotient = self.over(other, scale)?;
        let scale = self.scale.max(other.scale + scale);
        Some(self.minus(&quotient.times(other, scale)).with_scale(scale))
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        let rest = self.minus(other);
        match (rest.is_zero(), rest.negative) {
            (true, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }

    /// The whole part, if it fits.
    pub fn whole(&self) -> Option<i64> {
        let whole = self.with_scale(0);
        let text: String = whole.digits.iter().rev().map(|d| char::from(b'0' + d)).collect();
        let value: i64 = if text.is_empty() { 0 } else { text.parse().ok()? };
        Some(if self.negative { -value } else { value })
    }

    /// The square root by Newton's method; `None` for negative numbers.
    pub fn root(&self, scale: usize) -> Option<Self> {
        if self.negative {
            return None;
        }
        let scale = scale.max(self.scale);
        // Whole square root of the number shifted by twice the scale.
        let mut digits = self.digits.clone();
        if !digits.is_empty() {
            digits.splice(0..0, std::iter::repeat_n(0, 2 * scale - self.scale));
        }
        let mut guess = vec![0u8; digits.len().div_ceil(2)];
        guess.push(1);
        loop {
            if digits.is_empty() {
                return Some(Self::new(false, Vec::new(), scale));
            }
            let next = div(&add(&guess, &div(&digits, &guess)), &[2]);
            if order(&next, &guess) != Ordering::Less {
                return Some(Self::new(false, guess, scale));
            }
            guess = next;
        }
    }

    /// The text in a base; lines are broken behind 68 digits.
    pub fn show(&self, base: u32) -> String {
        let mut text = String::new();
        let letter =
            |digit: i64| char::from_digit(u32::try_from(digit).unwrap_or(0), 16).unwrap_or('0').to_ascii_uppercase();
        if base == 10 {
            let mut digits: Vec<char> = self.digits.iter().map(|d| char::from(b'0' + d)).collect();
            while digits.len() < self.scale {
                digits.push('0');
            }
            if self.scale > 0 {
                digits.insert(self.scale, '.');
            }
            text.extend(digits.into_iter().rev());
            if text.is_empty() || self.is_zero() {
                text = "0".into();
            }
        } else {
            let base_number = Self::of(i64::from(base));
            let mut whole = self.with_scale(0);
            whole.negative = false;
            let mut letters = Vec::new();
            while !whole.is_zero() {
                let next = whole.over(&base_number, 0).unwrap_or_default();
                letters.push(letter(whole.minus(&next.times(&base_number, 0)).whole().unwrap_or(0)));
                whole = next;
            }
            text.extend(letters.into_iter().rev());
            let mut part = self.minus(&self.with_scale(0));
            part.negative = false;
            if self.scale > 0 {
                text.push('.');
                let mut reach = Self::of(1);
                while reach.digits.len() <= self.scale {
                    part = part.times(&base_number, self.scale);
                    text.push(letter(part.whole().unwrap_or(0)));
                    part = part.minus(&part.with_scale(0));
                    reach = reach.times(&base_number, 0);
                }
            }
            if text.is_empty() {
                text = "0".into();
            }
        }
        if self.negative {
            text.insert(0, '-');
        }
        let mut out = String::new();
        let chars: Vec<char> = text.chars().collect();
        if chars.len() <= 69 {
            return text;
        }
        for (at, chunk) in chars.chunks(68).enumerate() {
            out.push_str(if at > 0 { "\\\n" } else { "" });
            out.extend(chunk);
        }
        out
    }
}
