//! The statistic of Kolmogorov and Smirnov.

/// sqrt(n) times the largest distance between empirical and exact distribution.
pub(crate) fn distance(mut values: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let largest = values.iter().enumerate().map(|(i, value)| {
        let exact = cdf(*value);
        (exact - i as f64 / n).abs().max(((i + 1) as f64 / n - exact).abs())
    });
    largest.fold(0.0, f64::max) * n.sqrt()
}
