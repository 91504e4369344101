//! The requests that a program made with `#[triggers::main]` answers on its command line: it describes or checks itself
//! instead of running.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use trigger_grammar::hint::did_you_mean;

use super::describe::description;
use super::plan::{Plan, PlannedProcess};
use super::start_error::StartError;
use crate::event::error::Error;
use crate::secrets::Secrets;

/// The options, for the error of an option that is nearly one of them.
const OPTIONS: &str = "
  --config FILE                reads the settings of this file instead of `triggers.toml`
  --describe, --describe=text  prints the processes and their triggers as text
  --describe=json              prints the same as JSON
  --check                      makes the checks of a start, and prints every problem";

/// What the command line says: the options before the first argument of the program's own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) request: Option<CliRequest>,
    /// The file of `--config`.
    pub(super) config: Option<PathBuf>,
}

/// A request to answer instead of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CliRequest {
    Describe,
    DescribeJson,
    Check,
}

impl CommandLine {
    /// Reads the options of this program.
    ///
    /// # Errors
    ///
    /// An error if an argument is nearly an option, or `--config` has no file.
    pub(super) fn from_args() -> Result<CommandLine, Error> {
        CommandLine::parse(std::env::args_os().skip(1))
    }

    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<CommandLine, Error> {
        let mut line = CommandLine::default();
        let mut arguments = arguments.map(PathBuf::from);
        while let Some(argument) = arguments.next() {
            let text = argument.to_str().unwrap_or_default();
            match text {
                "--config" => {
                    let file = arguments.next().filter(|file| !file.as_os_str().is_empty());
                    let missing =
                        || format!("`--config` takes a file, such as `--config triggers.toml`{OPTIONS}");
                    line.config = Some(file.ok_or_else(missing)?);
                }
                _ => match text.strip_prefix("--config=") {
                    Some(file) if !file.is_empty() => line.config = Some(file.into()),
                    _ => match CliRequest::parse(text)? {
                        Some(request) => line.request = Some(request),
                        None => break,
                    },
                },
            }
        }
        Ok(line)
    }
}

impl CliRequest {
    /// Reads an argument. Returns `None` if it is the program's own.
    fn parse(argument: &str) -> Result<Option<CliRequest>, Error> {
        match argument {
            "--describe" | "--describe=text" => Ok(Some(CliRequest::Describe)),
            "--describe=json" => Ok(Some(CliRequest::DescribeJson)),
            "--check" => Ok(Some(CliRequest::Check)),
            other => match meant(other) {
                Some(meant) => {
                    let fault = format!("there is no option `{other}`, did you mean `{meant}`?");
                    Err(format!("{fault} The options are:{OPTIONS}").into())
                }
                None => Ok(None),
            },
        }
    }

    /// Prints the answer for this plan, and ends the program.
    pub(super) fn answer(self, mut plan: Plan, secrets: &Secrets, drain_deadline: Duration) -> ! {
        // A description reads no secret.
        if self == CliRequest::Check {
            plan.check_sources(secrets);
        }
        let warnings = plan.warnings(drain_deadline);
        let Plan { processes, problems } = plan;
        if self != CliRequest::Check && !problems.is_empty() {
            let _ = writeln!(io::stderr(), "it would not start: `--check` tells why");
        }
        if self == CliRequest::Check {
            for warning in warnings {
                let _ = writeln!(io::stderr(), "warning: {warning}");
            }
        }
        let answer = match self {
            CliRequest::Describe => Ok(description(&processes).to_string()),
            CliRequest::DescribeJson => {
                serde_json::to_string_pretty(&description(&processes)).map_err(Error::from)
            }
            CliRequest::Check if problems.is_empty() => Ok(no_problem(&processes)),
            CliRequest::Check => Err(StartError::of(problems).into()),
        };
        std::process::exit(match answer.and_then(|answer| print(&answer)) {
            Ok(()) => 0,
            Err(error) => {
                // If stderr fails too, there is no place left for a message.
                let _ = writeln!(io::stderr(), "Error: {error}");
                1
            }
        })
    }

