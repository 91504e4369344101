//! A failure at each call in turn: no confirmed event is lost, whichever call fails.

use std::time::Duration;

use triggers::testing::conformance::{Keeper, checks};

use super::engine::Engine;
use super::log::{Fault, Log};
use super::paused;

/// The random programs, which crash the runtime whenever a store ends.
const PROGRAM: [&str; 1] = ["every_confirmed_event_ends_in_any_program"];

/// The checks that hold whichever call to an engine is lost. It may be that of an attempt, so those of retries do not.
const CHECKS: [&str; 4] = [
    "confirmed_event_survives_a_crash_at_any_point",
    "dead_letter_is_kept_before_the_acknowledgement",
    "every_confirmed_event_ends_in_any_program",
    "lost_settlement_is_delivered_again",
];

/// Runs the checks with a keeper that fails at each call of `calls`.
fn every_call_may_fail<K: Keeper>(
    names: &[&str],
    calls: impl IntoIterator<Item = u64>,
    new: impl Fn(u64) -> K,
) {
    let checks: Vec<_> = checks().into_iter().filter(|check| names.contains(&check.name())).collect();
    assert_eq!(checks.len(), names.len());
    for call in calls {
        for check in &checks {
            paused(async { check.run(&mut new(call), call).await })
                .unwrap_or_else(|error| panic!("a failure at call {call}: {error}"));
        }
    }
}

#[test]
fn each_call_to_an_engine_may_be_lost() {
    every_call_may_fail(&CHECKS, 0..40, |call| Engine::failing_at(call, Duration::ZERO));
}

#[test]
fn connection_to_an_engine_may_be_lost_at_each_call() {
    every_call_may_fail(&CHECKS, (0..60).step_by(3), |call| Engine::failing_at(call, Duration::from_secs(3)));
}

#[test]
fn each_append_to_a_store_may_be_refused() {
    every_call_may_fail(&PROGRAM, 0..100, |call| Log::failing_at(call, Fault::Refuse));
}

#[test]
fn each_append_to_a_store_may_end_the_process_although_it_is_stored() {
    every_call_may_fail(&PROGRAM, 0..100, |call| Log::failing_at(call, Fault::Unknown));
}

#[test]
fn process_may_end_at_each_call_to_its_store() {
    every_call_may_fail(&PROGRAM, 0..100, |call| Log::failing_at(call, Fault::Stop));
}
