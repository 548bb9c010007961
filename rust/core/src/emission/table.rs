//! An intensity given point by point.

use crate::error::{Error, Result};

/// Most points of a table.
const MAX_POINTS: usize = 100_000;
/// Steps by a factor of four in which an intensity is followed towards zero, for the sake of its square root.
const GRADES: usize = 10;

/// A piecewise linear intensity of integral one, zero outside its points.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    times_s: Vec<f64>,
    intensity: Vec<f64>,
    /// Integral up to each point.
    before: Vec<f64>,
    /// Integral from each point on.
    after: Vec<f64>,
}

impl Table {
    /// Checks and normalizes.
    pub(super) fn new(times_s: &[f64], intensity: &[f64]) -> Result<Self> {
        let count = times_s.len();
        if !(2..=MAX_POINTS).contains(&count) {
            let given = format!("{count} points");
            return Err(Error::parameter("times_s", given, format!("2 to {MAX_POINTS} points"), "s"));
        }
        if intensity.len() != count {
            let given = format!("{} values", intensity.len());
            return Err(Error::parameter(
                "intensity",
                given,
                format!("{count} values, one for each time"),
                "",
            ));
        }
        for (index, &time) in times_s.iter().enumerate() {
            let earlier = index.checked_sub(1).map(|earlier| times_s[earlier]);
            if !time.is_finite() || earlier.is_some_and(|earlier| time <= earlier) {
                let path = format!("times_s.{index}");
                return Err(Error::parameter(path, time, "finite and later than the time before", "s"));
            }
        }
        for (index, &value) in intensity.iter().enumerate() {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(Error::parameter(
                    format!("intensity.{index}"),
                    value,
                    "finite and at least 0",
                    "",
                ));
            }
        }
        // the largest value becomes one first: then no sum overflows
        let largest = intensity.iter().copied().fold(0.0, f64::max);
        let area = |index: usize| {
            let [left, right] = [intensity[index] / largest, intensity[index + 1] / largest];
            0.5 * (times_s[index + 1] - times_s[index]) * (left + right)
        };
        let total: f64 = (0..count - 1).map(area).sum();
        if !(largest > 0.0 && total > 0.0 && total.is_finite()) {
            return Err(Error::parameter("intensity", total, "of finite integral above 0", ""));
        }
        let mut before = vec![0.0; count];
        let mut after = vec![0.0; count];
        for index in 0..count - 1 {
            before[index + 1] = before[index] + area(index) / total;
        }
        for index in (0..count - 1).rev() {
            after[index] = after[index + 1] + area(index) / total;
        }
        let intensity = intensity.iter().map(|value| value / largest / total).collect();
        Ok(Self { times_s: times_s.to_vec(), intensity, before, after })
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.times_s.len()
    }

    /// Time (s) from the first point to the last.
    pub(super) fn length_s(&self) -> f64 {
        self.last_s() - self.times_s[0]
    }

    /// Time of the last point (s).
    pub(super) fn last_s(&self) -> f64 {
        self.times_s[self.len() - 1]
    }

    /// From here on there is light (s).
    pub(super) fn first_light_s(&self) -> f64 {
        let bright = self.intensity.iter().position(|value| *value > 0.0).unwrap_or(0);
        self.times_s[bright.saturating_sub(1)]
    }

    /// The segment that holds a time between the first point and the last.
    fn segment(&self, time_s: f64) -> usize {
        self.times_s.partition_point(|point| *point <= time_s).clamp(1, self.len() - 1) - 1
    }

    /// Intensity (1/s).
    pub(super) fn intensity(&self, time_s: f64) -> f64 {
        if time_s < self.times_s[0] || time_s > self.last_s() {
            return 0.0;
        }
        self.on_segment(self.segment(time_s), time_s)
    }

    fn on_segment(&self, index: usize, time_s: f64) -> f64 {
        let [left_s, right_s] = [self.times_s[index], self.times_s[index + 1]];
        let part = (time_s - left_s) / (right_s - left_s);
        self.intensity[index] * (1.0 - part) + self.intensity[index + 1] * part
    }

    /// Integral over \[from, to\].
    pub(super) fn captured(&self, from_s: f64, to_s: f64) -> f64 {
        let (from_s, to_s) = (from_s.max(self.times_s[0]), to_s.min(self.last_s()));
        if to_s <= from_s {
            return 0.0;
        }
        let (first, last) = (self.segment(from_s), self.segment(to_s));
        let inside = |segment: usize, from_s: f64, to_s: f64| {
            0.5 * (to_s - from_s) * (self.on_segment(segment, from_s) + self.on_segment(segment, to_s))
        };
        if first == last {
            return inside(first, from_s, to_s);
        }
        // the difference of the smaller sums keeps more digits
        let (left, right) = (first + 1, last);
        let between = if self.before[right] < self.after[left] {
            self.before[right] - self.before[left]
        } else {
            self.after[left] - self.after[right]
        };
        inside(first, from_s, self.times_s[left]) + between + inside(last, self.times_s[right], to_s)
    }

    /// The time (s) before which a fraction `uniform` of the light comes.
    pub(super) fn time_s(&self, uniform: f64) -> f64 {
        let index = self.before.partition_point(|before| *before <= uniform).clamp(1, self.len() - 1) - 1;
        let [left_s, right_s] = [self.times_s[index], self.times_s[index + 1]];
        let area = self.before[index + 1] - self.before[index];
        let part = if area > 0.0 { ((uniform - self.before[index]) / area).clamp(0.0, 1.0) } else { 0.0 };
        left_s + (right_s - left_s) * linear_part(self.intensity[index], self.intensity[index + 1], part)
    }

    /// The points, and where the intensity comes near zero enough points between them that a Gauss rule also serves the
    /// amplitude, which has a square root's branch point there.
    pub(super) fn kinks(&self) -> Vec<f64> {
        let mut kinks = self.times_s.clone();
        for index in 0..self.len() - 1 {
            let [left, right] = [self.intensity[index], self.intensity[index + 1]];
            let [left_s, right_s] = [self.times_s[index], self.times_s[index + 1]];
            let (low, high) = (left.min(right), left.max(right));
            let mut value = 0.25 * high;
            for _ in 0..GRADES {
                if value <= low {
                    break;
                }
                let part = (value - left) / (right - left);
                kinks.push(left_s + (right_s - left_s) * part);
                value *= 0.25;
            }
        }
        kinks
    }
}

