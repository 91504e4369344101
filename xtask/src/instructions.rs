//! Compares the number of instructions of an event with the recorded number, in `benches/instructions.txt`.
//!
//! A count does not depend on other load on the machine, so it shows an increase of 5 %, which times do not. The counts
//! include the C library, which is mostly memory allocation, and exclude the kernel.
//!
//! valgrind counts the instructions. The crate gungraun is not used: it needs an installed runner of the same version,
//! and compares with the last run on this machine, which a fresh clone does not have.
//!
//! Each path runs twice, with few events and with many. The difference belongs to the events alone, without the start
//! and the set-up. Counts vary a little between runs, for two reasons: hash maps have random seeds, and the first id
//! in each millisecond draws random numbers. The limit is far above that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::{Outcome, cargo, target};

/// The recorded counts: a path and its count on each line.
const RECORD: &str = "benches/instructions.txt";

/// The file with the toolchain that the counts are valid for.
const TOOLCHAIN: &str = "rust-toolchain.toml";

/// The host that the counts are valid for.
const HOST: &str = "x86_64-unknown-linux-gnu";

const FEW: u32 = 1000;
const MANY: u32 = 11_000;

/// The allowed increase over the recorded count, in percent.
const LIMIT: u64 = 5;

/// The path that the table divides the others by.
const BASELINE: &str = "channel";

/// The number of instructions of one event, by path.
type Counts = BTreeMap<String, u64>;

pub(crate) fn check() -> Outcome {
    let rustc = rustc()?;
    if let Some(reason) = mismatch(&rustc, &read(TOOLCHAIN)?)? {
        println!("{}", unchecked(&reason, env::var_os("CI").is_some())?);
        return Ok(());
    }
    let recorded = parse(&read(RECORD)?)?;
    let now = count()?;
    print!("{}", table(&recorded, &now));
    let (failures, gains) = judge(&recorded, &now);
    gains.iter().for_each(|gain| println!("{gain}"));
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

pub(crate) fn record() -> Outcome {
    let rustc = rustc()?;
    if let Some(reason) = mismatch(&rustc, &read(TOOLCHAIN)?)? {
        return Err(format!("nothing is recorded: {reason}"));
    }
    // A missing or invalid record is replaced.
    let recorded = read(RECORD).and_then(|text| parse(&text)).unwrap_or_default();
    let now = count()?;
    print!("{}", table(&recorded, &now));
    fs::write(RECORD, formatted(&rustc, &now)).map_err(|error| format!("{RECORD}: {error}"))
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}

/// The release and the host of the compiler that cargo runs.
struct Rustc {
    release: String,
    host: String,
}

fn rustc() -> Result<Rustc, String> {
    let version = output(Command::new("rustc").arg("-vV"))?.0;
    let field = |name: &str| {
        let value = version.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned()).ok_or_else(|| format!("`rustc -vV` has no {name:?}"))
    };
    Ok(Rustc { release: field("release:")?, host: field("host:")? })
}

/// Returns the reason why the counts are not valid for this compiler; `None` if they are valid.
fn mismatch(rustc: &Rustc, toolchain: &str) -> Result<Option<String>, String> {
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = "));
    let channel = channel.ok_or_else(|| format!("{TOOLCHAIN} has no channel"))?.trim_matches('"');
    let Rustc { release, host } = rustc;
    let counts = format!("the counts are for rustc {channel} on {HOST}");
    Ok((release != channel || host != HOST).then(|| format!("{counts}, but this is {release} on {host}")))
}

/// Returns the message for a machine that cannot check the counts.
///
/// # Errors
///
/// In CI the message is an error, otherwise a step that checks nothing would pass.
fn unchecked(reason: &str, ci: bool) -> Result<String, String> {
    let text = format!("no instructions were counted, and nothing was checked: {reason}");
    if ci {
        Err(format!(
            "{text}. `CI` is set: there, this step must run with the toolchain and the host of the counts"
        ))
    } else {
        Ok(text)
    }
}

fn count() -> Result<Counts, String> {
    Command::new("valgrind").arg("--version").output().map_err(|error| {
        format!(
            "valgrind, which counts the instructions, does not start: {error}\n`apt-get install valgrind`"
        )
    })?;
    cargo(&["build", "--release", "--package", "benches", "--bin", "instructions"])?;
    let program = target().join("release/instructions");
    let paths = output(&mut Command::new(&program))?.0;
    let each = |path: &str| {
        let setup_and_few = instructions(&program, path, FEW)?;
        let beyond = instructions(&program, path, MANY)?.saturating_sub(setup_and_few);
        Ok((path.to_owned(), beyond / u64::from(MANY - FEW)))
    };
    paths.lines().map(each).collect()
}

