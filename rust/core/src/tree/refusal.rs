//! Serde's complaints, turned into the crate's [`Error`] while their parts are still apart.

use crate::error::Error;
use serde::de::{Expected, Unexpected};
use std::fmt;

/// The crate's error as serde asks for it.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Error);

/// What serde found wrong before anybody looked at the value is filled in from the tree.
const UNSEEN: &str = "";

impl Refusal {
    pub(super) fn parameter(value: impl fmt::Display, domain: impl Into<String>) -> Self {
        Self(Error::parameter("", value, domain, ""))
    }

    pub(super) fn unknown_field(field: &str, expected: &[&str]) -> Self {
        Self(Error::UnknownField {
            path: field.to_owned(),
            suggestion: closest(field, expected.iter().copied()),
            expected: expected.iter().map(|&name| name.to_owned()).collect(),
            position: None,
        })
    }

    pub(super) fn unknown_variant(variant: &str, expected: &[&str]) -> Self {
        let meant = closest(variant, expected.iter().copied());
        Self::parameter(shown_quoted(variant), or_meant(&one_of(expected), meant.as_deref()))
    }

    /// The same with the value that was given, if serde did not say.
    pub(super) fn given(mut self, shown: impl FnOnce() -> String) -> Self {
        if let Error::Parameter { path, value, .. } = &mut self.0
            && path.is_empty()
            && value == UNSEEN
        {
            *value = shown();
        }
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::parameter(UNSEEN, format!("a valid value ({message})"))
    }

    fn invalid_type(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        Self::parameter(shown_unexpected(unexpected), in_words(&expected.to_string()))
    }

    fn invalid_value(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::parameter(list_of(length), in_words(&expected.to_string()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown_variant(variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown_field(field, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Error::MissingField { path: field.to_owned(), position: None })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Error::parameter(field, "a second value", "given once", ""))
    }
}

/// The name that `given` was probably meant to be.
pub(crate) fn closest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    const ALIKE: f64 = 0.85;
    names
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
}

/// `one of "fiber", "loss"`.
pub(crate) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    if quoted.len() == 1 { quoted.concat() } else { format!("one of {}", quoted.join(", ")) }
}

/// The domain with the name that was probably meant: `one of "fiber", "loss" (did you mean "loss"?)`.
pub(crate) fn or_meant(domain: &str, meant: Option<&str>) -> String {
    match meant {
        Some(name) => format!("{domain} (did you mean {name:?}?)"),
        None => domain.to_owned(),
    }
}

pub(super) fn list_of(length: usize) -> String {
    if length == 1 { "a list of 1 value".to_owned() } else { format!("a list of {length} values") }
}

pub(super) fn shown_text(text: &str) -> String {
    format!("{} (text)", shown_quoted(text))
}

/// A float as TOML writes it, so that the same bits come back: `inf`, `nan`, `1.0`, `1e9`, `2.5e-8`.
pub(super) fn shown_float(value: f64) -> String {
    const LONG: f64 = 1e5;
    if value.is_nan() {
        return "nan".to_owned();
    }
    let (plain, scientific) = (format!("{value:?}"), format!("{value:e}"));
    if value.abs() >= LONG && scientific.len() < plain.len() { scientific } else { plain }
}

pub(crate) fn shown_quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start:?}...")
}

fn shown_unexpected(unexpected: Unexpected) -> String {
    match unexpected {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => shown_float(value),
        Unexpected::Str(text) => shown_text(text),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// Serde names Rust types where a user thinks of numbers, texts, lists and tables.
pub(super) fn in_words(expected: &str) -> String {
    let words = match expected {
        "f32" | "f64" => "a number",
        "u8" => "a whole number in [0, 255]",
        "u16" => "a whole number in [0, 65535]",
        "u32" => "a whole number in [0, 4294967295]",
        "u64" | "usize" => "a whole number >= 0",
        "i8" => "a whole number in [-128, 127]",
        "i16" => "a whole number in [-32768, 32767]",
        "i32" => "a whole number in [-2147483648, 2147483647]",
        "i64" | "isize" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "text",
        "a character" => "text of one character",
        "a map" => "a table",
        "a sequence" => "a list",
        "unit" => "nothing",
        _ if expected.starts_with("struct ") || expected.starts_with("unit struct ") => "a table",
        _ => match length_in(expected) {
            Some(length) => return list_of(length),
            None => expected,
        },
    };
    words.to_owned()
}

/// The 2 of `an array of length 2`, `a tuple of size 2` or `tuple struct Pair with 2 elements`.
fn length_in(expected: &str) -> Option<usize> {
    let number = expected
        .strip_prefix("an array of length ")
        .or_else(|| expected.strip_prefix("a tuple of size "))
        .or_else(|| expected.rsplit_once(" with ")?.1.split_once(" element").map(|(number, _)| number))?;
    number.parse().ok()
}
