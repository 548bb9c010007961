//! Random access to random numbers.

/// Rounds of the published generator; seven already pass `BigCrush`.
const ROUNDS: usize = 10;
const MULTIPLIERS: [u64; 2] = [0xd2e7_470e_e14c_6c93, 0xca5a_8263_9512_1157];
/// Weyl increments of the key: the golden ratio and the square root of three minus one, in units of 2^-64.
const INCREMENTS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];

/// Philox4x64-10: four random words for each counter and key.
///
/// For one key this is a bijection of the counter, so no two counters share a block. `numpy.random.Philox` increments its
/// counter before it draws: its first four words for `counter = c - 1` are the ones returned here for `c`.
///
/// Source: J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", Proc.
/// SC11, 16 (2011), section 3.3.
pub fn philox4x64(counter: [u64; 4], key: [u64; 2]) -> [u64; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..ROUNDS {
        let (high0, low0) = wide_product(MULTIPLIERS[0], c0);
        let (high1, low1) = wide_product(MULTIPLIERS[1], c2);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        k0 = k0.wrapping_add(INCREMENTS[0]);
        k1 = k1.wrapping_add(INCREMENTS[1]);
    }
    [c0, c1, c2, c3]
}

fn wide_product(a: u64, b: u64) -> (u64, u64) {
    let product = u128::from(a) * u128::from(b);
    ((product >> 64) as u64, product as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_equal_those_of_numpy() {
        // numpy.random.Philox(counter=c - 1, key=k).random_raw(4); the first, second and last row are also the known
        // answers of the authors' Random123 library.
        let known: [([u64; 4], [u64; 2], [u64; 4]); 4] = [
            (
                [0; 4],
                [0; 2],
                [0x1655_4d9e_ca36_314c, 0xdb20_fe9d_672d_0fdc, 0xd7e7_72ce_e186_176b, 0x7e68_b68a_ec7b_a23b],
            ),
            (
                [u64::MAX; 4],
                [u64::MAX; 2],
                [0x87b0_92c3_013f_e90b, 0x438c_3c67_be8d_0224, 0x9cc7_d7c6_9cd7_77b6, 0xa09c_aebf_594f_0ba0],
            ),
            (
                [1, 2, 3, 4],
                [5, 6],
                [0xa39b_5519_339f_e354, 0xaceb_1228_efc2_5196, 0xa0a2_e3c2_5aa5_f4fc, 0x08d0_cfa9_3327_20df],
            ),
            (
                [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89],
                [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6c],
                [0xa528_f454_03e6_1d95, 0x38c7_2dbd_566e_9788, 0xa5a1_610e_72fd_18b5, 0x57bd_43b5_e52b_7fe6],
            ),
        ];
        for (counter, key, block) in known {
            assert_eq!(philox4x64(counter, key), block, "{counter:x?} {key:x?}");
        }
    }
}
