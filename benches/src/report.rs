//! The text of `RESULTS.md`: where it was measured, what came out, and the picture of the curves.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::markdown;
use crate::table::{Row, Table, Verdict};

/// The variable with what `cargo xtask bench` knows of the machine: lines like `cores: 2`.
pub const MACHINE: &str = "BENCH_MACHINE";

/// Where and with what was measured.
#[derive(Debug)]
pub struct Setting {
    /// The names and values, in the order of the report.
    pub facts: Vec<(String, String)>,
}

/// What the benches compare with, as it stands in `Cargo.lock`.
const PEERS: &[&str] =
    &["tokio", "serde_json", "axum", "hyper", "actix-web", "kameo", "actix", "apalis", "ruststream"];

impl Setting {
    /// Returns what the system and the workspace at this path say, and the lines of [`MACHINE`]. What cannot be found
    /// out is `unknown`.
    pub fn here(workspace: &Path, machine: &str) -> Setting {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let memory = value_of(&read("/proc/meminfo"), "MemTotal").and_then(|memory| gibibytes(&memory));
        let os = value_of(&read("/etc/os-release"), "PRETTY_NAME").map(|name| name.replace('"', ""));
        let said = |command: &str, args: &[&str]| said(workspace, command, args);
        let kernel = said("uname", &["-sr"]).unwrap_or_default();
        let lock = fs::read_to_string(workspace.join("Cargo.lock")).unwrap_or_default();
        let peers = PEERS.iter().filter_map(|name| Some(format!("{name} {}", version_of(&lock, name)?)));
        // The report itself does not count: it is about to be written again.
        let changes = said(
            "git",
            &["status", "--porcelain", "--", ".", ":!benches/RESULTS.md", ":!benches/results.svg"],
        );
        let commit = said("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
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
            ("rustc", said("rustc", &["--version"]).unwrap_or_else(unknown)),
            ("beside", peers.collect::<Vec<_>>().join(", ")),
        ]);
        Setting { facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
    }
}

/// What a command prints, without the white space around it.
fn said(folder: &Path, command: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(command).args(args).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The value of a line like `name : value` or `name=value`, of the first that has the name.
fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once([':', '='])?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// `24682120 kB` in GiB.
fn gibibytes(memory: &str) -> Option<String> {
    let kibibytes: f64 = memory.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.1} GiB", kibibytes / f64::from(1 << 20)))
}

/// The version of a package in a `Cargo.lock`.
fn version_of<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let after = lock.split(&format!("name = \"{package}\"\nversion = \"")).nth(1)?;
    after.split('"').next()
}

/// The whole of `RESULTS.md`. `picture` is the name of the file with the curves, if there are any.
pub fn text(setting: &Setting, tables: &[Table], picture: Option<&str>) -> String {
    let mut text = "\
# What it costs

Written by `cargo xtask bench`, and never by hand. Each row is measured in turns with its floor, in the same rounds of the
same run. The times are medians, and the ratio is the median of the ratios of the rounds, with the 95 % confidence interval
of that median, and the least and the most of the ratios. A goal within the interval is undecided. Times mean something on
this machine only; a ratio also elsewhere.

"
    .to_owned();
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
    fn facts_are_found_in_what_the_system_tells() {
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
    fn what_xtask_knows_of_the_machine_is_among_the_facts() {
        let setting =
            Setting::here(Path::new("."), "CPU: AMD: EPYC\nload at the start: cores busy for 3 %\n");
        let fact =
            |name: &str| setting.facts.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
        assert_eq!(fact("CPU"), Some("AMD: EPYC"));
        assert_eq!(fact("load at the start"), Some("cores busy for 3 %"));
        assert_eq!(fact("cores"), None);
    }

    #[test]
    fn a_version_is_of_the_package_with_exactly_that_name() {
        let lock = "[[package]]\nname = \"actix-rt\"\nversion = \"2.1.0\"\n\n[[package]]\nname = \"actix\"\nversion = \"0.13.5\"\n";
        assert_eq!(version_of(lock, "actix"), Some("0.13.5"));
        assert_eq!(version_of(lock, "kameo"), None);
    }

    #[test]
    fn the_report_says_where_how_many_goals_are_met_and_shows_each_table() {
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
