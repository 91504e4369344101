//! The requests that a program made with `#[triggers::main]` answers on its command line: it describes or checks itself
//! instead of running.

use std::io::{self, ErrorKind, Write};

use trigger_grammar::hint::did_you_mean;

use super::describe::description;
use super::plan::{Plan, PlannedProcess};
use super::start_error::StartError;
use crate::event::error::Error;

/// The options, for the error of an option that is nearly one of them.
const OPTIONS: &str = "
  --describe, --describe=text  prints the processes and their triggers as text
  --describe=json              prints the same as JSON
  --check                      makes the checks of a start, and prints every problem";

/// A request by the first argument of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CliRequest {
    Describe,
    DescribeJson,
    Check,
}

impl CliRequest {
    /// Reads the first argument of the program. Returns `None` if it is no request.
    ///
    /// # Errors
    ///
    /// An error if the argument is nearly an option. Every other argument is the program's own.
    pub(super) fn from_args() -> Result<Option<CliRequest>, Error> {
        CliRequest::parse(std::env::args_os().nth(1).unwrap_or_default().to_str().unwrap_or_default())
    }

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
    pub(super) fn answer(self, plan: Plan) -> ! {
        let Plan { processes, problems } = plan;
        if self != CliRequest::Check && !problems.is_empty() {
            let _ = writeln!(io::stderr(), "it would not start: `--check` tells why");
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
    let options =
        ["describe", "check"].into_iter().filter(|option| option.chars().next() == name.chars().next());
    match (did_you_mean(name, options)?, did_you_mean(form, ["text", "json"])) {
        ("describe", Some(form)) => Some(format!("--describe={form}")),
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

    #[test]
    fn only_the_documented_arguments_are_requests() {
        for (argument, request) in [
            ("", None),
            ("--describe", Some(CliRequest::Describe)),
            ("--describe=text", Some(CliRequest::Describe)),
            ("--describe=json", Some(CliRequest::DescribeJson)),
            ("--check", Some(CliRequest::Check)),
        ] {
            assert_eq!(CliRequest::parse(argument).expect(argument), request, "{argument}");
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
        ] {
            let error = CliRequest::parse(argument).expect_err(argument).to_string();
            assert!(error.contains(&format!("`{argument}`, did you mean `{meant}`?")), "{error}");
        }
        for own in
            ["-", "--", "-c", "check", "chek", "--chunk", "--checkpoint", "--subscribe", "--help", "--désc"]
        {
            assert_eq!(CliRequest::parse(own).expect(own), None, "{own}");
        }
    }
}
