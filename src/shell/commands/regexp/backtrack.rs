//! Matches patterns with back references by trying; the number of steps is bounded, and a search that needs more has
//! no match.

use super::Spans;
use super::parse::{Node, literal_bytes};

/// A pattern to try.
#[derive(Debug)]
pub(super) struct Program {
    node: Node,
    groups: usize,
    ignore_case: bool,
    multiline: bool,
}

/// Steps of one search.
const STEPS: u32 = 400_000;
/// Calls within calls.
const DEPTH: u32 = 600;

struct Search<'a> {
    program: &'a Program,
    text: &'a [u8],
    spans: Spans,
    steps: u32,
    depth: u32,
}

/// What is still to match: a list of nodes, innermost first.
#[derive(Clone, Copy)]
enum Todo<'a> {
    Done,
    Node(&'a Node, &'a Todo<'a>),
    Nodes(&'a [Node], &'a Todo<'a>),
    /// The group ends here; it began there.
    Close(usize, usize, &'a Todo<'a>),
    /// More of a repetition: done so far, where the last one began.
    More(&'a Node, u32, u32, Option<u32>, usize, &'a Todo<'a>),
}

impl Program {
    pub fn new(node: Node, groups: usize, ignore_case: bool, multiline: bool) -> Self {
        Self { node, groups, ignore_case, multiline }
    }

    /// The leftmost match at `from` or behind.
    pub fn run(&self, text: &[u8], from: usize) -> Option<Spans> {
        let mut search = Search { program: self, text, spans: Vec::new(), steps: STEPS, depth: 0 };
        for start in from..=text.len() {
            search.spans = vec![None; self.groups + 1];
            if let Some(end) = search.go(Todo::Node(&self.node, &Todo::Done), start) {
                if let Some(whole) = search.spans.first_mut() {
                    *whole = Some((start, end));
                }
                return Some(search.spans);
            }
            if search.steps == 0 {
                return None;
            }
        }
        None
    }
}

impl Search<'_> {
    fn go(&mut self, todo: Todo, at: usize) -> Option<usize> {
        if self.steps == 0 || self.depth >= DEPTH {
            return None;
        }
        self.steps -= 1;
        self.depth += 1;
        let end = self.step(todo, at);
        self.depth -= 1;
        end
    }

    fn step(&mut self, todo: Todo, at: usize) -> Option<usize> {
        let (node, next) = match todo {
            Todo::Done => return Some(at),
            Todo::Nodes(nodes, next) => {
                return match nodes.split_first() {
                    None => self.go(*next, at),
                    Some((first, rest)) => self.go(Todo::Node(first, &Todo::Nodes(rest, next)), at),
                };
            }
            Todo::Close(group, from, next) => {
                let old = self.spans.get(group).copied().flatten();
                self.set(group, Some((from, at)));
                let end = self.go(*next, at);
                if end.is_none() {
                    self.set(group, old);
                }
                return end;
            }
            Todo::More(node, count, least, most, from, next) => {
                if count > least && at == from {
                    return None;
                }
                if most.is_none_or(|most| count < most) {
                    let more = Todo::More(node, count + 1, least, most, at, next);
                    if let Some(end) = self.go(Todo::Node(node, &more), at) {
                        return Some(end);
                    }
                }
                return if count >= least { self.go(*next, at) } else { None };
            }
            Todo::Node(node, next) => (node, next),
        };
        match node {
            Node::Cat(nodes) => self.go(Todo::Nodes(nodes, next), at),
            Node::Alt(branches) => branches.iter().find_map(|branch| self.go(Todo::Node(branch, next), at)),
            Node::Group(number, inner) => self.go(Todo::Node(inner, &Todo::Close(*number, at, next)), at),
            Node::Repeat(inner, least, most) => {
                if !matches!(**inner, Node::Char(_) | Node::Any | Node::Set(_)) {
                    return self.go(Todo::More(inner, 0, *least, *most, usize::MAX, next), at);
                }
                let mut ends = vec![at];
                let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
                while ends.len() <= most {
                    let Some(end) = self.single(inner, ends.last().copied().unwrap_or(at)) else { break };
                    ends.push(end);
                }
                let least = usize::try_from(*least).unwrap_or(usize::MAX);
                (least..ends.len()).rev().find_map(|count| self.go(*next, ends.get(count).copied()?))
            }
            Node::Reference(number) => {
                let (from, to) = self.spans.get(*number).copied().flatten()?;
                let wanted = self.text.get(from..to)?;
                let have = self.text.get(at..at + wanted.len())?;
                let same = if self.program.ignore_case { have.eq_ignore_ascii_case(wanted) } else { have == wanted };
                if same { self.go(*next, at + wanted.len()) } else { None }
            }
            Node::Start | Node::End | Node::Edge(_) => {
                if self.edge(node, at) {
                    self.go(*next, at)
                } else {
                    None
                }
            }
            single => {
                let end = self.single(single, at)?;
                self.go(*next, end)
            }
        }
    }

    fn set(&mut self, group: usize, span: Option<(usize, usize)>) {
        if let Some(slot) = self.spans.get_mut(group) {
            *slot = span;
        }
    }

    fn edge(&self, node: &Node, at: usize) -> bool {
        let word = |at: Option<usize>| {
            at.and_then(|at| self.text.get(at)).is_some_and(|&b| b == b'_' || b.is_ascii_alphanumeric())
        };
        let (before, after) = (word(at.checked_sub(1)), word(Some(at)));
        let lines = self.program.multiline;
        match node {
            Node::Start => at == 0 || lines && self.text.get(at - 1) == Some(&b'\n'),
            Node::End => at == self.text.len() || lines && self.text.get(at) == Some(&b'\n'),
            Node::Edge('b') => before != after,
            Node::Edge('B') => before == after,
            Node::Edge('<') => !before && after,
            Node::Edge('>') => before && !after,
            Node::Edge('`') => at == 0,
            _ => at == self.text.len(),
        }
    }

    /// Where a node of one character ends.
    fn single(&self, node: &Node, at: usize) -> Option<usize> {
        let rest = self.text.get(at..).filter(|rest| !rest.is_empty())?;
        if let Node::Char(c) = node {
            let bytes = literal_bytes(*c);
            let have = rest.get(..bytes.len())?;
            let same = if self.program.ignore_case { have.eq_ignore_ascii_case(&bytes) } else { have == bytes };
            return same.then_some(at + bytes.len());
        }
        let head = rest.get(..rest.len().min(4)).unwrap_or(rest);
        let c = head.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next())?;
        let matched = match node {
            Node::Any => true,
            Node::Set(set) => set.has(c, self.program.ignore_case),
            _ => false,
        };
        matched.then_some(at + c.len_utf8())
    }
}
