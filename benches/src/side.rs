//! Things that are measured in turns, so that the mood of the machine is the same for all of them.

use std::pin::Pin;
use std::time::Duration;

/// How often each is measured; how far these lie apart is the spread. So often that a thing takes a second or so: what else
/// the machine does comes and goes within that.
pub const ROUNDS: usize = 75;

/// What one round took, and how often the thing was done in it.
#[derive(Debug)]
pub struct Took(pub Duration, pub u32);

/// One of the things: a closure `async || -> Took`.
pub trait Side {
    /// Does it for one round.
    fn round(&mut self) -> Pin<Box<dyn Future<Output = Took> + '_>>;
}

impl<F: AsyncFnMut() -> Took> Side for F {
    fn round(&mut self) -> Pin<Box<dyn Future<Output = Took> + '_>> {
        Box::pin(self())
    }
}

/// What each side takes for one time, in nanoseconds: the rounds of the first side, of the second, and so on.
pub async fn in_turns(sides: &mut [&mut dyn Side]) -> Vec<Vec<f64>> {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); sides.len()];
    for round in 0..=ROUNDS {
        for (side, rounds) in sides.iter_mut().zip(&mut rounds) {
            let Took(time, times) = side.round().await;
            // The first is to warm up.
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
