//! Two things that are measured in turns, so that the mood of the machine is the same for both.

use std::time::Duration;

const ROUNDS: usize = 15;

/// What one round took, and how often the thing was done in it.
#[derive(Debug)]
pub struct Took(pub Duration, pub u32);

/// Prints what both take for each time, as the median of the rounds, and how many times as long ours takes as the floor: the
/// median, the least and the most.
pub async fn compare(name: &str, mut floor: impl AsyncFnMut() -> Took, mut ours: impl AsyncFnMut() -> Took) {
    let nanoseconds = |Took(time, times): Took| time.as_nanos() as f64 / f64::from(times);
    let mut rounds = Vec::new();
    // The first is to warm up.
    for _ in 0..=ROUNDS {
        rounds.push((nanoseconds(floor().await), nanoseconds(ours().await)));
    }
    let rounds = &rounds[1..];
    let floor = sorted(rounds.iter().map(|(floor, _)| *floor));
    let ours = sorted(rounds.iter().map(|(_, ours)| *ours));
    let ratios = sorted(rounds.iter().map(|(floor, ours)| ours / floor));
    println!(
        "{name:<34} {:>9.0} ns {:>9.0} ns {:>7.2} x  ({:.2} to {:.2})",
        floor[ROUNDS / 2],
        ours[ROUNDS / 2],
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
    );
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}
