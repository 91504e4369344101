//! Runs the benches, all or the named ones, on an idle machine. A run of all benches also writes their records to
//! `benches/RESULTS.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::machine::{Machine, load, wait_until_idle};
use crate::{Outcome, run};

/// All benches, in the order of the report.
const BENCHES: &[&str] = &[
    "hop",
    "threads",
    "handlers",
    "allocator",
    "fan_out",
    "publish",
    "start",
    "webhook",
    "connections",
    "scale",
    "peers",
];

pub(crate) fn measure() -> Outcome {
    let named: Vec<String> = env::args().skip(2).collect();
    let all = named.is_empty();
    let benches: Vec<&str> = if all { BENCHES.to_vec() } else { named.iter().map(String::as_str).collect() };
    // Build before the wait for an idle machine, otherwise the compiler keeps the machine busy.
    run(bench(&benches).arg("--no-run"))?;
    let (machine, start) = (Machine::here(), wait_until_idle()?);
    println!("load at the start: {start}");
    let rows = all.then(record).transpose()?;
    for name in benches {
        let mut command = bench(&[name]);
        if let Some(rows) = &rows {
            command.env("BENCH_RECORD", rows);
        }
        run(&mut command)?;
    }
    let facts = machine.facts(&start, &load());
    print!("{facts}");
    let Some(rows) = rows else { return Ok(()) };
    run(Command::new(env!("CARGO"))
        .args(["run", "--release", "--package", "benches", "--features", "report", "--bin", "report"])
        .env("BENCH_RECORD", rows)
        .env("BENCH_MACHINE", facts))
}

/// Creates an empty file for the tables, and returns its path.
fn record() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target/bench");
    let rows = folder.join("rows.jsonl");
    let begin = || {
        fs::create_dir_all(&folder)?;
        fs::write(&rows, "")
    };
    begin().map_err(|error| format!("{}: {error}", rows.display()))?;
    Ok(rows)
}

fn bench(names: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["bench", "--package", "benches", "--features", "peers,allocator"]);
    command.args(names.iter().flat_map(|name| ["--bench", name]));
    command
}
