//! Reading a type from a tree: a serde deserializer that checks types itself, so that every message speaks of the field.

use super::one_or_many::ONE_OR_MANY;
use super::refusal::{Refusal, in_words, list_of, one_of};
use super::{Entry, Node, Tree};
use crate::error;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};

type Result<T> = std::result::Result<T, Refusal>;

/// The key that names the variant of an enum.
pub(super) const KIND: &str = "kind";

/// Integers up to here are floats exactly.
const LARGEST_EXACT: u64 = 1 << 53;

pub(super) fn read<T: DeserializeOwned>(tree: &Tree) -> error::Result<T> {
    read_seed(tree, std::marker::PhantomData).map_err(|Refusal(error)| error)
}

/// Every value is read through here, so the innermost value on the path describes itself first.
fn read_seed<'de, S: DeserializeSeed<'de>>(tree: &Tree, seed: S) -> Result<S::Value> {
    seed.deserialize(Reader { tree, without_kind: false }).map_err(|refusal| {
        let Refusal(error) = refusal.given(|| tree.node.shown());
        Refusal(error.at(tree.position))
    })
}

fn read_below<'de, S: DeserializeSeed<'de>>(
    tree: &Tree,
    segment: impl std::fmt::Display,
    seed: S,
) -> Result<S::Value> {
    read_seed(tree, seed).map_err(|Refusal(error)| Refusal(error.within(segment)))
}

#[derive(Clone, Copy)]
struct Reader<'t> {
    tree: &'t Tree,
    /// Whether `kind` has been read already and the rest of the table is asked for.
    without_kind: bool,
}

impl<'t> Reader<'t> {
    fn refused<T>(self, domain: impl Into<String>) -> Result<T> {
        Err(Refusal::parameter(self.tree.node.shown(), domain))
    }

    fn entries(self) -> Option<Entries<'t>> {
        match &self.tree.node {
            Node::Map(entries) => {
                let skipped = if self.without_kind { Some(KIND) } else { None };
                Some(Entries { rest: entries.iter(), skipped, current: None })
            }
            _ => None,
        }
    }

    fn list(self) -> Option<Items<'t>> {
        match &self.tree.node {
            Node::List(items) => Some(Items { items: items.iter().enumerate() }),
            _ => None,
        }
    }

    /// An unsigned integer; `asked` is the Rust type, for the message.
    fn unsigned<'de, V: Visitor<'de>>(self, asked: &str, visitor: V) -> Result<V::Value> {
        const BEYOND: f64 = 18_446_744_073_709_551_616.0;
        match self.tree.node {
            Node::Integer(value) => match u64::try_from(value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => self.refused(in_words(asked)),
            },
            Node::Float(value) if value.fract() == 0.0 && (0.0..BEYOND).contains(&value) => {
                visitor.visit_u64(value as u64)
            }
            _ => self.refused(in_words(asked)),
        }
    }

    fn signed<'de, V: Visitor<'de>>(self, asked: &str, visitor: V) -> Result<V::Value> {
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        match self.tree.node {
            Node::Integer(value) => visitor.visit_i64(value),
            Node::Float(value) if value.fract() == 0.0 && (-BEYOND..BEYOND).contains(&value) => {
                visitor.visit_i64(value as i64)
            }
            _ => self.refused(in_words(asked)),
        }
    }

    fn float<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.tree.node {
            Node::Float(value) => visitor.visit_f64(value),
            Node::Integer(value) if value.unsigned_abs() <= LARGEST_EXACT => visitor.visit_f64(value as f64),
            Node::Integer(_) => {
                self.refused("a number with a decimal point, or a whole number in [-2^53, 2^53]")
            }
            _ => self.refused("a number"),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Node::Text(text) = &self.tree.node {
            return visitor.visit_str(text);
        }
        let expected: &dyn Expected = &visitor;
        self.refused(in_words(&expected.to_string()))
    }
}

