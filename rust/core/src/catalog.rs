//! Published figures of fibers, frequency converters and detectors, each with its source.
//!
//! Where a source gives only a bound or a range, its worst end counts: the highest attenuation, the lowest efficiency, the
//! highest rate of dark counts. What no source gives is absent; docs/atoms.md lists what there is.
//!
//! ```
//! use ionlink_core::catalog;
//!
//! let fiber = catalog::fiber("S405-XP", 421.671)?;
//! assert_eq!((fiber.attenuation_db_per_km, fiber.group_index), (30.0, None));
//! # Ok::<(), ionlink_core::Error>(())
//! ```

use crate::check;
use crate::error::{Error, Result};
use crate::tree::{Tree, closest, one_of, or_meant, shown_quoted};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

const TEXT: &str = include_str!("../data/optics.toml");

/// How far from the wavelength of an entry its figures hold (nm).
const REACH_NM: f64 = 10.0;

/// What the catalog says of a fiber at a wavelength.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FiberData {
    /// Attenuation (dB/km); the highest that the source allows where it gives a limit or a range.
    pub attenuation_db_per_km: f64,
    /// Group index, where a source gives it.
    pub group_index: Option<f64>,
    /// Wavelength for which the source gives the figures (nm).
    pub wavelength_nm: f64,
    /// Whether the attenuation is the worst end of a limit or a range.
    pub is_worst_case: bool,
    /// Where the attenuation stands.
    pub source: String,
}

/// What the catalog says of a detector, as far as a link needs it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectorData {
    /// Probability that an arriving photon is registered; the lowest where the source gives a limit or a range only.
    pub efficiency: f64,
    /// Rate of dark counts (1/s); the highest where the source gives a limit or a range only.
    pub dark_count_rate_hz: f64,
    /// Time after a click in which the detector is blind (s), where a source gives it.
    pub dead_time_s: Option<f64>,
    /// Where the figures stand.
    pub source: String,
}

#[derive(Deserialize)]
struct FiberEntry {
    name: String,
    wavelength_nm: f64,
    attenuation_db_per_km: Option<f64>,
    attenuation_db_per_km_max: Option<f64>,
    attenuation_db_per_km_limit: Option<String>,
    group_index: Option<f64>,
    source: String,
}

#[derive(Deserialize)]
struct DetectorEntry {
    efficiency: Option<f64>,
    efficiency_min: Option<f64>,
    dark_count_rate_hz: Option<f64>,
    dark_count_rate_hz_max: Option<f64>,
    dead_time_s: Option<f64>,
    source: String,
}

struct Catalog {
    tree: Tree,
    fibers: Vec<FiberEntry>,
}

/// The whole catalog as a tree: lists `fiber`, `converter` and `detector`, sources and qualities beside the figures.
///
/// # Errors
/// None with the catalog as shipped.
pub fn table() -> Result<&'static Tree> {
    Ok(&loaded()?.tree)
}

/// Names of the fibers, each once.
///
/// # Errors
/// None with the catalog as shipped.
pub fn fibers() -> Result<Vec<&'static str>> {
    let mut names: Vec<&str> = Vec::new();
    for entry in &loaded()?.fibers {
        if !names.contains(&entry.name.as_str()) {
            names.push(&entry.name);
        }
    }
    Ok(names)
}

/// Labels of the frequency converters.
///
/// # Errors
/// None with the catalog as shipped.
pub fn converters() -> Result<Vec<&'static str>> {
    labels("converter")
}

/// Labels of the detectors.
///
/// # Errors
/// None with the catalog as shipped.
pub fn detectors() -> Result<Vec<&'static str>> {
    labels("detector")
}

/// Attenuation and group index of a fiber at a wavelength (nm), from the nearest entry within 10 nm.
///
/// Upper and lower case do not matter. A maker's limit and a range of measured values count as the highest attenuation they
/// allow.
///
/// # Errors
/// [`Error::Parameter`] naming the fibers that exist, or the wavelengths at which the catalog has this one.
pub fn fiber(name: &str, wavelength_nm: f64) -> Result<FiberData> {
    check::positive("wavelength_nm", wavelength_nm, "nm")?;
    let entries = &loaded()?.fibers;
    let name = named("fiber", name, &fibers()?)?;
    let entries: Vec<&FiberEntry> = entries.iter().filter(|entry| entry.name == name).collect();
    let distance = |entry: &FiberEntry| (entry.wavelength_nm - wavelength_nm).abs();
    let nearest = entries
        .iter()
        .filter(|entry| distance(entry) <= REACH_NM)
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .ok_or_else(|| {
            let known: Vec<_> = entries.iter().map(|entry| entry.wavelength_nm.to_string()).collect();
            let domain = format!(
                "within {REACH_NM} nm of {}, where the catalog has the fiber {name:?}",
                known.join(" or ")
            );
            Error::parameter("wavelength_nm", wavelength_nm, domain, "nm")
        })?;
    let worst = nearest.attenuation_db_per_km.or(nearest.attenuation_db_per_km_max).ok_or_else(|| {
        Error::MissingField { path: "attenuation_db_per_km".to_owned(), position: None }.within(name)
    })?;
    Ok(FiberData {
        attenuation_db_per_km: worst,
        group_index: nearest.group_index,
        wavelength_nm: nearest.wavelength_nm,
        is_worst_case: nearest.attenuation_db_per_km.is_none()
            || nearest.attenuation_db_per_km_limit.is_some(),
        source: nearest.source.clone(),
    })
}

