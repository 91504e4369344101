//! The server and the load as processes of their own, on the cores that they are given.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::cpu;
use crate::tally::Tally;

/// Where a process runs.
#[derive(Clone, Copy, Debug)]
pub enum Core {
    /// On the first or the second alone: 0 or 1.
    Only(u32),
    /// On these two, as the system likes.
    Both,
}

/// The two programs, and how they are started.
#[derive(Debug)]
pub struct Programs {
    server: &'static str,
    load: &'static str,
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
}

/// Connections that stay open, and idle, until this is dropped.
#[derive(Debug)]
pub struct Held(Child);

/// What one run of the load was, and what it cost the server.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the load tells.
    pub tally: Tally,
    /// How long the server was on a core for each request, in microseconds. `None` where nobody says.
    pub server_us: Option<f64>,
}

impl Programs {
    /// The programs at these paths, which a bench has from `env!("CARGO_BIN_EXE_server")` and `.._load`.
    ///
    /// # Errors
    ///
    /// If they cannot be given a core each: there is no `taskset` (which is of util-linux, for Linux), or no two cores.
    pub fn new(server: &'static str, load: &'static str) -> Result<Programs, String> {
        for core in ["0", "1"] {
            let tried = Command::new("taskset").args(["-c", core, "true"]).stderr(Stdio::null()).status();
            if !tried.is_ok_and(|status| status.success()) {
                return Err(format!(
                    "server and load need a core each, and `taskset -c {core}` does not work here"
                ));
            }
        }
        Ok(Programs { server, load })
    }

    /// Starts a server of this kind.
    pub fn serve(&self, kind: &str, threads: usize, core: Core) -> Server {
        let mut command = on(core, self.server);
        let mut child = spawn(command.args([kind, &threads.to_string()]));
        let address = first_line(child.stdout.take().expect("it is piped"));
        Server { child, address }
    }

    /// Asks a server as often as it can be asked.
    pub fn run(&self, server: &Server, core: Core, connections: usize, time: Duration) -> Run {
        let seconds = time.as_secs_f64().to_string();
        let mut command = on(core, self.load);
        let mut load = spawn(command.args([&server.address, &connections.to_string(), &seconds]));
        let before = cpu::time_of(&server.child.id().to_string());
        let tally = first_line(load.stdout.take().expect("it is piped"));
        let after = cpu::time_of(&server.child.id().to_string());
        assert!(load.wait().is_ok_and(|status| status.success()), "the load has failed");
        let tally: Tally = serde_json::from_str(&tally).expect("a tally");
        let took = before.zip(after).map(|(before, after)| (after - before).as_secs_f64());
        let server_us = took.map(|took| took * 1e6 / tally.requests as f64);
        Run { tally, server_us }
    }

    /// Opens connections, sends one request on each, and leaves them idle.
    pub fn hold(&self, server: &Server, core: Core, connections: usize) -> Held {
        let mut command = on(core, self.load);
        let mut load = spawn(command.args([&server.address, &connections.to_string(), "hold"]));
        let open = first_line(load.stdout.take().expect("it is piped"));
        assert_eq!(open, "open", "the load has failed");
        Held(load)
    }
}

impl Server {
    /// How much memory the process has, in KiB. `None` where nobody says.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn on(core: Core, program: &str) -> Command {
    let cores = match core {
        Core::Only(core) => core.to_string(),
        Core::Both => "0,1".to_owned(),
    };
    let mut command = Command::new("taskset");
    command.args(["-c", &cores, program]);
    command
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program that starts")
}

/// Both end when their input does.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    // It may have ended before.
    let _ = child.wait();
}

fn first_line(output: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert!(!line.is_empty(), "the program has ended without a word; it says why above");
    line.trim().to_owned()
}
