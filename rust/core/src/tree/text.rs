//! Trees from texts: TOML with the position of every key and value, JSON without.

use super::{Entry, MAX_DEPTH, Node, Tree, refusal};
use crate::error::{Error, Position, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::fmt;
use toml::de::{DeTable, DeValue};

pub(super) fn toml(text: &str) -> Result<Tree> {
    let lines = Lines::new(text);
    refuse_deep_nesting(text, &lines)?;
    let document = DeTable::parse(text).map_err(|error| Error::Syntax {
        message: error.message().to_owned(),
        position: error.span().map(|span| lines.position(span.start)),
    })?;
    let node = table(document.get_ref(), &lines)?;
    let tree = Tree { node, position: Some(lines.position(document.span().start)) };
    tree.check_depth()?;
    Ok(tree)
}

fn table(table: &DeTable<'_>, lines: &Lines<'_>) -> Result<Node> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let at = value.span().start;
        let value = Tree {
            node: node(value.get_ref(), lines)
                .map_err(|error| error.at(Some(lines.position(at))).within(key.get_ref()))?,
            position: Some(lines.position(at)),
        };
        let entry = Entry {
            key: key.get_ref().to_string(),
            key_position: Some(lines.position(key.span().start)),
            value,
        };
        entries.push((key.span().start, entry));
    }
    // The parser sorts its tables by name.
    entries.sort_by_key(|(start, _)| *start);
    Ok(Node::Map(entries.into_iter().map(|(_, entry)| entry).collect()))
}

fn node(value: &DeValue<'_>, lines: &Lines<'_>) -> Result<Node> {
    Ok(match value {
        DeValue::Boolean(value) => Node::Bool(*value),
        DeValue::Integer(digits) => {
            let domain = "a whole number in [-2^63, 2^63), or a number with a decimal point";
            let value = i64::from_str_radix(digits.as_str(), digits.radix());
            Node::Integer(value.map_err(|_| Error::parameter("", digits, domain, ""))?)
        }
        DeValue::Float(digits) => match digits.as_str().parse::<f64>() {
            Ok(value) if value.is_finite() || !digits.as_str().contains(|c: char| c.is_ascii_digit()) => {
                Node::Float(value)
            }
            _ => return Err(Error::parameter("", digits, "a number within 1.8e308, or inf", "")),
        },
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Datetime(date) => {
            let domain = "a number, text, true or false, a list or a table; dates have no meaning here";
            return Err(Error::parameter("", date, domain, ""));
        }
        DeValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let position = Some(lines.position(item.span().start));
                let node = node(item.get_ref(), lines).map_err(|error| error.at(position).within(index))?;
                list.push(Tree { node, position });
            }
            Node::List(list)
        }
        DeValue::Table(entries) => table(entries, lines)?,
    })
}

/// Where lines begin, to turn bytes into positions.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Self { text, starts }
    }

    fn position(&self, byte: usize) -> Position {
        let line = self.starts.partition_point(|&start| start <= byte).max(1);
        Position { line, column: self.column(line, byte) }
    }

    /// The column in characters of a byte on a line that counts from 1.
    fn column(&self, line: usize, byte: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let before = self.text.as_bytes().get(start..byte.min(self.text.len())).unwrap_or_default();
        1 + before.iter().filter(|&&byte| !is_continuation(byte)).count()
    }
}

/// Whether the byte continues a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The parser limits brackets but not dotted keys, and a stack that overflows is no error message.
fn refuse_deep_nesting(text: &str, lines: &Lines<'_>) -> Result<()> {
    let bytes = text.as_bytes();
    let mut open: Vec<usize> = Vec::new(); // levels outside each open bracket
    let mut levels = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let outside = open.last().copied().unwrap_or(0);
        match byte {
            b'"' | b'\'' => {
                at = end_of_string(bytes, at);
                continue;
            }
            b'#' => {
                at += bytes[at..].iter().take_while(|&&byte| byte != b'\n').count();
                continue;
            }
            b'[' | b'{' => {
                levels += 1;
                open.push(levels);
            }
            b']' | b'}' => {
                open.pop();
                levels = outside.saturating_sub(1);
            }
            b'.' => levels += 1,
            b',' | b'\n' => levels = outside,
            _ => {}
        }
        if levels > MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} levels inside one another");
            return Err(Error::Syntax { message, position: Some(lines.position(at)) });
        }
        at += 1;
    }
    Ok(())
}

/// The byte after the string that begins at `start`; a string that is never closed ends where the parser will complain.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let is_multiline = bytes[start..].starts_with(&[quote; 3]);
    let width = if is_multiline { 3 } else { 1 };
    let mut at = start + width;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' && bytes.get(at + 1) != Some(&b'\n') => at += 1,
            b'\n' if !is_multiline => return at,
            _ if bytes[at..].starts_with(&[quote; 3][..width]) => {
                // Up to two quotes before the closing three belong to the text.
                let extra =
                    bytes[at + width..].iter().take(width - 1).take_while(|&&byte| byte == quote).count();
                return at + width + extra;
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

pub(super) fn json(text: &str) -> Result<Tree> {
    serde_json::from_str(text).map_err(|error| {
        let full = error.to_string();
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message).to_owned();
        let position = (error.line() > 0).then(|| {
            let lines = Lines::new(text);
            let start = lines.starts.get(error.line() - 1).copied().unwrap_or(text.len());
            let byte = start + error.column().saturating_sub(1);
            Position { line: error.line(), column: lines.column(error.line(), byte) }
        });
        Error::Syntax { message, position }
    })
}

impl<'de> serde::Deserialize<'de> for Tree {
    /// Any self-describing format; entries that are null are left out, a key given twice is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        TreeSeed { levels_left: MAX_DEPTH }.deserialize(deserializer)
    }
}

type Parsed<E> = std::result::Result<Tree, E>;

#[derive(Clone, Copy)]
struct TreeSeed {
    levels_left: usize,
}

impl TreeSeed {
    fn below<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left }),
            None => Err(E::custom(format_args!("more than {MAX_DEPTH} levels inside one another"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for TreeSeed {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Parsed<D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TreeSeed {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, text, true or false, a list or a table")
    }

    fn visit_bool<E>(self, value: bool) -> Parsed<E> {
        Ok(Node::Bool(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Parsed<E> {
        Ok(Node::Integer(value).into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Parsed<E> {
        i64::try_from(value).map(|value| Node::Integer(value).into()).map_err(|_| {
            E::custom(format_args!("{value} is too large for a whole number; write it with a decimal point"))
        })
    }

    fn visit_f64<E>(self, value: f64) -> Parsed<E> {
        Ok(Node::Float(value).into())
    }

    fn visit_str<E>(self, text: &str) -> Parsed<E> {
        Ok(Node::Text(text.to_owned()).into())
    }

    fn visit_string<E>(self, text: String) -> Parsed<E> {
        Ok(Node::Text(text).into())
    }

    fn visit_unit<E>(self) -> Parsed<E> {
        Ok(Node::Null.into())
    }

    fn visit_none<E: serde::de::Error>(self) -> Parsed<E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Parsed<D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Parsed<D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Parsed<A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Node::List(list).into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Parsed<A::Error> {
        let below = self.below()?;
        let mut seen = std::collections::HashSet::new();
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("duplicate key {}", refusal::shown_quoted(&key))));
            }
            let value = map.next_value_seed(below)?;
            if value.node != Node::Null {
                entries.push(Entry::new(key, value));
            }
        }
        Ok(Node::Map(entries).into())
    }
}
