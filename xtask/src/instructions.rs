//! Does an event take more instructions than when it was last looked at? A count does not depend on what else the
//! machine does, so that 5 % more are seen where times would only blur; what was counted is in `benches/instructions.txt`.
//!
//! valgrind counts them, driven from here: the crate gungraun would want a runner of its own version installed, and
//! compares with the last run on this machine, where a fresh clone has none.
//!
//! Each path runs twice, with few events and with many. The difference is what the events alone take, without start and
//! set-up. What a program does once for all that it does is not counted either. Two runs differ by less than 0.3 %: by the
//! seeds of hash maps, and by how many milliseconds pass, as the first id of each draws random numbers. So nothing is
//! pinned. What the system's C library takes is counted (memory, mostly), what the kernel does is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::{Outcome, cargo, target};

/// What was recorded: a path and its count on each line.
const RECORD: &str = "benches/instructions.txt";

/// What says which toolchain the counts hold for.
const TOOLCHAIN: &str = "rust-toolchain.toml";

/// What they hold for beside it.
const HOST: &str = "x86_64-unknown-linux-gnu";

const FEW: u32 = 1000;
const MANY: u32 = 11_000;

/// By how many percent a path may take more than recorded.
const LIMIT: u64 = 5;

/// The path that the others are shown as multiples of.
const FLOOR: &str = "channel";

/// How many instructions one event takes, by path.
type Counts = BTreeMap<String, u64>;

pub(crate) fn check() -> Outcome {
    let rustc = rustc()?;
    if let Some(reason) = elsewhere(&rustc, &read(TOOLCHAIN)?)? {
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
    if let Some(reason) = elsewhere(&rustc, &read(TOOLCHAIN)?)? {
        return Err(format!("nothing is recorded: {reason}"));
    }
    // What cannot be read is replaced.
    let recorded = read(RECORD).and_then(|text| parse(&text)).unwrap_or_default();
    let now = count()?;
    print!("{}", table(&recorded, &now));
    fs::write(RECORD, written(&rustc, &now)).map_err(|error| format!("{RECORD}: {error}"))
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}

/// The compiler that cargo runs: its release, and what it builds for.
struct Rustc {
    release: String,
    host: String,
}

fn rustc() -> Result<Rustc, String> {
    let said = output(Command::new("rustc").arg("-vV"))?.0;
    let field = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().to_owned()).ok_or_else(|| format!("`rustc -vV` has no {name:?}"))
    };
    Ok(Rustc { release: field("release:")?, host: field("host:")? })
}

/// Why the counts do not hold for this compiler, if they do not.
fn elsewhere(rustc: &Rustc, toolchain: &str) -> Result<Option<String>, String> {
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = "));
    let channel = channel.ok_or_else(|| format!("{TOOLCHAIN} has no channel"))?.trim_matches('"');
    let Rustc { release, host } = rustc;
    let counts = format!("the counts are those of rustc {channel} for {HOST}");
    Ok((release != channel || host != HOST).then(|| format!("{counts}, and this is {release} for {host}")))
}

/// What a developer reads whose machine cannot check the counts. In CI it is an error: a step that checks nothing there
/// looks as if it had passed.
fn unchecked(reason: &str, ci: bool) -> Result<String, String> {
    let text = format!("no instructions were counted, and nothing was checked: {reason}");
    if ci {
        Err(format!(
            "{text}. `CI` is set, where this step must run with the toolchain and the host of the counts"
        ))
    } else {
        Ok(text)
    }
}

