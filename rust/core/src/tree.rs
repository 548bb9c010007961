//! One door for parameters: TOML and JSON texts and the border's dictionaries become a [`Tree`], and the tree is read into types.
//!
//! Whatever is refused on the way carries the exact path of the field and, for a TOML text, its line and column.
//!
//! ```
//! use ionlink_core::tree::Tree;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Detector {
//!     efficiency: f64,
//! }
//!
//! let detector: Detector = Tree::from_toml("efficiency = 1")?.read()?;
//! assert_eq!(detector.efficiency, 1.0);
//!
//! let refused = Tree::from_toml("eficiency = 1").and_then(|tree| tree.read::<Detector>().map(drop));
//! assert_eq!(
//!     refused.map_err(|error| error.to_string()),
//!     Err("line 1, column 1: `eficiency` does not exist; did you mean `efficiency`? Fields here: efficiency".into())
//! );
//! # Ok::<(), ionlink_core::error::Error>(())
//! ```

mod auto_or;
mod given;
mod kinds;
mod one_or_many;
mod probe;
mod read;
mod refusal;
#[cfg(test)]
mod tests;
mod text;
mod write;

use crate::error::{Error, Position, Result};
pub use auto_or::AutoOr;
pub(crate) use kinds::{expecting_kind, kinds};
pub use one_or_many::OneOrMany;
pub use probe::{fields_of, kinds_of};
pub(crate) use refusal::{closest, one_of, or_meant, shown_quoted};

/// Lists and tables inside one another that a tree may have.
pub const MAX_DEPTH: usize = 64;

/// A value with everything in it, and where it stands if it came from a text.
///
/// Two trees are equal if they say the same: positions, the order of keys and absent (null) entries do not count, and nan
/// equals nan.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What stands here.
    pub node: Node,
    /// Where it stands in the text, if there was one.
    pub position: Option<Position>,
}

/// The value itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Absent: a field that is null is a field left out.
    Null,
    /// True or false.
    Bool(bool),
    /// A number without decimal point or exponent.
    Integer(i64),
    /// A number with decimal point or exponent; may be infinite or nan.
    Float(f64),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Tree>),
    /// Entries in the order they were given.
    Map(Vec<Entry>),
}

/// One `key = value` of a map.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name of the field.
    pub key: String,
    /// Where the key stands in the text, if there was one.
    pub key_position: Option<Position>,
    /// What it is set to.
    pub value: Tree,
}

impl Entry {
    /// An entry without a position.
    pub fn new(key: impl Into<String>, value: impl Into<Tree>) -> Self {
        Self { key: key.into(), key_position: None, value: value.into() }
    }

    fn is_present(&self) -> bool {
        !matches!(self.value.node, Node::Null)
    }
}

impl From<Node> for Tree {
    fn from(node: Node) -> Self {
        Self { node, position: None }
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Node::Map(ours), Node::Map(theirs)) => {
                present(ours).count() == present(theirs).count()
                    && present(ours).all(|our| {
                        present(theirs).any(|their| our.key == their.key && our.value == their.value)
                    })
            }
            (Node::Float(ours), Node::Float(theirs)) => ours == theirs || (ours.is_nan() && theirs.is_nan()),
            (ours, theirs) => ours == theirs,
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Tree {
    /// The tree of a TOML text, with positions.
    ///
    /// # Errors
    /// [`Error::Syntax`] if the text is not TOML (a key given twice included); [`Error::Parameter`] for a date, for a number
    /// that 64 bits do not hold and for more than [`MAX_DEPTH`] levels.
    pub fn from_toml(text: &str) -> Result<Self> {
        text::toml(text)
    }

    /// The tree of a JSON text, without positions; a null entry is left out.
    ///
    /// # Errors
    /// [`Error::Syntax`] if the text is not JSON, gives a key twice, holds an integer that 64 bits do not hold, or is nested
    /// more than [`MAX_DEPTH`] levels deep.
    pub fn from_json(text: &str) -> Result<Self> {
        text::json(text)
    }

    /// The tree that `params` would be read from; fields that are `None` are left out.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `params` holds something that TOML cannot express, such as a `None` inside a list.
    pub fn from_params<T: serde::Serialize>(params: &T) -> Result<Self> {
        given::params(params)
    }

    /// Reads the tree into a type; an enum of several kinds is a table whose `kind` names the variant.
    ///
    /// # Errors
    /// [`Error::UnknownField`], [`Error::MissingField`] or [`Error::Parameter`] with the path inside this tree and the innermost
    /// position known.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        self.check_depth()?;
        read::read(self)
    }

    /// The tree as a readable TOML text: scalars first, then tables as `[a.b]` and lists of tables as `[[nodes]]`.
    ///
    /// [`Tree::from_toml`] gives an equal tree again; floats keep every bit and stay floats.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the tree is not a map, holds a null inside a list, or is nested too deep.
    pub fn to_toml(&self) -> Result<String> {
        self.check_depth()?;
        write::toml(self)
    }

