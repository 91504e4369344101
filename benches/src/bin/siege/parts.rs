//! The processes of a siege: the server, and the attackers of each kind.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Outcome;
use crate::attack::Attacked;
use crate::server::Counts;

/// A process of this program in another role. Its drop kills it.
struct Part {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Part {
    fn start(arguments: &[&str]) -> Outcome<Part> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{arguments:?}: {error}"))?;
        let output = child.stdout.take().ok_or("a process without an output")?;
        Ok(Part { child, output: BufReader::new(output) })
    }

    /// Reads the rest of its output.
    fn rest(&mut self) -> Outcome<String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }
}

/// The server.
pub(crate) struct Server {
    part: Part,
    address: SocketAddr,
    /// The server ends when it is closed.
    input: Option<ChildStdin>,
}

impl Server {
    /// Starts a server, and waits until it listens.
    pub(crate) fn start() -> Outcome<Server> {
        let mut part = Part::start(&["server"])?;
        let mut line = String::new();
        part.output.read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.trim().parse().map_err(|error| format!("the server said {line:?}: {error}"))?;
        let input = part.child.stdin.take();
        Ok(Server { part, address, input })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.part.child.id()
    }

    /// Ends the server, and returns what it has counted.
    pub(crate) fn end(&mut self) -> Outcome<Counts> {
        drop(self.input.take());
        let text = self.part.rest()?;
        serde_json::from_str(&text).map_err(|error| format!("the server said {text:?}: {error}"))
    }
}

/// The attackers of one kind.
pub(crate) struct Attackers(Part);

impl Attackers {
    pub(crate) fn start(kind: &str, address: SocketAddr) -> Outcome<Attackers> {
        Part::start(&["attack", kind, &address.to_string()]).map(Attackers)
    }

    /// Waits for the end of their attack, and returns what they have seen.
    pub(crate) fn ended(&mut self) -> Outcome<Attacked> {
        let text = self.0.rest()?;
        serde_json::from_str(&text).map_err(|error| format!("the attackers said {text:?}: {error}"))
    }
}
