//! The conformance suite of what keeps events: memory, a store, or an engine such as a message queue.
//!
//! A [`Keeper`] starts runtimes whose events it keeps, and ends them as a crash does. Each [`Check`] is one guarantee, and
//! uses only the public API. The observer is a record that the handlers of the suite write, outside of every runtime.
//! No check is left out: if a keeper does not give a guarantee, the check asserts what happens instead. For example, what
//! only memory keeps is lost in a crash, and nothing of it may be handled later.
//!
//! [`conformance_tests!`](crate::conformance_tests) makes a test of each check. [`checks`] returns the list, for a test that
//! runs it over many seeds, or that expects a broken keeper to fail.
//!
//! [`dedupe`] is the suite of a [`Dedupe`](crate::Dedupe).

use std::future::Future;
use std::pin::Pin;

use crate::Result;

mod bounds;
mod counts;
mod crashes;
mod dead_letters;
pub mod dedupe;
mod dice;
mod drain;
mod keeper;
mod order;
mod plan;
mod processes;
mod program;
mod redelivery;
mod retries;
mod rig;
mod verify;

pub use keeper::Keeper;

/// One guarantee of a keeper.
pub struct Check<K> {
    name: &'static str,
    run: for<'a> fn(&'a mut K, u64) -> Running<'a>,
}

/// A check that runs.
type Running<'a> = Pin<Box<dyn Future<Output = Result> + Send + 'a>>;

impl<K: Keeper> Check<K> {
    /// Returns the name of the check: a sentence with underscores.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check. Each run needs a new keeper without events. The seed decides what the random programs do; the other
    /// checks do not use it.
    ///
    /// # Errors
    ///
    /// Returns what the keeper did wrong, with the name of the check.
    pub async fn run(&self, keeper: &mut K, seed: u64) -> Result {
        (self.run)(keeper, seed).await.map_err(|error| format!("{}, seed {seed}: {error}", self.name).into())
    }
}

impl<K> std::fmt::Debug for Check<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// Returns every check.
pub fn checks<K: Keeper>() -> Vec<Check<K>> {
    crate::conformance_tests!(@names list [])
}

/// Runs the check of this name with the seed 0.
///
/// # Errors
///
/// Returns what the keeper did wrong, or that there is no such check.
pub async fn run<K: Keeper>(name: &str, keeper: &mut K) -> Result {
    let check = checks().into_iter().find(|check| check.name == name);
    check.ok_or_else(|| format!("there is no check `{name}`"))?.run(keeper, 0).await
}

/// Makes a test of each check of the [conformance suite](crate::testing::conformance). It takes the attribute of a test, and
/// an expression that makes a new keeper.
///
/// ```
/// # struct Nats;
/// # impl Nats { fn new() -> Nats { Nats } }
/// mod nats {
///     // `impl Keeper for Nats` is elsewhere.
///     triggers::conformance_tests!(#[tokio::test(start_paused = true)] super::Nats::new());
/// }
/// # drop(Nats::new());
/// ```
#[macro_export]
macro_rules! conformance_tests {
    (@names $then:ident $with:tt) => {
        $crate::conformance_tests! {
            @$then $with
            bounds::memory_holds_no_more_than_the_queue,
            bounds::publisher_of_wait_waits_for_capacity,
            bounds::publisher_of_reject_gets_an_error,
            counts::every_event_is_counted_at_every_step,
            crashes::confirmed_event_survives_a_crash_at_any_point,
            crashes::large_backlog_survives_a_crash,
            crashes::settled_event_is_not_delivered_again,
            dead_letters::dead_letter_is_kept_before_the_acknowledgement,
            drain::drain_gives_back_what_the_next_start_handles,
            order::order_of_a_key_is_kept_over_retries,
            order::order_of_a_key_is_kept_over_crashes,
            processes::each_process_settles_its_own_delivery,
            program::every_confirmed_event_ends_in_any_program,
            redelivery::duplicate_of_a_held_event_starts_nothing,
            redelivery::held_event_is_not_delivered_to_another_runtime,
            redelivery::lost_settlement_is_delivered_again,
            retries::attempts_and_the_last_error_are_kept_over_a_crash,
            retries::retry_is_not_early,
            retries::retry_is_not_early_after_a_crash,
        }
    };
    (@list [] $($module:ident::$name:ident,)*) => {
        vec![$(Check { name: stringify!($name), run: |keeper, seed| Box::pin($module::$name(keeper, seed)) },)*]
    };
    (@tests [$test:meta, $keeper:expr] $($module:ident::$name:ident,)*) => {
        $(
            #[$test]
            async fn $name() -> $crate::Result {
                $crate::testing::conformance::run(stringify!($name), &mut $keeper).await
            }
        )*
    };
    (#[$test:meta] $keeper:expr) => {
        $crate::conformance_tests!(@names tests [$test, $keeper]);
    };
}
