//! A program that names no crate with handlers, though it depends on one. A separate binary, as `linked.rs`.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

use triggers::Runtime;

#[tokio::test]
async fn empty_registry_is_a_start_error_that_says_what_to_do() {
    let error = Runtime::builder().linked().start().await.expect_err("no handler");
    assert_eq!(triggers::check(), Err(error.clone()), "the check of a test returns the same error");
    let said = error.to_string();
    for part in ["no handler is linked", "#[triggers::main(crates(", "use billing as _;", "handlers![..]"] {
        assert!(said.contains(part), "{part} in: {said}");
    }
}
