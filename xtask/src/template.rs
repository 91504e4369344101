//! Writes a program with `triggers new`, and does with it what its author does next.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::server::{Server, check_log};
use crate::{Outcome, cargo, run, target};

/// The folder of the program. Below `target`, so git and cargo ignore it.
const FOLDER: &str = "target/template/nightly-builds";

pub(crate) fn run_program() -> Outcome {
    let folder = Path::new(FOLDER);
    let failed = |error: std::io::Error| format!("{FOLDER}: {error}");
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(failed)?;
    }
    cargo(&["run", "--quiet", "--package", "triggers-cli", "--", "new", FOLDER])?;
    // Use the versions of the project's own build, so that nothing is downloaded or built in another version.
    fs::copy("Cargo.lock", folder.join("Cargo.lock")).map_err(failed)?;
    // The dependencies are shared with the project's own build where their features are equal.
    let target = std::path::absolute(target()).map_err(failed)?;
    let in_program = |args: &[&str]| {
        run(Command::new(env!("CARGO")).args(args).current_dir(folder).env("CARGO_TARGET_DIR", &target))
    };
    in_program(&["fmt", "--check"])?;
    in_program(&["clippy", "--all-targets", "--", "-D", "warnings"])?;
    // As the Dockerfile builds it.
    in_program(&["clippy", "--features", "container", "--", "-D", "warnings"])?;
    in_program(&["test"])?;
    in_program(&["build"])?;

    let program = Server::start(&target.join("debug/nightly-builds"))?;
    program.post("/builds", r#"{"job": "nightly", "passed": false}"#)?;
    program.post("/builds", r#"{"job": "weekly", "passed": true}"#)?;
    let log = program.interrupt()?;
    print!("{log}");
    check_log(&log, &[("nightly failed", 1), ("weekly", 0), ("drained: ", 1), (" 0 left", 1)])
}
