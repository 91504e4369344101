//! One id makes one event: the dedupe in memory, another implementation, and what a source has of it.
//!
//! The conformance suite runs on memory, and on a fake that can be broken in one way each: see `mutations`.

mod fake;
mod memory;
mod mutations;
mod source;

mod on_memory {
    triggers::dedupe_conformance_tests!(
        #[tokio::test(start_paused = true)]
        triggers::MemoryDedupe::new()
    );
}

mod on_a_fake {
    triggers::dedupe_conformance_tests!(
        #[tokio::test(start_paused = true)]
        super::fake::Fake::new()
    );
}
