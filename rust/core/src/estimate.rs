//! Numbers estimated from counts, with 95 % intervals that stay right when the counts are small.
//!
//! | what was counted | function | interval |
//! |---|---|---|
//! | successes in a fixed number of trials | [`binomial`] | Clopper and Pearson 1934 |
//! | trials up to a fixed number of successes | [`negative_binomial`] | the same construction for inverse sampling |
//! | numbers between zero and one, such as fidelities | [`bounded_mean`] | normal, widened by what was never seen |
//!
//! Each side of an interval is missed with a probability of at most 2.5 %.

use crate::math::{exp, exp_m1, ln, ln_1p};
use std::fmt;

/// Probability to miss on either side.
const TAIL: f64 = 0.025;
/// The standard normal exceeds this with probability [`TAIL`].
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;
/// Beyond this, the asymptotic quantile of the beta distribution is good to 3e-5 of the interval's half-width.
const LARGE_COUNT: f64 = 1000.0;

/// A value and its 95 % interval.
///
/// Prints in the shorthand of physics, where the digits in parentheses are one standard uncertainty (half the interval over
/// 1.96) in units of the last digits shown; an interval that is not symmetric is written out.
///
/// ```
/// use ionlink_core::estimate::{Estimate, binomial};
/// assert_eq!(Estimate { value: 0.94031, low: 0.93933, high: 0.94129 }.to_string(), "0.9403(5)");
/// assert_eq!(Estimate { value: 2.181e-4, low: 2.103e-4, high: 2.259e-4 }.to_string(), "2.18(4)e-4");
/// assert_eq!(binomial(0, 1_000_000).to_string(), "0 [0, 3.7e-6]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate; not a number if nothing was counted.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// Parts of a run whose counts are compared where attempts are not independent.
pub const PARTS: u64 = 32;

/// Half-width of the 95 % interval of a total count from the counts of its equal parts: t sqrt(n s²) with Student's t of
/// 31 degrees of freedom (batch means; e.g. Law, Simulation Modeling and Analysis, section 9.5).
pub fn spread_of_parts(counts: &[f64; PARTS as usize]) -> f64 {
    let n = PARTS as f64;
    let mean = counts.iter().sum::<f64>() / n;
    let squares: f64 = counts.iter().map(|count| (count - mean) * (count - mean)).sum();
    2.0395 * (n * squares / (n - 1.0)).sqrt()
}

impl Estimate {
    /// The interval widened to at least `half_width` on either side, inside [0, 1].
    #[must_use]
    pub fn widened(self, half_width: f64) -> Self {
        Self {
            value: self.value,
            low: self.low.min(self.value - half_width).max(0.0),
            high: self.high.max(self.value + half_width).min(1.0),
        }
    }

    /// What an experiment without information says about a probability.
    const UNKNOWN: Self = Self { value: f64::NAN, low: 0.0, high: 1.0 };

    /// The estimate of the same quantity in other units, such as a rate from a probability; `factor` is not negative.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, low, high } = *self;
        let (below, above) = (value - low, high - value);
        let uncertainty = (high - low) / (2.0 * NORMAL_QUANTILE);
        if below.max(above) <= 1.5 * below.min(above) && uncertainty.is_normal() {
            f.write_str(&shorthand(value, uncertainty))
        } else if below <= 0.0 && above <= 0.0 {
            write!(f, "{value}")
        } else {
            let [value, low, high] = [value, low, high].map(|x| end(x, high - low));
            write!(f, "{value} [{low}, {high}]")
        }
    }
}

/// A number of an interval: two digits of the width and of its own, so that neither an end near 1 nor one near 0 is lost.
fn end(x: f64, width: f64) -> String {
    if !x.is_finite() || [0.0, 1.0].contains(&x) {
        return x.to_string();
    }
    let last = (exponent(width) - 1).min(exponent(x) - 1);
    decimal(x, if exponent(x) < 6 { last.min(0) } else { last })
}

/// `0.9403(5)`: one digit of the uncertainty, two if the first is a one.
fn shorthand(value: f64, uncertainty: f64) -> String {
    let first = exponent(uncertainty);
    let last = if uncertainty / power_of_ten(first) < 2.0 { first - 1 } else { first };
    let digits = (uncertainty / power_of_ten(last)).round();
    let number = decimal(value, last);
    match number.split_once('e') {
        Some((mantissa, exponent)) => format!("{mantissa}({digits})e{exponent}"),
        None => format!("{number}({digits})"),
    }
}

