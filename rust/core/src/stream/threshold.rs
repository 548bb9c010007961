//! Yes or no with a given probability, thirty-two times in a few instructions.

use super::Xoshiro;

/// A yes with probability `p`, decided by sixteen random bits unless they leave it open.
///
/// Write 65536 p = lead + rest with an integer lead and 0 < rest <= 1. A uniform digit d in 0..65536 then says
///
/// | digit | decision | probability |
/// |---|---|---|
/// | d < lead | yes | lead/65536 |
/// | d = lead | yes if a further uniform number is below rest | rest/65536 |
/// | d > lead | no | 0 |
///
/// and the yeses sum to (lead + rest)/65536 = p. Nothing is lost on the way: 65536 p is a shift of the exponent; lead =
/// ceil(65536 p) - 1 is an integer below 2^16; and rest = 65536 p - lead is exact, for lead = 0 trivially and otherwise
/// because the two numbers are within a factor of two of each other (Sterbenz). The further uniform number is a multiple
/// of 2^-53, so it is below rest with probability ceil(2^53 rest)/2^53, and the yes is off by less than 2^-53/2^16 =
/// 2^-69; it is off by nothing for p of 2^-16 or more. Zero has no lead and never says yes; one has lead 65535 and rest
/// 1 and always does.
///
/// Only one digit in 65536 stays open, so a caller compares many digits at once ([`Threshold::mask`]) and asks
/// [`Threshold::decide`] for the few that may be a yes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    lead: u16,
    /// All bits set unless the probability is zero.
    any: u32,
    rest: f64,
}

impl Threshold {
    /// The threshold of a probability in \[0, 1\], which the caller has checked.
    pub fn new(p: f64) -> Self {
        debug_assert!((0.0..=1.0).contains(&p), "a probability, not {p}");
        let scaled = p * 65536.0;
        let lead = (scaled.ceil() - 1.0).max(0.0);
        Self { lead: lead as u16, any: if p > 0.0 { u32::MAX } else { 0 }, rest: scaled - lead }
    }

    /// Whether a digit may be a yes; what is not possible is a no without further ado.
    #[inline]
    pub fn possible(&self, digit: u16) -> bool {
        digit <= self.lead && self.any != 0
    }

    /// Whether a digit is a yes; draws from `generator` only where the digit leaves it open.
    #[inline]
    pub fn decide(&self, digit: u16, generator: &mut Xoshiro) -> bool {
        digit < self.lead || digit == self.lead && generator.below(self.rest)
    }

