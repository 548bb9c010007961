//! Where the numbers of a link come from, and what was measured on links that exist. Nothing here enters a calculation.

use super::params::LinkParams;
use crate::check;
use crate::error::{Error, Result};
use crate::tree::{Tree, closest, or_meant, shown_quoted};
use serde::{Deserialize, Serialize};

/// How well a number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Read in the publication itself.
    #[default]
    Published,
    /// Read in another text that cites it.
    Secondary,
    /// Arithmetic on numbers that have a source.
    Computed,
    /// Chosen so that a result comes out as measured: that result is no prediction any more.
    Fitted,
    /// Read nowhere; a plausible value.
    Assumed,
    /// Made up, for links that do not exist.
    Invented,
}

/// Where one parameter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputParams {
    /// Path of the parameter, such as `nodes.0.collection.efficiency`; that of a table or list covers all of it.
    pub parameter: String,
    /// How well it is known.
    pub status: Status,
    /// Where it stands, or how it was found.
    pub source: String,
}

/// Published results to compare with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedParams {
    /// Probability of a herald per attempt.
    #[serde(default)]
    pub herald_probability: Option<MeasuredParams>,
    /// Heralds per second, pauses included (1/s).
    #[serde(default)]
    pub rate_hz: Option<MeasuredParams>,
    /// Fidelity to the announced Bell state.
    #[serde(default)]
    pub fidelity: Option<MeasuredParams>,
}

/// A published number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredParams {
    /// The number.
    pub value: f64,
    /// One standard deviation, if published.
    #[serde(default)]
    pub uncertainty: Option<f64>,
    /// Whether only a bound was published.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// How it was read.
    #[serde(default)]
    pub status: Reading,
    /// Where it stands.
    pub source: String,
}

/// How a published number was read: what is computed, fitted or made up was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// In the publication itself.
    #[default]
    Published,
    /// In another text that cites it; for orientation only.
    Secondary,
}

/// Which way a bound bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The number is at least this.
    Lower,
    /// The number is at most this.
    Upper,
}

impl InputParams {
    /// Checks what does not depend on the link.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming an empty field.
    pub fn check(&self) -> Result<()> {
        for (name, text) in [("parameter", &self.parameter), ("source", &self.source)] {
            if text.trim().is_empty() {
                return Err(Error::parameter(name, "an empty text", "not empty", ""));
            }
        }
        Ok(())
    }
}

impl MeasuredParams {
    /// Checks the number and what is said about it.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::non_negative("value", self.value, "")?;
        if let Some(uncertainty) = self.uncertainty {
            check::non_negative("uncertainty", uncertainty, "")?;
            if self.limit.is_some() {
                return Err(Error::parameter("uncertainty", uncertainty, "left out beside a limit", ""));
            }
        }
        Ok(())
    }
}

impl PublishedParams {
    /// Checks every result.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the path of the field.
    pub fn check(&self) -> Result<()> {
        let entries = [
            ("herald_probability", &self.herald_probability),
            ("rate_hz", &self.rate_hz),
            ("fidelity", &self.fidelity),
        ];
        for (name, entry) in entries {
            let Some(entry) = entry else { continue };
            entry.check().map_err(|error| error.within(name))?;
            if name != "rate_hz" {
                check::probability("value", entry.value).map_err(|error| error.within(name))?;
            }
        }
        Ok(())
    }
}

/// Fields of a link that are no inputs.
const NO_INPUTS: [&str; 4] = ["name", "reference", "inputs", "published"];

/// Checks that every input names a parameter of this link, once.
pub(crate) fn check_inputs(params: &LinkParams) -> Result<()> {
    if params.inputs.is_empty() {
        return Ok(());
    }
    let tree = Tree::from_params(params)?;
    for (index, input) in params.inputs.iter().enumerate() {
        let named = input.check().and_then(|()| check_path(&tree, &input.parameter));
        let once = named.and_then(|()| {
            if params.inputs[..index].iter().any(|earlier| earlier.parameter == input.parameter) {
                let given = shown_quoted(&input.parameter);
                return Err(Error::parameter("parameter", given, "a path that no earlier input names", ""));
            }
            Ok(())
        });
        once.map_err(|error| error.within(index).within("inputs"))?;
    }
    Ok(())
}

