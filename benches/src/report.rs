//! The text of `RESULTS.md`: the setting of the measurement, the tables, and the picture of the curves.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::markdown;
use crate::table::{Row, Table, Verdict};

/// The variable with the facts that `cargo xtask bench` has about the machine, in lines such as `cores: 2`.
pub const MACHINE: &str = "BENCH_MACHINE";

/// The machine and the versions of a measurement.
#[derive(Debug)]
pub struct Setting {
    /// The facts as names and values, in the order of the report.
    pub facts: Vec<(String, String)>,
}

/// The packages that the benches compare with, by their names in `Cargo.lock`.
const PEERS: &[&str] =
    &["tokio", "serde_json", "axum", "hyper", "actix-web", "kameo", "actix", "apalis", "ruststream"];

impl Setting {
    /// Returns the facts about the system and the workspace at this path, and the lines of [`MACHINE`]. The value of an
    /// unavailable fact is `unknown`.
    pub fn here(workspace: &Path, machine: &str) -> Setting {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let memory = value_of(&read("/proc/meminfo"), "MemTotal").and_then(|memory| gibibytes(&memory));
        let os = value_of(&read("/etc/os-release"), "PRETTY_NAME").map(|name| name.replace('"', ""));
        let stdout = |command: &str, args: &[&str]| stdout(workspace, command, args);
        let kernel = stdout("uname", &["-sr"]).unwrap_or_default();
        let lock = fs::read_to_string(workspace.join("Cargo.lock")).unwrap_or_default();
        let peers = PEERS.iter().filter_map(|name| Some(format!("{name} {}", version_of(&lock, name)?)));
        // Without the report itself, which is written next.
        let changes = stdout(
            "git",
            &[
                "status",
                "--porcelain",
                "--",
                ".",
                ":!benches/RESULTS.md",
                ":!benches/results.svg",
                ":!benches/SIEGE.md",
            ],
        );
        let commit = stdout("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
        let clean = changes.is_some_and(|changes| changes.is_empty());
        let commit =
            if clean { commit } else { format!("{commit}, **with changes that are not committed**") };
        let date = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
        let mut facts = vec![("date", date), ("commit", commit)];
        facts.extend(
            machine
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name, value.to_owned())),
        );
        facts.extend([
            ("memory", memory.unwrap_or_else(unknown)),
            ("system", format!("{}, {kernel}", os.unwrap_or_else(unknown))),
            ("rustc", stdout("rustc", &["--version"]).unwrap_or_else(unknown)),
            ("beside", peers.collect::<Vec<_>>().join(", ")),
        ]);
        Setting { facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }
}

/// Returns the trimmed stdout of a command; `None` if it fails.
fn stdout(folder: &Path, command: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(command).args(args).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the value of the first line `name : value` or `name=value`.
fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once([':', '='])?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Converts a memory size such as `24682120 kB` to GiB.
fn gibibytes(memory: &str) -> Option<String> {
    let kibibytes: f64 = memory.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.1} GiB", kibibytes / f64::from(1 << 20)))
}

/// Returns the version of a package in a `Cargo.lock`.
fn version_of<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let after = lock.split(&format!("name = \"{package}\"\nversion = \"")).nth(1)?;
    after.split('"').next()
}

/// The begin of `RESULTS.md`.
const INTRODUCTION: &str = "\
# What it costs

`cargo xtask bench` writes this file; do not edit its figures. Each row is measured in turns with its baseline, in the same
rounds of the same run. The times are medians. The ratio is the median of the ratios of the rounds. Beside it are the 95 %
confidence interval of that median, and the minimum and maximum of the ratios. A goal within the interval is undecided. The
times are valid for this machine only; the ratios apply to others too.

";

/// Returns the text of `RESULTS.md`. `picture` is the name of the file with the curves, if there are any.
pub fn text(setting: &Setting, tables: &[Table], picture: Option<&str>) -> String {
    page(INTRODUCTION, setting, &tables.iter().collect::<Vec<_>>(), picture)
}

/// Returns a page with the setting and the tables, after an introduction.
pub fn page(introduction: &str, setting: &Setting, tables: &[&Table], picture: Option<&str>) -> String {
    let mut text = introduction.to_owned();
    let verdicts: Vec<_> = tables.iter().flat_map(|table| &table.rows).filter_map(Row::verdict).collect();
    let count = |verdict| verdicts.iter().filter(|other| **other == verdict).count();
    text += "|   |   |\n|---|---|\n";
    for (name, value) in &setting.facts {
        text += &format!("| {name} | {value} |\n");
    }
    let (met, undecided) = (count(Verdict::Met), count(Verdict::Undecided));
    text += &format!("| goals met | {met} of {}, {undecided} undecided |\n", verdicts.len());
    for table in tables {
        text += &format!("\n## {}\n\n{}", table.title, markdown::table(table));
    }
    if let Some(picture) = picture {
        text += &format!("\n## The curves\n\n![The curves of the tables above]({picture})\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Unit;
    use crate::table::Goal;

    #[test]
    fn facts_are_parsed_from_the_files_of_the_system() {
        assert_eq!(
            value_of("processor\t: 0\nmodel name\t: AMD: EPYC\n", "model name"),
            Some("AMD: EPYC".to_owned())
        );
        assert_eq!(value_of("ID=debian\nNAME=\"Debian\"", "NAME"), Some("\"Debian\"".to_owned()));
        assert_eq!(value_of("", "NAME"), None);
        assert_eq!(gibibytes("25165824 kB"), Some("24.0 GiB".to_owned()));
        assert_eq!(gibibytes("much"), None);
    }

    #[test]
    fn facts_include_those_of_xtask_about_the_machine() {
        let setting =
            Setting::here(Path::new("."), "CPU: AMD: EPYC\nload at the start: cores busy for 3 %\n");
        let fact =
            |name: &str| setting.facts.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
        assert_eq!(fact("CPU"), Some("AMD: EPYC"));
        assert_eq!(fact("load at the start"), Some("cores busy for 3 %"));
        assert_eq!(fact("cores"), None);
    }

    #[test]
    fn version_belongs_to_the_package_with_exactly_that_name() {
        let lock = "[[package]]\nname = \"actix-rt\"\nversion = \"2.1.0\"\n\n[[package]]\nname = \"actix\"\nversion = \"0.13.5\"\n";
        assert_eq!(version_of(lock, "actix"), Some("0.13.5"));
        assert_eq!(version_of(lock, "kameo"), None);
    }

    #[test]
    fn report_has_the_setting_the_number_of_met_goals_and_each_table() {
        let mut table = Table::new("A hop", "by hand", "triggers");
        table.beside("plain", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0; 6], &[110.0; 6]);
        table.beside("timed", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0; 6], &[150.0; 6]);
        table.beside("rare", Unit::Nanoseconds, Goal::AtMost(1.2), &[100.0], &[150.0]);
        table.beside("free", Unit::Nanoseconds, None, &[100.0], &[150.0]);
        let setting = Setting { facts: vec![("CPU".to_owned(), "a fast one".to_owned())] };
        let text = text(&setting, &[table], Some("results.svg"));
        for part in [
            "| CPU | a fast one |",
            "| goals met | 1 of 3, 1 undecided |",
            "\n## A hop\n\n|",
            "](results.svg)",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
