//! Hot loops compiled twice: for the oldest processor a wheel runs on, and for AVX2.
//!
//! The two do the same operations on the same numbers in the same order, without fused multiplication, so every bit of their
//! results agrees; only the number of lanes that one instruction serves differs. The environment variable `IONLINK_SIMD`
//! forces one of them, for tests that compare.

use crate::error::{Error, Result};
use std::env::VarError;
use std::sync::OnceLock;

/// The instructions that hot loops may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Level {
    /// What every processor of the architecture has.
    pub const BASELINE: Self = Self(Kind::Baseline);

    /// AVX2, if this processor has it.
    #[cfg(target_arch = "x86_64")]
    pub fn avx2() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(Kind::Avx2))
    }

    /// AVX2, which this architecture does not have.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn avx2() -> Option<Self> {
        None
    }

    /// The level that `IONLINK_SIMD` names (`baseline`, `avx2`), by default the best of this processor; looked up once.
    ///
    /// # Errors
    /// [`Error::Parameter`] for another name, or instructions that this processor lacks.
    pub fn chosen() -> Result<Self> {
        static CHOSEN: OnceLock<std::result::Result<Level, String>> = OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| match std::env::var("IONLINK_SIMD") {
            Err(VarError::NotPresent) => Ok(Self::avx2().unwrap_or(Self::BASELINE)),
            Err(VarError::NotUnicode(name)) => Err(name.to_string_lossy().into_owned()),
            Ok(name) => match name.as_str() {
                "" => Ok(Self::avx2().unwrap_or(Self::BASELINE)),
                "baseline" => Ok(Self::BASELINE),
                "avx2" => Self::avx2().ok_or(name),
                _ => Err(name),
            },
        });
        chosen.clone().map_err(|name| {
            let domain = "\"baseline\", or \"avx2\" where the processor has it";
            Error::parameter("IONLINK_SIMD", format!("{name:?}"), domain, "")
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
        }
    }

    /// Whether the AVX2 copy of a loop may run.
    #[inline]
    pub(crate) fn has_avx2(self) -> bool {
        self != Self::BASELINE
    }
}

/// Declares a function whose body is compiled for each [`Level`]; callers give the level first.
macro_rules! vectorized {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[inline]
        #[allow(clippy::too_many_arguments, reason = "what a loop needs")]
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the one call that needs AVX2 to be there"))]
        $vis fn $name(level: crate::simd::Level, $($arg: $type),*) {
            #[inline(always)]
            fn body($($arg: $type),*) $body
            // out of line, so that the vectorizer sees this loop and not the caller's
            #[inline(never)]
            fn baseline($($arg: $type),*) {
                body($($arg),*);
            }
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) {
                    body($($arg),*);
                }
                if level.has_avx2() {
                    // SAFETY: a level with AVX2 comes only from `Level::avx2`, which asks the processor.
                    unsafe { avx2($($arg),*) };
                    return;
                }
            }
            let _ = level;
            baseline($($arg),*);
        }
    };
}
pub(crate) use vectorized;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_level_is_chosen_unless_another_is_forced() {
        if std::env::var_os("IONLINK_SIMD").is_none() {
            assert_eq!(Level::chosen().unwrap(), Level::avx2().unwrap_or(Level::BASELINE));
        }
        assert_eq!(Level::BASELINE.name(), "baseline");
        assert!(!Level::BASELINE.has_avx2());
    }
}
