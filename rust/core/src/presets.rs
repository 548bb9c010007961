//! Shipped link files, one or two per published experiment, and one that was invented for planning.

use crate::error::{Error, Result};

const PRESETS: [(&str, &str); 10] = [
    ("hucul2015", include_str!("../presets/hucul2015.toml")),
    ("krutyanskiy2019_50km", include_str!("../presets/krutyanskiy2019_50km.toml")),
    ("stephenson2020", include_str!("../presets/stephenson2020.toml")),
    ("krutyanskiy2023_230m", include_str!("../presets/krutyanskiy2023_230m.toml")),
    ("oreilly2024", include_str!("../presets/oreilly2024.toml")),
    ("saha2025", include_str!("../presets/saha2025.toml")),
    ("main2025", include_str!("../presets/main2025.toml")),
    ("zalewski2025", include_str!("../presets/zalewski2025.toml")),
    ("zalewski2025_fiber", include_str!("../presets/zalewski2025_fiber.toml")),
    ("commercial_module_pair", include_str!("../presets/commercial_module_pair.toml")),
];

/// Names of the shipped link files.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The text of a shipped link file, comments with sources included.
///
/// # Errors
/// [`Error::Parameter`] naming the presets that exist.
pub fn text(name: &str) -> Result<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        let known: Vec<_> = names().map(|known| format!("\"{known}\"")).collect();
        Error::parameter("preset", format!("{name:?}"), format!("one of {}", known.join(", ")), "")
    })
}

#[cfg(test)]
mod tests {
    use crate::Link;

    #[test]
    fn every_preset_is_a_valid_link_named_after_its_file() {
        for name in super::names() {
            let link = Link::preset(name).unwrap();
            assert_eq!(link.params().name.as_deref(), Some(name));
            assert!(link.params().reference.is_some(), "{name} cites its source");
            assert!(!link.params().inputs.is_empty(), "{name} says where its numbers come from");
        }
    }
}
