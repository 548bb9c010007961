//! Atomic data: lines, lifetimes and branching ratios of the ions that emit photons for links, each with its source.
//!
//! ```
//! use ionlink_core::atoms;
//!
//! let line = atoms::line("88Sr+", "422")?;
//! assert_eq!((line.upper.as_str(), line.lower.as_str()), ("P1/2", "S1/2"));
//! assert_eq!((line.lifetime_s, line.branching_ratio), (7.39e-9, 0.94498));
//! println!("{}", line.lifetime_source);
//! # Ok::<(), ionlink_core::Error>(())
//! ```
//!
//! Every figure has a source in which it was read; a figure without one is absent. docs/atoms.md has the table of lines.

use crate::error::{Error, Result};
use crate::tree::{Tree, closest, one_of, or_meant, shown_quoted};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

const TEXT: &str = include_str!("../data/atoms.toml");

/// How far a name may lie from the wavelength it stands for (nm): 369 and 370 are both 369.524.
const NAME_TOLERANCE_NM: f64 = 1.0;

/// A spectral line: one decay of an excited level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The ion, such as `88Sr+`.
    pub ion: String,
    /// Vacuum wavelength rounded to a whole nanometer, such as `422`.
    pub name: String,
    /// Excited level, such as `P1/2`.
    pub upper: String,
    /// Level after the decay, such as `S1/2`.
    pub lower: String,
    /// Vacuum wavelength (nm).
    pub wavelength_nm: f64,
    /// One standard deviation of the wavelength (nm), if there is one.
    pub wavelength_uncertainty_nm: Option<f64>,
    /// Where the wavelength stands.
    pub wavelength_source: String,
    /// How the wavelength was read: `primary`, `secondary` or `computed`.
    pub wavelength_quality: String,
    /// Lifetime of the excited level (s), all decays together.
    pub lifetime_s: f64,
    /// One standard deviation of the lifetime (s), if there is one.
    pub lifetime_uncertainty_s: Option<f64>,
    /// Where the lifetime stands.
    pub lifetime_source: String,
    /// How the lifetime was read.
    pub lifetime_quality: String,
    /// Probability that the excited level decays on this line.
    pub branching_ratio: f64,
    /// One standard deviation of the branching ratio, if there is one.
    pub branching_ratio_uncertainty: Option<f64>,
    /// Where the branching ratio stands.
    pub branching_ratio_source: String,
    /// How the branching ratio was read.
    pub branching_ratio_quality: String,
}

/// An ion: its label, its branch of the table, its lines.
struct Ion {
    label: String,
    data: Tree,
    lines: Vec<Line>,
}

struct Table {
    tree: Tree,
    ions: Vec<Ion>,
}

/// An excited level as the table has it; source and quality of one figure replace those of the level.
#[derive(Deserialize)]
struct Upper {
    level: String,
    lifetime_s: f64,
    lifetime_s_uncertainty: Option<f64>,
    lifetime_s_source: Option<String>,
    lifetime_s_quality: Option<String>,
    source: String,
    quality: String,
    decay: Vec<Decay>,
}

#[derive(Deserialize)]
struct Decay {
    lower: String,
    wavelength_nm: f64,
    wavelength_nm_uncertainty: Option<f64>,
    wavelength_nm_source: Option<String>,
    wavelength_nm_quality: Option<String>,
    branching_ratio: f64,
    branching_ratio_uncertainty: Option<f64>,
    branching_ratio_source: Option<String>,
    branching_ratio_quality: Option<String>,
    source: String,
    quality: String,
}

/// All atomic data as a tree: `ion.sr88.upper.P12.lifetime_s` and so on, sources and qualities beside the figures.
///
/// # Errors
/// None with the table as shipped.
pub fn table() -> Result<&'static Tree> {
    Ok(&loaded()?.tree)
}

/// Labels of the ions, such as `88Sr+`.
///
/// # Errors
/// None with the table as shipped.
pub fn ions() -> Result<Vec<&'static str>> {
    Ok(loaded()?.ions.iter().map(|ion| ion.label.as_str()).collect())
}

/// Everything the table has for one ion: mass, ground-state splitting, Zeeman shifts, metastable lifetimes, excited levels.
///
/// # Errors
/// [`Error::Parameter`] naming the ions that exist.
pub fn data(ion: &str) -> Result<&'static Tree> {
    Ok(&ion_named(ion)?.data)
}

/// The lines of an ion, level by level, the strongest first within a level.
///
/// # Errors
/// [`Error::Parameter`] naming the ions that exist.
pub fn lines(ion: &str) -> Result<Vec<Line>> {
    Ok(ion_named(ion)?.lines.clone())
}