    /// The error of a `main` that ended without an answer.
    pub(super) fn unanswered(self) -> Error {
        let argument = match self {
            CliRequest::Describe | CliRequest::DescribeJson => "--describe",
            CliRequest::Check => "--check",
        };
        let why = "`main` ended without coming to `run` or `start` of the builder that it was given";
        format!("`{argument}` has no answer: {why}").into()
    }
}

/// Returns the option that was meant if the argument is nearly an option.
///
/// A program may have options of its own, so the words are compared without dashes and values, and must begin with the
/// same letter. Otherwise `--subscribe` would count as a typo of `--describe`.
fn meant(argument: &str) -> Option<String> {
    let word = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    let (name, form) = word.split_once('=').unwrap_or((word, ""));
    let options = ["describe", "check", "config"].into_iter();
    let options = options.filter(|option| option.chars().next() == name.chars().next());
    match (did_you_mean(name, options)?, did_you_mean(form, ["text", "json"])) {
        ("describe", Some(form)) => Some(format!("--describe={form}")),
        // `--conf` and `--configure` are options of other programs.
        ("config", _) if name.len().abs_diff("config".len()) > 1 => None,
        ("config", _) => Some("--config FILE".to_owned()),
        (option, _) => Some(format!("--{option}")),
    }
}

/// Prints the answer to stdout.
fn print(answer: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{answer}").and_then(|()| stdout.flush()) {
        // The reader has closed the pipe, as `head` does after its last line.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The answer to `--check` of a plan without problems.
fn no_problem(processes: &[PlannedProcess]) -> String {
    let triggers = processes.iter().map(|process| process.declaration.config.triggers.len());
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let processes = count(processes.len(), "process", "processes");
    format!("{processes}, {}, no problem", count(triggers.sum(), "trigger", "triggers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, Error> {
        CommandLine::parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn options_end_at_the_first_argument_of_the_program() {
        use CliRequest::{Check, Describe, DescribeJson};
        for (arguments, request, config) in [
            (&[][..], None, None),
            (&["--describe"], Some(Describe), None),
            (&["--describe=text"], Some(Describe), None),
            (&["--describe=json"], Some(DescribeJson), None),
            (&["--check"], Some(Check), None),
            (&["--config", "a b.toml"], None, Some("a b.toml")),
            (&["--config=a.toml", "--check"], Some(Check), Some("a.toml")),
            (&["--check", "--config", "--check"], Some(Check), Some("--check")),
            (&["--config", "a.toml", "--config", "b.toml"], None, Some("b.toml")),
            (&["--describe", "--check"], Some(Check), None),
            (&["serve", "--check", "--config", "a.toml"], None, None),
            (&["--config", "a.toml", "serve", "--check"], None, Some("a.toml")),
        ] {
            let expected = CommandLine { request, config: config.map(PathBuf::from) };
            assert_eq!(parse(arguments).expect("options"), expected, "{arguments:?}");
        }
        for arguments in [&["--config"][..], &["--config", ""], &["--config="]] {
            let error = parse(arguments).expect_err("no file").to_string();
            assert!(error.contains("--config"), "{error}");
        }
    }

    #[test]
    fn only_a_typo_of_an_option_is_an_error() {
        for (argument, meant) in [
            ("--chek", "--check"),
            ("--checks", "--check"),
            ("--check=all", "--check"),
            ("-check", "--check"),
            ("--desribe", "--describe"),
            ("--described", "--describe"),
            ("--describe=", "--describe"),
            ("--describe=yaml", "--describe"),
            ("--describe=jsn", "--describe=json"),
            ("--desribe=json", "--describe=json"),
            ("--confg", "--config FILE"),
            ("-config", "--config FILE"),
        ] {
            let error = parse(&[argument]).expect_err(argument).to_string();
            assert!(error.contains(&format!("`{argument}`, did you mean `{meant}`?")), "{error}");
        }
        for own in [
            "-",
            "--",
            "-c",
            "check",
            "chek",
            "--chunk",
            "--checkpoint",
            "--subscribe",
            "--help",
            "--désc",
            "--conf",
            "--configure",
            "--connect",
        ] {
            assert_eq!(parse(&[own]).expect(own), CommandLine::default(), "{own}");
        }
    }
}
