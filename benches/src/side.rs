//! Measurements in turns, so that other load on the machine affects all sides alike.

use std::pin::Pin;
use std::time::Duration;

/// The number of rounds. All rounds of a side take about a second, which is longer than a burst of other load.
pub const ROUNDS: usize = 75;

/// The time of one round, and the number of repetitions in it.
#[derive(Debug)]
pub struct Took(pub Duration, pub u32);

/// A measured operation: a closure `async || -> Took`.
pub trait Side {
    /// Runs one round.
    fn round(&mut self) -> Pin<Box<dyn Future<Output = Took> + '_>>;
}

impl<F: AsyncFnMut() -> Took> Side for F {
    fn round(&mut self) -> Pin<Box<dyn Future<Output = Took> + '_>> {
        Box::pin(self())
    }
}

/// Measures the sides in turns. Returns, for each side, the nanoseconds of one repetition in each round.
pub async fn in_turns(sides: &mut [&mut dyn Side]) -> Vec<Vec<f64>> {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); sides.len()];
    for round in 0..=ROUNDS {
        for (side, rounds) in sides.iter_mut().zip(&mut rounds) {
            let Took(time, times) = side.round().await;
            // The first round is a warm-up.
            if round > 0 {
                rounds.push(time.as_nanos() as f64 / f64::from(times));
            }
        }
    }
    rounds
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn sides_take_turns_and_the_first_round_does_not_count() {
        let order = RefCell::new(String::new());
        let mut first = async || {
            let warm = !order.borrow().is_empty();
            order.borrow_mut().push('a');
            Took(Duration::from_nanos(if warm { 300 } else { 9000 }), 3)
        };
        let mut second = async || {
            order.borrow_mut().push('b');
            Took(Duration::from_nanos(50), 1)
        };
        let rounds = in_turns(&mut [&mut first, &mut second]).await;
        assert_eq!(rounds, [[100.0; ROUNDS], [50.0; ROUNDS]]);
        assert_eq!(*order.borrow(), "ab".repeat(ROUNDS + 1));
    }
}
