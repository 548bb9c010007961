//! Trees from parameters already read: a serde serializer without a text in between.

use super::{Entry, Node, Tree};
use crate::error::{Error, Result};
use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use std::fmt;

pub(super) fn params<T: Serialize>(params: &T) -> Result<Tree> {
    let node = params.serialize(Writer).map_err(|error| {
        let domain = "made of numbers, texts, lists and tables";
        Error::parameter("", format!("something else ({error})"), domain, "")
    })?;
    let tree = Tree::from(node);
    tree.check_depth()?;
    Ok(tree)
}

/// What a tree does not hold, in words.
#[derive(Debug)]
struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl serde::ser::Error for Unfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

type Written<T = Node> = std::result::Result<T, Unfit>;

fn unfit<T>(what: &str) -> Written<T> {
    Err(Unfit(what.to_owned()))
}

struct Writer;

macro_rules! scalars {
    ($($method:ident($given:ty) => $value:ident: $node:expr;)+) => {
        $(fn $method(self, $value: $given) -> Written {
            Ok($node)
        })+
    };
}

impl Serializer for Writer {
    type Ok = Node;
    type Error = Unfit;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Impossible<Node, Unfit>;
    type SerializeTupleVariant = Impossible<Node, Unfit>;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Impossible<Node, Unfit>;

    scalars! {
        serialize_bool(bool) => value: Node::Bool(value);
        serialize_i8(i8) => value: Node::Integer(value.into());
        serialize_i16(i16) => value: Node::Integer(value.into());
        serialize_i32(i32) => value: Node::Integer(value.into());
        serialize_i64(i64) => value: Node::Integer(value);
        serialize_u8(u8) => value: Node::Integer(value.into());
        serialize_u16(u16) => value: Node::Integer(value.into());
        serialize_u32(u32) => value: Node::Integer(value.into());
        serialize_f32(f32) => value: Node::Float(value.into());
        serialize_f64(f64) => value: Node::Float(value);
        serialize_char(char) => value: Node::Text(value.into());
        serialize_str(&str) => value: Node::Text(value.into());
    }

    fn serialize_u64(self, value: u64) -> Written {
        i64::try_from(value).map(Node::Integer).or_else(|_| unfit("u64 value was too large"))
    }

    fn serialize_bytes(self, _: &[u8]) -> Written {
        unfit("bytes")
    }

    fn serialize_none(self) -> Written {
        Ok(Node::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Node::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Node::Map(vec![]))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        Ok(Node::Text(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        unfit(name)
    }

    fn serialize_seq(self, length: Option<usize>) -> Written<Items> {
        Ok(Items(Vec::with_capacity(length.unwrap_or_default())))
    }

    fn serialize_tuple(self, length: usize) -> Written<Items> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Written<Self::SerializeTupleStruct> {
        unfit(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Written<Self::SerializeTupleVariant> {
        unfit(name)
    }

    fn serialize_map(self, length: Option<usize>) -> Written<Entries> {
        Ok(Entries { entries: Vec::with_capacity(length.unwrap_or_default()), key: None })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Written<Entries> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Written<Self::SerializeStructVariant> {
        unfit(name)
    }
}

struct Items(Vec<Tree>);

impl SerializeSeq for Items {
    type Ok = Node;
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        match value.serialize(Writer)? {
            Node::Null => unfit("nothing inside a list"),
            node => {
                self.0.push(node.into());
                Ok(())
            }
        }
    }

    fn end(self) -> Written {
        Ok(Node::List(self.0))
    }
}

impl SerializeTuple for Items {
    type Ok = Node;
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        SerializeSeq::end(self)
    }
}

struct Entries {
    entries: Vec<Entry>,
    /// Of a map, until its value comes.
    key: Option<String>,
}

impl Entries {
    /// A field that is nothing is a field left out.
    fn push(&mut self, key: impl Into<String>, node: Node) {
        if node != Node::Null {
            self.entries.push(Entry::new(key, node));
        }
    }
}

impl SerializeStruct for Entries {
    type Ok = Node;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written<()> {
        self.push(key, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        Ok(Node::Map(self.entries))
    }
}

impl SerializeMap for Entries {
    type Ok = Node;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written<()> {
        match key.serialize(Writer)? {
            Node::Text(key) => {
                self.key = Some(key);
                Ok(())
            }
            _ => unfit("a key that is no text"),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        let Some(key) = self.key.take() else { return unfit("a value without a key") };
        self.push(key, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        Ok(Node::Map(self.entries))
    }
}
