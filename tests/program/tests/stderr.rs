//! A program whose stderr nobody reads: the pipe is closed or full, or the disk is full. It ends in time, with its exit code.

#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a program cannot be paused")]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long after the drain deadline a program is forced to exit.
const FORCED: Duration = Duration::from_secs(6);

/// A program that runs longer than this fails its test.
const LIMIT: Duration = Duration::from_secs(15);

struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts the program `roles` in this role.
    fn start(role: &str, port: u16, stderr: impl Into<Stdio>) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roles"));
        command.args(["run", role, &port.to_string()]).env("TOKIO_WORKER_THREADS", "2");
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        Program { child, stdout }
    }

    /// Reads stdout up to this line.
    fn wait_for(&mut self, line: &str) {
        let mut lines = self.stdout.by_ref().lines().map_while(Result::ok);
        assert!(lines.any(|other| other == line), "stdout ends without `{line}`");
    }

    fn signal(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.expect("`kill` runs").success());
    }

    /// Waits for the end. Returns the exit code, how long it took, and the rest of stdout.
    fn end(mut self) -> (Option<i32>, Duration, String) {
        let began = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                break status.code();
            }
            assert!(began.elapsed() < LIMIT, "the program does not end");
            std::thread::park_timeout(Duration::from_millis(2));
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (code, began.elapsed(), rest)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn closed_pipe() -> PipeWriter {
    pipe().expect("a pipe").1
}

/// Returns a pipe that has no room for one more byte.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().expect("a pipe");
    writer.write_all(&[b'x'; 64 * 1024]).expect("the default size of a pipe");
    (reader, writer)
}

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("a full device").into()
}

#[test]
fn signal_drains_a_program_whose_stderr_is_closed_or_full() {
    for stderr in [closed_pipe().into(), full_disk()] {
        let mut program = Program::start("says something after its run", 0, stderr);
        program.wait_for("on_start");
        program.signal();
        let (code, _, rest) = program.end();
        assert_eq!((code, rest.as_str()), (Some(0), "after the run\n"));
    }
}

#[test]
fn failed_start_exits_with_1_although_its_error_cannot_be_written() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for stderr in [full_disk(), closed_pipe().into()] {
        assert_eq!(Program::start("runs", port, stderr).end().0, Some(1));
    }
    let (_reader, writer) = full_pipe();
    let (code, took, _) = Program::start("runs", port, writer).end();
    assert_eq!(code, Some(1), "with a pipe that takes no byte");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn mistyped_option_exits_with_2_although_its_error_cannot_be_written() {
    for stderr in [closed_pipe().into(), full_disk()] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roles"));
        let status = command.arg("--chek").stderr::<Stdio>(stderr).status();
        assert_eq!(status.expect("the program runs").code(), Some(2));
    }
}

#[test]
fn program_whose_threads_are_blocked_ends_6_s_after_the_deadline_although_its_stderr_is_closed() {
    let mut program = Program::start("blocks every thread", 0, closed_pipe());
    program.wait_for("takes signals");
    program.signal();
    let (code, took, _) = program.end();
    assert_eq!(code, Some(1));
    assert!((FORCED..FORCED + Duration::from_secs(2)).contains(&took), "{took:?}");
}

/// The log lines of the start fill no pipe, so the program is made to block in a write by a pipe that is full before.
#[test]
fn second_signal_ends_a_program_that_blocks_in_a_write_to_stderr() {
    let (reader, writer) = full_pipe();
    let mut program = Program::start("says something after its run", 0, writer);
    program.wait_for("on_start");
    program.signal();
    // Equal signals that are pending at once merge, so the second one follows when the first one was taken.
    let id = program.child.id().to_string();
    let interrupt = Command::new("kill").args(["-INT", &id]).status();
    assert!(interrupt.expect("`kill` runs").success());
    let (code, took, rest) = program.end();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
    assert_eq!(rest, "");
    assert!(took < Duration::from_secs(1), "{took:?}");
    drop(reader);
}
