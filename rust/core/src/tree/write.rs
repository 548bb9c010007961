//! A tree as a TOML text that a person would have written.

use super::{Entry, Node, Tree, present, refusal};
use crate::error::{Error, Result};

/// Lists that would make a longer line get a line for each element.
const WIDTH: usize = 100;

pub(super) fn toml(tree: &Tree) -> Result<String> {
    let Node::Map(entries) = &tree.node else {
        return Err(Error::parameter("", tree.node.shown(), "a table", ""));
    };
    let mut text = String::new();
    table(&mut text, "", entries)?;
    Ok(text)
}

/// The entries of the table whose header stands already: values first, since they would belong to any later header.
fn table(text: &mut String, header: &str, entries: &[Entry]) -> Result<()> {
    for entry in present(entries).filter(|entry| is_inline(&entry.value)) {
        let key = key(&entry.key);
        let value = inline(&entry.value).map_err(|error| error.within(&entry.key))?;
        match &entry.value.node {
            Node::List(items) if key.chars().count() + 3 + value.chars().count() > WIDTH => {
                text.extend([&key, " = [\n"]);
                for (index, item) in items.iter().enumerate() {
                    let item = inline(item).map_err(|error| error.within(index).within(&entry.key))?;
                    text.extend(["    ", &item, ",\n"]);
                }
                text.push_str("]\n");
            }
            _ => text.extend([&key, " = ", &value, "\n"]),
        }
    }
    for entry in present(entries).filter(|entry| !is_inline(&entry.value)) {
        let key = key(&entry.key);
        let header = if header.is_empty() { key } else { format!("{header}.{key}") };
        match &entry.value.node {
            Node::Map(below) => {
                let is_implied =
                    present(below).next().is_some() && present(below).all(|entry| !is_inline(&entry.value));
                if !is_implied {
                    start(text, &format!("[{header}]"));
                }
                table(text, &header, below).map_err(|error| error.within(&entry.key))?;
            }
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    start(text, &format!("[[{header}]]"));
                    if let Node::Map(below) = &item.node {
                        table(text, &header, below)
                            .map_err(|error| error.within(index).within(&entry.key))?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn start(text: &mut String, header: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(header);
    text.push('\n');
}

/// Whether the value goes on the line of its key, rather than under a header.
fn is_inline(tree: &Tree) -> bool {
    match &tree.node {
        Node::Map(_) => false,
        Node::List(items) => items.is_empty() || !items.iter().all(|item| matches!(item.node, Node::Map(_))),
        _ => true,
    }
}

fn inline(tree: &Tree) -> Result<String> {
    Ok(match &tree.node {
        Node::Null => {
            return Err(Error::parameter(
                "",
                tree.node.shown(),
                "a value: an element of a list cannot be left out",
                "",
            ));
        }
        Node::Bool(value) => value.to_string(),
        Node::Integer(value) => value.to_string(),
        Node::Float(value) => refusal::shown_float(*value),
        Node::Text(text) => quoted(text),
        Node::List(items) => {
            let items = items
                .iter()
                .enumerate()
                .map(|(index, item)| inline(item).map_err(|error| error.within(index)))
                .collect::<Result<Vec<_>>>()?;
            format!("[{}]", items.join(", "))
        }
        Node::Map(entries) => {
            let entries = present(entries)
                .map(|entry| match inline(&entry.value) {
                    Ok(value) => Ok(format!("{} = {value}", key(&entry.key))),
                    Err(error) => Err(error.within(&entry.key)),
                })
                .collect::<Result<Vec<_>>>()?;
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    })
}

fn key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
