//! What a program made with `#[triggers::main]` is asked by its first argument: to describe or to check itself, instead
//! of running.

use std::io::{self, ErrorKind, Write};

use super::Builder;
use super::build::{Plan, Planned};
use super::describe::description;
use super::start_error::StartError;
use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CliRequest {
    Describe,
    DescribeJson,
    Check,
}

impl CliRequest {
    /// What the program that runs is asked, if so.
    ///
    /// # Errors
    ///
    /// If it is to describe itself in a form that there is not.
    pub(super) fn of_program() -> Result<Option<CliRequest>, Error> {
        CliRequest::read(std::env::args_os().nth(1).unwrap_or_default().to_str().unwrap_or_default())
    }

    fn read(argument: &str) -> Result<Option<CliRequest>, Error> {
        match argument {
            "--describe" | "--describe=text" => Ok(Some(CliRequest::Describe)),
            "--describe=json" => Ok(Some(CliRequest::DescribeJson)),
            "--check" => Ok(Some(CliRequest::Check)),
            other if other.starts_with("--describe=") => {
                let forms = "use `--describe` (or `--describe=text`) or `--describe=json`";
                Err(format!("there is no form `{other}`; {forms}").into())
            }
            // The program's own business.
            _ => Ok(None),
        }
    }

    /// Answers for this builder, and ends the program.
    pub(super) fn answer(self, mut builder: Builder) -> ! {
        let Plan { processes, problems } = builder.plan();
        if self != CliRequest::Check && !problems.is_empty() {
            let _ = writeln!(io::stderr(), "it would not start: `--check` tells why");
        }
        let answer = match self {
            CliRequest::Describe => Ok(description(&processes).to_string()),
            CliRequest::DescribeJson => {
                serde_json::to_string_pretty(&description(&processes)).map_err(Error::from)
            }
            CliRequest::Check if problems.is_empty() => Ok(sound(&processes)),
            CliRequest::Check => Err(StartError::of(problems).into()),
        };
        std::process::exit(match answer.and_then(|answer| tell(&answer)) {
            Ok(()) => 0,
            Err(error) => {
                // There is nowhere else to say that this cannot be said.
                let _ = writeln!(io::stderr(), "Error: {error}");
                1
            }
        })
    }

    /// What to say where `main` ended and nobody was there to answer.
    pub(super) fn unanswered(self) -> Error {
        let argument = match self {
            CliRequest::Describe | CliRequest::DescribeJson => "--describe",
            CliRequest::Check => "--check",
        };
        let why = "`main` ended without coming to `run` or `start` of the builder that it was given";
        format!("`{argument}` has no answer: {why}").into()
    }
}

/// Writes the answer to stdout.
fn tell(answer: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{answer}").and_then(|()| stdout.flush()) {
        // Who reads it has read enough, as `head` has.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn sound(processes: &[Planned]) -> String {
    let triggers =
        processes.iter().map(|process| process.declaration.config.triggers.len() + process.own.len());
    let count =
        |number: usize, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
    let processes = count(processes.len(), "process", "processes");
    format!("{processes}, {}, no problem", count(triggers.sum(), "trigger", "triggers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_arguments_are_questions() {
        for (argument, request) in [
            ("", None),
            ("--describe", Some(CliRequest::Describe)),
            ("--describe=text", Some(CliRequest::Describe)),
            ("--describe=json", Some(CliRequest::DescribeJson)),
            ("--check", Some(CliRequest::Check)),
            ("--checks", None),
            ("--check=all", None),
            ("--described", None),
            ("describe", None),
        ] {
            assert_eq!(CliRequest::read(argument).expect(argument), request, "{argument}");
        }
        assert!(CliRequest::read("--describe=").is_err());
    }
}
