//! The reference link of the other benches in plain Rust, standard library only, one thread: what a programmer writes
//! in an afternoon. `benches/python/bench_link.py` compiles it for the machine at hand and runs it in turn with ionlink.
//!
//! Three methods: `loop` draws every attempt from one stream, `lanes` every attempt from eight streams side by side,
//! `skip` jumps from one attempt worth looking at to the next. Heralds are counted and their click times summed; unlike
//! ionlink nothing is recorded, no states come out, and equal photons are perfectly indistinguishable.
//!
//! ```text
//! plain_link METHOD ATTEMPTS SEED    prints seconds, heralds and mean time between their clicks (s)
//! ```
#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::disallowed_methods, reason = "the plain way is the platform's logarithm")]
#![expect(clippy::needless_bitwise_bool, reason = "lanes must not branch")]

use std::time::Instant;

const EFFICIENCY: f64 = 0.0218;
const WINDOW_S: f64 = 40e-9;
const LIFETIME_S: f64 = 7.4e-9;
/// Of one detector in one window: 1 - exp(-x) equals x to 1e-6 here.
const DARK: f64 = 60.0 * WINDOW_S;
const ANY_DARK: f64 = 1.0 - (1.0 - DARK) * (1.0 - DARK) * (1.0 - DARK) * (1.0 - DARK);

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// xoshiro256++.
struct Stream([u64; 4]);

impl Stream {
    fn new(mut seed: u64) -> Self {
        Self(std::array::from_fn(|_| split_mix(&mut seed)))
    }

    #[inline]
    fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        out
    }

    #[inline]
    fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Eight of them side by side, in a layout that compilers turn into vector instructions.
struct Lanes([[u64; 8]; 4]);

impl Lanes {
    fn new(seed: u64) -> Self {
        let mut state = seed ^ 0xABCD;
        Self(std::array::from_fn(|_| std::array::from_fn(|_| split_mix(&mut state))))
    }

    #[inline]
    fn next(&mut self) -> [u64; 8] {
        let s = &mut self.0;
        std::array::from_fn(|i| {
            let sum = s[0][i].wrapping_add(s[3][i]);
            let out = sum.rotate_left(23).wrapping_add(s[0][i]);
            let shifted = s[1][i] << 17;
            s[2][i] ^= s[0][i];
            s[3][i] ^= s[1][i];
            s[1][i] ^= s[2][i];
            s[0][i] ^= s[3][i];
            s[2][i] ^= shifted;
            s[3][i] = s[3][i].rotate_left(45);
            out
        })
    }
}

#[derive(Default)]
struct Tally {
    heralds: u64,
    between_clicks_s: f64,
}

/// The rest of an attempt, once it is known which photons were detected and whether there is any dark count.
#[inline(never)]
fn resolve(stream: &mut Stream, detected: [bool; 2], dark: bool, tally: &mut Tally) {
    let mut arrival_s =
        |detected: bool| if detected { -LIFETIME_S * (1.0 - stream.uniform()).ln() } else { f64::INFINITY };
    let [a_s, b_s] = detected.map(&mut arrival_s);
    let (a, b) = (a_s < WINDOW_S, b_s < WINDOW_S);
    if !(a && b || dark) {
        return;
    }
    let mut click_s = [f64::INFINITY; 4];
    let mut pattern = 0_usize;
    if a && b {
        let bits = stream.bits();
        let (port, mode) = ((bits >> 63) as usize, (bits >> 62 & 1) as usize);
        let first = 2 * port + mode;
        // equal modes bunch, opposite ones leave by independent ports
        let second =
            if bits >> 61 & 1 == 0 { first } else { 2 * (port ^ (bits >> 60 & 1) as usize) + 1 - mode };
        pattern = 1 << first | 1 << second;
        click_s[first] = a_s;
        click_s[second] = click_s[second].min(b_s);
    } else if a || b {
        let slot = (stream.bits() >> 62) as usize;
        pattern = 1 << slot;
        click_s[slot] = a_s.min(b_s);
    }
    if dark {
        let drawn = stream.uniform() * ANY_DARK;
        let (mut sum, mut first, mut none_before) = (0.0, 3, 1.0);
        for slot in 0..4 {
            sum += DARK * none_before;
            none_before *= 1.0 - DARK;
            if drawn < sum {
                first = slot;
                break;
            }
        }
        for slot in first..4 {
            if slot == first || stream.uniform() < DARK {
                pattern |= 1 << slot;
                click_s[slot] = click_s[slot].min(WINDOW_S * stream.uniform());
            }
        }
    }
    if matches!(pattern, 0b0011 | 0b1100 | 0b1001 | 0b0110) {
        click_s.sort_by(f64::total_cmp);
        tally.heralds += 1;
        tally.between_clicks_s += click_s[1] - click_s[0];
    }
}