    /// What stands at a path such as `nodes.0.emission.lifetime_s`; the empty path is the tree itself.
    pub fn get(&self, path: &str) -> Option<&Self> {
        segments(path).try_fold(self, |tree, segment| tree.child(segment))
    }

    /// Where the deepest existing value on the path stands.
    pub fn position_of(&self, path: &str) -> Option<Position> {
        let mut deepest = self;
        for segment in segments(path) {
            let Some(child) = deepest.child(segment) else { break };
            deepest = child;
        }
        deepest.position
    }

    /// Replaces what stands at a path; a missing last key is created, and null removes it.
    ///
    /// # Errors
    /// [`Error::UnknownField`] for a missing table on the way, an index out of range or a path that leads into a scalar;
    /// [`Error::Parameter`] for null as an element of a list.
    pub fn set(&mut self, path: &str, value: Self) -> Result<()> {
        if path.is_empty() {
            *self = value;
            return Ok(());
        }
        self.place(path, value)
    }

    fn place(&mut self, path: &str, value: Self) -> Result<()> {
        let (segment, rest) =
            path.split_once('.').map_or((path, None), |(segment, rest)| (segment, Some(rest)));
        let removed = matches!(value.node, Node::Null);
        match &mut self.node {
            Node::Map(entries) => match (entries.iter().position(|entry| entry.key == segment), rest) {
                (Some(index), Some(rest)) => {
                    return entries[index].value.place(rest, value).map_err(|error| error.within(segment));
                }
                (Some(index), None) if removed => drop(entries.remove(index)),
                (Some(index), None) => entries[index].value = value,
                (None, None) if removed => {}
                (None, None) => entries.push(Entry::new(segment, value)),
                (None, Some(_)) => return Err(self.has_no(segment)),
            },
            Node::List(items) => match (list_index(segment).and_then(|index| items.get_mut(index)), rest) {
                (Some(item), Some(rest)) => {
                    return item.place(rest, value).map_err(|error| error.within(segment));
                }
                (Some(_), None) if removed => {
                    let domain = "a value: an element of a list cannot be left out";
                    return Err(Error::parameter(segment, value.node.shown(), domain, ""));
                }
                (Some(item), None) => *item = value,
                (None, _) => return Err(self.has_no(segment)),
            },
            _ => return Err(self.has_no(segment)),
        }
        Ok(())
    }

    /// Entries of a map in their order; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Values of a list in their order; none for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    fn child(&self, segment: &str) -> Option<&Self> {
        match &self.node {
            Node::Map(entries) => entries.iter().find(|entry| entry.key == segment).map(|entry| &entry.value),
            Node::List(items) => items.get(list_index(segment)?),
            _ => None,
        }
    }

    fn has_no(&self, segment: &str) -> Error {
        let expected = match &self.node {
            Node::Map(entries) => present(entries).map(|entry| entry.key.clone()).collect(),
            Node::List(items) => (0..items.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        Error::UnknownField {
            path: segment.to_owned(),
            suggestion: refusal::closest(segment, expected.iter().map(String::as_str)),
            expected,
            position: None,
        }
    }

    fn check_depth(&self) -> Result<()> {
        self.check_depth_below(MAX_DEPTH)
    }

    fn check_depth_below(&self, levels_left: usize) -> Result<()> {
        if !matches!(self.node, Node::Map(_) | Node::List(_)) {
            return Ok(());
        }
        let Some(levels_left) = levels_left.checked_sub(1) else {
            let domain = format!("nested at most {MAX_DEPTH} levels deep");
            return Err(Error::parameter("", "more levels", domain, "").at(self.position));
        };
        match &self.node {
            Node::Map(entries) => entries.iter().try_for_each(|entry| {
                entry.value.check_depth_below(levels_left).map_err(|error| error.within(&entry.key))
            }),
            Node::List(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                item.check_depth_below(levels_left).map_err(|error| error.within(index))
            }),
            _ => Ok(()),
        }
    }
}

impl Node {
    /// The value as a message shows it: `"abc" (text)`, `1.5`, `a list of 3 values`.
    fn shown(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => refusal::shown_float(*value),
            Self::Text(text) => refusal::shown_text(text),
            Self::List(items) => refusal::list_of(items.len()),
            Self::Map(_) => "a table".to_owned(),
        }
    }
}

/// Entries that are not null.
fn present(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.is_present())
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(move |_| !path.is_empty())
}

/// An index in its one spelling: `0`, not `00` or `+0`.
fn list_index(segment: &str) -> Option<usize> {
    segment.parse().ok().filter(|index: &usize| index.to_string() == segment)
}