/// A number rounded to the decimal place 10^`last`, in scientific notation below 10^-3 and where `last` is left of the
/// decimal point.
fn decimal(x: f64, last: i32) -> String {
    if last <= 0 && exponent(x) >= -3 {
        return format!("{x:.0$}", last.unsigned_abs() as usize);
    }
    let mantissa_digits = |first: i32| (first - last).max(0) as usize;
    let text = format!("{x:.0$e}", mantissa_digits(exponent(x)));
    // Rounding may have carried into a new first digit: 9.99 to a tenth is 10.0, which has one digit more.
    match text.split_once('e').and_then(|(_, first)| first.parse().ok()) {
        Some(first) if first > exponent(x) => {
            format!("{:.1$e}", power_of_ten(first).copysign(x), mantissa_digits(first))
        }
        _ => text,
    }
}

/// The place of the first digit: floor(log10 |x|), and zero for zero, infinity and what is not a number.
fn exponent(x: f64) -> i32 {
    format!("{x:e}").split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

fn power_of_ten(exponent: i32) -> f64 {
    crate::math::pow(10.0, exponent.into())
}

/// Success probability after a number of trials that was fixed beforehand.
///
/// The value is n/N. The interval of Clopper and Pearson holds the probabilities under which neither this many successes
/// nor this few would be a surprise at 2.5 %: from the 0.025 quantile of Beta(n, N - n + 1) to the 0.975 quantile of
/// Beta(n + 1, N - n). No success gives \[0, 1 - 0.025^(1/N)\], about 3.7/N, and all successes its mirror image. Without
/// trials the value is not a number and the interval is \[0, 1\].
///
/// `successes` is at most `trials`.
///
/// Source: C. J. Clopper and E. S. Pearson, Biometrika 26, 404 (1934).
pub fn binomial(successes: u64, trials: u64) -> Estimate {
    debug_assert!(successes <= trials, "{successes} successes in {trials} trials");
    if trials == 0 {
        return Estimate::UNKNOWN;
    }
    let (hits, misses) = (successes as f64, trials.saturating_sub(successes) as f64);
    let low = if hits > 0.0 { beta_quantile(TAIL, hits, misses + 1.0) } else { 0.0 };
    let high = if misses > 0.0 { beta_quantile(1.0 - TAIL, hits + 1.0, misses) } else { 1.0 };
    Estimate { value: hits / trials as f64, low, high }
}

/// Success probability of a run that stopped at its `successes`-th success, after `trials` trials.
///
/// Such a run is longer than typical if its last gap is, so n/N is biased: the value is (n - 1)/(N - 1), which has the mean
/// p exactly (Haldane) and is the only function of N that does (Girshick, Mosteller and Savage). For a single success that
/// would be zero whatever N, and the value is 1/N, the most likely one. The interval follows from N as that of Clopper and
/// Pearson does from n: at most N trials are needed with the probability that N trials hold n successes, so the lower end is
/// the 0.025 quantile of Beta(n, N - n + 1); at least N are needed if the first N - 1 hold fewer than n, so the upper one
/// is the 0.975 quantile of Beta(n, N - n), or 1 if there was no failure. Without a success the value is not a number and
/// the interval is \[0, 1\].
///
/// `successes` is at most `trials`.
///
/// Sources: J. B. S. Haldane, Biometrika 33, 222 (1945); M. A. Girshick, F. Mosteller and L. J. Savage, Ann. Math. Stat. 17,
/// 13 (1946); C. J. Clopper and E. S. Pearson, Biometrika 26, 404 (1934).
pub fn negative_binomial(successes: u64, trials: u64) -> Estimate {
    debug_assert!(successes <= trials, "{successes} successes in {trials} trials");
    if successes == 0 {
        return Estimate::UNKNOWN;
    }
    let (hits, misses) = (successes as f64, trials.saturating_sub(successes) as f64);
    let value = if successes == 1 { 1.0 / trials as f64 } else { (hits - 1.0) / (hits - 1.0 + misses) };
    let low = beta_quantile(TAIL, hits, misses + 1.0);
    let high = if misses > 0.0 { beta_quantile(1.0 - TAIL, hits, misses) } else { 1.0 };
    Estimate { value, low, high }
}

/// Mean of `n` independent numbers between zero and one, given their sum and their sum of squares about the mean.
///
/// The normal interval, mean +- 1.96 sqrt(V/n) with the unbiased variance V, knows only what was drawn: a hundred perfect
/// fidelities would have no uncertainty at all. A class of outcomes of probability q stays unseen in n draws with
/// probability (1 - q)^n, so one up to q = 1 - 0.025^(1/n) cannot be excluded, and it may lie at either end of \[0, 1\].
/// Moving that much of the probability to zero or to one shifts the mean by mean q or (1 - mean) q, and by so much is the
/// interval wider on either side. If all numbers are equal, this is the bound of Gaffke; for zeros, it is the one of
/// [`binomial`]. For many draws the widening falls as 3.7/n, and what is left is the normal interval. Ends beyond 0 or 1 are
/// set to these, which no mean can pass.
///
/// Without numbers the value is not a number and the interval is \[0, 1\]; the variance of a single one counts as zero.
///
/// Source: N. Gaffke, Math. Methods Stat. 14, 451 (2005).
pub fn bounded_mean(n: u64, sum: f64, sum_of_squares_about_mean: f64) -> Estimate {
    if n == 0 {
        return Estimate::UNKNOWN;
    }
    let count = n as f64;
    let mean = sum / count;
    let variance = if n > 1 { sum_of_squares_about_mean / (count - 1.0) } else { 0.0 };
    let half_width = NORMAL_QUANTILE * (variance / count).sqrt();
    let unseen = -exp_m1(ln(TAIL) / count);
    Estimate {
        value: mean,
        low: (mean - half_width - mean * unseen).max(0.0),
        high: (mean + half_width + (1.0 - mean) * unseen).min(1.0),
    }
}

/// The x at which the regularized incomplete beta function `I_x(a, b)` equals `p`, for integers a and b of at least one.
///
/// Bisection on the power series where one of them is at most a thousand (relative error of p about 1e-10), otherwise the
/// asymptotic form, whose error there is below 3e-5 of the distance from the mean.
fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if a.min(b) > LARGE_COUNT {
        return asymptotic_beta_quantile(p, a, b);
    }
    if a > b {
        // The mirror image: the series needs as many factors as its first argument counts.
        return 1.0 - beta_quantile(1.0 - p, b, a);
    }
    let distribution = BetaSeries::new(a, b);
    // Widen the bracket in steps of two standard deviations from the mean, for the series grows with the distance.
    let step = 1.0 + 2.0 / a.sqrt();
    let (mut low, mut high) = (0.0, a / (a + b));
    while high < 1.0 && distribution.at(high) < p {
        low = high;
        high = (high * step).min(1.0);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high || high - low < 1e-15 * high {
            return middle;
        }
        if distribution.at(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Quantile of the beta distribution for large a and b.
///
/// Source: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.5.22, for the two tails used here.
fn asymptotic_beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let y = if p < 0.5 { NORMAL_QUANTILE } else { -NORMAL_QUANTILE };
    let (inverse_a, inverse_b) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let h = 2.0 / (inverse_a + inverse_b);
    let lambda = (y * y - 3.0) / 6.0;
    let w = y * (h + lambda).sqrt() / h - (inverse_b - inverse_a) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h));
    a / (a + b * exp(2.0 * w))
}

