//! What an operator sets without a new build: the layers, their precedence, and every fault with its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

mod faults;
mod layers;

/// An empty folder of one test, in which the program runs.
struct Folder(PathBuf);

/// What a program says.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Folder {
    fn new(test: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        // What an earlier run has left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a file");
    }

    /// Runs the program `configured` with these arguments and variables.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_configured"));
        command.args(arguments).current_dir(&self.0).envs(variables.iter().copied());
        let Output { status, stdout, stderr } = command.output().expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Returns the description of the program.
    #[track_caller]
    fn describe(&self, variables: &[(&str, &str)]) -> Value {
        let said = self.run(&["--describe=json"], variables);
        assert_eq!((said.code, &*said.stderr), (Some(0), ""));
        serde_json::from_str(&said.stdout).expect("JSON")
    }

    /// Returns why the program does not start.
    #[track_caller]
    fn check(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let said = self.run(&[arguments, &["--check"]].concat(), variables);
        assert_eq!((said.code, &*said.stdout), (Some(1), ""), "{}", said.stderr);
        said.stderr
    }
}
