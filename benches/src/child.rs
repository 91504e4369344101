//! The server and the load as separate processes, pinned to cores.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::cpu;
use crate::request::Delivery;
use crate::tally::Tally;

/// The cores that a process may run on.
#[derive(Clone, Copy, Debug)]
pub enum Core {
    /// One core: 0 or 1.
    Only(u32),
    /// Cores 0 and 1.
    Both,
}

/// The paths of the server and the load.
#[derive(Debug)]
pub struct Programs {
    server: &'static str,
    load: &'static str,
}

/// A running server. It ends when this value is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
}

/// Idle open connections. They close when this value is dropped.
#[derive(Debug)]
pub struct Held(Child);

/// The result of one run of the load.
#[derive(Clone, Debug)]
pub struct Run {
    /// The tally that the load has printed.
    pub tally: Tally,
    /// The server's CPU time for each request in microseconds; `None` if the system does not provide it.
    pub server_us: Option<f64>,
}

impl Programs {
    /// Returns the programs at these paths, which a bench gets from `env!("CARGO_BIN_EXE_server")` and `.._load`.
    ///
    /// # Errors
    ///
    /// The programs cannot be pinned to a core each: there are no two cores, or no `taskset`, which is part of
    /// util-linux on Linux.
    pub fn new(server: &'static str, load: &'static str) -> Result<Programs, String> {
        for core in ["0", "1"] {
            let tried = Command::new("taskset").args(["-c", core, "true"]).stderr(Stdio::null()).status();
            if !tried.is_ok_and(|status| status.success()) {
                return Err(format!("server and load need a core each, but `taskset -c {core}` fails"));
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

    /// Runs the load against a server at its maximum rate.
    pub fn run(
        &self,
        server: &Server,
        core: Core,
        connections: usize,
        delivery: Delivery,
        time: Duration,
    ) -> Run {
        let (connections, seconds) = (connections.to_string(), time.as_secs_f64().to_string());
        let mut command = on(core, self.load);
        let mut load = spawn(command.args([&server.address, &connections, delivery.name(), &seconds]));
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
        let (connections, delivery) = (connections.to_string(), Delivery::Small.name());
        let mut load = spawn(command.args([&server.address, &connections, delivery, "hold"]));
        let open = first_line(load.stdout.take().expect("it is piped"));
        assert_eq!(open, "open", "the load has failed");
        Held(load)
    }
}

impl Server {
    /// Returns the resident memory of the server in KiB; `None` if the system does not provide it.
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

/// Closes the input of a server or a load, which ends it.
fn end(child: &mut Child) {
    drop(child.stdin.take());
    // The exit status does not matter, because the process may have failed before.
    let _ = child.wait();
}

fn first_line(output: ChildStdout) -> String {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert!(!line.is_empty(), "the program has ended without output; its error is above");
    line.trim().to_owned()
}