/// The figures of a frequency converter with their sources.
///
/// # Errors
/// [`Error::Parameter`] naming the converters that exist.
pub fn converter(label: &str) -> Result<&'static Tree> {
    labeled("converter", label)
}

/// The figures of a detector with their sources.
///
/// # Errors
/// [`Error::Parameter`] naming the detectors that exist.
pub fn detector(label: &str) -> Result<&'static Tree> {
    labeled("detector", label)
}

/// Efficiency and dark counts of a detector whose source gives both.
///
/// # Errors
/// [`Error::Parameter`] naming the detectors that exist, or those that have the figures that this one lacks.
pub fn detector_data(label: &str) -> Result<DetectorData> {
    let entry: DetectorEntry = detector(label)?.read()?;
    let efficiency = entry.efficiency.or(entry.efficiency_min);
    let dark_count_rate_hz = entry.dark_count_rate_hz.or(entry.dark_count_rate_hz_max);
    let (Some(efficiency), Some(dark_count_rate_hz)) = (efficiency, dark_count_rate_hz) else {
        let mut absent = Vec::new();
        absent.extend(efficiency.is_none().then_some("efficiency"));
        absent.extend(dark_count_rate_hz.is_none().then_some("dark_count_rate_hz"));
        let mut complete = Vec::new();
        for known in detectors()? {
            let entry: DetectorEntry = detector(known)?.read()?;
            if entry.efficiency.or(entry.efficiency_min).is_some()
                && entry.dark_count_rate_hz.or(entry.dark_count_rate_hz_max).is_some()
            {
                complete.push(known);
            }
        }
        let absent = absent.join(" and ");
        let domain = format!("a detector whose source gives {absent}: {}", one_of(&complete));
        return Err(Error::parameter("detector", shown_quoted(label), domain, ""));
    };
    Ok(DetectorData { efficiency, dark_count_rate_hz, dead_time_s: entry.dead_time_s, source: entry.source })
}

fn labels(kind: &str) -> Result<Vec<&'static str>> {
    let entries = loaded()?.tree.get(kind).map_or(&[][..], Tree::items);
    Ok(entries.iter().filter_map(label_of).collect())
}

fn label_of(entry: &'static Tree) -> Option<&'static str> {
    match &entry.get("label")?.node {
        crate::tree::Node::Text(label) => Some(label),
        _ => None,
    }
}

fn labeled(kind: &str, label: &str) -> Result<&'static Tree> {
    let known = named(kind, label, &labels(kind)?)?;
    let entries = loaded()?.tree.get(kind).map_or(&[][..], Tree::items);
    entries
        .iter()
        .find(|entry| label_of(entry) == Some(known))
        .ok_or_else(|| Error::MissingField { path: known.to_owned(), position: None }.within(kind))
}

/// The name as the catalog writes it; case does not matter.
fn named<'n>(kind: &str, given: &str, names: &[&'n str]) -> Result<&'n str> {
    let lower = given.to_lowercase();
    if let Some(name) = names.iter().find(|name| name.to_lowercase() == lower) {
        return Ok(name);
    }
    let mut containing =
        names.iter().filter(|name| !lower.is_empty() && name.to_lowercase().contains(&lower));
    let meant = match (containing.next(), containing.next()) {
        (Some(only), None) => Some((*only).to_owned()),
        _ => closest(given, names.iter().copied()),
    };
    Err(Error::parameter(kind, shown_quoted(given), or_meant(&one_of(names), meant.as_deref()), ""))
}

fn loaded() -> Result<&'static Catalog> {
    static CATALOG: OnceLock<Result<Catalog>> = OnceLock::new();
    CATALOG.get_or_init(|| read(TEXT)).as_ref().map_err(Clone::clone)
}

