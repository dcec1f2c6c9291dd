//! Settles before the parser what it would try both ways, at each level of nesting again: whether `((` is arithmetic or
//! two subshells, and where the last item of a `case` and the `case` itself end. Without this, thirty parentheses take it hours.

use brush_parser::Token;

use super::{Missing, Parsed, unexpected};

/// Nested `case`; what is wrong in the innermost is looked at three times per level.
const CASES: usize = 10;

/// What is known of the tokens before they are parsed.
#[derive(Default)]
pub(super) struct Shape {
    /// Numbers of the parentheses that belong together.
    pub pairs: Vec<(usize, usize)>,
    /// Operators within `[[ ]]`.
    pub in_test: Vec<usize>,
    /// Parentheses within `[[` are not closed.
    pub open_test: bool,
    /// Numbers of the words that end a `case`.
    pub esacs: Vec<usize>,
    /// How deep `case` is nested.
    pub cases: usize,
}

/// Ends the last item of a `case` with `;;`, which may be left out.
pub(super) fn end_item(out: &mut Vec<Token>) {
    let last = out.iter().rfind(|token| token.to_str() != "\n");
    let ended =
        last.is_some_and(|last| matches!(last, Token::Operator(text, _) if text.starts_with(";;") || text == ";&"));
    if let Some(last) = out.last().filter(|_| !ended) {
        let span = last.location().clone();
        out.push(Token::Operator(";;".into(), span));
    }
}