/// `I_x(a, b)` for an integer a <= b, a <= 1000.
struct BetaSeries {
    a: f64,
    b: f64,
    /// ln of b^-a / (a B(a, b)) = product of (1 + i/b)/(i + 1) over i in 0..a; without the powers of b, nothing cancels for large b.
    ln_scale: f64,
}

impl BetaSeries {
    fn new(a: f64, b: f64) -> Self {
        let ln_scale = (0..a as u32).map(f64::from).map(|i| ln((1.0 + i / b) / (1.0 + i))).sum();
        Self { a, b, ln_scale }
    }

    fn at(&self, x: f64) -> f64 {
        let Self { a, b, .. } = *self;
        if x > 0.5 {
            // Both series have positive terms only; the one in 1 - x ends sooner here, and a <= b makes its ratio small.
            return 1.0 - self.power_series(1.0 - x, b, a);
        }
        self.power_series(x, a, b)
    }

    /// `I_x(p, q) = x^p (1-x)^q / (p B(p, q)) (1 + sum_(n >= 0) x^(n+1) product_(k <= n) (p+q+k)/(p+1+k))`, where (p, q) is
    /// (a, b) or (b, a).
    fn power_series(&self, x: f64, p: f64, q: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        let (mut term, mut sum, mut k) = (1.0, 1.0, 0.0);
        loop {
            let ratio = x * (p + q + k) / (p + 1.0 + k);
            term *= ratio;
            sum += term;
            k += 1.0;
            // from here on the terms fall at least as fast as a geometric series of this ratio
            if ratio < 1.0 && term < 1e-17 * sum * (1.0 - ratio) {
                break;
            }
        }
        // 1/(p B) from 1/(a B): the same for (a, b), and a/b times it for (b, a)
        let a_over_p = self.a / p;
        let power = self.a * ln(self.b) + p * ln(x) + q * ln_1p(-x);
        a_over_p * exp(self.ln_scale + power) * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key, Xoshiro};

