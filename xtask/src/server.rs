//! A program with webhooks, as its users run it: a start, real requests, and an interrupt.

#![expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, run};

/// The address of the quickstart, and of a program that `triggers new` writes.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);

/// The time limit for a start, an answer, and an end.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A running program. It ends with `interrupt`, or is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program on its own port, and waits until its server is healthy.
    pub(crate) fn start(program: &Path) -> Result<Server, String> {
        Server::run(&mut Command::new(program), ADDRESS)
    }

    /// Starts a program whose process `receive` has its only webhook, on a free port.
    pub(crate) fn start_on_free_port(program: &Path, secret: (&str, &str)) -> Result<Server, String> {
        let free = TcpListener::bind((ADDRESS.ip(), 0)).and_then(|listener| listener.local_addr());
        let address = free.map_err(|error| format!("no free port: {error}"))?;
        let mut command = Command::new(program);
        command.env("TRIGGERS__RECEIVE__WEBHOOK__PORT", address.port().to_string()).env(secret.0, secret.1);
        Server::run(&mut command, address)
    }

    fn run(command: &mut Command, address: SocketAddr) -> Result<Server, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{program} does not start: {error}"))?;
        let mut server = Server { child, address };
        let began = Instant::now();
        while !server
            .request("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .contains("healthy")
        {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("{program} ended: {status}"));
            }
            if began.elapsed() > TIME_LIMIT {
                return Err(format!("{program} is not healthy after {TIME_LIMIT:?}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Posts a body to a webhook, whose answer must be 202.
    pub(crate) fn post(&self, path: &str, body: &str) -> Outcome {
        self.post_with(path, &[], body, &["HTTP/1.1 202 "])
    }

    /// Posts a body with these headers to a webhook, whose answer must have these texts.
    pub(crate) fn post_with(&self, path: &str, headers: &[String], body: &str, expected: &[&str]) -> Outcome {
        let length = body.len();
        let mut head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        let answer = self.request(&format!("{head}Connection: close\r\n\r\n{body}"));
        match expected.iter().find(|text| !answer.contains(**text)) {
            None => Ok(()),
            Some(text) => Err(format!("the answer of {path} has no {text:?}: {answer}")),
        }
    }

    /// Sends a request on a new connection, and returns the answer. It is empty if the server does not answer.
    fn request(&self, request: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let _ = stream.set_read_timeout(Some(TIME_LIMIT));
            let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        }
        answer
    }

    /// Interrupts the program as Ctrl-C does, waits until it ends with success, and returns its log.
    pub(crate) fn interrupt(mut self) -> Result<String, String> {
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()]))?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if began.elapsed() > TIME_LIMIT {
                return Err(format!("the program still runs {TIME_LIMIT:?} after SIGINT"));
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut log = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
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
