//! What a recording may do to the terminal of whoever watches it. A session shows what an attacker had it show; on a
//! terminal that could set the clipboard or the title, or have the terminal type an answer into the operator's shell.
//!
//! Through come text, colours, moves of the cursor, erasing, scrolling and the second screen. All other control sequences
//! (ECMA-48, "XTerm Control Sequences") are left out, and counted. A string that a terminal would swallow (title,
//! clipboard, device control) ends at the latest with its line, so that nothing can be hidden behind its beginning.

use crate::base::text::is_carrier;

/// Reads text in pieces; a sequence may be split over two of them.
#[derive(Debug, Default)]
pub(super) struct Filter {
    state: State,
    /// Parameters and intermediate characters of the sequence that has begun.
    sequence: String,
    /// How many sequences and control characters were left out.
    pub left_out: u64,
    /// What has to be put right at the end.
    pub touched: Touched,
}

/// What came through and lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// The second screen is shown.
    pub second_screen: bool,
    /// Only a part of the screen scrolls.
    pub region: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    Control,
    /// OSC, DCS, SOS, PM, APC
    Swallowed,
}

/// The longest sequence that comes through.
const LONGEST: usize = 64;

const ESCAPE: char = '\u{1b}';
/// CAN and SUB end a sequence.
const CANCEL: [char; 2] = ['\u{18}', '\u{1a}'];

