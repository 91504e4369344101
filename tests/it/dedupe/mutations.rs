//! Fakes that do one thing wrong. The suite finds each: exactly the listed checks fail.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;
use triggers::testing::conformance::dedupe::{DedupeCheck, checks};

use super::fake::Fake;
use super::fake::Mutation::{self, *};

/// The check that finds most faults, depending on its seed. It is not listed.
const RANDOM: &str = "any_sequence_agrees_with_the_model";

/// Each fault, and the checks that it fails.
const FAULTS: &[(Mutation, &[&str])] = &[
    (
        ClaimTwice,
        &[
            "claim_waits_for_the_end_of_another_one",
            "claims_of_one_id_at_once_make_one_event",
            "counts_are_exact",
            "one_of_the_claims_that_wait_gets_a_released_id",
        ],
    ),
    (
        AnswerEarly,
        &[
            "claim_waits_for_the_end_of_another_one",
            "claims_of_one_id_at_once_make_one_event",
            "counts_are_exact",
            "one_of_the_claims_that_wait_gets_a_released_id",
        ],
    ),
    (
        ForgetCommit,
        &[
            "accepted_id_is_a_duplicate_of_its_event",
            "claim_that_is_dropped_leaves_nothing_behind",
            "claim_waits_for_the_end_of_another_one",
            "claims_of_one_id_at_once_make_one_event",
            "counts_are_exact",
            "duplicate_does_not_extend_the_window",
            "id_is_new_after_its_window",
            "ids_with_any_difference_are_different",
            "one_of_the_claims_that_wait_gets_a_released_id",
            "released_id_is_new_again",
            "window_begins_with_the_claim",
        ],
    ),
    (
        KeepReleased,
        &[
            "claim_that_is_dropped_leaves_nothing_behind",
            "counts_are_exact",
            "one_of_the_claims_that_wait_gets_a_released_id",
            "released_id_is_new_again",
            "window_begins_with_the_claim",
        ],
    ),
    (WakeNobody, &["one_of_the_claims_that_wait_gets_a_released_id"]),
    (ClaimBeforeAnswer, &["claim_that_is_dropped_leaves_nothing_behind"]),
    (
        NeverExpire,
        &[
            "duplicate_does_not_extend_the_window",
            "id_is_new_after_its_window",
            "window_begins_with_the_claim",
        ],
    ),
    (
        ExtendWindow,
        &[
            "duplicate_does_not_extend_the_window",
            "id_is_new_after_its_window",
            "window_begins_with_the_claim",
        ],
    ),
    (KeepFirstWindow, &["window_begins_with_the_claim"]),
    (IgnoreScope, &["ids_with_any_difference_are_different"]),
    (CutIds, &["ids_with_any_difference_are_different"]),
    (
        NameLastEvent,
        &[
            "accepted_id_is_a_duplicate_of_its_event",
            "id_is_new_after_its_window",
            "ids_with_any_difference_are_different",
        ],
    ),
    (CountSomeDuplicates, &["counts_are_exact"]),
];

/// The number of seeds of the random check.
const SEEDS: u64 = 20;

/// Returns `true` if the check fails, or does not end.
async fn fails(check: &DedupeCheck, mutation: Option<Mutation>, seed: u64) -> bool {
    let fake = mutation.map_or_else(Fake::new, Fake::broken);
    // The clock is paused, so the time passes at once if nothing else can run.
    !matches!(timeout(Duration::from_secs(60), check.run(&fake, seed)).await, Ok(Ok(())))
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_dedupe_fails_its_checks() {
    let mut wrong = Vec::new();
    for (mutation, expected) in FAULTS {
        let mut found = BTreeSet::new();
        for check in checks().into_iter().filter(|check| check.name() != RANDOM) {
            if fails(&check, Some(*mutation), 0).await {
                found.insert(check.name());
            }
        }
        if found != expected.iter().copied().collect() {
            wrong.push((mutation, found));
        }
    }
    assert!(wrong.is_empty(), "these faults fail other checks than those of the table: {wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn random_operations_find_faults() {
    let checks = checks();
    let check = checks.iter().find(|check| check.name() == RANDOM).expect("a check");
    for mutation in [
        ClaimTwice,
        AnswerEarly,
        ForgetCommit,
        KeepReleased,
        WakeNobody,
        NeverExpire,
        ExtendWindow,
        NameLastEvent,
    ] {
        let mut is_found = false;
        for seed in 0..SEEDS {
            is_found |= fails(check, Some(mutation), seed).await;
        }
        assert!(is_found, "{RANDOM} does not find {mutation:?} with {SEEDS} seeds");
    }
}

#[tokio::test(start_paused = true)]
async fn random_operations_find_no_fault_of_a_sound_dedupe() {
    let checks = checks();
    let check = checks.iter().find(|check| check.name() == RANDOM).expect("a check");
    for seed in 0..SEEDS {
        check.run(&Fake::new(), seed).await.expect("no fault of the fake");
        check.run(&triggers::MemoryDedupe::new(), seed).await.expect("no fault of memory");
    }
}