/// Returns the number of instructions that the program executes for the path after its start.
fn instructions(program: &Path, path: &str, times: u32) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args([
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        // The fn of that program.
        "--toggle-collect=instructions::counted*",
    ]);
    let log = output(command.arg(program).arg(path).arg(times.to_string()))?.1;
    match counted(&log) {
        None => Err(format!("{command:?} prints no count of instructions:\n{log}")),
        // Without this error a count of 0 would be reported as a decrease.
        Some(0) => Err(format!("{command:?} counts 0 instructions: no fn matches `--toggle-collect`")),
        Some(count) => Ok(count),
    }
}

/// Returns the count in the log of callgrind, such as `==7== Collected : 34179311`.
fn counted(log: &str) -> Option<u64> {
    log.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok()
}

/// Runs a command, and returns its stdout and stderr.
///
/// # Errors
///
/// The command does not start or fails.
fn output(command: &mut Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok((stdout, stderr))
    } else {
        Err(format!("{command:?}: {}\n{stderr}", output.status))
    }
}

fn parse(text: &str) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let pair = line.split_once(' ').and_then(|(path, count)| Some((path, count.parse().ok()?)));
        let (path, count) = pair.ok_or_else(|| {
            format!("{RECORD}:{number}: {line:?} is not a path with a count, such as `hop 2000`")
        })?;
        if counts.insert(path.to_owned(), count).is_some() {
            return Err(format!("{RECORD}:{number}: `{path}` is listed twice"));
        }
    }
    Ok(counts)
}

fn formatted(rustc: &Rustc, counts: &Counts) -> String {
    let Rustc { release, host } = rustc;
    let head = format!("# By `cargo xtask instructions --record`, with rustc {release} for {host}.\n");
    counts.iter().fold(head, |text, (path, count)| text + &format!("{path} {count}\n"))
}

/// Returns every path that is recorded or counted, with its recorded count and its count now.
fn sides<'a>(recorded: &'a Counts, now: &'a Counts) -> impl Iterator<Item = (&'a str, [Option<u64>; 2])> {
    let paths: BTreeSet<_> = recorded.keys().chain(now.keys()).collect();
    paths
        .into_iter()
        .map(move |path| (path.as_str(), [recorded, now].map(|counts| counts.get(path).copied())))
}

fn table(recorded: &Counts, now: &Counts) -> String {
    let mut text =
        format!("{:<14}{:>10}{:>10}{:>10}{:>12}\n", "instructions", "recorded", "now", "change", "/ channel");
    let baseline = now.get(BASELINE).copied();
    for (path, both) in sides(recorded, now) {
        let [was, is] = both.map(|count| count.map_or_else(|| "-".to_owned(), |count| count.to_string()));
        let change = match both {
            [Some(was), Some(is)] => format!("{:+.1} %", percent(was, is)),
            _ => "-".to_owned(),
        };
        let multiple = match (both[1], baseline) {
            (Some(is), Some(baseline)) => format!("{:.1}", is as f64 / baseline as f64),
            _ => "-".to_owned(),
        };
        text += &format!("{path:<14}{was:>10}{is:>10}{change:>10}{multiple:>12}\n");
    }
    text
}

fn percent(was: u64, is: u64) -> f64 {
    (is as f64 / was as f64 - 1.0) * 100.0
}

