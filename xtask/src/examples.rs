//! Runs the examples. It posts a request to the quickstart, and then interrupts it as Ctrl-C does.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{Server, check_log};
use crate::{Outcome, cargo, run, target};

/// The examples that end by themselves.
const SHORT: &[&str] = &[
    "direct_triggers",
    "config_driven",
    "several_triggers",
    "state_and_extractors",
    "order_pipeline",
    "custom_source",
    "deploy_hook",
    "pipeline",
    "per_environment",
    "beside_axum",
    "own_source",
    "two_crates",
    "status_page",
    "arguments",
    "cascade",
];

pub(crate) fn run_every() -> Outcome {
    cargo(&["build", "--examples"])?;
    for name in SHORT {
        run(&mut Command::new(binary(name)))?;
    }
    run(Command::new(binary("sign")).args(["github", "s3cret", "examples/data/github_push.json"]))?;
    quickstart()
}

fn binary(name: &str) -> PathBuf {
    target().join("debug/examples").join(name)
}

fn quickstart() -> Outcome {
    let body =
        std::fs::read_to_string("examples/data/github_push.json").map_err(|error| error.to_string())?;
    let quickstart = Server::start(&binary("quickstart"))?;
    quickstart.post("/github", &body)?;
    let log = quickstart.interrupt()?;
    print!("{log}");
    check_log(&log, &[("report of Hello-World: Codertocat pushed", 2), ("drained: ", 1), (" 0 left", 1)])
}
