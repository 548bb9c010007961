//! Choosing one of several classes with given probabilities.

use crate::stream::Xoshiro;

/// Walker's alias table: one word per draw, whatever the number of classes.
///
/// Source: Walker, ACM Trans. Math. Softw. 3, 253 (1977), in the numerically stable form of Vose (1991). A class is
/// chosen with its probability up to 2^-53 (absolute).
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// Share of the cell that belongs to its own class, and the class that owns the rest.
    cells: Vec<(f64, u32)>,
}

impl Alias {
    /// A table for weights of any sum; weights that are not above zero are never chosen.
    ///
    /// Returns nothing when no weight is above zero.
    pub fn new(weights: &[f64]) -> Option<Self> {
        let total: f64 = weights.iter().filter(|weight| **weight > 0.0).sum();
        if total <= 0.0 {
            return None;
        }
        let count = weights.len();
        let mut share: Vec<f64> =
            weights.iter().map(|weight| weight.max(0.0) / total * count as f64).collect();
        let mut cells: Vec<(f64, u32)> = (0..count as u32).map(|class| (1.0, class)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|class| share[*class] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            cells[poor] = (share[poor], rich as u32);
            share[rich] -= 1.0 - share[poor];
            if share[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // rounding may leave cells over; one of zero weight must not keep its own class
        let heaviest =
            (0..count).fold(0, |best, class| if weights[class] > weights[best] { class } else { best });
        for class in small {
            cells[class] = if weights[class] > 0.0 { (1.0, class as u32) } else { (0.0, heaviest as u32) };
        }
        Some(Self { cells })
    }

    /// Draws a class.
    #[inline]
    pub fn sample(&self, rng: &mut Xoshiro) -> usize {
        let place = rng.uniform() * self.cells.len() as f64;
        let cell = (place as usize).min(self.cells.len() - 1);
        let (share, other) = self.cells[cell];
        if place - (cell as f64) < share { cell } else { other as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

    /// Probability of each class that the table stands for.
    fn probabilities(alias: &Alias) -> Vec<f64> {
        let count = alias.cells.len() as f64;
        let mut sum = vec![0.0; alias.cells.len()];
        for (class, (share, other)) in alias.cells.iter().enumerate() {
            sum[class] += share / count;
            sum[*other as usize] += (1.0 - share) / count;
        }
        sum
    }

    #[test]
    fn the_table_holds_the_weights() {
        for weights in
            [vec![1.0], vec![0.0, 2.0, 0.0], vec![1e-9, 1.0, 3.0, 0.5], vec![0.1; 10], vec![1e-300, 1e-300]]
        {
            let alias = Alias::new(&weights).unwrap();
            let total: f64 = weights.iter().sum();
            for (seen, weight) in probabilities(&alias).iter().zip(&weights) {
                assert!((seen - weight / total).abs() < 1e-15, "{weights:?}");
            }
        }
        assert!(Alias::new(&[0.0, 0.0]).is_none());
        assert!(Alias::new(&[]).is_none());
    }

    #[test]
    fn draws_follow_the_weights() {
        let weights = [0.2, 0.0, 0.5, 0.3];
        let alias = Alias::new(&weights).unwrap();
        let mut rng = BlockKey { key: Key::from_seed(4), engine: 0, block: 0 }.scalar(0);
        let mut seen = [0.0; 4];
        for _ in 0..100_000 {
            seen[alias.sample(&mut rng)] += 1.0;
        }
        // chi-square with two degrees of freedom: above 18.4 with probability 1e-4
        let chi: f64 = [0, 2, 3]
            .map(|c| (seen[c] - 1e5 * weights[c]) * (seen[c] - 1e5 * weights[c]) / (1e5 * weights[c]))
            .iter()
            .sum();
        assert_eq!(seen[1], 0.0);
        assert!(chi < 18.4, "{chi}");
    }
}