/// One line of an ion, by its wavelength in nanometers (`422`) or its levels (`P1/2-S1/2`).
///
/// A wavelength may be off by 1 nm, because customs differ: `369` and `370` are both the 369.524 nm of 171Yb+.
///
/// # Errors
/// [`Error::Parameter`] naming the ions or the lines that exist.
pub fn line(ion: &str, line: &str) -> Result<Line> {
    let ion = ion_named(ion)?;
    let is_named = |known: &&Line| known.name == line || levels(known) == line;
    if let Some(named) = ion.lines.iter().find(is_named) {
        return Ok(named.clone());
    }
    if let Ok(wavelength_nm) = line.parse::<f64>() {
        let distance = |known: &Line| (known.wavelength_nm - wavelength_nm).abs();
        let mut near = ion.lines.iter().filter(|known| distance(known) <= NAME_TOLERANCE_NM);
        if let (Some(only), None) = (near.next(), near.next()) {
            return Ok(only.clone());
        }
    }
    let listed: Vec<_> =
        ion.lines.iter().map(|known| format!("{:?} ({})", known.name, levels(known))).collect();
    let domain = format!("a line of {}: {}", ion.label, listed.join(", "));
    let meant = line_meant(&ion.lines, line);
    Err(Error::parameter("line", shown_quoted(line), or_meant(&domain, meant.as_deref()), ""))
}

fn levels(line: &Line) -> String {
    format!("{}-{}", line.upper, line.lower)
}

/// The nearest line for something like a wavelength, the line with the most similar levels for anything else.
fn line_meant(lines: &[Line], given: &str) -> Option<String> {
    const NEAR_NM: f64 = 10.0;
    let number = given.trim().trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<f64>();
    if let Ok(wavelength_nm) = number {
        let distance = |line: &Line| (line.wavelength_nm - wavelength_nm).abs();
        return lines
            .iter()
            .filter(|line| distance(line) <= NEAR_NM)
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .map(|line| line.name.clone());
    }
    let levels: Vec<_> = lines.iter().map(levels).collect();
    closest(&given.to_uppercase(), levels.iter().map(String::as_str))
}

fn ion_named(label: &str) -> Result<&'static Ion> {
    let ions = &loaded()?.ions;
    ions.iter().find(|ion| ion.label == label).ok_or_else(|| {
        let labels: Vec<_> = ions.iter().map(|ion| ion.label.as_str()).collect();
        let meant = labels.iter().find(|known| is_spelling(label, known)).map(|known| (*known).to_owned());
        let meant = meant.or_else(|| closest(label, labels.iter().copied()));
        Error::parameter("ion", shown_quoted(label), or_meant(&one_of(&labels), meant.as_deref()), "")
    })
}

/// Whether `given` has the element and the mass number of a label in another order or case: `Sr88`, `sr-88+`, `88Sr`.
fn is_spelling(given: &str, label: &str) -> bool {
    let parts = |text: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        (digits, letters.to_lowercase())
    };
    parts(given) == parts(label)
}

fn loaded() -> Result<&'static Table> {
    static TABLE: OnceLock<Result<Table>> = OnceLock::new();
    TABLE.get_or_init(|| read(TEXT)).as_ref().map_err(Clone::clone)
}

fn read(text: &str) -> Result<Table> {
    let tree = Tree::from_toml(text)?;
    let branch = |path: &str| {
        tree.get(path).ok_or_else(|| Error::MissingField { path: path.to_owned(), position: None })
    };
    let mut ions = Vec::new();
    for entry in branch("ion")?.entries() {
        let data = entry.value.clone();
        let label: String = branch(&format!("ion.{}.label", entry.key))?.read()?;
        let mut lines = Vec::new();
        for level in branch(&format!("ion.{}.upper", entry.key))?.entries() {
            let upper: Upper =
                level.value.read().map_err(|error| error.within(&level.key).within(&entry.key))?;
            lines.extend(upper.decay.iter().map(|decay| upper.line(&label, decay)));
        }
        ions.push(Ion { label, data, lines });
    }
    Ok(Table { tree, ions })
}

