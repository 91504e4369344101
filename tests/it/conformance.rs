//! The conformance suite: what keeps events does not lose, repeat or reorder them. It runs on memory, on a fake
//! engine and on a fake store.
//!
//! Beside the checks one by one there are random programs, and a failure at each call. The fakes can be broken in one way
//! each, and named checks of the suite must fail then: see `mutations`.

mod engine;
mod faults;
mod log;
mod memory;
mod mutation;
mod mutations;
mod programs;

mod on_memory {
    triggers::conformance_tests!(
        #[tokio::test(start_paused = true)]
        super::memory::Memory::new()
    );
}

mod on_an_engine {
    triggers::conformance_tests!(
        #[tokio::test(start_paused = true)]
        super::engine::Engine::new()
    );
}

mod on_a_store {
    triggers::conformance_tests!(
        #[tokio::test(start_paused = true)]
        super::log::Log::new()
    );
}

mod on_a_store_with_batches {
    triggers::conformance_tests!(
        #[tokio::test(start_paused = true)]
        super::log::Log::in_batches()
    );
}

/// Runs a future on a new tokio runtime of one thread, whose clock is paused.
fn paused<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}