fn count() -> Result<Counts, String> {
    Command::new("valgrind").arg("--version").output().map_err(|error| {
        format!(
            "valgrind counts the instructions, and does not run here: {error}\n`apt-get install valgrind`"
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

/// How many instructions the program takes for the path, once it is ready for it.
fn instructions(program: &Path, path: &str, times: u32) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args([
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        // The fn of that program.
        "--toggle-collect=instructions::counted*",
    ]);
    let said = output(command.arg(program).arg(path).arg(times.to_string()))?.1;
    match counted(&said) {
        None => Err(format!("{command:?} tells no count of instructions:\n{said}")),
        // Less than before, it would only be told.
        Some(0) => {
            Err(format!("{command:?} finds nothing to count: no fn is called as `--toggle-collect` says"))
        }
        Some(count) => Ok(count),
    }
}

/// The count in what callgrind says: `==7== Collected : 34179311`.
fn counted(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :"))?.1.trim().parse().ok()
}

/// What a command that succeeds says, on stdout and on stderr.
fn output(command: &mut Command) -> Result<(String, String), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let [said, problems] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok((said, problems))
    } else {
        Err(format!("{command:?}: {}\n{problems}", output.status))
    }
}

fn parse(text: &str) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let pair = line.split_once(' ').and_then(|(path, count)| Some((path, count.parse().ok()?)));
        let (path, count) = pair
            .ok_or_else(|| format!("{RECORD}:{number}: {line:?} is no path and count, as in `hop 2000`"))?;
        if counts.insert(path.to_owned(), count).is_some() {
            return Err(format!("{RECORD}:{number}: `{path}` is there twice"));
        }
    }
    Ok(counts)
}

fn written(rustc: &Rustc, counts: &Counts) -> String {
    let Rustc { release, host } = rustc;
    let head = format!("# By `cargo xtask instructions --record`, with rustc {release} for {host}.\n");
    counts.iter().fold(head, |text, (path, count)| text + &format!("{path} {count}\n"))
}

/// Every path that was recorded or is counted now, with both.
fn sides<'a>(recorded: &'a Counts, now: &'a Counts) -> impl Iterator<Item = (&'a str, [Option<u64>; 2])> {
    let paths: BTreeSet<_> = recorded.keys().chain(now.keys()).collect();
    paths
        .into_iter()
        .map(move |path| (path.as_str(), [recorded, now].map(|counts| counts.get(path).copied())))
}

fn table(recorded: &Counts, now: &Counts) -> String {
    let mut text =
        format!("{:<14}{:>10}{:>10}{:>10}{:>12}\n", "instructions", "recorded", "now", "change", "/ channel");
    let floor = now.get(FLOOR).copied();
    for (path, both) in sides(recorded, now) {
        let [was, is] = both.map(|count| count.map_or_else(|| "-".to_owned(), |count| count.to_string()));
        let change = match both {
            [Some(was), Some(is)] => format!("{:+.1} %", percent(was, is)),
            _ => "-".to_owned(),
        };
        let multiple = match (both[1], floor) {
            (Some(is), Some(floor)) => format!("{:.1}", is as f64 / floor as f64),
            _ => "-".to_owned(),
        };
        text += &format!("{path:<14}{was:>10}{is:>10}{change:>10}{multiple:>12}\n");
    }
    text
}

fn percent(was: u64, is: u64) -> f64 {
    (is as f64 / was as f64 - 1.0) * 100.0
}

