//! Parameters across the border: Python objects become trees of the core, and back.

use crate::errors::translate;
use ionlink_core::link::parts;
use ionlink_core::network::params as network;
use ionlink_core::tree::{Entry, MAX_DEPTH, Node, Tree};
use ionlink_core::{Error, presets};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// A tree of plain Python and NumPy values as a tree of the core.
pub(crate) fn tree(value: &Bound<'_, PyAny>) -> PyResult<Tree> {
    node(value, 0).map(Tree::from)
}

fn node(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Node> {
    if depth > MAX_DEPTH {
        return Err(translate(Error::parameter("", "a deeper structure", "at most 64 levels deep", "")));
    }
    let list = |items: &mut dyn Iterator<Item = Bound<'_, PyAny>>| {
        items.map(|item| node(&item, depth + 1).map(Tree::from)).collect::<PyResult<Vec<_>>>().map(Node::List)
    };
    if value.is_none() {
        Ok(Node::Null)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        Ok(Node::Bool(flag.is_true()))
    } else if value.cast::<PyInt>().is_ok() {
        value.extract().map(Node::Integer).map_err(|_| {
            translate(Error::parameter("", value.to_string(), "an integer that 64 bits hold", ""))
        })
    } else if let Ok(number) = value.cast::<PyFloat>() {
        Ok(Node::Float(number.extract()?))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(Node::Text(text.extract()?))
    } else if let Ok(dict) = value.cast::<PyDict>() {
        let mut entries = Vec::with_capacity(dict.len());
        for (key, value) in dict {
            let Ok(name) = key.extract::<String>() else {
                return Err(translate(Error::parameter("", format!("the key {key}"), "text as key", "")));
            };
            entries.push(Entry::new(name, node(&value, depth + 1)?));
        }
        Ok(Node::Map(entries))
    } else if let Ok(items) = value.cast::<PyList>() {
        list(&mut items.iter())
    } else if let Ok(items) = value.cast::<PyTuple>() {
        list(&mut items.iter())
    } else if value.hasattr("tolist")? {
        // NumPy scalars and arrays
        node(&value.call_method0("tolist")?, depth + 1)
    } else {
        let given = format!("an object of type {}", value.get_type().name()?);
        let domain = "a number, text, true or false, a list or a table";
        Err(translate(Error::parameter("", given, domain, "")))
    }
}

/// A tree of the core as plain Python values.
pub(crate) fn value(py: Python<'_>, tree: &Tree) -> PyResult<Py<PyAny>> {
    Ok(match &tree.node {
        Node::Null => py.None(),
        Node::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any().unbind(),
        Node::Integer(number) => number.into_pyobject(py)?.into_any().unbind(),
        Node::Float(number) => PyFloat::new(py, *number).into_any().unbind(),
        Node::Text(text) => PyString::new(py, text).into_any().unbind(),
        Node::List(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(value(py, item)?)?;
            }
            list.into_any().unbind()
        }
        Node::Map(entries) => {
            let dict = PyDict::new(py);
            for entry in entries {
                dict.set_item(&entry.key, value(py, &entry.value)?)?;
            }
            dict.into_any().unbind()
        }
    })
}

/// Little-endian 32-bit words of a non-negative integer of any size.
pub(crate) fn entropy_words(entropy: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let bits: usize = entropy.call_method0("bit_length")?.extract()?;
    let length = bits.div_ceil(32).max(1);
    let bytes: Vec<u8> = entropy.call_method1("to_bytes", (4 * length, "little"))?.extract()?;
    let words = bytes
        .chunks_exact(4)
        .map(|word| word.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)));
    Ok(words.collect())
}

/// Checks one table of parameters by itself.
#[pyfunction]
pub(crate) fn check(kind: &str, tree: &Bound<'_, PyAny>) -> PyResult<()> {
    let tree = self::tree(tree)?;
    let checked = if network::TABLES.contains(&kind) {
        network::check_table(kind, &tree)
    } else {
        parts::check_part(kind, &tree)
    };
    checked.map_err(translate)
}

/// Names of the fields of one kind of table.
#[pyfunction]
pub(crate) fn fields(kind: &str) -> PyResult<Vec<&'static str>> {
    let fields =
        if network::TABLES.contains(&kind) { network::table_fields(kind) } else { parts::part_fields(kind) };
    fields.map(<[_]>::to_vec).map_err(translate)
}

/// Names of the shipped link files.
#[pyfunction]
pub(crate) fn preset_names() -> Vec<&'static str> {
    presets::names().collect()
}

/// Text of a shipped link file.
#[pyfunction]
pub(crate) fn preset_text(name: &str) -> PyResult<&'static str> {
    presets::text(name).map_err(translate)
}
