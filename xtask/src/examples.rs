//! Runs the examples. It posts a request to the quickstart, and then interrupts it as Ctrl-C does.

#![expect(clippy::disallowed_methods, reason = "a separate program, on the system clock")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, cargo, run, target};

/// The examples that end by themselves.
const SHORT: &[&str] = &[
    "direct_triggers",
    "config_driven",
    "several_triggers",
    "state_and_extractors",
    "order_pipeline",
    "custom_source",
];

/// The address of the quickstart.
const QUICKSTART: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);

/// The time limit for the start of the quickstart, and for its end.
const TIME_LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn run_every() -> Outcome {
    cargo(&["build", "--examples"])?;
    for name in SHORT {
        run(&mut Command::new(binary(name)))?;
    }
    quickstart()
}

fn binary(name: &str) -> PathBuf {
    target().join("debug/examples").join(name)
}

fn quickstart() -> Outcome {
    let mut command = Command::new(binary("quickstart"));
    let mut child = command
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("the quickstart does not start: {error}"))?;
    let posted = post_when_up(&mut child);
    interrupt(&child)?;
    let log = end(child)?;
    print!("{log}");
    posted?;
    for (expected, times) in
        [("report of Hello-World: Codertocat pushed", 2), ("drained: ", 1), (" 0 left", 1)]
    {
        let found = log.matches(expected).count();
        if found != times {
            return Err(format!("the log of the quickstart has {expected:?} {found} times, not {times}"));
        }
    }
    Ok(())
}

/// Posts the sample push as soon as the server is healthy.
fn post_when_up(child: &mut Child) -> Outcome {
    let began = Instant::now();
    while !request("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").contains("healthy")
    {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the quickstart ended: {status}"));
        }
        if began.elapsed() > TIME_LIMIT {
            return Err(format!("the quickstart is not healthy after {TIME_LIMIT:?}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let body =
        std::fs::read_to_string("examples/data/github_push.json").map_err(|error| error.to_string())?;
    let length = body.len();
    let head = format!(
        "POST /github HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let answer = request(&(head + &body));
    if answer.starts_with("HTTP/1.1 202 ") {
        Ok(())
    } else {
        Err(format!("the quickstart answered: {answer}"))
    }
}

/// Sends a request on a new connection, and returns the answer. It is empty if the server does not answer.
fn request(request: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(QUICKSTART) {
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    }
    answer
}

fn interrupt(child: &Child) -> Outcome {
    run(Command::new("kill").args(["-INT", &child.id().to_string()]))
}

/// Waits until the quickstart ends with success, and returns its log.
fn end(mut child: Child) -> Result<String, String> {
    let began = Instant::now();
    while !matches!(child.try_wait(), Ok(Some(_))) {
        if began.elapsed() > TIME_LIMIT {
            let _ = child.kill();
            return Err(format!("the quickstart still runs {TIME_LIMIT:?} after SIGINT"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(log)
    } else {
        Err(format!("the quickstart ended with {}: {log}", output.status))
    }
}