macro_rules! scalars {
    ($($method:ident => $via:ident($($asked:literal)?);)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.$via($($asked,)? visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Refusal;

    scalars! {
        deserialize_u8 => unsigned("u8");
        deserialize_u16 => unsigned("u16");
        deserialize_u32 => unsigned("u32");
        deserialize_u64 => unsigned("u64");
        deserialize_i8 => signed("i8");
        deserialize_i16 => signed("i16");
        deserialize_i32 => signed("i32");
        deserialize_i64 => signed("i64");
        deserialize_f32 => float();
        deserialize_f64 => float();
        deserialize_char => text();
        deserialize_str => text();
        deserialize_string => text();
        deserialize_identifier => text();
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match &self.tree.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Integer(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(text) => visitor.visit_str(text),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.tree.node {
            Node::Bool(value) => visitor.visit_bool(value),
            _ => self.refused("true or false"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.tree.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        match self.list() {
            Some(items) if name == ONE_OR_MANY => visitor.visit_seq(items),
            None if name == ONE_OR_MANY => visitor.visit_some(self),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.list() {
            Some(items) => visitor.visit_seq(items),
            None => self.refused("a list"),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        match self.list() {
            Some(items) if items.items.len() == length => visitor.visit_seq(items),
            _ => self.refused(list_of(length)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.entries() {
            Some(entries) => visitor.visit_map(entries),
            None => self.refused("a table"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match (&self.tree.node, self.entries()) {
            (Node::Text(name), _) if variants.contains(&name.as_str()) => {
                visitor.visit_enum(Variant { name, content: None })
            }
            (Node::Text(name), _) => Err(Refusal::unknown_variant(name, variants)),
            (_, Some(mut entries)) => {
                let Some(kind) = entries.find(|entry| entry.key == KIND) else {
                    return Err(Refusal::missing_field(KIND));
                };
                match &kind.value.node {
                    Node::Text(name) if variants.contains(&name.as_str()) => {
                        let content = Some(Reader { without_kind: true, ..self });
                        visitor.visit_enum(Variant { name, content })
                    }
                    other => {
                        let Refusal(error) = match other {
                            Node::Text(name) => Refusal::unknown_variant(name, variants),
                            other => Refusal::parameter(other.shown(), one_of(variants)),
                        };
                        Err(Refusal(error.within(KIND).at(kind.value.position)))
                    }
                }
            }
            _ => {
                let expected = (&visitor as &dyn Expected).to_string();
                self.refused(if expected.starts_with("enum ") { one_of(variants) } else { expected })
            }
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.tree.node {
            Node::Null => visitor.visit_unit(),
            _ => self.refused("nothing"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        match self.entries() {
            Some(entries) => {
                entries.refuse_all()?;
                visitor.visit_unit()
            }
            None => self.refused("a table"),
        }
    }

    serde::forward_to_deserialize_any! { bytes byte_buf }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}

struct Items<'t> {
    items: std::iter::Enumerate<std::slice::Iter<'t, Tree>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refusal;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.items.next().map(|(index, item)| read_below(item, index, seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map that are present, apart from a `kind` already read.
struct Entries<'t> {
    rest: std::slice::Iter<'t, Entry>,
    skipped: Option<&'static str>,
    current: Option<&'t Entry>,
}

impl Entries<'_> {
    /// Where nothing is expected, the first entry is unknown.
    fn refuse_all(mut self) -> Result<()> {
        match self.next() {
            Some(entry) => {
                let expected: &[&str] = self.skipped.as_slice();
                let Refusal(error) = Refusal::unknown_field(&entry.key, expected);
                Err(Refusal(error.at(entry.key_position)))
            }
            None => Ok(()),
        }
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = &'t Entry;

    fn next(&mut self) -> Option<&'t Entry> {
        let skipped = self.skipped;
        self.rest.find(|entry| entry.is_present() && skipped != Some(entry.key.as_str()))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        self.current = self.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key: StrDeserializer<'_, Refusal> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|Refusal(error)| {
            let unnamed = error.path() == Some("");
            let error = if unnamed { error.within(&entry.key) } else { error };
            Refusal(error.at(entry.key_position))
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value> {
        match self.current.take() {
            Some(entry) => read_below(&entry.value, &entry.key, seed),
            None => Err(Refusal::custom("a value was asked for before its key")),
        }
    }
}

/// A variant by name; its content is the rest of the table, or none if the variant was given as a text.
struct Variant<'t> {
    name: &'t str,
    content: Option<Reader<'t>>,
}

impl<'t> Variant<'t> {
    fn table(self) -> Result<Reader<'t>> {
        self.content.ok_or_else(|| Refusal::parameter(format!("{:?} (text)", self.name), self.domain()))
    }

    fn domain(&self) -> String {
        format!("a table with {KIND} = {:?}", self.name)
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name: StrDeserializer<'_, Refusal> = self.name.into_deserializer();
        seed.deserialize(name).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<()> {
        self.content.and_then(Reader::entries).map_or(Ok(()), Entries::refuse_all)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self.table()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.table()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.table()?.deserialize_map(visitor)
    }
}
