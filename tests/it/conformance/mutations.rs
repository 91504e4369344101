//! Keepers that do one thing wrong. The suite finds each: exactly the listed checks fail.
//!
//! The checks with random programs are not listed, because what they find depends on the seed.

use std::collections::BTreeSet;

use triggers::testing::conformance::{Check, Keeper, checks};

use super::engine::Engine;
use super::log::Log;
use super::memory::Memory;
use super::mutation::Mutation::{self, *};
use super::paused;
use super::programs::RANDOM;

/// Each fault of an engine, and the checks that it fails.
const OF_AN_ENGINE: &[(Mutation, &[&str])] = &[
    (
        AckEarly,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "drain_gives_back_what_the_next_start_handles",
            "each_process_settles_its_own_delivery",
            "large_backlog_survives_a_crash",
            "lost_settlement_is_delivered_again",
            "memory_holds_no_more_than_the_queue",
            "order_of_a_key_is_kept_over_crashes",
            "retry_is_not_early_after_a_crash",
        ],
    ),
    (
        NeverAck,
        &[
            "drain_gives_back_what_the_next_start_handles",
            "duplicate_of_a_held_event_starts_nothing",
            "each_process_settles_its_own_delivery",
            "held_event_is_not_delivered_to_another_runtime",
            "lost_settlement_is_delivered_again",
            "settled_event_is_not_delivered_again",
        ],
    ),
    (AckBeforeLetter, &["dead_letter_is_kept_before_the_acknowledgement"]),
    (
        ConfirmEarly,
        &[
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "memory_holds_no_more_than_the_queue",
        ],
    ),
    (
        ForgetAttempts,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "drain_gives_back_what_the_next_start_handles",
        ],
    ),
    (ForgetError, &["attempts_and_the_last_error_are_kept_over_a_crash"]),
    (CountDeliveries, &["drain_gives_back_what_the_next_start_handles"]),
    (IgnoreDue, &["retry_is_not_early_after_a_crash"]),
    (
        RetryTwice,
        &[
            "duplicate_of_a_held_event_starts_nothing",
            "held_event_is_not_delivered_to_another_runtime",
            "retry_is_not_early",
        ],
    ),
    (DropReleased, &["drain_gives_back_what_the_next_start_handles"]),
    (FeedBackwards, &["order_of_a_key_is_kept_over_crashes", "order_of_a_key_is_kept_over_retries"]),
    (IgnoreRoom, &["memory_holds_no_more_than_the_queue"]),
    (
        SkipLast,
        &[
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "drain_gives_back_what_the_next_start_handles",
        ],
    ),
    (MixTargets, &["each_process_settles_its_own_delivery"]),
    (PushDuplicates, &["duplicate_of_a_held_event_starts_nothing"]),
    (LeaveLeases, &["held_event_is_not_delivered_to_another_runtime"]),
    (ForgetLostSettlements, &["lost_settlement_is_delivered_again"]),
];

/// Each fault of a store, and the checks that it fails.
const OF_A_STORE: &[(Mutation, &[&str])] = &[
    (
        AckEarly,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "drain_gives_back_what_the_next_start_handles",
            "each_process_settles_its_own_delivery",
            "large_backlog_survives_a_crash",
            "memory_holds_no_more_than_the_queue",
            "order_of_a_key_is_kept_over_crashes",
            "retry_is_not_early_after_a_crash",
        ],
    ),
    (
        NeverAck,
        &[
            "each_process_settles_its_own_delivery",
            "lost_settlement_is_delivered_again",
            "settled_event_is_not_delivered_again",
        ],
    ),
    (AckBeforeLetter, &["dead_letter_is_kept_before_the_acknowledgement"]),
    (
        ConfirmEarly,
        &[
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "memory_holds_no_more_than_the_queue",
        ],
    ),
    (
        ForgetAttempts,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "drain_gives_back_what_the_next_start_handles",
        ],
    ),
    (ForgetError, &["attempts_and_the_last_error_are_kept_over_a_crash"]),
    (CountDeliveries, &["drain_gives_back_what_the_next_start_handles"]),
    (IgnoreDue, &["retry_is_not_early_after_a_crash"]),
    (DropReleased, &["drain_gives_back_what_the_next_start_handles"]),
    (FeedBackwards, &["order_of_a_key_is_kept_over_crashes"]),
    (
        SkipLast,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "drain_gives_back_what_the_next_start_handles",
            "each_process_settles_its_own_delivery",
            "large_backlog_survives_a_crash",
            "memory_holds_no_more_than_the_queue",
            "order_of_a_key_is_kept_over_crashes",
            "retry_is_not_early_after_a_crash",
        ],
    ),
    (LoadOnePage, &["large_backlog_survives_a_crash"]),
    (MixTargets, &["each_process_settles_its_own_delivery"]),
];