    fn generator(block: u64) -> Xoshiro {
        BlockKey { key: Key::from_seed(1934), engine: 0, block }.scalar(0)
    }

    fn assert_interval(what: &str, estimate: Estimate, low: f64, high: f64, tolerance: f64) {
        let allowed = tolerance * 0.5 * (high - low);
        let Estimate { low: l, high: h, .. } = estimate;
        assert!(
            (l - low).abs() <= allowed && (h - high).abs() <= allowed,
            "{what}: {l:e} {h:e} not {low:e} {high:e}"
        );
    }

    #[test]
    fn binomial_intervals_equal_the_quantiles_of_the_beta_distribution() {
        // scipy.stats.beta.ppf(0.025, n, N - n + 1), scipy.stats.beta.ppf(0.975, n + 1, N - n)
        for (n, trials, low, high) in [
            (0, 10, 0.0, 0.308_497_107_818_760_7),
            (10, 10, 0.691_502_892_181_239_2, 1.0),
            (1, 1, 0.025, 1.0),
            (1, 2, 0.012_579_117_093_425_05, 0.987_420_882_906_574_9),
            (1, 1_000_000_000_000, 2.531_780_798_428_955_4e-14, 5.571_643_390_926_162_5e-12),
            (3, 1_000_000_000_000_000, 6.186_721_228_956_019e-16, 8.767_273_069_742_306e-15),
            (10, 1_000_000, 4.795_398_777_545_602e-6, 1.839_027_889_123_853_2e-5),
            (900, 1_000_000, 8.421_778_309_795_021e-4, 9.607_437_258_566_247e-4),
            (500, 1000, 0.468_549_172_971_791_94, 0.531_450_827_028_208),
            (999, 1000, 0.994_441_075_720_173_4, 0.999_974_682_512_508_8),
            (999_999_990, 1_000_000_000, 0.999_999_981_609_644_1, 0.999_999_995_204_611_2),
        ] {
            assert_interval(&format!("{n} of {trials}"), binomial(n, trials), low, high, 1e-6);
        }
    }

    #[test]
    fn large_counts_follow_the_asymptotic_quantile() {
        for (n, trials, low, high) in [
            (1001, 2002, 0.477_861_731_726_530_96, 0.522_138_268_273_469_2),
            (1001, 1_000_000, 0.000_939_970_266_959_535_8, 0.001_064_949_027_154_216),
            (3000, 4000, 0.736_276_415_502_287_4, 0.763_357_478_126_698_6),
            (5000, 10_000_000, 4.862_392_412_854_412_4e-4, 5.140_512_819_271_487e-4),
            (1_000_000, 1_000_000_000, 9.980_419_606_762_322e-4, 1.001_960_928_819_794e-3),
            (1_000_000_000, 1_000_000_000_000_000, 9.999_380_214_749_279e-7, 1.000_061_981_421_408_6e-6),
        ] {
            assert_interval(&format!("{n} of {trials}"), binomial(n, trials), low, high, 3e-5);
        }
    }