fn check_path(tree: &Tree, path: &str) -> Result<()> {
    let first = path.split('.').next().unwrap_or_default();
    if !NO_INPUTS.contains(&first) && tree.get(path).is_some() {
        return Ok(());
    }
    let refused = |meant: Option<&str>| {
        let domain = or_meant("the path of a parameter that this link has", meant);
        Error::parameter("parameter", shown_quoted(path), domain, "")
    };
    // the name that was probably meant where the path leaves the tree
    let mut place = tree;
    let mut known = String::new();
    for segment in path.split('.') {
        let next = if known.is_empty() { segment.to_owned() } else { format!("{known}.{segment}") };
        if let Some(child) = tree.get(&next) {
            (place, known) = (child, next);
            continue;
        }
        let names = place.entries().iter().map(|entry| entry.key.as_str());
        let Some(meant) = closest(segment, names) else { return Err(refused(None)) };
        let whole = if known.is_empty() { meant } else { format!("{known}.{meant}") };
        return Err(refused(Some(&whole)));
    }
    Err(refused(None))
}

/// Drops the inputs that speak of a parameter, of what contains it or of what it contains: a changed number has its source
/// no longer.
pub fn forget(inputs: &mut Vec<InputParams>, path: &str) {
    let holds = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    inputs.retain(|input| !holds(&input.parameter, path) && !holds(path, &input.parameter));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

    /// A link file with one input.
    fn text_with(parameter: &str) -> String {
        let mut params = Link::preset("stephenson2020").unwrap().params().clone();
        params.inputs =
            vec![InputParams { parameter: parameter.into(), status: Status::Fitted, source: "a fit".into() }];
        Tree::from_params(&params).unwrap().to_toml().unwrap()
    }

    fn with_input(parameter: &str) -> Result<Link> {
        Link::from_toml(&text_with(parameter))
    }

    #[test]
    fn inputs_name_parameters_that_the_link_has() {
        let paths =
            ["mode_overlap", "nodes.1.errors", "paths.0.0.length_m", "station.reflectivity.1", "station"];
        for path in paths {
            assert_eq!(with_input(path).unwrap().params().inputs[0].parameter, path);
        }
    }

    #[test]
    fn inputs_that_name_nothing_are_refused_with_their_place() {
        let error = with_input("nodes.0.colection.efficiency").unwrap_err();
        let message = error.to_string();
        assert!(message.contains("`inputs.0.parameter`"), "{message}");
        assert!(message.contains("did you mean \"nodes.0.collection\"?"), "{message}");
        assert!(message.starts_with("line "), "{message}");
        for path in
            ["name", "published.fidelity.value", "inputs.0.source", "paths.0.7", "nodes.0.emission.ion", " "]
        {
            assert!(with_input(path).is_err(), "{path}");
        }
        let text = text_with("mode_overlap").replace("\"fitted\"", "\"guessed\"");
        let message = Link::from_toml(&text).unwrap_err().to_string();
        assert!(message.contains("`inputs.0.status`") && message.contains("\"assumed\""), "{message}");
    }

    #[test]
    fn a_path_is_named_once() {
        let mut params = with_input("mode_overlap").unwrap().params().clone();
        params.inputs.push(params.inputs[0].clone());
        let message = Link::new(params).unwrap_err().to_string();
        assert!(message.contains("`inputs.1.parameter`"), "{message}");
    }

    #[test]
    fn a_changed_parameter_loses_its_source() {
        let input = |path: &str| InputParams {
            parameter: path.into(),
            status: Status::Published,
            source: "table 1".into(),
        };
        let mut inputs =
            vec![input("nodes.0.emission"), input("nodes.0.errors"), input("paths.1.0.length_m")];
        forget(&mut inputs, "nodes.0.emission.lifetime_s");
        forget(&mut inputs, "paths.10");
        assert_eq!(inputs.len(), 2);
        forget(&mut inputs, "paths.1");
        forget(&mut inputs, "nodes.0.errors");
        assert!(inputs.is_empty());
    }

    #[test]
    fn results_are_measured() {
        for status in ["fitted", "guessed"] {
            let text = format!("value = 0.94\nstatus = \"{status}\"\nsource = \"abstract\"\n");
            let message = Tree::from_toml(&text).unwrap().read::<MeasuredParams>().unwrap_err().to_string();
            let domain = "`status` must be one of \"published\", \"secondary\"";
            assert_eq!(message, format!("line 2, column 10: {domain}, got \"{status}\""));
        }
    }

    #[test]
    fn limits_have_no_uncertainty_and_shares_are_no_more_than_one() {
        let fidelity = MeasuredParams {
            value: 0.94,
            uncertainty: None,
            limit: Some(Limit::Lower),
            status: Reading::Secondary,
            source: "abstract".into(),
        };
        assert!(fidelity.check().is_ok());
        assert!(MeasuredParams { uncertainty: Some(0.1), ..fidelity.clone() }.check().is_err());
        let published = PublishedParams {
            fidelity: Some(MeasuredParams { value: 1.2, ..fidelity }),
            ..PublishedParams::default()
        };
        assert!(published.check().unwrap_err().to_string().contains("`fidelity.value`"));
    }
}
