//! The conformance suite of a [`Dedupe`]: one id makes one event, and an event that was not accepted leaves nothing behind.
//!
//! Each [`DedupeCheck`] is one guarantee of the trait. The times of the claims are arguments, so no check depends on a clock.
//! [`dedupe_conformance_tests!`](crate::dedupe_conformance_tests) makes a test of each check. [`checks`] returns the list, for
//! a test that expects a broken implementation to fail.
//!
//! An implementation that never answers keeps a check from ending, so a test of one needs a timeout.

use super::Running;
use crate::{Dedupe, Result};

mod counts;
mod model;
mod progress;
mod rig;
mod windows;

/// One guarantee of a dedupe.
pub struct DedupeCheck {
    name: &'static str,
    run: for<'a> fn(&'a dyn Dedupe, u64) -> Running<'a>,
}

impl DedupeCheck {
    /// Returns the name of the check: a sentence with underscores.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check. Each run needs a new dedupe that has seen no id. The seed decides what the random operations are; the
    /// other checks do not use it.
    ///
    /// # Errors
    ///
    /// Returns what the dedupe did wrong, with the name of the check.
    pub async fn run(&self, dedupe: &dyn Dedupe, seed: u64) -> Result {
        (self.run)(dedupe, seed).await.map_err(|error| format!("{}, seed {seed}: {error}", self.name).into())
    }
}

impl std::fmt::Debug for DedupeCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DedupeCheck").field(&self.name).finish()
    }
}

/// Returns every check.
pub fn checks() -> Vec<DedupeCheck> {
    crate::dedupe_conformance_tests!(@names list [])
}

/// Runs the check of this name with the seed 0.
///
/// # Errors
///
/// Returns what the dedupe did wrong, or that there is no such check.
pub async fn run(name: &str, dedupe: &dyn Dedupe) -> Result {
    let check = checks().into_iter().find(|check| check.name == name);
    check.ok_or_else(|| format!("there is no check `{name}`"))?.run(dedupe, 0).await
}

/// Makes a test of each check of the [conformance suite of a dedupe](crate::testing::conformance::dedupe). It takes the
/// attribute of a test, and an expression that makes a new dedupe.
///
/// ```
/// mod memory {
///     triggers::dedupe_conformance_tests!(#[tokio::test(start_paused = true)] triggers::MemoryDedupe::new());
/// }
/// ```
#[macro_export]
macro_rules! dedupe_conformance_tests {
    (@names $then:ident $with:tt) => {
        $crate::dedupe_conformance_tests! {
            @$then $with
            counts::counts_are_exact,
            model::any_sequence_agrees_with_the_model,
            progress::accepted_id_is_a_duplicate_of_its_event,
            progress::released_id_is_new_again,
            progress::claim_waits_for_the_end_of_another_one,
            progress::one_of_the_claims_that_wait_gets_a_released_id,
            progress::claims_of_one_id_at_once_make_one_event,
            progress::claim_that_is_dropped_leaves_nothing_behind,
            windows::id_is_new_after_its_window,
            windows::duplicate_does_not_extend_the_window,
            windows::window_begins_with_the_claim,
            windows::ids_with_any_difference_are_different,
        }
    };
    (@list [] $($module:ident::$name:ident,)*) => {
        vec![$(DedupeCheck {
            name: stringify!($name),
            run: |dedupe, seed| Box::pin($module::$name(dedupe, seed)),
        },)*]
    };
    (@tests [$test:meta, $dedupe:expr] $($module:ident::$name:ident,)*) => {
        $(
            #[$test]
            async fn $name() -> $crate::Result {
                $crate::testing::conformance::dedupe::run(stringify!($name), &$dedupe).await
            }
        )*
    };
    (#[$test:meta] $dedupe:expr) => {
        $crate::dedupe_conformance_tests!(@names tests [$test, $dedupe]);
    };
}
