//! What the first hour with the repository costs: a clone, the quickstart and the tests, on a machine that has only Rust.

#![expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Outcome, run};

/// The maximum number of crates that the quickstart compiles. It compiles 118: those of a program with all default features,
/// the examples, what only other examples need, such as two library crates, and anyhow, a feature that the tests enable. Four
/// more admit one dependency with a few of its own.
const MAX_CRATES: usize = 122;

/// The maximum disk of the quickstart's target folder, in MB. It takes 703. The cryptography of the feature `tls`, the
/// dependencies of the tests, or full debug information, take about 100 more.
const MAX_DISK: u64 = 760;

/// The target folder of the quickstart alone.
const QUICKSTART: &str = "target/first-hour";

/// The line of the quickstart that a handler logs.
const HANDLED: &str = "report of Hello-World: ";

/// The result of one cargo command.
struct Cost {
    time: Duration,
    /// The number of crates that were compiled.
    crates: usize,
    /// The number of tests that passed.
    tests: usize,
}

/// Measures a clone, the quickstart up to its first handled event, and `cargo test`, with an empty `CARGO_HOME`. The clone has
/// only what is committed.
pub(crate) fn measure() -> Outcome {
    let folder = std::env::temp_dir().join(format!("triggers-first-hour-{}", std::process::id()));
    let [clone, home] = ["triggers", "cargo-home"].map(|name| folder.join(name));
    fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", folder.display()))?;
    copy_configuration(&home)?;
    let origin = std::path::absolute(".").map_err(|error| error.to_string())?;

    let began = Instant::now();
    run(Command::new("git").args(["clone", "--quiet"]).args([&origin, &clone]))?;
    let cloned = began.elapsed();
    let disk = || [clone.join("target"), home.clone()].map(|folder| megabytes(&folder));
    let cargo = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).current_dir(&clone).env("CARGO_HOME", &home).env_remove("CARGO_TARGET_DIR");
        command
    };
    let quickstart = until_handled(cargo(&["run", "--example", "quickstart"]))?;
    let after_quickstart = disk();
    let tests = to_end(cargo(&["test"]))?;
    let after_tests = disk();
    fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;

    println!("\n{:<34}{:>8}{:>8}{:>11}{:>16}", "", "seconds", "crates", "target MB", "CARGO_HOME MB");
    println!("{:<34}{:>8.1}", "git clone", cloned.as_secs_f64());
    for (name, cost, [target, home]) in [
        ("quickstart to its first event", &quickstart, after_quickstart),
        ("cargo test, after that", &tests, after_tests),
    ] {
        println!("{name:<34}{:>8.1}{:>8}{target:>11}{home:>16}", cost.time.as_secs_f64(), cost.crates);
    }
    println!("{} tests passed", tests.tests);
    Ok(())
}

/// Builds the quickstart in an empty target folder, and compares the crates and the disk with their limits. It uses the
/// machine's `CARGO_HOME` and the files as they are, so that no download fails, and a change is measured before its commit.
pub(crate) fn check_quickstart() -> Outcome {
    let target = Path::new(QUICKSTART);
    if target.exists() {
        fs::remove_dir_all(target).map_err(|error| format!("{QUICKSTART}: {error}"))?;
    }
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--example", "quickstart", "--target-dir", QUICKSTART]);
    let cost = until_handled(command)?;
    let disk = megabytes(target);
    println!("{} crates of at most {MAX_CRATES}, {disk} MB of at most {MAX_DISK}", cost.crates);
    if cost.crates > MAX_CRATES || disk > MAX_DISK {
        return Err(format!("the quickstart builds too much. {QUICKSTART} has the result"));
    }
    fs::remove_dir_all(target).map_err(|error| format!("{QUICKSTART}: {error}"))
}

/// Copies the machine's configuration of cargo, which may name another registry.
fn copy_configuration(home: &Path) -> Outcome {
    let machine = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let Some(machine) = machine else { return Ok(()) };
    for name in ["config.toml", "config"] {
        let file = machine.join(name);
        if file.exists() {
            fs::copy(&file, home.join(name)).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

/// Runs the quickstart until a handler has logged its event, and interrupts it.
fn until_handled(command: Command) -> Result<Cost, String> {
    let mut handled = false;
    let cost = follow(command, |line, process| {
        if line.contains(HANDLED) && !handled {
            handled = true;
            return run(Command::new("kill").args(["-INT", &process.to_string()])).map(|()| true);
        }
        Ok(false)
    })?;
    if handled { Ok(cost) } else { Err("the quickstart ended before it handled an event".to_owned()) }
}

fn to_end(command: Command) -> Result<Cost, String> {
    follow(command, |_, _| Ok(false))
}

/// Runs a command to its end, and prints its output. The time ends early with the first line for which `is_end` returns `true`.
fn follow(
    mut command: Command,
    mut is_end: impl FnMut(&str, u32) -> Result<bool, String>,
) -> Result<Cost, String> {
    let failed = |error: std::io::Error| error.to_string();
    let (output, writer) = std::io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    // A plain machine does not set it, and cargo then compiles the members incrementally.
    command.env_remove("CARGO_INCREMENTAL");
    let began = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    // The command keeps the writing end of the pipe open.
    let description = format!("{command:?}");
    drop(command);
    let mut cost = Cost { time: Duration::ZERO, crates: 0, tests: 0 };
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        cost.crates += usize::from(line.trim_start().starts_with("Compiling "));
        cost.tests += passed(&line);
        if is_end(&line, child.id())? {
            cost.time = began.elapsed();
        }
    }
    let status = child.wait().map_err(failed)?;
    if cost.time.is_zero() {
        cost.time = began.elapsed();
    }
    if status.success() { Ok(cost) } else { Err(format!("{description}: {status}")) }
}

/// Returns the number in a line such as `test result: ok. 12 passed; 0 failed; ..`.
fn passed(line: &str) -> usize {
    let number = line.strip_prefix("test result: ok. ").and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Returns the disk of a folder in MB. A file with several names counts once.
fn megabytes(folder: &Path) -> u64 {
    fn blocks(folder: &Path, seen: &mut HashSet<u64>) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let blocks_of = |entry: fs::DirEntry| {
            let Ok(metadata) = entry.metadata() else { return 0 };
            match (seen.insert(metadata.ino()), metadata.is_dir()) {
                (false, _) => 0,
                (true, false) => metadata.blocks(),
                (true, true) => metadata.blocks() + blocks(&entry.path(), seen),
            }
        };
        entries.map(blocks_of).sum()
    }
    // A block has 512 bytes on every system.
    blocks(folder, &mut HashSet::new()) * 512 / 1_000_000
}