/// Words below it have this probability.
fn threshold(probability: f64) -> u64 {
    (probability * 2.0_f64.powi(64)) as u64
}

/// Every attempt: three words each.
fn by_loop(attempts: u64, seed: u64) -> Tally {
    let mut stream = Stream::new(seed);
    let (photon, any_dark) = (threshold(EFFICIENCY), threshold(ANY_DARK));
    let mut tally = Tally::default();
    for _ in 0..attempts {
        let (a, b, dark) = (stream.bits() < photon, stream.bits() < photon, stream.bits() < any_dark);
        if (a & b) | dark {
            resolve(&mut stream, [a, b], dark, &mut tally);
        }
    }
    tally
}

/// Every attempt: the first word decides photon A and the dark counts, the second photon B.
fn by_lanes(attempts: u64, seed: u64) -> Tally {
    let mut stream = Stream::new(seed);
    let mut lanes = Lanes::new(seed);
    let photon = threshold(EFFICIENCY);
    let photon_and_dark = threshold(ANY_DARK * EFFICIENCY);
    let photon_or_dark = threshold(EFFICIENCY + ANY_DARK * (1.0 - EFFICIENCY));
    let mut tally = Tally::default();
    for _ in 0..attempts / 8 {
        let (x, y) = (lanes.next(), lanes.next());
        let mut worth = 0_u64;
        for i in 0..8 {
            let both = (x[i] < photon) & (y[i] < photon);
            let dark = (x[i] < photon_and_dark) | ((x[i] >= photon) & (x[i] < photon_or_dark));
            worth |= u64::from(both | dark) << i;
        }
        while worth != 0 {
            let i = worth.trailing_zeros() as usize;
            worth &= worth - 1;
            let dark = x[i] < photon_and_dark || x[i] >= photon;
            resolve(&mut stream, [x[i] < photon, y[i] < photon], dark, &mut tally);
        }
    }
    tally
}

/// From one attempt with two photons or a dark count to the next.
fn by_skip(attempts: u64, seed: u64) -> Tally {
    let mut stream = Stream::new(seed);
    let both = EFFICIENCY * EFFICIENCY;
    let worth = both + ANY_DARK * (1.0 - both);
    let per_log = 1.0 / (1.0 - worth).ln();
    let one = EFFICIENCY * (1.0 - EFFICIENCY);
    let mut tally = Tally::default();
    let mut done = 0_u64;
    loop {
        done += 1 + ((1.0 - stream.uniform()).ln() * per_log) as u64;
        if done > attempts {
            return tally;
        }
        if stream.uniform() * worth < both {
            let dark = stream.uniform() < ANY_DARK;
            resolve(&mut stream, [true, true], dark, &mut tally);
        } else {
            let drawn = stream.uniform() * (1.0 - both);
            resolve(&mut stream, [drawn < one, drawn >= one && drawn < 2.0 * one], true, &mut tally);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u64>().ok());
    let method = match arguments.first().map(String::as_str) {
        Some("loop") => by_loop,
        Some("lanes") => by_lanes,
        Some("skip") => by_skip,
        _ => {
            println!("usage: plain_link loop|lanes|skip ATTEMPTS SEED");
            return;
        }
    };
    let (attempts, seed) = (number(1).unwrap_or(10_000_000) / 8 * 8, number(2).unwrap_or(1));
    let start = Instant::now();
    let tally = method(attempts, seed);
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:e} {} {:e}", tally.heralds, tally.between_clicks_s / tally.heralds as f64);
}
