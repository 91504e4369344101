//! The programs that call the libraries of other languages. They answer one line of JSON with another.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The headers of a request, by their names in lower case.
pub(crate) type Headers = HashMap<String, String>;

/// What a library is to do.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub(crate) enum Question<'a> {
    /// Make an event of CloudEvents, and the request that carries it.
    Event { mode: &'a str, attributes: &'a Headers, body: String },
    /// Make the headers of a signed request.
    Sign { library: &'a str, secret: &'a str, id: &'a str, url: &'a str, body: String },
    /// Verify a signed request.
    Verify { library: &'a str, secret: &'a str, url: &'a str, headers: &'a Headers, body: String },
}

/// What a library answers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// The headers of a request.
    #[serde(default)]
    pub(crate) headers: Headers,
    /// The body of a request in base64, if the library has made it.
    #[serde(default)]
    pub(crate) body: String,
    /// Whether the library accepts a request.
    pub(crate) accepted: Option<bool>,
    /// The error that the program did not expect of the library.
    error: Option<String>,
}

/// A running program with the libraries of one language.
pub(crate) struct Language {
    program: Child,
    questions: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Drop for Language {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Language {
    /// Starts the program for the libraries of PyPI, in the folder of their installation.
    pub(crate) fn python(folder: &Path) -> Result<Language, String> {
        Language::start(&folder.join("venv/bin/python"), &folder.join("libraries.py"))
    }

    /// Starts the program for the libraries of npm, in the folder of their installation.
    pub(crate) fn node(folder: &Path) -> Result<Language, String> {
        Language::start(Path::new("node"), &folder.join("libraries.mjs"))
    }

    fn start(interpreter: &Path, script: &Path) -> Result<Language, String> {
        let mut command = Command::new(interpreter);
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().map_err(|error| format!("{}: {error}", interpreter.display()))?;
        match (program.stdin.take(), program.stdout.take()) {
            (Some(questions), Some(replies)) => {
                Ok(Language { program, questions, replies: BufReader::new(replies).lines() })
            }
            _ => Err(format!("{} has no standard input or output", script.display())),
        }
    }

    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Result<Reply, String> {
        let line = serde_json::to_string(question).map_err(|error| error.to_string())?;
        let sent = writeln!(self.questions, "{line}").and_then(|()| self.questions.flush());
        let reply = match (sent, self.replies.next()) {
            (Ok(()), Some(Ok(reply))) => reply,
            // The output of the program, which is not captured, says why: a library that is not installed.
            _ => return Err("the program with the libraries has ended".to_owned()),
        };
        let reply: Reply = serde_json::from_str(&reply).map_err(|error| format!("{error}: {reply}"))?;
        match reply.error {
            Some(error) => Err(error),
            None => Ok(reply),
        }
    }
}

/// Returns a body as it is written in a question.
pub(crate) fn to_base64(body: &[u8]) -> String {
    STANDARD.encode(body)
}

/// Returns a body that is written in a reply.
pub(crate) fn from_base64(body: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(body).map_err(|error| error.to_string())
}
