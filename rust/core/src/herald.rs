//! Herald: which click patterns announce which Bell state, and what caused them.

use crate::error::{Error, Result};
use crate::state::BellState;

/// Number of slots of a polarization analyzer: two ports times two modes.
pub const SLOTS: usize = 4;

/// What made the clicks of a herald.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Cause {
    /// One photon in each of the two slots.
    PhotonPhoton = 0,
    /// Photons in one slot, dark counts alone in the other.
    PhotonDark = 1,
    /// No photon registered: dark counts alone in both.
    DarkDark = 2,
}

impl Cause {
    /// All causes in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::PhotonPhoton, Self::PhotonDark, Self::DarkDark];

    /// The name users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhotonPhoton => "photon-photon",
            Self::PhotonDark => "photon-dark",
            Self::DarkDark => "dark-dark",
        }
    }
}

/// Index of the slot at an exit of the splitter for a mode.
pub const fn slot_index(port: usize, mode: usize) -> usize {
    2 * port + mode
}

/// An accepted pattern: exactly these two slots clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// The clicking slot of mode 0 and that of mode 1.
    pub slots: [usize; 2],
    /// The announced state.
    pub bell_state: BellState,
}

impl Pattern {
    /// The four patterns of two opposite modes. Same port announces psi+, different ports psi-.
    pub const ALL: [Self; 4] = [
        Self { slots: [slot_index(0, 0), slot_index(0, 1)], bell_state: BellState::PsiPlus },
        Self { slots: [slot_index(1, 0), slot_index(1, 1)], bell_state: BellState::PsiPlus },
        Self { slots: [slot_index(0, 0), slot_index(1, 1)], bell_state: BellState::PsiMinus },
        Self { slots: [slot_index(1, 0), slot_index(0, 1)], bell_state: BellState::PsiMinus },
    ];

    /// Name as port and mode of each click, such as `00+11` for port 0 mode 0 with port 1 mode 1.
    pub fn name(&self) -> String {
        let [first, second] = self.slots.map(|slot| format!("{}{}", slot / 2, slot % 2));
        format!("{first}+{second}")
    }

    /// One bit for each clicking slot.
    pub fn mask(&self) -> u32 {
        1 << self.slots[0] | 1 << self.slots[1]
    }
}

/// Reads the accepted patterns, each given by its name or, all patterns of it at once, by a Bell state.
///
/// # Errors
/// [`Error::Parameter`] for an unknown or repeated name and for an empty list.
pub fn accepted_patterns(names: &[String]) -> Result<Vec<Pattern>> {
    let mut chosen = [false; Pattern::ALL.len()];
    for (index, name) in names.iter().enumerate() {
        let mut known = false;
        for (pattern, chosen) in Pattern::ALL.iter().zip(&mut chosen) {
            if *name == pattern.name() || *name == pattern.bell_state.name() {
                known = true;
                if *chosen {
                    let path = format!("accepted_patterns.{index}");
                    return Err(Error::parameter(path, format!("{name:?}"), "named once", ""));
                }
                *chosen = true;
            }
        }
        if !known {
            let names: Vec<_> =
                Pattern::ALL.iter().map(|pattern| format!("\"{}\"", pattern.name())).collect();
            let domain = format!("\"psi+\", \"psi-\" or one of {}", names.join(", "));
            return Err(Error::parameter(
                format!("accepted_patterns.{index}"),
                format!("{name:?}"),
                domain,
                "",
            ));
        }
    }
    let patterns: Vec<_> = Pattern::ALL.into_iter().zip(chosen).filter_map(|(p, c)| c.then_some(p)).collect();
    if patterns.is_empty() {
        return Err(Error::parameter("accepted_patterns", "an empty list", "at least one pattern", ""));
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_port_announces_psi_plus_and_different_ports_psi_minus() {
        for pattern in Pattern::ALL {
            let [a, b] = pattern.slots;
            assert_ne!(a % 2, b % 2, "modes differ");
            let expected = if a / 2 == b / 2 { BellState::PsiPlus } else { BellState::PsiMinus };
            assert_eq!(pattern.bell_state, expected);
        }
    }

    #[test]
    fn a_pattern_is_named_by_its_clicks_or_its_bell_state() {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(accepted_patterns(&names(&["psi+", "psi-"])).unwrap().len(), 4);
        assert_eq!(accepted_patterns(&names(&["00+11"])).unwrap()[0].slots, [0, 3]);
        assert!(
            accepted_patterns(&names(&["psi-", "00+11"])).unwrap_err().to_string().contains("named once")
        );
        assert!(accepted_patterns(&[]).is_err());
        assert!(
            accepted_patterns(&names(&["phi+"])).unwrap_err().to_string().contains("accepted_patterns.0")
        );
    }
}
