//! Herald: which click patterns announce which Bell state, and what caused them.

use crate::encoding::{EncodingParams, slot_index};
use crate::error::{Error, Result};
use crate::state::BellState;

/// What made the clicks of a herald. A slot with a photon and a dark count is a photon slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Cause {
    /// One photon in each of the two slots.
    PhotonPhoton = 0,
    /// Photons in one slot, dark counts alone in the other.
    PhotonDark = 1,
    /// No photon registered: dark counts alone in both.
    DarkDark = 2,
    /// A photon that an ion emitted besides the entangled one, in the other bin, is among the clicks.
    SameNode = 3,
    /// A photon emitted during the pulse, before the entangled one, is among the clicks.
    DoubleEmission = 4,
    /// Single-click herald: a photon.
    Photon = 5,
    /// Single-click herald: dark counts alone.
    Dark = 6,
    /// Light that comes with the pulse, such as scattered laser light, alone in a slot.
    Background = 7,
    /// An afterpulse of an earlier click, alone in a slot.
    Afterpulse = 8,
}

impl Cause {
    /// Number of causes.
    pub const COUNT: usize = 9;

    /// All causes in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::PhotonPhoton,
        Self::PhotonDark,
        Self::DarkDark,
        Self::SameNode,
        Self::DoubleEmission,
        Self::Photon,
        Self::Dark,
        Self::Background,
        Self::Afterpulse,
    ];

    /// The name users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhotonPhoton => "photon-photon",
            Self::PhotonDark => "photon-dark",
            Self::DarkDark => "dark-dark",
            Self::SameNode => "same-node",
            Self::DoubleEmission => "double-emission",
            Self::Photon => "photon",
            Self::Dark => "dark",
            Self::Background => "background",
            Self::Afterpulse => "afterpulse",
        }
    }

    /// The cause of a pattern of `clicks` slots, `photons` of them with a photon, given the extra photons among them and
    /// the worst of what made the others click.
    pub(crate) fn of(clicks: usize, photons: usize, extra: Option<ExtraKind>, noise: Noise) -> Self {
        match (extra, noise, clicks, photons) {
            (Some(ExtraKind::Pulse), ..) => Self::DoubleEmission,
            (Some(ExtraKind::OtherBin), ..) => Self::SameNode,
            (None, Noise::Afterpulse, ..) => Self::Afterpulse,
            (None, Noise::Background, ..) => Self::Background,
            (None, Noise::Dark, 1, 0) => Self::Dark,
            (None, Noise::Dark, 1, _) => Self::Photon,
            (None, Noise::Dark, _, 0) => Self::DarkDark,
            (None, Noise::Dark, _, 1) => Self::PhotonDark,
            (None, Noise::Dark, ..) => Self::PhotonPhoton,
        }
    }
}

/// What makes a slot click without a photon of an ion. A slot with background and dark count is a background slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Noise {
    Dark,
    Background,
    Afterpulse,
}

impl Noise {
    pub(crate) const ALL: [Self; 3] = [Self::Dark, Self::Background, Self::Afterpulse];
}

/// Where a photon besides the entangled one comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtraKind {
    /// From the other bin: the ion was bright in both.
    OtherBin,
    /// From within the pulse: the ion was excited twice.
    Pulse,
}

/// An accepted pattern: exactly these slots clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// The clicking slot of each column of click times: mode 0 and mode 1, or port 0 and port 1 where modes are not resolved;
    /// nothing for the missing click of a single-click herald.
    pub slots: [Option<usize>; 2],
    /// The announced state.
    pub bell_state: BellState,
}

impl Pattern {
    /// The patterns of two opposite modes. Same port announces psi+, different ports psi-.
    const OPPOSITE_MODES: [Self; 4] = [
        Self::two(slot_index(0, 0), slot_index(0, 1), BellState::PsiPlus),
        Self::two(slot_index(1, 0), slot_index(1, 1), BellState::PsiPlus),
        Self::two(slot_index(0, 0), slot_index(1, 1), BellState::PsiMinus),
        Self::two(slot_index(1, 0), slot_index(0, 1), BellState::PsiMinus),
    ];
    /// The pattern of two ports.
    const OPPOSITE_PORTS: [Self; 1] = [Self::two(slot_index(0, 0), slot_index(1, 0), BellState::PsiMinus)];
    /// The patterns of one port.
    const ONE_PORT: [Self; 2] = [
        Self { slots: [Some(slot_index(0, 0)), None], bell_state: BellState::PsiPlus },
        Self { slots: [None, Some(slot_index(1, 0))], bell_state: BellState::PsiMinus },
    ];
    /// The patterns of one mode.
    const ONE_MODE: [Self; 2] = [
        Self { slots: [Some(slot_index(0, 0)), None], bell_state: BellState::PhiPlus },
        Self { slots: [None, Some(slot_index(0, 1))], bell_state: BellState::PhiPlus },
    ];

    const fn two(first: usize, second: usize, bell_state: BellState) -> Self {
        Self { slots: [Some(first), Some(second)], bell_state }
    }