    #[test]
    fn inverse_sampling_has_the_intervals_of_its_own_quantiles() {
        // scipy.stats.beta.ppf(0.025, n, N - n + 1), scipy.stats.beta.ppf(0.975, n, N - n)
        for (n, trials, low, high, tolerance) in [
            (1, 1, 0.025, 1.0, 1e-6),
            (1, 5, 0.005_050_763_379_468_057_5, 0.602_364_635_616_474_6, 1e-6),
            (2, 9, 0.028_144_973_477_898_197, 0.526_509_670_875_206_5, 1e-6),
            (7, 7, 0.590_383_602_774_996_6, 1.0, 1e-6),
            (50, 60, 0.714_780_745_171_297_2, 0.915_609_848_924_608_8, 1e-6),
            (10, 1_000_000, 4.795_398_777_545_602e-6, 1.708_475_147_250_616_4e-5, 1e-6),
            (4096, 10_000_000_000, 3.971_512_152_596_691_7e-7, 4.222_382_118_080_245e-7, 3e-5),
        ] {
            assert_interval(&format!("{n} of {trials}"), negative_binomial(n, trials), low, high, tolerance);
        }
    }

    #[test]
    fn values_are_the_usual_estimators() {
        let close =
            |value: f64, expected: f64| assert!((value - expected).abs() < 1e-15, "{value} {expected}");
        close(binomial(3, 8).value, 0.375);
        close(negative_binomial(3, 8).value, 2.0 / 7.0);
        close(negative_binomial(1, 8).value, 1.0 / 8.0);
        close(negative_binomial(4, 4).value, 1.0);
        close(bounded_mean(4, 3.0, 0.1).value, 0.75);
    }

    #[test]
    fn without_data_everything_is_possible() {
        for estimate in
            [binomial(0, 0), negative_binomial(0, 0), negative_binomial(0, 7), bounded_mean(0, 0.0, 0.0)]
        {
            assert!(estimate.value.is_nan());
            assert_eq!(
                (estimate.low.to_bits(), estimate.high.to_bits()),
                (0.0f64.to_bits(), 1.0f64.to_bits())
            );
        }
    }

    #[test]
    fn the_inverse_estimator_has_no_bias() {
        // E[(n - 1)/(N - 1)] = p, and E[n/N] is not
        let (mut generator, p, n, runs) = (generator(0), 0.2, 3, 200_000);
        let (mut sum, mut naive) = (0.0, 0.0);
        for _ in 0..runs {
            let trials = trials_until(n, p, &mut generator);
            sum += negative_binomial(n, trials).value;
            naive += n as f64 / trials as f64;
        }
        // the estimator's variance is below p^2 (1 - p)/(n - 2); five standard errors
        let allowed = 5.0 * (p * p * (1.0 - p) / f64::from(runs)).sqrt();
        assert!((sum / f64::from(runs) - p).abs() < allowed, "{sum}");
        assert!((naive / f64::from(runs) - p).abs() > 5.0 * allowed, "negative control: {naive}");
    }

    fn trials_until(successes: u64, p: f64, generator: &mut Xoshiro) -> u64 {
        let (mut found, mut trials) = (0, 0);
        while found < successes {
            trials += 1;
            found += u64::from(generator.below(p));
        }
        trials
    }

    /// How many of `runs` intervals miss p on the low and on the high side.
    fn misses(runs: u32, p: f64, mut estimate: impl FnMut() -> Estimate) -> (u32, u32) {
        (0..runs).map(|_| estimate()).fold((0, 0), |(low, high), estimate| {
            (low + u32::from(p < estimate.low), high + u32::from(p > estimate.high))
        })
    }

    #[test]
    fn intervals_miss_the_truth_in_at_most_a_fortieth_of_the_runs_per_side() {
        let (runs, mut generator) = (10_000, generator(1));
        let allowed = |rate: f64| rate * f64::from(runs) + 5.0 * (rate * f64::from(runs)).sqrt();
        for p in [0.02, 0.3, 0.9] {
            let fixed =
                misses(runs, p, || binomial((0..100).map(|_| u64::from(generator.below(p))).sum(), 100));
            let stopped = misses(runs, p, || negative_binomial(5, trials_until(5, p, &mut generator)));
            for (low, high) in [fixed, stopped] {
                assert!(f64::from(low.max(high)) < allowed(TAIL), "{p}: {fixed:?} {stopped:?}");
            }
        }
    }

