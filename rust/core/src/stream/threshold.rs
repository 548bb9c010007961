//! Yes or no with a given probability, many times in a few instructions.

use super::{BATCH, Xoshiro};
use crate::simd::{Level, vectorized};

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
/// Only one digit in 65536 stays open, so a caller compares many digits at once ([`Threshold::masks`]) and asks
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

    /// Bit `i` of the mask of a row tells whether digit `i` of the row is [`Threshold::possible`].
    #[inline]
    pub fn masks(&self, level: Level, words: &[u64; BATCH], masks: &mut [u32; ROWS]) {
        if self.any == 0 {
            *masks = [0; ROWS];
        } else {
            possible(level, self.lead, words, masks);
        }
    }
}

/// Rows of a batch: each has digits for as many attempts as a mask has bits.
pub const ROWS: usize = BATCH / 8;

/// Digit `i` of a row of words: sixteen bits, lowest first.
#[inline]
pub fn digit(words: &[u64; BATCH], row: usize, i: usize) -> u16 {
    (words[8 * row + i / 4] >> (16 * (i % 4))) as u16
}

vectorized! {
    fn possible(lead: u16, words: &[u64; BATCH], masks: &mut [u32; ROWS]) {
        // little-endian digits lie in memory in their order; elsewhere the two swaps make it so
        let words = words.map(u64::to_le);
        let digits: &[u16] = bytemuck::cast_slice(&words);
        let mut yes = [[0_u8; 8]; 4 * ROWS];
        for (yes, digit) in yes.as_flattened_mut().iter_mut().zip(digits) {
            *yes = u8::from(u16::from_le(*digit) <= lead);
        }
        for (mask, eights) in masks.iter_mut().zip(yes.as_chunks::<4>().0) {
            *mask = 0;
            for (place, eight) in eights.iter().enumerate() {
                // the product gathers the lowest bits of eight bytes in its upper byte, those of the first byte lowest
                let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                *mask |= (gathered as u32) << (8 * place);
            }
        }
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
        let mut masks = [[1; ROWS]; 2];
        never.masks(Level::BASELINE, &[0; BATCH], &mut masks[0]);
        always.masks(Level::BASELINE, &[u64::MAX; BATCH], &mut masks[1]);
        assert_eq!(masks, [[0; ROWS], [u32::MAX; ROWS]]);
    }

    #[test]
    fn the_mask_holds_the_possible_digits_and_every_yes_is_possible() {
        let mut generator = generator();
        for level in [Some(Level::BASELINE), Level::avx2()].into_iter().flatten() {
            for p in PROBABILITIES {
                let threshold = Threshold::new(p);
                for first in (0..=u16::MAX).step_by(4 * BATCH) {
                    let four = |word: usize| {
                        (0..4).map(move |j| u64::from(first + (4 * word + j) as u16) << (16 * j))
                    };
                    let words = std::array::from_fn(|word| four(word).sum());
                    let mut masks = [0; ROWS];
                    threshold.masks(level, &words, &mut masks);
                    for (i, digit) in (first..=first + (4 * BATCH - 1) as u16).enumerate() {
                        assert_eq!(super::digit(&words, i / 32, i % 32), digit);
                        assert_eq!(
                            masks[i / 32] >> (i % 32) & 1 == 1,
                            threshold.possible(digit),
                            "{p:e} {digit}"
                        );
                        assert!(threshold.possible(digit) || !threshold.decide(digit, &mut generator));
                    }
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
        let level = Level::avx2().unwrap_or(Level::BASELINE);
        let (mut lanes, mut generator) = (block.lanes(level), block.scalar(0));
        let (mut words, mut masks) = ([0; BATCH], [0; ROWS]);
        for p in [2.18e-4, 0.02, 0.5, 0.9403] {
            let threshold = Threshold::new(p);
            let (batches, mut count) = (12_500, 0u32);
            for _ in 0..batches {
                lanes.fill(&mut words);
                threshold.masks(level, &words, &mut masks);
                for (row, mut open) in masks.into_iter().enumerate() {
                    while open != 0 {
                        let digit = digit(&words, row, open.trailing_zeros() as usize);
                        count += u32::from(threshold.decide(digit, &mut generator));
                        open &= open - 1;
                    }
                }
            }
            // five standard deviations: a false alarm in 2e6 runs, and the seed is fixed
            let n = 4.0 * BATCH as f64 * f64::from(batches);
            assert!((f64::from(count) - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt(), "{p} {count}");
        }
    }
}
