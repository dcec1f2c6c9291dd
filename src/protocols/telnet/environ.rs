//! Variables of the client's environment (RFC 1408, 1572), and which of them try to trick `login`.

/// A name and its value, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// Variables of one visit that are kept.
const MOST: usize = 64;

/// Reads `VAR name VALUE value ...`. Many clients have the codes of the old option the other way round (RFC 1571):
/// there a text that begins with 1 is read so.
pub(super) fn read(bytes: &[u8], old: bool, variables: &mut Vec<Variable>) {
    let (var, value) = if old && bytes.first() == Some(&1) { (1, 0) } else { (0, 1) };
    let mut in_value = false;
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            _ if byte == var || byte == 3 => {
                if variables.len() >= MOST {
                    return;
                }
                variables.push(Variable { name: Vec::new(), value: Vec::new() });
                in_value = false;
                continue;
            }
            _ if byte == value => {
                in_value = true;
                continue;
            }
            2 => bytes.next().unwrap_or(2),
            byte => byte,
        };
        let Some(last) = variables.last_mut() else { continue };
        if in_value { last.value.push(byte) } else { last.name.push(byte) }
    }
}

impl Variable {
    /// Whether it would be an option of `login` instead of a name: CVE-2026-24061 of inetutils, and what Solaris and
    /// AIX had long before.
    pub fn is_trick(&self) -> bool {
        self.value.starts_with(b"-") && matches!(self.name.as_slice(), b"USER" | b"LOGNAME")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], old: bool) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        read(bytes, old, &mut variables);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        variables.iter().map(|variable| (text(&variable.name), text(&variable.value))).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let expected = vec![("USER".to_string(), "-f root".to_string()), ("A".into(), "\u{1}b".into())];
        assert_eq!(of(b"\x00USER\x01-f root\x03A\x01\x02\x01b", false), expected);
        assert_eq!(of(b"\x01USER\x00bob", true), [("USER".to_string(), "bob".to_string())]);
        assert_eq!(of(b"\x00\x00\x01", false).len(), 2);
        assert!(of(b"x\x01y", false).is_empty());
    }
}
