//! Signatures and events of the libraries that senders use: installs them, and runs the program of `tests/interop`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Outcome, cargo, run};

/// The folder with the versions of the libraries, and with the programs that call them.
const SOURCES: &str = "xtask/interop";

/// The commands that install the libraries, and the Debian packages that have them.
const TOOLS: [(&[&str], &str); 3] = [
    // `venv` alone is in every Python. It needs this module, which Debian has in a package of its own.
    (&["python3", "-c", "import ensurepip, venv"], "python3-venv"),
    (&["node", "--version"], "nodejs"),
    (&["npm", "--version"], "npm"),
];

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Installs the libraries in a temporary folder, and exchanges requests with them. It needs the two registries.
pub(crate) fn exchange() -> Outcome {
    let missing: Vec<&str> =
        TOOLS.iter().filter(|(command, _)| !succeeds(command)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        return Err(format!("these are not installed; on Debian run `apt-get install {packages}`"));
    }
    let folder = Folder(std::env::temp_dir().join(format!("triggers-interop-{}", std::process::id())));
    install(&folder.0)?;
    cargo(&["run", "--package", "interop", "--", &folder.0.display().to_string()])
}

fn succeeds(command: &[&str]) -> bool {
    let status =
        Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Copies the programs, and installs the libraries beside them, where both languages look for them.
fn install(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in fs::read_dir(SOURCES).map_err(|error| format!("{SOURCES}: {error}"))? {
        let entry = entry.map_err(|error| format!("{SOURCES}: {error}"))?;
        let copied = fs::copy(entry.path(), folder.join(entry.file_name()));
        copied.map_err(|error| format!("{}: {error}", entry.path().display()))?;
    }
    let in_folder = |program: &str, args: &[&str]| run(Command::new(program).args(args).current_dir(folder));
    in_folder("python3", &["-m", "venv", "venv"])?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let python = folder.join("venv/bin/python").display().to_string();
    in_folder(&python, &[&pip[..], &["--requirement", "requirements.txt"]].concat())?;
    in_folder("npm", &["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
}
