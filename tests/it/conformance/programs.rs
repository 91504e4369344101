//! The checks whose programs are random, over many seeds: fixed ones, and a few that begin at a random one.
//!
//! `CONFORMANCE_SEEDS=17..18` runs one seed alone.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::ops::Range;

use triggers::testing::conformance::{Keeper, checks};

use super::engine::Engine;
use super::log::Log;
use super::memory::Memory;
use super::paused;

/// The seeds of every run of the tests.
const SEEDS: Range<u64> = 0..100;

/// The number of further seeds, which begin at a random one.
const RANDOM_SEEDS: u64 = 20;

/// The checks whose programs are random.
pub(super) const RANDOM: [&str; 2] =
    ["every_confirmed_event_ends_in_any_program", "every_event_is_counted_at_every_step"];

/// Returns the seeds that the environment asks for, otherwise the fixed and the random ones.
fn seeds() -> Vec<u64> {
    if let Ok(text) = std::env::var("CONFORMANCE_SEEDS") {
        let (from, to) = text.split_once("..").expect("two numbers, such as 0..1000");
        return (from.parse().expect("a number")..to.parse().expect("a number")).collect();
    }
    // The standard library draws the keys of each `RandomState` from the system's randomness.
    let from = RandomState::new().build_hasher().finish() >> 1;
    let random = from..from + RANDOM_SEEDS;
    let _ = writeln!(std::io::stderr(), "conformance: random seeds, CONFORMANCE_SEEDS={random:?}");
    SEEDS.chain(random).collect()
}

/// Runs the random checks with every seed, and panics at the first failure.
fn every_seed_passes<K: Keeper>(new: impl Fn() -> K) {
    let checks: Vec<_> = checks().into_iter().filter(|check| RANDOM.contains(&check.name())).collect();
    assert_eq!(checks.len(), RANDOM.len());
    for seed in seeds() {
        for check in &checks {
            paused(async { check.run(&mut new(), seed).await }).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn random_programs_on_memory() {
    every_seed_passes(Memory::new);
}

#[test]
fn random_programs_on_an_engine() {
    every_seed_passes(Engine::new);
}

#[test]
fn random_programs_on_a_store() {
    every_seed_passes(Log::new);
}

#[test]
fn random_programs_on_a_store_with_batches() {
    every_seed_passes(Log::in_batches);
}
