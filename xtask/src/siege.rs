//! Runs the siege of a webhook server, a program of `benches`, which writes `benches/SIEGE.md`.

use std::process::Command;

use crate::machine::{Machine, load};
use crate::{Outcome, run};

pub(crate) fn besiege() -> Outcome {
    let cargo = |command: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--release", "--package", "benches", "--features", "report", "--bin", "siege"]);
        cargo
    };
    // Build before the load is measured, otherwise it is that of the compiler.
    run(&mut cargo("build"))?;
    let start = load();
    println!("load at the start: {start}");
    run(cargo("run").env("BENCH_MACHINE", Machine::here().facts_at_start(&start)))
}