    /// Bit `i` tells whether digit `i` is [`Threshold::possible`].
    ///
    /// Cost: about 4 ns. Kept out of line and cut into eight fours, because this is the form that LLVM vectorizes whatever
    /// the code around it; inlined, it falls back to thirty-two scalar comparisons in some callers.
    #[inline(never)]
    pub fn mask(&self, digits: &[u16; 32]) -> u32 {
        let mut fours = [0; 8];
        for (l, four) in fours.iter_mut().enumerate() {
            for j in 0..4 {
                *four |= u32::from(digits[4 * l + j] <= self.lead) << (4 * l + j);
            }
        }
        fours.into_iter().fold(0, |mask, four| mask | four) & self.any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

    const TWO_POW_MINUS_53: f64 = f64::EPSILON / 2.0;

    const PROBABILITIES: [f64; 18] = [
        0.0,
        f64::from_bits(1),
        1e-300,
        1e-12,
        1.0 / 65536.0,
        1.0 / 65536.0 + 1e-20,
        2.18e-4,
        0.1,
        1.0 / 3.0,
        0.5 - TWO_POW_MINUS_53 / 2.0,
        0.5,
        0.5 + TWO_POW_MINUS_53 * 2.0,
        0.9403,
        65535.0 / 65536.0 - TWO_POW_MINUS_53,
        65535.0 / 65536.0,
        65535.0 / 65536.0 + TWO_POW_MINUS_53,
        1.0 - TWO_POW_MINUS_53,
        1.0,
    ];

    fn generator() -> Xoshiro {
        BlockKey { key: Key::from_seed(5), engine: 0, block: 0 }.scalar(0)
    }

    #[test]
    fn the_probabilities_of_all_digits_add_up_to_p() {
        for p in PROBABILITIES {
            let threshold = Threshold::new(p);
            // the further uniform number is below rest for this many of its 2^53 values
            let open = (threshold.rest / TWO_POW_MINUS_53).ceil() * TWO_POW_MINUS_53;
            let sum: f64 = (0..=u16::MAX)
                .map(|digit| match digit.cmp(&threshold.lead) {
                    std::cmp::Ordering::Less => 1.0,
                    std::cmp::Ordering::Equal => open,
                    std::cmp::Ordering::Greater => 0.0,
                })
                .sum();
            // the sum itself rounds to 2^-53 of its value; below 2^-16 nothing is added and 2^-69 is all there is
            assert!((sum / 65536.0 - p).abs() <= TWO_POW_MINUS_53 * (p + 1.0 / 65536.0), "{p:e} {sum:e}");
        }
    }

    #[test]
    fn lead_and_rest_lose_nothing_of_p() {
        for p in PROBABILITIES {
            let Threshold { lead, rest, .. } = Threshold::new(p);
            assert_eq!(((f64::from(lead) + rest) / 65536.0).to_bits(), p.to_bits());
            assert!((0.0..=1.0).contains(&rest) && (rest > 0.0 || p <= 0.0));
        }
    }

    #[test]
    fn zero_is_never_a_yes_and_one_always() {
        let (never, always) = (Threshold::new(0.0), Threshold::new(1.0));
        let mut generator = generator();
        for digit in 0..=u16::MAX {
            assert!(!never.possible(digit) && !never.decide(digit, &mut generator));
            assert!(always.possible(digit) && always.decide(digit, &mut generator));
        }
        assert_eq!((never.mask(&[0; 32]), always.mask(&[u16::MAX; 32])), (0, u32::MAX));
    }

    #[test]
    fn the_mask_holds_the_possible_digits_and_every_yes_is_possible() {
        let mut generator = generator();
        for p in PROBABILITIES {
            let threshold = Threshold::new(p);
            for first in (0..=u16::MAX).step_by(32) {
                let digits = std::array::from_fn(|i| first + i as u16);
                let mask = threshold.mask(&digits);
                for (i, digit) in digits.into_iter().enumerate() {
                    assert_eq!(mask >> i & 1 == 1, threshold.possible(digit), "{p:e} {digit}");
                    assert!(threshold.possible(digit) || !threshold.decide(digit, &mut generator));
                }
            }
        }
    }

    #[test]
    fn the_generator_is_used_for_open_digits_only() {
        let threshold = Threshold::new(0.3);
        let (mut used, unused) = (generator(), generator());
        assert!(
            threshold.decide(threshold.lead - 1, &mut used)
                && !threshold.decide(threshold.lead + 1, &mut used)
        );
        assert_eq!(used, unused);
        threshold.decide(threshold.lead, &mut used);
        assert_ne!(used, unused);
    }

    #[test]
    fn the_frequency_of_a_yes_is_p() {
        let block = BlockKey { key: Key::from_seed(6), engine: 0, block: 0 };
        let (mut lanes, mut generator) = (block.lanes(), block.scalar(0));
        for p in [2.18e-4, 0.02, 0.5, 0.9403] {
            let threshold = Threshold::new(p);
            let (groups, mut count) = (100_000, 0u32);
            for _ in 0..groups {
                let digits = lanes.digits();
                let mut open = threshold.mask(&digits);
                while open != 0 {
                    count +=
                        u32::from(threshold.decide(digits[open.trailing_zeros() as usize], &mut generator));
                    open &= open - 1;
                }
            }
            // five standard deviations: a false alarm in 2e6 runs, and the seed is fixed
            let n = 32.0 * f64::from(groups);
            assert!((f64::from(count) - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt(), "{p} {count}");
        }
    }
}