/// Each false claim about memory, and the checks that it fails.
const OF_MEMORY: &[(Mutation, &[&str])] = &[
    (
        ClaimSurvival,
        &[
            "attempts_and_the_last_error_are_kept_over_a_crash",
            "confirmed_event_survives_a_crash_at_any_point",
            "dead_letter_is_kept_before_the_acknowledgement",
            "drain_gives_back_what_the_next_start_handles",
            "each_process_settles_its_own_delivery",
            "large_backlog_survives_a_crash",
            "memory_holds_no_more_than_the_queue",
            "order_of_a_key_is_kept_over_crashes",
            "retry_is_not_early_after_a_crash",
            "settled_event_is_not_delivered_again",
        ],
    ),
    (ClaimBacklog, &["publisher_of_reject_gets_an_error", "publisher_of_wait_waits_for_capacity"]),
];

/// The faults of an engine that each random check finds.
const BY_CHANCE: &[(&str, &[Mutation])] = &[
    ("every_event_is_counted_at_every_step", &[RetryTwice]),
    (
        "every_confirmed_event_ends_in_any_program",
        &[
            AckEarly,
            NeverAck,
            AckBeforeLetter,
            ConfirmEarly,
            DropReleased,
            FeedBackwards,
            SkipLast,
            MixTargets,
            ForgetLostSettlements,
        ],
    ),
];

/// The number of seeds, of which one at least must find a fault.
const SEEDS: u64 = 60;

/// Returns the names of the checks that fail on a keeper.
fn failing<K: Keeper>(new: impl Fn() -> K) -> BTreeSet<&'static str> {
    let fails = |check: &Check<K>| paused(async { check.run(&mut new(), 0).await }).is_err();
    let checks = checks().into_iter().filter(|check| !RANDOM.contains(&check.name()));
    checks.filter(fails).map(|check| check.name()).collect()
}

/// Asserts that each fault fails exactly the checks of the table.
fn each_fails<K: Keeper>(table: &[(Mutation, &[&'static str])], new: impl Fn(Mutation) -> K) {
    let wrong = table.iter().filter_map(|(mutation, expected)| {
        let found = failing(|| new(*mutation));
        (found != expected.iter().copied().collect()).then_some((mutation, found))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "these faults fail other checks than those of the table: {wrong:#?}");
}

#[test]
fn each_fault_of_an_engine_fails_its_checks() {
    each_fails(OF_AN_ENGINE, Engine::broken);
}

#[test]
fn each_fault_of_a_store_fails_its_checks() {
    each_fails(OF_A_STORE, Log::broken);
}

#[test]
fn each_false_claim_about_memory_fails_its_checks() {
    each_fails(OF_MEMORY, Memory::broken);
}

#[test]
fn random_programs_find_faults() {
    for (name, mutations) in BY_CHANCE {
        let checks = checks();
        let check = checks.iter().find(|check| check.name() == *name).expect("a check");
        for mutation in *mutations {
            let fails =
                |seed| paused(async { check.run(&mut Engine::broken(*mutation), seed).await }).is_err();
            assert!((0..SEEDS).any(fails), "{name} does not find {mutation:?} with {SEEDS} seeds");
        }
    }
}
