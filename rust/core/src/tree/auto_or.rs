//! A field that takes the word "auto" or a list of numbers.

use super::one_or_many::ONE_OR_MANY;
use super::{Node, Tree};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor, value::SeqAccessDeserializer,
};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// `"auto"`, or a value given as a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoOr<T> {
    /// Computed from everything else.
    #[default]
    Auto,
    /// Given.
    Given(T),
}

const AUTO: &str = "auto";

impl<T: Serialize> Serialize for AutoOr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Given(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for AutoOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ONE_OR_MANY, AutoOrVisitor(PhantomData))
    }
}

struct AutoOrVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for AutoOrVisitor<T> {
    type Value = AutoOr<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\" or a list of numbers")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == AUTO {
            Ok(AutoOr::Auto)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
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
    fn anything_else_is_refused_by_name() {
        for text in ["offset = \"late\"", "offset = 1.0", "offset = [1.0]"] {
            let error = Tree::from_toml(text).unwrap().read::<Holder>().unwrap_err();
            assert!(error.to_string().contains("offset"), "{text}: {error}");
        }
    }
}
