//! Exchanges requests with the libraries that webhook senders and receivers use in other languages.
//!
//! `cargo xtask interop` installs them in a folder, and runs this program with the path of the folder.

mod cloud_events;
mod library;
mod receiver;
mod schemes;
mod server;
mod signatures;
mod table;

use std::path::Path;
use std::process::ExitCode;

use library::Language;
use table::Table;

fn main() -> ExitCode {
    let exchanged = match std::env::args().nth(1) {
        Some(folder) => exchange(Path::new(&folder)),
        None => Err("run `cargo xtask interop`, which installs the libraries".to_owned()),
    };
    if let Err(problem) = &exchanged {
        eprintln!("{problem}");
    }
    if exchanged.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn exchange(folder: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (mut python, mut node) = (Language::python(folder)?, Language::node(folder)?);
    let mut table = Table::default();
    let mut by_value = receiver::by_value;
    let mut by_socket =
        |scheme, headers: &_, message: &_| runtime.block_on(receiver::by_socket(scheme, headers, message));
    signatures::exchange((&mut python, "PyPI"), signatures::PYPI, &mut by_value, &mut table)?;
    signatures::exchange((&mut node, "npm"), signatures::NPM, &mut by_value, &mut table)?;
    signatures::exchange((&mut python, "PyPI, over a socket"), signatures::PYPI, &mut by_socket, &mut table)?;
    signatures::exchange((&mut node, "npm, over a socket"), signatures::NPM, &mut by_socket, &mut table)?;
    runtime.block_on(cloud_events::exchange(&mut python, &mut table))?;
    table.finish()
}