/// The tokens with a newline between parentheses that open two subshells, and between `esac` and a parenthesis; or what
/// is wrong with them.
pub(super) fn settle(tokens: Vec<Token>, shape: &Shape) -> Result<Vec<Token>, Parsed> {
    if shape.cases > CASES {
        return Err(Parsed::TooDeep);
    }
    if shape.open_test {
        return Err(Parsed::Incomplete(Missing::Command));
    }
    let mut closes = vec![None; tokens.len()];
    for (open, close) in &shape.pairs {
        if let Some(place) = closes.get_mut(*open) {
            *place = Some(*close);
        }
    }
    let close = |at: usize| closes.get(at).copied().flatten();
    let is = |at: usize, wanted: &str| matches!(tokens.get(at), Some(Token::Operator(text, _)) if text == wanted);
    // How many semicolons stand before each token.
    let mut semicolons = vec![0_usize];
    for at in 0..tokens.len() {
        semicolons.push(semicolons.last().copied().unwrap_or(0) + usize::from(is(at, ";")));
    }
    let between = |from: usize, to: usize| semicolons.get(to).unwrap_or(&0) - semicolons.get(from).unwrap_or(&0);
    let adjacent = |at: usize| match (tokens.get(at), tokens.get(at + 1)) {
        (Some(one), Some(other)) => one.location().end.index == other.location().start.index,
        _ => false,
    };
    let mut apart = vec![false; tokens.len()];
    // Before a parenthesis, `esac` would be taken for one more pattern.
    for at in shape.esacs.iter().filter(|at| is(**at + 1, ")")) {
        if let Some(place) = apart.get_mut(*at) {
            *place = true;
        }
    }
    let mut at = 0;
    while at < tokens.len() {
        let double = is(at, "(") && is(at + 1, "(") && shape.in_test.binary_search(&at).is_err();
        let (outer, inner) = (close(at), close(at + 1));
        if !double {
            at += 1;
        } else if at > 0 && matches!(tokens.get(at - 1), Some(Token::Word(word, _)) if word == "for") {
            let Some(outer) = outer else { return Err(Parsed::Incomplete(Missing::Command)) };
            // Semicolons stand between the three expressions, not within parentheses of one.
            let mut inside = at + 2;
            while inside < outer {
                let end = close(inside).unwrap_or(inside);
                if between(inside, end) > 0 && end > inside {
                    return Err(tokens.get(at).map_or(Parsed::TooDeep, unexpected));
                }
                inside = end + 1;
            }
            at = outer + 1;
        } else if let (Some(outer), Some(inner)) = (outer, inner)
            && outer == inner + 1
            && adjacent(at)
            && adjacent(inner)
            && between(at, outer) == 0
        {
            at = outer + 1;
        } else {
            if let Some(place) = apart.get_mut(at) {
                *place = true;
            }
            at += 1;
        }
    }
    let mut out = Vec::with_capacity(tokens.len());
    for (token, apart) in tokens.into_iter().zip(apart) {
        let span = token.location().clone();
        out.push(token);
        if apart {
            out.push(Token::Operator("\n".into(), span));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Instant;

    use super::super::*;

    fn outcome(text: &str) -> String {
        match parse(text, &HashMap::new()) {
            Parsed::Program(program) => format!("{program}").split_whitespace().collect::<Vec<_>>().join(" "),
            Parsed::Incomplete(_) => "more".into(),
            Parsed::Unexpected { token, .. } => format!("at {token}"),
            Parsed::TooDeep => "deep".into(),
        }
    }

    #[test]
    fn parentheses_are_what_bash_takes_them_for() {
        for (text, wanted) in [
            ("((1+2))", "((1+2))"),
            ("(( (1) + (2) ))", "(((1)+(2)))"),
            ("( (echo a) )", "( ( echo a ) )"),
            ("((echo a); echo b)", "( ( echo a ); echo b )"),
            ("((echo a; echo b))", "( ( echo a; echo b ) )"),
            ("( (", "more"),
            ("((1", "more"),
            ("for ((", "more"),
            ("for ((i=0;i<3;i++)); do echo; done", "for ((i=0;i<3;i++)); do echo; done"),
            ("for (((1;2);3;4)); do echo; done", "at ("),
            ("[[ (a && (b)) ]]", "[[ ( -n a && ( -n b ) ) ]]"),
            ("[[ x =~ ((a|b)) ]]", "[[ x =~ ((a|b)) ]]"),
            ("[[ x =~ (", "more"),
            ("echo )", "at )"),
            ("if true; then )", "at )"),
            ("f() ( (x) )", "f () ( ( x ) )"),
            ("a=(1 2)", "a=(1 2)"),
            ("case x\nin (x) ((y) ) esac", "case x in x) ( ( y ) ) ;; esac"),
            ("case x in x|y) case z in a) b\nesac esac", "case x in x|y) case z in a) b ;; esac ;; esac"),
            ("case x in esac", "case x in esac"),
            ("case x in a) ;; esac", "case x in a) ;; esac"),
            ("case x in\n\na) b ;;\n\nesac", "case x in a) b ;; esac"),
            ("(case x in x) y;; esac)", "( case x in x) y ;; esac )"),
            ("((case x in x) y;; esac))", "( ( case x in x) y ;; esac ) )"),
        ] {
            let bare = |text: &str| text.replace([' ', ';'], "");
            assert_eq!(bare(&outcome(text)), bare(wanted), "{text}");
        }
    }

    /// Each of these took time that doubles with each level.
    #[test]
    fn nesting_costs_no_more_than_its_length() {
        let begun = Instant::now();
        for (open, middle, close) in [
            ("(", "if a=", ""),
            ("(", "", ""),
            ("(", "a;b", ")"),
            ("(", "a;b", ""),
            ("((", "a;b", "))"),
            ("((", "a(", "))"),
            ("( (", "a;b", ") )"),
            ("(", "|", ")"),
            ("for ((", "", ""),
            ("for ((", ";", "))"),
            ("for (((", "a;b", ")"),
            ("[[ a =~ (", "", ""),
            ("[[ ((", "x", ")) ]]"),
            ("[[ x || (", "|", ") ]]"),
            ("case x in x) ", "x", " esac"),
            ("case x in x) ", "", ""),
            ("case x in x) ", "|", ";; esac"),
            ("case x in (x) ((", "|", ")) esac"),
            ("f() (", "|", ")"),
            ("x <(", "|", ")"),
        ] {
            for depth in [9, 30, 200] {
                outcome(&format!("{}{middle}{}", open.repeat(depth), close.repeat(depth)));
            }
        }
        // Thousands of years without, some seconds with, on whatever machine.
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }
}
