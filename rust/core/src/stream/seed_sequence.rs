//! NumPy's way from an integer seed to well-mixed words.

const POOL_WORDS: usize = 4;
const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_MULT_LEFT: u32 = 0xca01_f9dd;
const MIX_MULT_RIGHT: u32 = 0x4973_f715;

/// A pool of 128 bits into which every bit of a seed has been mixed.
///
/// Same bits as `numpy.random.SeedSequence(entropy)` without a spawn key, so that a seed can be followed from Python down
/// to the state of a generator. The algorithm is M. E. O'Neill's `seed_seq_fe` ("Developing a `seed_seq` alternative",
/// 2015) with the constants of NumPy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedSequence {
    pool: [u32; POOL_WORDS],
}

impl SeedSequence {
    /// Mixes the 32-bit words of an integer, lowest first.
    ///
    /// An integer has no leading zeros: beyond four words, a zero in the last place gives another pool, as it does for a
    /// list of words in NumPy. No words at all are the integer zero.
    pub fn new(entropy: &[u32]) -> Self {
        let mut constant = INIT_A;
        let mut pool = [0; POOL_WORDS];
        for (i, word) in pool.iter_mut().enumerate() {
            *word = hash(entropy.get(i).copied().unwrap_or(0), &mut constant, MULT_A);
        }
        for source in 0..POOL_WORDS {
            for target in 0..POOL_WORDS {
                if source != target {
                    pool[target] = mix(pool[target], hash(pool[source], &mut constant, MULT_A));
                }
            }
        }
        for &word in entropy.iter().skip(POOL_WORDS) {
            for target in &mut pool {
                *target = mix(*target, hash(word, &mut constant, MULT_A));
            }
        }
        Self { pool }
    }

    /// Mixes an integer of up to 128 bits.
    pub fn from_u128(entropy: u128) -> Self {
        // Up to the size of the pool, missing words count as zero.
        Self::new(&std::array::from_fn::<u32, POOL_WORDS, _>(|i| (entropy >> (32 * i)) as u32))
    }

    /// The first `n` words of `generate_state(n, numpy.uint64)`.
    pub fn generate_state_u64(&self, n: usize) -> Vec<u64> {
        self.state().take(n).collect()
    }

    /// The same without an allocation.
    pub(super) fn generate_state_array<const N: usize>(&self) -> [u64; N] {
        let mut state = self.state();
        std::array::from_fn(|_| state.next().unwrap_or_default())
    }

    /// The endless sequence of state words.
    fn state(&self) -> impl Iterator<Item = u64> {
        let mut constant = INIT_B;
        let mut halves = self.pool.into_iter().cycle().map(move |word| hash(word, &mut constant, MULT_B));
        std::iter::from_fn(move || {
            let (low, high) = (halves.next()?, halves.next()?);
            Some(u64::from(high) << 32 | u64::from(low))
        })
    }
}

/// A multiplicative hash whose constant changes from call to call, so that equal words in different places differ.
fn hash(word: u32, constant: &mut u32, multiplier: u32) -> u32 {
    let keyed = word ^ *constant;
    *constant = constant.wrapping_mul(multiplier);
    let product = keyed.wrapping_mul(*constant);
    product ^ product >> 16
}

/// Combines two words; a bijection in each of them.
fn mix(x: u32, y: u32) -> u32 {
    let difference = MIX_MULT_LEFT.wrapping_mul(x).wrapping_sub(MIX_MULT_RIGHT.wrapping_mul(y));
    difference ^ difference >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_equal_those_of_numpy() {
        // numpy.random.SeedSequence(entropy).generate_state(5, numpy.uint64)
        let known: [(&[u32], [u64; 5]); 8] = [
            (
                &[0],
                [
                    0xdb2c_d7e7_b0f4_78be,
                    0xabf4_641a_2c71_ba49,
                    0x20c6_ed6d_9d7b_8d41,
                    0x2c40_99de_223c_39d4,
                    0x08fe_d075_9ad4_85fe,
                ],
            ),
            (
                &[1],
                [
                    0x672d_8ee5_6d67_91ff,
                    0x8ae1_9ca1_4eb1_072c,
                    0x4915_796d_1322_fc4a,
                    0xd0cc_2bdc_aba0_49bd,
                    0xba25_4e0d_6e40_8e78,
                ],
            ),
            (
                &[42],
                [
                    0x9f1e_2e6d_cd54_0ab7,
                    0xd578_73dc_79fb_94b6,
                    0x7d28_2a1b_64d4_20b7,
                    0x3365_7971_4692_d5ff,
                    0x815e_a76d_4f80_d563,
                ],
            ),
            (
                &[0, 1],
                [
                    0x50ff_846c_ec53_f444,
                    0x7a49_18db_e827_8562,
                    0x3bff_9f6c_362e_2b19,
                    0xbdb1_7753_9a06_54e3,
                    0xd44a_1ad9_4f8c_f5db,
                ],
            ),
            (
                &[0xffff_ffff, 0xffff_ffff],
                [
                    0xaebc_a151_928c_ad0d,
                    0x119c_3044_8638_dc7a,
                    0x1bbb_1556_59e6_42a7,
                    0xa76b_11e3_e8c4_a8f6,
                    0xdcf3_dd1e_e0fe_8bff,
                ],
            ),
            (
                &[0x7654_3210, 0xfedc_ba98, 0x89ab_cdef, 0x0123_4567],
                [
                    0x8dc9_8c66_7378_8ea3,
                    0xf591_4b39_edd0_55f4,
                    0xf4f9_86f6_72db_ea80,
                    0x4f5d_04a5_7069_e0dd,
                    0x73be_e491_ec97_9d4c,
                ],
            ),
            (
                &[7, 2, 0, 0, 0, 1],
                [
                    0x87b4_6759_5aed_fb93,
                    0x9e10_3ad6_77a1_ed58,
                    0x1fd0_323d_8b6f_3b61,
                    0x4c8e_16d8_6302_38bb,
                    0x3987_3f6a_4f7c_1ae2,
                ],
            ),
            (
                &[0, 0x1000_0000, 0x9465_90d9, 0xd762_422c, 0x9a22_4501, 0x4f27_2617, 159],
                [
                    0x0680_8faf_f124_7840,
                    0x15b9_f7f4_3013_ad54,
                    0x1954_8bdb_ade6_c172,
                    0x148a_b267_f5e4_12e3,
                    0xa0cf_7a60_f140_d1c4,
                ],
            ),
        ];
        for (entropy, state) in known {
            assert_eq!(SeedSequence::new(entropy).generate_state_u64(5), state, "{entropy:x?}");
        }
    }

    #[test]
    fn an_integer_and_its_words_are_the_same_entropy() {
        assert_eq!(SeedSequence::from_u128(0), SeedSequence::new(&[]));
        assert_eq!(SeedSequence::from_u128(1 << 32), SeedSequence::new(&[0, 1]));
        assert_eq!(
            SeedSequence::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210),
            SeedSequence::new(&[0x7654_3210, 0xfedc_ba98, 0x89ab_cdef, 0x0123_4567])
        );
    }

    #[test]
    fn a_longer_state_begins_with_the_shorter_one() {
        let sequence = SeedSequence::new(&[9]);
        assert_eq!(sequence.generate_state_u64(100)[..3], sequence.generate_state_u64(3));
        assert_eq!(sequence.generate_state_u64(2), sequence.generate_state_array::<2>());
    }
}
