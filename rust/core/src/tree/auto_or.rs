//! A field that takes the word "auto", or a number or a list of numbers.

use super::one_or_many::ONE_OR_MANY;
use super::{Node, Tree};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, SeqAccess, Unexpected, Visitor, value::SeqAccessDeserializer,
};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// `"auto"`, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoOr<T> {
    /// Computed from everything else.
    #[default]
    Auto,
    /// Given.
    Given(T),
}

const AUTO: &str = "auto";

/// What may be given in place of the word, in words.
pub trait Given: DeserializeOwned {
    /// Such as `a number`.
    const WORDS: &str;
}

impl Given for f64 {
    const WORDS: &str = "a number";
}

impl<const N: usize> Given for [f64; N]
where
    Self: DeserializeOwned,
{
    const WORDS: &str = "a list of numbers";
}

impl<T: Serialize> Serialize for AutoOr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Given(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Given> Deserialize<'de> for AutoOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ONE_OR_MANY, AutoOrVisitor(PhantomData))
    }
}

struct AutoOrVisitor<T>(PhantomData<T>);

impl<'de, T: Given> Visitor<'de> for AutoOrVisitor<T> {
    type Value = AutoOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"auto\" or {}", T::WORDS)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // anything but a list
        let tree = Tree::deserialize(deserializer)?;
        let unexpected = match &tree.node {
            Node::Text(text) if text == AUTO => return Ok(AutoOr::Auto),
            Node::Text(text) => Unexpected::Str(text),
            Node::Integer(value) => Unexpected::Signed(*value),
            Node::Float(value) => Unexpected::Float(*value),
            Node::Bool(value) => Unexpected::Bool(*value),
            Node::Null => Unexpected::Unit,
            Node::List(_) => Unexpected::Seq,
            Node::Map(_) => Unexpected::Map,
        };
        tree.read().map(AutoOr::Given).map_err(|_| D::Error::invalid_value(unexpected, &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(items)).map(AutoOr::Given)
    }

    /// Deserializers of other crates come here, not knowing which of the two it is.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        let value = match &tree.node {
            Node::Text(text) if text == AUTO => Ok(AutoOr::Auto),
            _ => tree.read().map(AutoOr::Given),
        };
        value.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        offset: AutoOr<[f64; 2]>,
    }

    #[test]
    fn auto_and_a_list_come_back_as_they_were() {
        for holder in [Holder { offset: AutoOr::Auto }, Holder { offset: AutoOr::Given([1.0, 2.0]) }] {
            let tree = Tree::from_params(&holder).unwrap();
            assert_eq!(tree.read::<Holder>().unwrap(), holder);
            assert_eq!(Tree::from_toml(&tree.to_toml().unwrap()).unwrap().read::<Holder>().unwrap(), holder);
        }
    }

    #[test]
    fn a_number_stands_beside_the_word_where_one_number_is_meant() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Wait {
            wait_s: AutoOr<f64>,
        }
        let read = |text: &str| Tree::from_toml(text).unwrap().read::<Wait>();
        for (text, wait_s) in [
            ("wait_s = 0.5", AutoOr::Given(0.5)),
            ("wait_s = 2", AutoOr::Given(2.0)),
            ("wait_s = \"auto\"", AutoOr::Auto),
        ] {
            let wait = read(text).unwrap();
            assert_eq!(wait, Wait { wait_s });
            assert_eq!(Tree::from_params(&wait).unwrap().read::<Wait>().unwrap(), wait);
        }
        for text in ["wait_s = \"late\"", "wait_s = [1.0]", "wait_s = true"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("`wait_s`") && error.contains("a number"), "{text}: {error}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for text in ["offset = \"late\"", "offset = 1.0", "offset = [1.0]"] {
            let error = Tree::from_toml(text).unwrap().read::<Holder>().unwrap_err();
            assert!(error.to_string().contains("offset"), "{text}: {error}");
        }
    }
}
