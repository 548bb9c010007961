//! A field that takes one value for all or a list of values.

use super::{Node, Tree};
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// By this name the readers in this module know that a list is a list of values and anything else is one value.
pub(super) const ONE_OR_MANY: &str = "$one_or_many";

/// One value that holds for every place, or a list with a value for each.
///
/// A text gives one value as a number, a text or a table, and many as a list of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// The same for every place.
    One(T),
    /// One for each place.
    Many(Vec<T>),
}

impl<'a, T> IntoIterator for &'a OneOrMany<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> OneOrMany<T> {
    /// The value for a place: a single value holds for every one, a list up to its length.
    pub fn get(&self, index: usize) -> Option<&T> {
        match self {
            Self::One(value) => Some(value),
            Self::Many(values) => values.get(index),
        }
    }

    /// The values given.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }

    /// How many values were given.
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Whether the list of values is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ONE_OR_MANY, OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of values")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        T::deserialize(deserializer).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(OneOrMany::Many(values))
    }

    /// Deserializers of other crates come here, not knowing which of the two it is.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        let value = match tree.node {
            Node::List(_) => tree.read().map(OneOrMany::Many),
            _ => tree.read().map(OneOrMany::One),
        };
        value.map_err(D::Error::custom)
    }
}