fn read(text: &str) -> Result<Catalog> {
    let tree = Tree::from_toml(text)?;
    let fibers = match tree.get("fiber") {
        Some(fibers) => fibers.read().map_err(|error| error.within("fiber"))?,
        None => return Err(Error::MissingField { path: "fiber".to_owned(), position: None }),
    };
    Ok(Catalog { tree, fibers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Node;

    fn message<T: std::fmt::Debug>(refused: Result<T>) -> String {
        refused.unwrap_err().to_string()
    }

    #[test]
    fn fibers_are_found_at_their_wavelengths() {
        let at = |name, wavelength_nm| fiber(name, wavelength_nm).unwrap();
        let spool = at("50.47 km spool", 1550.0);
        assert_eq!((spool.attenuation_db_per_km, spool.group_index), (0.181, Some(1.467)));
        assert!(!spool.is_worst_case);
        let link = at("S405-XP", 421.671);
        assert_eq!((link.attenuation_db_per_km, link.group_index, link.wavelength_nm), (30.0, None, 422.0));
        assert!(link.source.starts_with("Stephenson"), "{}", link.source);
        assert_eq!(at("s405-xp", 422.0), link);
    }

    #[test]
    fn limits_and_ranges_count_as_their_worst_end() {
        let standard = fiber("G.652.D", 1310.0).unwrap();
        assert_eq!((standard.attenuation_db_per_km, standard.group_index), (0.34, Some(1.466)));
        assert!(standard.is_worst_case);
        let deployed = fiber("deployed metropolitan links, joints included", 1550.0).unwrap();
        assert_eq!(deployed.attenuation_db_per_km, 0.51);
        assert!(deployed.is_worst_case);
    }

    #[test]
    fn the_reach_of_an_entry_is_ten_nanometers() {
        assert_eq!(fiber("SM300", 340.0).unwrap().wavelength_nm, 350.0);
        assert_eq!(fiber("SM300", 440.0).unwrap().wavelength_nm, 430.0);
        assert_eq!(
            message(fiber("SM300", 369.5)),
            "`wavelength_nm` must be within 10 nm of 350 or 430, where the catalog has the fiber \"SM300\" (nm), got 369.5"
        );
        assert_eq!(
            message(fiber("SM300", f64::NAN)),
            "`wavelength_nm` must be finite and above 0 (nm), got NaN"
        );
    }

    #[test]
    fn unknown_names_are_refused_with_those_that_exist() {
        let refused = message(fiber("SMF-28", 1550.0));
        assert!(refused.starts_with("`fiber` must be one of \"SM300\", \"S405-XP\", "), "{refused}");
        assert!(refused.ends_with("(did you mean \"SMF-28 ULL\"?), got \"SMF-28\""), "{refused}");
        let refused = message(detector("count blue"));
        assert!(
            refused.ends_with("(did you mean \"Laser Components COUNT BLUE\"?), got \"count blue\""),
            "{refused}"
        );
        let refused = message(converter(""));
        assert!(
            refused.starts_with("`converter` must be one of") && refused.ends_with(", got \"\""),
            "{refused}"
        );
    }

    #[test]
    fn detectors_with_efficiency_and_dark_counts_can_be_used() {
        let data = |label| {
            let data = detector_data(label).unwrap();
            (data.efficiency, data.dark_count_rate_hz, data.dead_time_s)
        };
        assert_eq!(data("Laser Components COUNT BLUE"), (0.65, 60.0, None));
        assert_eq!(data("ID230"), (0.10, 1.9, Some(20e-6)));
        assert_eq!(data("NbTiN nanowire"), (0.92, 130.0, None)); // both are limits
        assert_eq!(data("MoSi nanowire, ultraviolet"), (0.70, 6.94e-5, None)); // a range of efficiencies
        let refused = message(detector_data("H10682-210"));
        let expected = "`detector` must be a detector whose source gives dark_count_rate_hz: one of \
                        \"Laser Components COUNT BLUE\", ";
        assert!(refused.starts_with(expected), "{refused}");
    }

    #[test]
    fn every_bound_points_to_the_side_that_is_used() {
        for entry in table().unwrap().get("fiber").unwrap().items() {
            let limit = entry.get("attenuation_db_per_km_limit").map(|limit| limit.read::<String>().unwrap());
            assert!(limit.is_none_or(|limit| limit == "upper"));
            let range =
                ["min", "max"].map(|end| entry.get(&format!("attenuation_db_per_km_{end}")).is_some());
            assert_eq!(range[0], range[1]);
        }
        for label in detectors().unwrap() {
            for (figure, side) in [("efficiency", "lower"), ("dark_count_rate_hz", "upper")] {
                let limit = detector(label).unwrap().get(&format!("{figure}_limit"));
                assert!(limit.is_none_or(|limit| limit.node == Node::Text(side.to_owned())), "{label}");
            }
        }
    }

    #[test]
    fn every_entry_has_a_source_and_none_is_unverified() {
        assert!(!TEXT.contains("unverified") && !TEXT.contains("memory"));
        for kind in ["fiber", "converter", "detector"] {
            let entries = table().unwrap().get(kind).unwrap().items();
            assert!(!entries.is_empty());
            for entry in entries {
                let text = |key| entry.get(key).unwrap().read::<String>().unwrap();
                assert!(!text("source").is_empty());
                assert!(["primary", "abstract", "secondary", "computed"].contains(&text("quality").as_str()));
            }
        }
        assert_eq!(fibers().unwrap().len(), 9);
        assert_eq!((converters().unwrap().len(), detectors().unwrap().len()), (6, 11));
        for name in fibers().unwrap() {
            let entries = &loaded().unwrap().fibers;
            for entry in entries.iter().filter(|entry| entry.name == name) {
                assert_eq!(fiber(name, entry.wavelength_nm).unwrap().wavelength_nm, entry.wavelength_nm);
            }
        }
    }

    #[test]
    fn a_broken_catalog_is_an_error() {
        assert_eq!(message(read("").map(drop)), "`fiber` is missing and has no neutral default");
        assert!(read("fiber = [1]").is_err());
    }
}