impl Filter {
    /// What of the next piece may be shown.
    pub fn feed(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            self.one(c, &mut shown);
        }
        shown
    }

    fn one(&mut self, c: char, shown: &mut String) {
        match (self.state, c) {
            (_, ESCAPE) => self.begin(State::Escape),
            // The same in one character (C1).
            (_, '\u{9b}') => self.begin(State::Control),
            (_, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => self.begin_swallowed(),
            (State::Text, _) => self.text(c, shown),
            (_, c) if CANCEL.contains(&c) => self.state = State::Text,
            (State::Swallowed, '\u{7}' | '\u{9c}') => self.state = State::Text,
            (State::Swallowed, '\r' | '\n') => {
                self.state = State::Text;
                self.text(c, shown);
            }
            (State::Swallowed, _) => {}
            // Inside a sequence control characters do what they always do.
            (State::Escape | State::Control, '\0'..='\u{1f}') => self.text(c, shown),
            (State::Escape, '[') if self.sequence.is_empty() => self.begin(State::Control),
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') if self.sequence.is_empty() => self.begin_swallowed(),
            // The end of a string.
            (State::Escape, '\\') if self.sequence.is_empty() => self.state = State::Text,
            (State::Escape, ' '..='/') | (State::Control, ' '..='?') => {
                if self.sequence.len() <= LONGEST {
                    self.sequence.push(c);
                }
            }
            (State::Escape, '0'..='~') => {
                self.state = State::Text;
                let harmless = match self.sequence.as_str() {
                    "" => "78DEM".contains(c),
                    "(" => "0B".contains(c),
                    _ => false,
                };
                self.finish(harmless, "", c, shown);
            }
            (State::Control, '@'..='~') => {
                self.state = State::Text;
                let harmless = self.sequence.len() <= LONGEST && self.is_harmless(c);
                self.finish(harmless, "[", c, shown);
            }
            // No sequence after all.
            _ => {
                self.left_out += 1;
                self.state = State::Text;
                self.text(c, shown);
            }
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.sequence.clear();
    }

    fn begin_swallowed(&mut self) {
        self.begin(State::Swallowed);
        self.left_out += 1;
    }

    fn text(&mut self, c: char, shown: &mut String) {
        match c {
            '\u{7}'..='\r' => shown.push(c),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => self.left_out += 1,
            c if is_carrier(c) => shown.push(char::REPLACEMENT_CHARACTER),
            c => shown.push(c),
        }
    }

    fn finish(&mut self, harmless: bool, introducer: &str, last: char, shown: &mut String) {
        if harmless {
            shown.push(ESCAPE);
            shown.push_str(introducer);
            shown.push_str(&self.sequence);
            shown.push(last);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether a control sequence only moves, erases, scrolls or colours.
    fn is_harmless(&mut self, last: char) -> bool {
        let sequence = self.sequence.as_str();
        let numbers = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | ';' | ':'));
        let switches = matches!(last, 'h' | 'l');
        match sequence.strip_prefix('?') {
            Some(modes) if switches => {
                let mut second = false;
                let known = modes.split(';').all(|mode| {
                    second |= matches!(mode, "47" | "1047" | "1049");
                    matches!(mode, "7" | "12" | "25" | "47" | "1047" | "1048" | "1049")
                });
                if known && second {
                    self.touched.second_screen = last == 'h';
                }
                known
            }
            Some(how) => matches!(last, 'J' | 'K') && numbers(how),
            None if switches => sequence == "4",
            // With more than one number `T` has the terminal follow the mouse; `s` and `u` have other meanings.
            None if last == 'T' => numbers(sequence) && !sequence.contains([';', ':']),
            None if matches!(last, 's' | 'u') => sequence.is_empty(),
            None => {
                let harmless = "@ABCDEFGHIJKLMPSXZ`adefmr".contains(last) && numbers(sequence);
                self.touched.region |= harmless && last == 'r';
                harmless
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (String, u64) {
        let mut whole = Filter::default();
        let result = whole.feed(text);
        let mut split = Filter::default();
        let pieces: String = text.chars().map(|c| split.feed(&c.to_string())).collect();
        assert_eq!((&pieces, split.left_out, split.touched), (&result, whole.left_out, whole.touched));
        (result, whole.left_out)
    }

    #[test]
    fn colours_and_moves_come_through() {
        for text in [
            "plain äöü 漢字\r\n\tx\x08\x07",
            "\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3m\x1b[m",
            "\x1b[H\x1b[2J\x1b[3;4H\x1b[10A\x1b[K\x1b[2L\x1b[5X\x1b[S\x1b[2T\x1b[s\x1b[u\x1b7\x1b8\x1bM",
            "\x1b[?25l\x1b[?1049h\x1b[?7l\x1b[4h\x1b[?1049l\x1b(0lqk\x1b(B\x1b[1;20r",
        ] {
            assert_eq!(shown(text), (text.to_string(), 0));
        }
    }

    #[test]
    fn what_acts_on_a_terminal_does_not() {
        for dangerous in [
            "\x1b]52;c;ZWNobyBwd25lZA==\x07",
            "\x1b]0;title\x1b\\",
            "\x1b]8;;http://x/\x1b\\",
            "\x1b]0;title\u{9c}",
            "\u{9d}52;c;eA==\x07",
            "\x1bP+q544e\x1b\\",
            "\x1bP$q\"p\x1b\\",
            "\x1b_Ga=T;x\x1b\\",
            "\x1b^private\x1b\\",
            "\x1bXstring\x1b\\",
            "\x1b[c",
            "\x1b[>c",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[5n",
            "\u{9b}6n",
            "\x1b[21t",
            "\x1b[x",
            "\x1b[>q",
            "\x1b[?1000h",
            "\x1b[?1003;1006h",
            "\x1b[?25;2004h",
            "\x1b[?1h",
            "\x1b[20h",
            "\x1b[>4;2m",
            "\x1b[>1u",
            "\x1b[1;2;3;4;5T",
            "\x1b[2$p",
            "\x1b[5i",
            "\x1bc",
            "\x1b=",
            "\x1bZ",
            "\x1b#8",
            "\x1b%G",
            "\x05",
            "\x0e",
            "\x00",
            "\x7f",
            "\u{85}",
        ] {
            let (text, left_out) = shown(&format!("a{dangerous}b"));
            assert_eq!((text.as_str(), left_out), ("ab", 1), "{dangerous:?}");
        }
        let long = format!("\x1b[{}m", "1;".repeat(100));
        assert_eq!(shown(&long), (String::new(), 1));
    }

    #[test]
    fn nothing_can_be_hidden_or_put_together() {
        assert_eq!(shown("\x1b]0;never ended\r\nrm -rf /\r\n").0, "\r\nrm -rf /\r\n");
        assert_eq!(shown("\x1bPq\x18seen").0, "seen");
        // A sequence that begins inside another one.
        assert_eq!(shown("\x1b[\x1b]52;c;eA==\x07x").0, "x");
        assert_eq!(shown("\x1b]0;\x1b[6n\x07x").0, "\x07x");
        assert_eq!(shown("\x1b\x1b[6nx").0, "x");
        assert_eq!(shown("\x1b[1\r;31mx").0, "\r\x1b[1;31mx");
        assert_eq!(shown("\x1b[3äx").0, "äx");
        // Bytes that are no UTF-8.
        assert_eq!(shown("\u{10ff9b}6n\u{10ffff}").0, "\u{fffd}6n\u{fffd}");
    }

    proptest::proptest! {
        /// Whatever comes, only sequences of the kinds above are left.
        #[test]
        fn no_string_and_no_question_comes_through(text in "[\\x1b\\[\\]P?;0-9cnhmt\\\\\\x07\\u{9b}\\u{9d}a]{0,40}") {
            let (text, _) = shown(&text);
            let chars: Vec<char> = text.chars().collect();
            assert!(!chars.iter().any(|c| ('\u{80}'..='\u{9f}').contains(c)));
            for (at, _) in chars.iter().enumerate().filter(|(_, c)| **c == ESCAPE) {
                if matches!(chars[at + 1], '7' | '8') {
                    continue;
                }
                assert_eq!(chars[at + 1], '[', "{text:?}");
                let last = chars[at + 2..].iter().find(|c| ('@'..='~').contains(*c)).unwrap();
                assert!(matches!(last, 'a' | 'h' | 'm' | 'P'), "{text:?}");
            }
        }
    }
}
