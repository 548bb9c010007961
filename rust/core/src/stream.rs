//! Random numbers that are a function of (seed, engine, block) and of nothing else.
//!
//! Three generators, each for what it does best:
//!
//! | step | generator | why |
//! |---|---|---|
//! | seed to [`Key`] | [`SeedSequence`], as in NumPy | close seeds give unrelated keys |
//! | key and block number to state | [`philox4x64`] | any block is reached at once, in any order, on any thread |
//! | numbers inside a block | xoshiro256++, eight [`Lanes`] or one [`Xoshiro`] | fast, and vectorizes without special code |
//!
//! All of it is integer arithmetic on `u32` and `u64`, so the numbers do not depend on machine, thread or SIMD width.
//! A change that moves any of them must raise [`STREAM_VERSION`].
//!
//! Sources: D. Blackman and S. Vigna, ACM Trans. Math. Softw. 47, 36 (2021) for xoshiro256++; J. K. Salmon, M. A. Moraes,
//! R. O. Dror and D. E. Shaw, Proc. SC11, 16 (2011) for Philox; M. E. O'Neill's `seed_seq_fe` in the form documented as
//! `numpy.random.SeedSequence`.

use crate::simd::Level;

mod alias;
mod geometric;
mod philox;
mod seed_sequence;
mod threshold;
mod xoshiro;

pub use alias::Alias;
pub use geometric::Geometric;
pub use philox::philox4x64;
pub use seed_sequence::SeedSequence;
pub use threshold::{ROWS, Threshold, digit};
pub(crate) use xoshiro::uniform_in_lanes;
pub use xoshiro::{BATCH, Lanes, Xoshiro, uniform};

/// Version of the mapping from seeds to random numbers; part of every block's counter and of every result.
pub const STREAM_VERSION: u64 = 2;

/// What a seed becomes: the Philox key of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub [u64; 2]);

impl Key {
    /// The key of a seed that fits into 64 bits.
    ///
    /// ```
    /// use ionlink_core::stream::Key;
    /// // numpy.random.SeedSequence(42).generate_state(2, numpy.uint64)
    /// assert_eq!(Key::from_seed(42), Key([0x9f1e_2e6d_cd54_0ab7, 0xd578_73dc_79fb_94b6]));
    /// ```
    pub fn from_seed(seed: u64) -> Self {
        Self::of(&SeedSequence::from_u128(seed.into()))
    }

    /// The key of an integer seed of any size, given as 32-bit words, lowest first.
    pub fn from_entropy(entropy: &[u32]) -> Self {
        Self::of(&SeedSequence::new(entropy))
    }

    fn of(sequence: &SeedSequence) -> Self {
        Self(sequence.generate_state_array())
    }
}

/// Names one block of one engine's run, and gives the state of the generators inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockKey {
    /// Key of the run.
    pub key: Key,
    /// Number of the engine, so that two engines with one seed draw independent numbers.
    pub engine: u64,
    /// Number of the block within the run.
    pub block: u64,
}

impl BlockKey {
    /// Philox block number `i` of this block of the run: `philox4x64([i, block, engine, STREAM_VERSION], key)`.
    ///
    /// 0 to 7 are the states of the [`Lanes`], 8 and following those of the scalar generators.
    pub fn words(&self, i: u64) -> [u64; 4] {
        philox4x64([i, self.block, self.engine, STREAM_VERSION], self.key.0)
    }

    /// The eight generators that draw for many attempts at once.
    pub fn lanes(&self, level: Level) -> Lanes {
        Lanes::new(std::array::from_fn(|lane| self.words(lane as u64)), level)
    }

    /// Scalar generator number `n`, independent of the lanes and of the other scalar generators.
    pub fn scalar(&self, n: u64) -> Xoshiro {
        Xoshiro::new(self.words(n.wrapping_add(8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_block_equal_those_of_numpy() {
        // key: SeedSequence(2026).generate_state(2, uint64); words: Philox(key, counter - 1).random_raw(4)
        let block = BlockKey { key: Key::from_seed(2026), engine: 3, block: 7 };
        assert_eq!(block.key, Key([0x838e_72ea_a293_040d, 0x59bf_224c_1e48_8ba7]));
        assert_eq!(
            block.words(0),
            [0x7fb8_0545_2482_b507, 0xa02c_dc95_1adc_07d3, 0xff75_ad5e_c410_17b8, 0x7cee_f39e_8d1f_0539]
        );
        assert_eq!(
            block.words(10),
            [0xc169_75fd_cbed_93a2, 0x1b84_bf81_ec6b_fadb, 0xd6fe_543e_bdd7_1a9f, 0x2b16_9589_2cf7_219d]
        );
    }

    #[test]
    fn a_seed_and_its_words_give_one_key() {
        assert_eq!(Key::from_seed(0), Key::from_entropy(&[0]));
        assert_eq!(Key::from_seed(7), Key::from_entropy(&[7]));
        assert_eq!(Key::from_seed(u64::MAX), Key::from_entropy(&[u32::MAX, u32::MAX]));
        assert_ne!(Key::from_seed(0), Key::from_seed(1));
    }

    #[test]
    fn every_part_of_a_block_key_changes_the_numbers() {
        let key = Key::from_seed(1);
        let first = |key, engine, block, n| BlockKey { key, engine, block }.scalar(n).next_u64();
        let all = [
            first(key, 0, 0, 0),
            first(Key::from_seed(2), 0, 0, 0),
            first(key, 1, 0, 0),
            first(key, 0, 1, 0),
            first(key, 0, 0, 1),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{all:?}");
        }
    }
}
