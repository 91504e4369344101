//! Handlers of a dependency that only `#[triggers::main(crates(..))]` names. A separate binary, as `linked.rs`.

#![allow(clippy::expect_used, reason = "a test ends where it fails")]

/// The `main.rs` of a program.
mod program {
    use triggers::prelude::*;

    #[triggers::main(crates(test_handlers))]
    async fn main(runtime: Builder) -> Result<()> {
        // The handlers need a state. The problems about it show that the handlers are linked.
        let error = runtime.start().await.expect_err("a missing state");
        let missing =
            error.problems().iter().filter(|problem| problem.message().contains("test_handlers::Seen"));
        let handlers: Vec<_> = missing.filter_map(|problem| problem.handler()).collect();
        assert_eq!(handlers, ["test_handlers::bill", "test_handlers::nested::archive"]);
        Err(error.into())
    }

    #[test]
    fn main_finds_the_handlers_of_a_crate_that_it_names_and_an_error_is_exit_code_1() {
        assert_eq!(format!("{:?}", main()), format!("{:?}", std::process::ExitCode::FAILURE));
    }
}
