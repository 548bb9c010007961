//! Choosing one of several classes with given probabilities.

use crate::stream::Xoshiro;

/// Walker's alias table: one word per draw, whatever the number of classes.
///
/// Source: Walker, ACM Trans. Math. Softw. 3, 253 (1977), in the numerically stable form of Vose (1991). The number of cells
/// is a power of two, so that the upper bits of a word choose the cell and the others decide inside it; a class is chosen with
/// its probability up to 2^-53 (absolute).
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    cells: Vec<Cell>,
    /// Bits that do not choose the cell.
    rest: u32,
}

/// Words below the share belong to the cell's own class, the others to another one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    share: u64,
    /// The cell's own class, and the one that has the rest.
    classes: [u32; 2],
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
        // at least two, so that some bits choose the cell and no shift is by all of them
        let count = weights.len().next_power_of_two().max(2);
        let rest = u64::BITS - count.trailing_zeros();
        let weight = |class: usize| weights.get(class).copied().unwrap_or(0.0).max(0.0);
        let mut share: Vec<f64> = (0..count).map(|class| weight(class) / total * count as f64).collect();
        let whole = |class: usize| Cell { share: 0, classes: [class as u32; 2] };
        let mut cells: Vec<Cell> = (0..count).map(whole).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..count).partition(|class| share[*class] < 1.0);
        let words_per_cell = (1_u64 << rest) as f64;
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            // the words inside a cell are whole numbers below 2^rest; a share below one stays below that
            let words = share[poor] * words_per_cell;
            cells[poor] = Cell { share: words as u64, classes: [poor as u32, rich as u32] };
            share[rich] -= 1.0 - share[poor];
            if share[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // rounding may leave cells over; one of zero weight must not keep its own class
        let heaviest =
            (0..count).fold(0, |best, class| if weight(class) > weight(best) { class } else { best });
        for class in small {
            cells[class] = if weight(class) > 0.0 { whole(class) } else { whole(heaviest) };
        }
        Some(Self { cells, rest })
    }

    /// The class that a random word chooses.
    #[inline]
    pub fn choose(&self, word: u64) -> usize {
        let cell = &self.cells[(word >> self.rest) as usize];
        let inside = word & !(u64::MAX << self.rest);
        // no branch: nobody can predict it
        cell.classes[usize::from(inside >= cell.share)] as usize
    }

    /// Draws a class.
    #[inline]
    pub fn sample(&self, rng: &mut Xoshiro) -> usize {
        self.choose(rng.next_u64())
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
        for cell in &alias.cells {
            let share = cell.share as f64 / (1_u64 << alias.rest) as f64;
            sum[cell.classes[0] as usize] += share / count;
            sum[cell.classes[1] as usize] += (1.0 - share) / count;
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