    #[test]
    fn a_rare_class_that_was_not_drawn_stays_possible() {
        // 0.97 with probability 0.98 and 0 otherwise: a hundred draws miss the rare class in 13 % of the runs
        let (runs, n, rare, mut generator) = (20_000, 100, 0.02, generator(2));
        let truth = 0.97 * (1.0 - rare);
        let mut draw = || {
            let zeros = (0..n).filter(|_| generator.below(rare)).count() as f64;
            let n_f = n as f64;
            let sum = 0.97 * (n_f - zeros);
            (sum, 0.97 * 0.97 * zeros * (n_f - zeros) / n_f)
        };
        let (low, high) = misses(runs, truth, || {
            let (sum, squares) = draw();
            bounded_mean(n, sum, squares)
        });
        let allowed = TAIL * f64::from(runs) + 5.0 * (TAIL * f64::from(runs)).sqrt();
        assert!(f64::from(low.max(high)) < allowed, "{low} {high}");
        let (normal_low, _) = misses(runs, truth, || {
            let (sum, squares) = draw();
            let (value, half) =
                (sum / n as f64, NORMAL_QUANTILE * (squares / (n as f64 - 1.0) / n as f64).sqrt());
            Estimate { value, low: value - half, high: value + half }
        });
        assert!(f64::from(normal_low) > 4.0 * allowed, "negative control: {normal_low}");
    }

    #[test]
    fn the_mean_of_zeros_has_the_binomial_bound_and_large_samples_the_normal_one() {
        let (zeros, none) = (bounded_mean(50, 0.0, 0.0), binomial(0, 50));
        assert!((zeros.high - none.high).abs() < 1e-12 && zeros.low.abs() < 1e-300);
        let many = bounded_mean(1_000_000, 6e5, 2.4e5);
        let half = NORMAL_QUANTILE * (0.24f64 / 1e6).sqrt();
        assert!(
            (many.high - many.value - half).abs() < 3.7e-6 && (many.value - many.low - half).abs() < 3.7e-6
        );
        let one = bounded_mean(1, 0.5, 0.0);
        assert!((one.low - 0.0125).abs() < 1e-12 && (one.high - 0.9875).abs() < 1e-12);
    }

    #[test]
    fn the_ends_hold_their_order_for_every_small_count() {
        for trials in 1..60 {
            for n in 0..=trials {
                let estimates = [Some(binomial(n, trials)), (n > 0).then(|| negative_binomial(n, trials))];
                for Estimate { value, low, high } in estimates.into_iter().flatten() {
                    assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{n} {trials}");
                }
            }
        }
    }

    #[test]
    fn estimates_print_in_the_shorthand_of_physics() {
        let symmetric = |value: f64, uncertainty: f64| {
            let half = NORMAL_QUANTILE * uncertainty;
            Estimate { value, low: value - half, high: value + half }.to_string()
        };
        assert_eq!(symmetric(0.940_31, 4.9e-4), "0.9403(5)");
        assert_eq!(symmetric(0.940_31, 1.44e-3), "0.9403(14)");
        assert_eq!(symmetric(0.940_31, 9.7e-3), "0.940(10)");
        assert_eq!(symmetric(2.181e-4, 4e-6), "2.18(4)e-4");
        assert_eq!(symmetric(9.999e-4, 4e-6), "1.000(4)e-3");
        assert_eq!(symmetric(181.7, 2.6), "182(3)");
        assert_eq!(symmetric(181.7, 26.0), "1.8(3)e2");
        assert_eq!(symmetric(12_346.0, 120.0), "1.235(12)e4");
        assert_eq!(symmetric(1.0, 0.005), "1.000(5)");
        assert_eq!(symmetric(0.5, 0.0), "0.5");
        let text = |value, low, high| Estimate { value, low, high }.to_string();
        assert_eq!(text(0.0, 0.0, 3.7e-6), "0 [0, 3.7e-6]");
        assert_eq!(text(1.0, 0.9963, 1.0), "1 [0.9963, 1]");
        assert_eq!(text(1e-6, 2.53e-8, 5.57e-6), "1.0e-6 [2.5e-8, 5.6e-6]");
        assert_eq!(text(f64::NAN, 0.0, 1.0), "NaN [0, 1]");
        assert_eq!(binomial(1, 3).scaled(300.0).to_string(), "100 [2.5, 272]");
    }
}
