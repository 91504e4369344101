//! A program with a webhook, as its users run it: a start, real requests, and an interrupt.

#![expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, run};

/// The address of the quickstart, and of a program that `triggers new` writes.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);

/// The time limit for a start, and for an end.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A running program. It ends with `interrupt`, or is killed when it is dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a program, and waits until its server is healthy.
    pub(crate) fn start(program: &Path) -> Result<Server, String> {
        let mut command = Command::new(program);
        let child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        let mut server = Server(child);
        let began = Instant::now();
        while !request("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .contains("healthy")
        {
            if let Ok(Some(status)) = server.0.try_wait() {
                return Err(format!("{} ended: {status}", program.display()));
            }
            if began.elapsed() > TIME_LIMIT {
                return Err(format!("{} is not healthy after {TIME_LIMIT:?}", program.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Posts a body to a webhook, whose answer must be 202.
    pub(crate) fn post(&self, path: &str, body: &str) -> Outcome {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let answer = request(&(head + body));
        if answer.starts_with("HTTP/1.1 202 ") {
            Ok(())
        } else {
            Err(format!("the answer of {path} is not 202: {answer}"))
        }
    }

    /// Interrupts the program as Ctrl-C does, waits until it ends with success, and returns its log.
    pub(crate) fn interrupt(mut self) -> Result<String, String> {
        run(Command::new("kill").args(["-INT", &self.0.id().to_string()]))?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if began.elapsed() > TIME_LIMIT {
                return Err(format!("the program still runs {TIME_LIMIT:?} after SIGINT"));
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut log = Vec::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_end(&mut log).map_err(|error| error.to_string())?;
        }
        let log = String::from_utf8_lossy(&log).into_owned();
        if status.success() { Ok(log) } else { Err(format!("the program ended with {status}: {log}")) }
    }
}

/// Checks how often each text is in a log.
pub(crate) fn check_log(log: &str, expected: &[(&str, usize)]) -> Outcome {
    for (text, times) in expected {
        let found = log.matches(text).count();
        if found != *times {
            return Err(format!("the log has {text:?} {found} times, not {times}: {log}"));
        }
    }
    Ok(())
}

/// Sends a request on a new connection, and returns the answer. It is empty if the server does not answer.
fn request(request: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(ADDRESS) {
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    }
    answer
}