/// What fails, and what has become so much cheaper that it should be recorded.
fn judge(recorded: &Counts, now: &Counts) -> (Vec<String>, Vec<String>) {
    const BY: &str = "by `cargo xtask instructions --record`";
    let (mut failures, mut gains) = (Vec::new(), Vec::new());
    for (path, both) in sides(recorded, now) {
        match both {
            [Some(was), Some(is)] if is * 100 > was * (100 + LIMIT) => failures.push(format!(
                "`{path}` takes {is} instructions, {:.1} % more than the {was} recorded: over {LIMIT} % is too \
                 much. Make it cheaper; or, if what it does now is worth it, record it {BY}, and say why in the \
                 commit.",
                percent(was, is)
            )),
            [Some(was), Some(is)] if is * 100 < was * (100 - LIMIT) => gains.push(format!(
                "`{path}` takes {is} instructions, {:.1} % less than the {was} recorded. Record it {BY}, so that \
                 it cannot grow back unseen.",
                -percent(was, is)
            )),
            [None, Some(is)] => failures
                .push(format!("`{path}` takes {is} instructions, and is not in {RECORD}. Record it {BY}.")),
            [Some(_), None] => failures.push(format!(
                "`{path}` is in {RECORD}, and no path of benches/src/bin/instructions.rs. Take it out {BY}, or \
                 bring the path back."
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
    fn a_path_may_take_five_percent_more_and_no_more() {
        let recorded = counts([("hop", 1000)]);
        for as_it_was in [950, 1000, 1050] {
            assert_eq!(judge(&recorded, &counts([("hop", as_it_was)])), (vec![], vec![]));
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
    fn a_path_that_takes_less_is_told_and_does_not_fail() {
        let (failures, gains) = judge(&counts([("hop", 1000)]), &counts([("hop", 949)]));
        assert_eq!(failures, Vec::<String>::new());
        assert!(gains[0].starts_with("`hop` takes 949 instructions, 5.1 % less than the 1000"), "{gains:?}");
    }

    #[test]
    fn a_path_on_one_side_alone_fails() {
        let (failures, gains) = judge(&counts([("gone", 7)]), &counts([("new", 8)]));
        assert_eq!(gains, Vec::<String>::new());
        assert!(
            failures[0].starts_with("`gone` is in benches/instructions.txt, and no path"),
            "{failures:?}"
        );
        assert!(failures[1].starts_with("`new` takes 8 instructions, and is not in"), "{failures:?}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let rustc = Rustc { release: "1.95.0".to_owned(), host: HOST.to_owned() };
        let all = counts([("hop", 3368), ("channel", 528)]);
        let text = written(&rustc, &all);
        assert_eq!(
            text,
            "# By `cargo xtask instructions --record`, with rustc 1.95.0 for x86_64-unknown-linux-gnu.\n\
             channel 528\nhop 3368\n"
        );
        assert_eq!(parse(&text), Ok(all));
    }

    #[test]
    fn counts_are_of_one_compiler_and_one_target() {
        let toolchain = "[toolchain]\nchannel = \"1.95.0\"\n";
        let here = |release: &str, host: &str| {
            elsewhere(&Rustc { release: release.to_owned(), host: host.to_owned() }, toolchain)
        };
        assert_eq!(here("1.95.0", HOST), Ok(None));
        for (release, host) in [("1.96.0-nightly", HOST), ("1.95.0", "aarch64-apple-darwin")] {
            let expected =
                format!("the counts are those of rustc 1.95.0 for {HOST}, and this is {release} for {host}");
            assert_eq!(here(release, host), Ok(Some(expected)));
        }
    }

    #[test]
    fn a_check_that_counts_nothing_is_an_error_in_ci() {
        let developer = unchecked("this is nightly", false);
        assert_eq!(
            developer.as_deref(),
            Ok("no instructions were counted, and nothing was checked: this is nightly")
        );
        let ci = unchecked("this is nightly", true).expect_err("nothing was checked");
        assert!(ci.contains("this is nightly. `CI` is set"), "{ci}");
    }

    #[test]
    fn a_line_that_is_no_path_and_count_is_told() {
        for (text, expected) in [
            ("# a\nhop\n", "benches/instructions.txt:2: \"hop\" is no path and count, as in `hop 2000`"),
            (
                "hop 2,000\n",
                "benches/instructions.txt:1: \"hop 2,000\" is no path and count, as in `hop 2000`",
            ),
            ("hop 1\nhop 2\n", "benches/instructions.txt:2: `hop` is there twice"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        let said = "==7== Callgrind\n==7== \n==7== Events    : Ir\n==7== Collected : 34179311\n==7== \n";
        assert_eq!(counted(said), Some(34_179_311));
        assert_eq!(counted("==7== Callgrind\n"), None);
    }

    #[test]
    fn the_table_shows_both_sides_and_the_multiple_of_a_channel() {
        let text =
            table(&counts([("channel", 500), ("gone", 7)]), &counts([("channel", 500), ("hop", 1250)]));
        let rows: Vec<Vec<_>> = text.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["channel", "500", "500", "+0.0", "%", "1.0"]);
        assert_eq!(rows[1], ["gone", "7", "-", "-", "-"]);
        assert_eq!(rows[2], ["hop", "-", "1250", "-", "2.5"]);
    }
}
