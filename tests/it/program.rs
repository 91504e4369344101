//! A child process that takes signals and has an exit code: this binary again, with one of its tests as `main`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use triggers::{Result, Runtime};

/// The variable with the role of the child. Without it, a test that is a program does nothing.
const ROLE: &str = "TRIGGERS_TEST_PROGRAM";

/// A program that runs longer than this exits with an error, so that its test fails instead of hanging.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Held by tests that measure time, and by tests whose load would distort it.
pub(crate) static ALONE: Mutex<()> = Mutex::const_new(());

/// A running child. Dropping it kills the child.
pub(crate) struct Program {
    child: Child,
    log: BufReader<ChildStderr>,
    address: Option<SocketAddr>,
}

impl Program {
    /// Starts the test of this path as a program with the log filter `log`. Returns when it listens for signals.
    pub(crate) fn start(test: &str, role: &str, log: &str) -> Program {
        let this = std::env::current_exe().expect("the path of this binary");
        let mut child = Command::new(this)
            .args([test, "--exact", "--nocapture"])
            .env(ROLE, role)
            .env("RUST_LOG", log)
            // The same number on every machine, for handlers that block every thread.
            .env("TOKIO_WORKER_THREADS", "2")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = BufReader::new(child.stderr.take().expect("its log"));
        let mut program = Program { child, log, address: None };
        let ready = program.wait_for("ready");
        program.address = ready.trim_start_matches("ready").trim().parse().ok();
        program
    }

    /// Returns the address of the program's webhook.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("a program with a webhook")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the log up to a line that contains the text, and returns that line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut lines = self.log.by_ref().lines().map_while(Result::ok);
        lines.find(|line| line.contains(text)).unwrap_or_else(|| panic!("the log ends without: {text}"))
    }

    /// Reads the log to its end.
    pub(crate) fn rest_of_log(&mut self) -> String {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("a log of text");
        rest
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("the program ends").code()
    }

    /// Sends a signal and waits for the end of the program. Returns the time that took, and the exit code.
    pub(crate) fn end(&mut self, signal: &str) -> (Duration, Option<i32>) {
        let began = Instant::now();
        send(signal, self.id());
        let code = self.exit_code();
        (began.elapsed(), code)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal, such as `-TERM`, to a program.
pub(crate) fn send(signal: &str, id: u32) {
    let status = Command::new("kill").args([signal, &id.to_string()]).status();
    assert!(status.expect("`kill` runs").success());
}

/// Returns the role of this process, if it is a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Runs `main` instead of the test, if this process is a child.
pub(crate) fn run_if_child(main: fn() -> ExitCode) {
    if role().is_some() {
        // On a separate thread, which a program that hangs cannot block.
        let (_running, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let _ = ended.recv_timeout(TIME_LIMIT);
            eprintln!("the program does not end");
            std::process::exit(2);
        });
        let failed = format!("{:?}", main()) != format!("{:?}", ExitCode::SUCCESS);
        std::process::exit(i32::from(failed));
    }
}

/// Runs until a signal. Prints `ready` and the address of the webhook once it listens for signals.
pub(crate) async fn until_signal(runtime: &Runtime, webhook: &str) -> Result {
    let address = runtime.local_addr(webhook).map(|address| address.to_string());
    // The first poll begins to listen for signals, so `ready` is printed after it.
    let until = runtime.run_until_signal();
    tokio::pin!(until);
    tokio::select! {
        biased;
        ended = &mut until => ended,
        () = async { eprintln!("ready {}", address.unwrap_or_default()) } => until.await,
    }
}
