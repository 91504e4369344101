//! What do events, publications, starts and requests cost? Runs the benches; all of them, and then has what they record
//! written to `benches/RESULTS.md`, or those that are named.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::{Outcome, run};

/// All of them, in the order of the report.
const BENCHES: &[&str] =
    &["hop", "allocator", "fan_out", "publish", "start", "webhook", "connections", "scale", "peers"];

pub(crate) fn measure() -> Outcome {
    let named: Vec<String> = env::args().skip(2).collect();
    if !named.is_empty() {
        return named.iter().try_for_each(|name| run(&mut bench(name)));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target/bench");
    let rows = folder.join("rows.jsonl");
    let begin = || {
        fs::create_dir_all(&folder)?;
        fs::write(&rows, "")
    };
    begin().map_err(|error| format!("{}: {error}", rows.display()))?;
    for name in BENCHES {
        run(bench(name).env("BENCH_RECORD", &rows))?;
    }
    run(Command::new(env!("CARGO"))
        .args(["run", "--release", "--package", "benches", "--features", "report", "--bin", "report"])
        .env("BENCH_RECORD", &rows))
}

fn bench(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["bench", "--package", "benches", "--features", "peers,allocator", "--bench", name]);
    command
}
