//! `triggers new`: writes a program from the files of `cli/template`.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::name;

/// The files of a program. `{{name}}` stands for its name, `{{triggers}}` for the folder of `triggers`, in quotes.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.template")),
    ("src/main.rs", include_str!("../template/src/main.rs")),
    ("Dockerfile", include_str!("../template/Dockerfile")),
    (".dockerignore", include_str!("../template/ignored")),
    (".gitignore", include_str!("../template/ignored")),
];

/// Writes a program into a folder that is new or empty, and returns the text for its author.
///
/// # Errors
///
/// The name is not a valid package name, the folder has files, `triggers` is elsewhere, or a file cannot be written.
pub(crate) fn write(folder: &Path, triggers: Option<&Path>) -> Result<String, String> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name::check(&name)?;
    refuse_files(folder)?;
    let triggers = find(triggers.unwrap_or(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))))?;
    for (file, template) in FILES {
        let text = template.replace("{{name}}", &name).replace("{{triggers}}", &quoted(&triggers));
        let file = folder.join(file);
        create(&file, &text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(format!(
        "`{name}` is written to {folder}, with `triggers` from {triggers}. Run it:\n\n\
         \x20   cd {folder} && cargo run\n\n\
         and send a request from a second terminal:\n\n\
         \x20   curl -i http://127.0.0.1:9090/builds -d '{{\"job\": \"nightly\", \"passed\": false}}'",
        folder = folder.display(),
        triggers = triggers.display(),
    ))
}

/// Refuses a folder with files, and a file in place of the folder.
fn refuse_files(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(format!("{shown} has files, and `new` overwrites no file. Give a new or an empty folder"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{shown} cannot be the folder of a program: {error}. Give a new folder")),
    }
}

/// Returns the folder of `triggers` without `..` and links, so that it is valid in every folder.
fn find(folder: &Path) -> Result<PathBuf, String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.lines().any(|line| line == "name = \"triggers\"") {
        let shown = folder.display();
        return Err(format!(
            "{shown} is not the folder of `triggers`. Give the clone with `--path DIR_OF_TRIGGERS`"
        ));
    }
    folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))
}

/// Returns a path as a string of TOML and JSON.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writes a file that does not exist yet.
fn create(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}