impl Upper {
    fn line(&self, ion: &str, decay: &Decay) -> Line {
        let own = |own: &Option<String>, table: &String| own.as_ref().unwrap_or(table).clone();
        Line {
            ion: ion.to_owned(),
            name: format!("{:.0}", decay.wavelength_nm),
            upper: self.level.clone(),
            lower: decay.lower.clone(),
            wavelength_nm: decay.wavelength_nm,
            wavelength_uncertainty_nm: decay.wavelength_nm_uncertainty,
            wavelength_source: own(&decay.wavelength_nm_source, &decay.source),
            wavelength_quality: own(&decay.wavelength_nm_quality, &decay.quality),
            lifetime_s: self.lifetime_s,
            lifetime_uncertainty_s: self.lifetime_s_uncertainty,
            lifetime_source: own(&self.lifetime_s_source, &self.source),
            lifetime_quality: own(&self.lifetime_s_quality, &self.quality),
            branching_ratio: decay.branching_ratio,
            branching_ratio_uncertainty: decay.branching_ratio_uncertainty,
            branching_ratio_source: own(&decay.branching_ratio_source, &decay.source),
            branching_ratio_quality: own(&decay.branching_ratio_quality, &decay.quality),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    const IONS: [&str; 7] = ["171Yb+", "133Ba+", "137Ba+", "138Ba+", "88Sr+", "40Ca+", "43Ca+"];

    fn message<T: std::fmt::Debug>(refused: Result<T>) -> String {
        refused.unwrap_err().to_string()
    }

    /// Every table below `tree`, with whether a table around it has a source.
    fn check_sources(tree: &Tree, path: &str, inherited: bool) {
        let has = |key: &str| tree.get(key).is_some();
        let sourced = inherited || (has("source") && has("quality"));
        for entry in tree.entries() {
            let below = format!("{path}.{}", entry.key);
            match &entry.value.node {
                Node::Map(_) => check_sources(&entry.value, &below, false),
                Node::List(items) => items.iter().for_each(|item| check_sources(item, &below, false)),
                Node::Text(text) if entry.key.ends_with("quality") => {
                    let known = ["primary", "abstract", "secondary", "computed"];
                    assert!(known.contains(&text.as_str()), "{below} is {text}");
                }
                Node::Text(text) if entry.key.ends_with("source") => {
                    assert!(!text.is_empty() && !text.contains("memory"), "{below}");
                }
                Node::Float(_) => {
                    let own = |what: &str| has(&format!("{}_{what}", entry.key));
                    let is_identity = entry.key == "nuclear_spin";
                    assert!(sourced || is_identity || (own("source") && own("quality")), "{below}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_shipped_table_is_read_with_all_ions_and_lines() {
        assert_eq!(ions().unwrap(), IONS);
        let names = |ion| lines(ion).unwrap().into_iter().map(|line| line.name).collect::<Vec<_>>();
        assert_eq!(names("171Yb+"), ["370", "2438", "329", "1650", "1346"]);
        for barium in ["133Ba+", "137Ba+", "138Ba+"] {
            assert_eq!(names(barium), ["494", "650", "456", "614", "586"]);
        }
        assert_eq!(names("88Sr+"), ["422", "1092", "408", "1033", "1004"]);
        assert_eq!(names("40Ca+"), ["397", "866", "393", "854", "850"]);
        assert_eq!(names("43Ca+"), names("40Ca+"));
    }

    #[test]
    fn every_line_is_found_by_its_name_its_levels_and_its_neighbors() {
        for ion in IONS {
            for known in lines(ion).unwrap() {
                assert_eq!(known.ion, ion);
                let rounded: i32 = known.name.parse().unwrap();
                assert!((f64::from(rounded) - known.wavelength_nm).abs() <= 0.5);
                let truncated = known.wavelength_nm.floor().to_string();
                for name in [&known.name, &levels(&known), &truncated, &known.wavelength_nm.to_string()] {
                    assert_eq!(line(ion, name).unwrap(), known, "{ion} {name}");
                }
            }
        }
    }

    #[test]
    fn the_customary_names_are_known() {
        for (ion, name, wavelength_nm) in [
            ("171Yb+", "369", 369.524),
            ("171Yb+", "370", 369.524),
            ("138Ba+", "493", 493.545),
            ("138Ba+", "650", 649.869),
            ("138Ba+", "455", 455.531),
            ("88Sr+", "422", 421.671),
            ("88Sr+", "1092", 1091.788),
            ("40Ca+", "854", 854.444),
            ("40Ca+", "397", 396.959),
            ("40Ca+", "866", 866.452),
            ("43Ca+", "393", 393.478),
        ] {
            assert_eq!(line(ion, name).unwrap().wavelength_nm, wavelength_nm, "{ion} {name}");
        }
    }

    #[test]
    fn figures_are_those_of_their_sources() {
        let strontium = line("88Sr+", "422").unwrap();
        assert_eq!((strontium.lifetime_s, strontium.lifetime_uncertainty_s), (7.39e-9, Some(7.0e-11)));
        assert_eq!(
            (strontium.branching_ratio, strontium.branching_ratio_uncertainty),
            (0.94498, Some(8.0e-5))
        );
        assert_eq!((strontium.wavelength_nm, strontium.wavelength_uncertainty_nm), (421.671, None));
        assert!(strontium.lifetime_source.starts_with("Pinnington"), "{}", strontium.lifetime_source);
        assert!(
            strontium.branching_ratio_source.starts_with("Zhang"),
            "{}",
            strontium.branching_ratio_source
        );
        assert!(strontium.wavelength_source.contains("NIST"), "{}", strontium.wavelength_source);
        assert_eq!(strontium.wavelength_quality, "computed");
        assert_eq!(strontium.lifetime_quality, "secondary");
        let ytterbium = line("171Yb+", "369").unwrap();
        assert_eq!((ytterbium.lifetime_s, ytterbium.branching_ratio), (8.07e-9, 0.99499));
        let barium = line("138Ba+", "493").unwrap();
        assert_eq!((barium.lifetime_s, barium.branching_ratio), (7.855e-9, 0.731_823));
        let calcium = line("40Ca+", "854").unwrap();
        assert_eq!((calcium.upper.as_str(), calcium.lower.as_str()), ("P3/2", "D5/2"));
        assert_eq!((calcium.lifetime_s, calcium.branching_ratio), (6.639e-9, 0.0587));
    }

    #[test]
    fn branching_ratios_of_a_level_add_up() {
        for ion in IONS {
            let all = lines(ion).unwrap();
            for level in ["P1/2", "P3/2"] {
                let sum: f64 =
                    all.iter().filter(|line| line.upper == level).map(|line| line.branching_ratio).sum();
                assert!((0.99..=1.0 + 1e-4).contains(&sum), "{ion} {level}: {sum}");
            }
        }
    }

    #[test]
    fn natural_linewidths_belong_to_their_lifetimes() {
        for ion in IONS {
            for level in data(ion).unwrap().get("upper").unwrap().entries() {
                let figure = |key| level.value.get(key).unwrap().read::<f64>().unwrap();
                let from_lifetime = 1.0 / (2.0 * std::f64::consts::PI * figure("lifetime_s"));
                let relative = figure("natural_linewidth_hz") / from_lifetime - 1.0;
                assert!(relative.abs() < 3e-5, "{ion} {}: {relative}", level.key); // five digits
            }
        }
    }

    #[test]
    fn every_figure_has_a_source_and_none_is_unverified() {
        check_sources(table().unwrap(), "", false);
        assert!(!TEXT.contains("unverified"));
        let barium = data("138Ba+").unwrap();
        assert!(barium.get("ion_mass_kg").is_none(), "no source was found for it");
        assert!(data("137Ba+").unwrap().get("ion_mass_kg").is_some());
    }

    #[test]
    fn unknown_ions_and_lines_are_refused_with_those_that_exist() {
        let all = r#""171Yb+", "133Ba+", "137Ba+", "138Ba+", "88Sr+", "40Ca+", "43Ca+""#;
        assert_eq!(message(line("9Be+", "313")), format!(r#"`ion` must be one of {all}, got "9Be+""#));
        for spelling in ["Sr88", "88sr+", "sr-88", "88Sr"] {
            let expected = format!(r#"`ion` must be one of {all} (did you mean "88Sr+"?), got "{spelling}""#);
            assert_eq!(message(lines(spelling)), expected);
        }
        let domain = r#"a line of 88Sr+: "422" (P1/2-S1/2), "1092" (P1/2-D3/2), "408" (P3/2-S1/2), "1033" (P3/2-D5/2), "1004" (P3/2-D3/2)"#;
        assert_eq!(message(line("88Sr+", "493")), format!(r#"`line` must be {domain}, got "493""#));
        for (given, meant) in [("425", "422"), ("422 nm", "422"), ("p1/2-s1/2", "P1/2-S1/2")] {
            let expected = format!(r#"`line` must be {domain} (did you mean "{meant}"?), got "{given}""#);
            assert_eq!(message(line("88Sr+", given)), expected);
        }
        for odd in ["nan", "inf", "", "1e999", "-422"] {
            assert!(message(line("88Sr+", odd)).starts_with("`line` must be a line of 88Sr+"), "{odd}");
        }
    }

    #[test]
    fn a_broken_table_is_an_error() {
        assert!(read("ion = 1").unwrap().ions.is_empty());
        assert_eq!(message(read("").map(drop)), "`ion` is missing and has no neutral default");
        let broken = "[ion.sr88]\nlabel = \"88Sr+\"\n[ion.sr88.upper.P12]\nlevel = 1";
        assert_eq!(message(read(broken).map(drop)), "line 4, column 9: `sr88.P12.level` must be text, got 1");
    }
}
