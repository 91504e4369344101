//! The program `triggers`: commands for the authors of programs.

mod name;
mod new;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Commands for programs that use the framework `triggers`.
#[derive(Debug, Parser)]
#[command(name = "triggers", version)]
enum Command {
    /// Write a new program: a webhook, an event handler, their tests and a Dockerfile.
    New {
        /// The new folder. Its last part is the name of the package.
        #[arg(value_name = "NAME")]
        folder: PathBuf,
        /// The folder of `triggers` [default: the clone that this program was built from].
        #[arg(long, value_name = "DIR_OF_TRIGGERS")]
        path: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Command::New { folder, path } = Command::parse();
    match new::write(&folder, path.as_deref()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
