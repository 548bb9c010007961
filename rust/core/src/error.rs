//! What can go wrong, in one enumeration: every kind names the parameter, its value, its domain and its unit.

use std::fmt;

/// A place in a text file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Why a link, a run or a file was refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// A parameter lies outside its domain or has the wrong type.
    Parameter {
        /// Path of the field, such as `nodes.0.emission.lifetime_s`.
        path: String,
        /// The value as given.
        value: String,
        /// What is allowed, such as `[0, 1]`.
        domain: String,
        /// Unit, empty for a number without one.
        unit: &'static str,
        /// Where the value stands, if it came from a text file.
        position: Option<Position>,
    },
    /// A field that does not exist.
    UnknownField {
        /// Path of the field that was refused.
        path: String,
        /// The existing field that resembles it most.
        suggestion: Option<String>,
        /// All fields that exist there.
        expected: Vec<String>,
        /// Where the field stands, if it came from a text file.
        position: Option<Position>,
    },
    /// A field that has no neutral default was left out.
    MissingField {
        /// Path of the field.
        path: String,
        /// Where its table stands, if it came from a text file.
        position: Option<Position>,
    },
    /// A text that is not TOML or JSON.
    Syntax {
        /// What the parser found.
        message: String,
        /// Where.
        position: Option<Position>,
    },
    /// Valid numbers outside the reach of a model or of an engine.
    Model {
        /// The parameter that takes the model out of its reach.
        parameter: String,
        /// Why, and what to do instead.
        message: String,
    },
    /// A run whose result does not fit into memory.
    Size {
        /// Bytes that the result would take.
        needed_bytes: u64,
        /// Bytes that are available.
        available_bytes: u64,
        /// What to do instead.
        instead: &'static str,
    },
}

/// What [`Error::Size`] of a link's run or time tags advises.
pub const STREAM_INSTEAD: &str = "use `stream`, which needs bounded memory, or ask for less";

/// Result of everything in this crate that can be refused.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A value outside its domain; `path` is relative to the stage and grows outwards through [`Error::within`].
    pub fn parameter(
        path: impl Into<String>,
        value: impl fmt::Display,
        domain: impl Into<String>,
        unit: &'static str,
    ) -> Self {
        Self::Parameter {
            path: path.into(),
            value: value.to_string(),
            domain: domain.into(),
            unit,
            position: None,
        }
    }

    /// The same error seen from the container that holds `segment`.
    #[must_use]
    pub fn within(mut self, segment: impl fmt::Display) -> Self {
        match &mut self {
            Self::Parameter { path, .. }
            | Self::UnknownField { path, .. }
            | Self::MissingField { path, .. }
            | Self::Model { parameter: path, .. } => {
                *path = if path.is_empty() { segment.to_string() } else { format!("{segment}.{path}") };
            }
            Self::Syntax { .. } | Self::Size { .. } => {}
        }
        self
    }

    /// The same error under another path, where `rename` knows one.
    #[must_use]
    pub fn renamed(mut self, rename: impl FnOnce(&str) -> Option<String>) -> Self {
        match &mut self {
            Self::Parameter { path, .. }
            | Self::UnknownField { path, .. }
            | Self::MissingField { path, .. }
            | Self::Model { parameter: path, .. } => {
                if let Some(renamed) = rename(path) {
                    *path = renamed;
                }
            }
            Self::Syntax { .. } | Self::Size { .. } => {}
        }
        self
    }

    /// The path of the parameter concerned, if there is one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Parameter { path, .. }
            | Self::UnknownField { path, .. }
            | Self::MissingField { path, .. }
            | Self::Model { parameter: path, .. } => Some(path),
            Self::Syntax { .. } | Self::Size { .. } => None,
        }
    }

    /// Where in a text file the error stands, if it came from one.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Parameter { position, .. }
            | Self::UnknownField { position, .. }
            | Self::MissingField { position, .. }
            | Self::Syntax { position, .. } => *position,
            Self::Model { .. } | Self::Size { .. } => None,
        }
    }

    /// The same error with its place in a text file, unless it already has one.
    #[must_use]
    pub fn at(mut self, place: Option<Position>) -> Self {
        match &mut self {
            Self::Parameter { position, .. }
            | Self::UnknownField { position, .. }
            | Self::MissingField { position, .. }
            | Self::Syntax { position, .. } => *position = position.or(place),
            Self::Model { .. } | Self::Size { .. } => {}
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position() {
            write!(f, "line {line}, column {column}: ")?;
        }
        match self {
            Self::Parameter { path, value, domain, unit, .. } => {
                let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
                let path = if path.is_empty() { "the parameters" } else { path };
                write!(f, "`{path}` must be {domain}{unit}, got {value}")
            }
            Self::UnknownField { path, suggestion, expected, .. } => {
                write!(f, "`{path}` does not exist")?;
                if let Some(suggestion) = suggestion {
                    write!(f, "; did you mean `{suggestion}`? ")?;
                } else {
                    f.write_str(". ")?;
                }
                if expected.is_empty() {
                    f.write_str("There is nothing here.")
                } else {
                    write!(f, "Fields here: {}", expected.join(", "))
                }
            }
            Self::MissingField { path, .. } => write!(f, "`{path}` is missing and has no neutral default"),
            Self::Syntax { message, .. } => f.write_str(message),
            Self::Model { parameter, message } => write!(f, "`{parameter}`: {message}"),
            Self::Size { needed_bytes, available_bytes, instead } => write!(
                f,
                "the result would take {} and {} are available; {instead}",
                ByteCount(*needed_bytes),
                ByteCount(*available_bytes)
            ),
        }
    }
}

impl std::error::Error for Error {}

struct ByteCount(u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gibibytes = self.0 as f64 / (1u64 << 30) as f64;
        if gibibytes >= 0.1 {
            write!(f, "{gibibytes:.1} GiB")
        } else {
            write!(f, "{:.1} MiB", gibibytes * 1024.0)
        }
    }
}
