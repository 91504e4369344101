#![deny(warnings)]
//! `cfg` on the argument of `main`. A `main` without an argument starts the runtime after its body.

use std::process::ExitCode;

mod with {
    use triggers::prelude::*;

    #[triggers::main]
    async fn main(#[cfg(all())] runtime: Builder) -> Result<()> {
        drop(runtime);
        Ok(())
    }

    pub(crate) const PROGRAM: fn() -> std::process::ExitCode = main;
}

mod without {
    #[triggers::main]
    async fn main(#[cfg_attr(all(), cfg(any()))] runtime: NoSuchType) {}

    pub(crate) const PROGRAM: fn() -> std::process::ExitCode = main;
}

fn main() {
    assert_eq!((with::PROGRAM)(), ExitCode::SUCCESS);
    // The runtime refuses to start without a handler.
    assert_eq!((without::PROGRAM)(), ExitCode::FAILURE);
}