/// Returns the failures, and the paths whose count fell by more than the limit and should be recorded.
fn judge(recorded: &Counts, now: &Counts) -> (Vec<String>, Vec<String>) {
    const BY: &str = "by `cargo xtask instructions --record`";
    let (mut failures, mut gains) = (Vec::new(), Vec::new());
    for (path, both) in sides(recorded, now) {
        match both {
            [Some(was), Some(is)] if is * 100 > was * (100 + LIMIT) => failures.push(format!(
                "`{path}` takes {is} instructions, {:.1} % more than the {was} recorded; the limit is {LIMIT} %. \
                 Reduce the count. Or, if the new behaviour is worth it, record the count {BY}, and give the reason \
                 in the commit.",
                percent(was, is)
            )),
            [Some(was), Some(is)] if is * 100 < was * (100 - LIMIT) => gains.push(format!(
                "`{path}` takes {is} instructions, {:.1} % less than the {was} recorded. Record the count {BY}, so \
                 that a later increase fails.",
                -percent(was, is)
            )),
            [None, Some(is)] => failures
                .push(format!("`{path}` takes {is} instructions, but is not in {RECORD}. Record it {BY}.")),
            [Some(_), None] => failures.push(format!(
                "`{path}` is in {RECORD}, but is not a path of benches/src/bin/instructions.rs. Remove it {BY}, or \
                 restore the path."
            )),
            _ => {}
        }
    }
    (failures, gains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(pairs: [(&str, u64); N]) -> Counts {
        pairs.map(|(path, count)| (path.to_owned(), count)).into()
    }

    #[test]
    fn increase_over_five_percent_fails() {
        let recorded = counts([("hop", 1000)]);
        for allowed in [950, 1000, 1050] {
            assert_eq!(judge(&recorded, &counts([("hop", allowed)])), (vec![], vec![]));
        }
        let (failures, gains) = judge(&recorded, &counts([("hop", 1051)]));
        assert_eq!(gains, Vec::<String>::new());
        assert!(
            failures[0].starts_with("`hop` takes 1051 instructions, 5.1 % more than the 1000"),
            "{failures:?}"
        );
        assert!(failures[0].contains("`cargo xtask instructions --record`"), "{failures:?}");
    }

    #[test]
    fn decrease_is_reported_and_does_not_fail() {
        let (failures, gains) = judge(&counts([("hop", 1000)]), &counts([("hop", 949)]));
        assert_eq!(failures, Vec::<String>::new());
        assert!(gains[0].starts_with("`hop` takes 949 instructions, 5.1 % less than the 1000"), "{gains:?}");
    }

    #[test]
    fn path_fails_if_it_is_only_recorded_or_only_counted() {
        let (failures, gains) = judge(&counts([("gone", 7)]), &counts([("new", 8)]));
        assert_eq!(gains, Vec::<String>::new());
        assert!(
            failures[0].starts_with("`gone` is in benches/instructions.txt, but is not a path"),
            "{failures:?}"
        );
        assert!(failures[1].starts_with("`new` takes 8 instructions, but is not in"), "{failures:?}");
    }

    #[test]
    fn formatted_record_is_parsed_back() {
        let rustc = Rustc { release: "1.95.0".to_owned(), host: HOST.to_owned() };
        let all = counts([("hop", 3368), ("channel", 528)]);
        let text = formatted(&rustc, &all);
        assert_eq!(
            text,
            "# By `cargo xtask instructions --record`, with rustc 1.95.0 for x86_64-unknown-linux-gnu.\n\
             channel 528\nhop 3368\n"
        );
        assert_eq!(parse(&text), Ok(all));
    }

    #[test]
    fn counts_are_valid_for_one_compiler_and_one_host() {
        let toolchain = "[toolchain]\nchannel = \"1.95.0\"\n";
        let here = |release: &str, host: &str| {
            mismatch(&Rustc { release: release.to_owned(), host: host.to_owned() }, toolchain)
        };
        assert_eq!(here("1.95.0", HOST), Ok(None));
        for (release, host) in [("1.96.0-nightly", HOST), ("1.95.0", "aarch64-apple-darwin")] {
            let expected =
                format!("the counts are for rustc 1.95.0 on {HOST}, but this is {release} on {host}");
            assert_eq!(here(release, host), Ok(Some(expected)));
        }
    }

    #[test]
    fn check_that_counts_nothing_is_an_error_in_ci() {
        let developer = unchecked("this is nightly", false);
        assert_eq!(
            developer.as_deref(),
            Ok("no instructions were counted, and nothing was checked: this is nightly")
        );
        let ci = unchecked("this is nightly", true).expect_err("nothing was checked");
        assert!(ci.contains("this is nightly. `CI` is set"), "{ci}");
    }

    #[test]
    fn invalid_line_is_an_error_with_its_number() {
        for (text, expected) in [
            (
                "# a\nhop\n",
                "benches/instructions.txt:2: \"hop\" is not a path with a count, such as `hop 2000`",
            ),
            (
                "hop 2,000\n",
                "benches/instructions.txt:1: \"hop 2,000\" is not a path with a count, such as `hop 2000`",
            ),
            ("hop 1\nhop 2\n", "benches/instructions.txt:2: `hop` is listed twice"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn count_is_parsed_from_the_log_of_callgrind() {
        let log = "==7== Callgrind\n==7== \n==7== Events    : Ir\n==7== Collected : 34179311\n==7== \n";
        assert_eq!(counted(log), Some(34_179_311));
        assert_eq!(counted("==7== Callgrind\n"), None);
    }

    #[test]
    fn table_shows_both_counts_and_the_ratio_to_a_channel() {
        let text =
            table(&counts([("channel", 500), ("gone", 7)]), &counts([("channel", 500), ("hop", 1250)]));
        let rows: Vec<Vec<_>> = text.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["channel", "500", "500", "+0.0", "%", "1.0"]);
        assert_eq!(rows[1], ["gone", "7", "-", "-", "-"]);
        assert_eq!(rows[2], ["hop", "-", "1250", "-", "2.5"]);
    }
}