    /// All patterns that an encoding can announce a state with.
    pub fn all(encoding: &EncodingParams) -> &'static [Self] {
        match encoding {
            EncodingParams::Polarization(_) | EncodingParams::TimeBin(_) | EncodingParams::BarrettKok(_) => {
                &Self::OPPOSITE_MODES
            }
            EncodingParams::Frequency(_) => &Self::OPPOSITE_PORTS,
            EncodingParams::Number(_) => &Self::ONE_PORT,
            EncodingParams::IonPhoton(_) => &Self::ONE_MODE,
        }
    }

    /// Two clicks in one mode and different ports: no herald, but where interference shows.
    pub(crate) fn coincidence(mode: usize) -> Self {
        Self::two(slot_index(0, mode), slot_index(1, mode), BellState::PsiMinus)
    }

    /// The clicking slots with their columns.
    pub fn clicks(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.slots.iter().enumerate().filter_map(|(column, slot)| slot.map(|slot| (column, slot)))
    }

    /// Whether a slot is among the clicking ones.
    pub fn contains(&self, slot: usize) -> bool {
        self.slots.contains(&Some(slot))
    }

    /// Name of the clicks: port and mode of each (`00+11`: port 0 mode 0 with port 1 mode 1), the ports alone where modes are
    /// not resolved (`0+1`), the port or the mode of a single click (`0`).
    pub fn name(&self) -> String {
        match self.slots {
            [Some(first), Some(second)] if first % 2 != second % 2 => {
                let [first, second] = [first, second].map(|slot| format!("{}{}", slot / 2, slot % 2));
                format!("{first}+{second}")
            }
            [Some(first), Some(second)] => format!("{}+{}", first / 2, second / 2),
            [Some(slot), None] | [None, Some(slot)] => format!("{}", slot / 2 + slot % 2),
            [None, None] => String::new(),
        }
    }

    /// One bit for each clicking slot.
    pub fn mask(&self) -> u32 {
        self.clicks().map(|(_, slot)| 1 << slot).sum()
    }
}

/// Reads the accepted patterns, each given by its name or, all patterns of it at once, by a Bell state.
///
/// # Errors
/// [`Error::Parameter`] for an unknown or repeated name and for an empty list.
pub fn accepted_patterns(names: &[String], all: &[Pattern]) -> Result<Vec<Pattern>> {
    let mut chosen = vec![false; all.len()];
    for (index, name) in names.iter().enumerate() {
        let refused = |domain: String| {
            Err(Error::parameter(format!("accepted_patterns.{index}"), format!("{name:?}"), domain, ""))
        };
        let mut known = false;
        for (pattern, chosen) in all.iter().zip(&mut chosen) {
            if *name == pattern.name() || *name == pattern.bell_state.name() {
                known = true;
                if *chosen {
                    return refused("named once".into());
                }
                *chosen = true;
            }
        }
        if !known {
            let mut domain: Vec<&str> = all.iter().map(|pattern| pattern.bell_state.name()).collect();
            domain.dedup();
            let domain: Vec<_> = domain.into_iter().map(|name| format!("\"{name}\"")).collect();
            let patterns: Vec<_> = all.iter().map(|pattern| format!("\"{}\"", pattern.name())).collect();
            return refused(format!("{} or one of {}", domain.join(", "), patterns.join(", ")));
        }
    }
    let patterns: Vec<_> = all.iter().zip(chosen).filter_map(|(p, c)| c.then_some(*p)).collect();
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
        for pattern in Pattern::OPPOSITE_MODES {
            let [Some(a), Some(b)] = pattern.slots else { panic!("two clicks") };
            assert_ne!(a % 2, b % 2, "modes differ");
            let expected = if a / 2 == b / 2 { BellState::PsiPlus } else { BellState::PsiMinus };
            assert_eq!(pattern.bell_state, expected);
        }
    }

    #[test]
    fn a_pattern_is_named_by_its_clicks_or_its_bell_state() {
        let accepted = |list: &[&str], all: &[Pattern]| {
            accepted_patterns(&list.iter().map(ToString::to_string).collect::<Vec<_>>(), all)
        };
        let four = &Pattern::OPPOSITE_MODES;
        assert_eq!(accepted(&["psi+", "psi-"], four).unwrap().len(), 4);
        assert_eq!(accepted(&["00+11"], four).unwrap()[0].slots, [Some(0), Some(3)]);
        assert!(accepted(&["psi-", "00+11"], four).unwrap_err().to_string().contains("named once"));
        assert!(accepted(&[], four).is_err());
        assert!(accepted(&["phi+"], four).unwrap_err().to_string().contains("accepted_patterns.0"));
        assert_eq!(Pattern::OPPOSITE_PORTS[0].name(), "0+1");
        assert_eq!(Pattern::ONE_PORT.map(|pattern| pattern.name()), ["0", "1"]);
        assert_eq!(Pattern::ONE_MODE.map(|pattern| pattern.name()), ["0", "1"]);
        assert!(accepted(&["psi+"], &Pattern::OPPOSITE_PORTS).is_err());
    }
}
