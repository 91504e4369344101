//! The `main` of a program with `#[triggers::main]`: tokio, logging, the builder, the exit code.

use std::error::Error as StdError;
use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::cli::CommandLine;
use super::{Builder, stderr};
use crate::event::error::{Error, Result, WithSources};

/// Runs the body of `#[triggers::main]` with a builder that has every linked handler and the settings of the operator. If
/// the command line has a request, the builder answers it instead of starting. With `cli` false all arguments are the
/// program's own.
pub fn main<F, Fut>(cli: bool, body: F) -> ExitCode
where
    F: FnOnce(Builder) -> Fut,
    Fut: Future<Output = Result>,
{
    let line = if cli { CommandLine::from_args() } else { Ok(CommandLine::default()) };
    let CommandLine { request, config } = match line {
        Ok(line) => line,
        Err(error) => {
            stderr::print(format!("Error: {error}"));
            return ExitCode::from(2);
        }
    };
    log_to_stderr();
    raise_open_files();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&Error::from(error)),
    };
    let mut builder = Builder::new().linked().configured_by(config);
    builder.cli = request;
    let result = runtime.block_on(body(builder));
    // The drain is over. A handler that blocks its thread must not keep the program alive.
    runtime.shutdown_background();
    match (result, request) {
        (Ok(()), None) => ExitCode::SUCCESS,
        // An answer would have ended the program.
        (Ok(()), Some(request)) => failed(&request.unanswered()),
        (Err(error), _) => failed(&error),
    }
}

/// Raises the soft limit of open files to the hard one, because each connection of a server is a file, and the soft limit is
/// often 1024. A program with a `main` of its own decides that itself.
#[cfg(unix)]
fn raise_open_files() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit of open files stays");
    }
}

/// Other systems have no such limit.
#[cfg(not(unix))]
fn raise_open_files() {}

fn failed(error: &Error) -> ExitCode {
    stderr::print(format!("Error: {error}"));
    ExitCode::FAILURE
}

/// Logs to stderr at `info`, or at the levels of `RUST_LOG`, such as `warn` or `info,my_crate=debug`. A logger that the
/// program has set up before stays.
fn log_to_stderr() {
    let wanted = std::env::var("RUST_LOG").ok();
    let (targets, mistake) = match wanted.as_deref().map(str::parse::<Targets>) {
        Some(Ok(targets)) => (targets, None),
        Some(Err(error)) => (Targets::new().with_default(LevelFilter::INFO), Some(error)),
        None => (Targets::new().with_default(LevelFilter::INFO), None),
    };
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    // Otherwise the layer reports a failed write to stderr with `eprintln!`, which panics because that write fails too.
    let lines = lines.log_internal_errors(false);
    // It fails only if there is a logger already.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    if let Some(error) = mistake {
        tracing::warn!(%error, "RUST_LOG cannot be read, logging at `info`");
    }
}

/// The return types of the `main` of a program: `()`, or a `Result` whose error converts into [`Error`] or is a
/// `Box<dyn std::error::Error>`.
///
/// `Via` keeps the implementations apart; the compiler infers it.
#[diagnostic::on_unimplemented(
    message = "`main` cannot return `{Self}`",
    label = "not `()` or a `Result<(), E>`",
    note = "`#[triggers::main]` takes `()`, `Result<()>`, or `Result<(), E>` where `E` is any error"
)]
pub trait MainOutput<Via> {
    /// Converts the output into a result.
    ///
    /// # Errors
    ///
    /// The error that `main` returned.
    fn into_result(self) -> Result;
}

impl MainOutput<()> for () {
    fn into_result(self) -> Result {
        Ok(())
    }
}

impl<E: Into<Error>> MainOutput<Error> for Result<(), E> {
    fn into_result(self) -> Result {
        self.map_err(Into::into)
    }
}

impl MainOutput<Box<dyn StdError>> for Result<(), Box<dyn StdError>> {
    fn into_result(self) -> Result {
        self.map_err(|error| Error::from(WithSources(&*error).to_string()))
    }
}