/// Where, between 0 and 1, a density that goes linearly from `left` to `right` has `part` of its area behind it.
pub(super) fn linear_part(left: f64, right: f64, part: f64) -> f64 {
    let root = (left * left * (1.0 - part) + right * right * part).sqrt();
    let x = part * (left + right) / (left + root);
    if x.is_finite() { x.clamp(0.0, 1.0) } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_density_is_inverted() {
        for (left, right) in [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.3, 0.7), (1.0, 1e-9)] {
            for part in [0.0, 1e-12, 0.25, 0.5, 0.999, 1.0] {
                let x = linear_part(left, right, part);
                let area = (left * x + 0.5 * (right - left) * x * x) / (0.5 * (left + right));
                assert!((area - part).abs() < 1e-15, "{left} {right} {part}: {area}");
            }
        }
    }

    #[test]
    fn a_triangle_is_normalized_and_inverted() {
        let table = Table::new(&[-1e-9, 1e-9, 3e-9], &[0.0, 7.0, 0.0]).unwrap();
        assert!((table.intensity(1e-9) - 0.5e9).abs() < 1e-6);
        assert_eq!(table.intensity(-1.1e-9) + table.intensity(3.1e-9), 0.0);
        assert!((table.captured(-1.0, 1.0) - 1.0).abs() < 1e-15);
        assert!((table.captured(0.0, 2e-9) - 0.75).abs() < 1e-15);
        assert!((table.captured(0.0, 1e-9) + table.captured(1e-9, 2e-9) - 0.75).abs() < 1e-15);
        for uniform in [0.0, 0.1, 0.5, 0.9, 1.0] {
            assert!((table.captured(-1.0, table.time_s(uniform)) - uniform).abs() < 1e-15);
        }
        assert_eq!(table.first_light_s(), -1e-9);
        // the far end keeps its digits
        let tiny = table.captured(3e-9 - 1e-15, 1.0);
        assert!((tiny / (0.125 * 1e-12) - 1.0).abs() < 1e-6, "{tiny}");
    }

    #[test]
    fn tables_that_say_nothing_are_refused() {
        let refused = |times: &[f64], values: &[f64]| Table::new(times, values).unwrap_err().to_string();
        assert_eq!(refused(&[0.0], &[1.0]), "`times_s` must be 2 to 100000 points (s), got 1 points");
        assert_eq!(
            refused(&[0.0, 1.0], &[1.0]),
            "`intensity` must be 2 values, one for each time, got 1 values"
        );
        assert_eq!(
            refused(&[0.0, 1.0, 1.0], &[1.0; 3]),
            "`times_s.2` must be finite and later than the time before (s), got 1"
        );
        assert_eq!(refused(&[0.0, 1.0], &[1.0, -1.0]), "`intensity.1` must be finite and at least 0, got -1");
        assert!(
            refused(&[0.0, 1.0], &[0.0, 0.0]).starts_with("`intensity` must be of finite integral above 0")
        );
        assert!(refused(&[0.0, f64::INFINITY], &[1.0, 1.0]).starts_with("`times_s.1`"));
    }
}
