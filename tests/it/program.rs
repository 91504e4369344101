//! A program that can be sent signals and has an exit code: this binary again, with one of its tests as `main`.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use triggers::{Result, Runtime};

/// Says to the program what it is to do; without it the test that is a program does nothing.
const ROLE: &str = "TRIGGERS_TEST_PROGRAM";

/// After this a program that does not end gives up, so that a test fails instead of hanging.
const HANGS: Duration = Duration::from_secs(60);

/// Held by tests that measure time, and by those whose load would be in it.
pub(crate) static ALONE: Mutex<()> = Mutex::const_new(());

/// A program that runs. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    log: BufReader<ChildStderr>,
    address: Option<SocketAddr>,
}

impl Program {
    /// Starts the test of this path as a program, and waits until it listens for signals. It logs these targets.
    pub(crate) fn start(test: &str, role: &str, log: &str) -> Program {
        let this = std::env::current_exe().expect("the path of this binary");
        let mut child = Command::new(this)
            .args([test, "--exact", "--nocapture"])
            .env(ROLE, role)
            .env("RUST_LOG", log)
            // The same on every machine, for handlers that block their threads.
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

    /// Where its webhook listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("a program with a webhook")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the log up to a line that holds the text.
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

    /// Sends it a signal and waits for its end. Says how long that took, and the exit code.
    pub(crate) fn end(&mut self, signal: &str) -> (Duration, Option<i32>) {
        let began = Instant::now();
        send(signal, self.id());
        let code = self.exit_code();
        (began.elapsed(), code)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal, such as `-TERM`, to a program.
pub(crate) fn send(signal: &str, id: u32) {
    let status = Command::new("kill").args([signal, &id.to_string()]).status();
    assert!(status.expect("`kill` runs").success());
}

/// What this program is to do, if it is one.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The whole of a test that is a program.
pub(crate) fn be(main: fn() -> ExitCode) {
    if role().is_some() {
        // On a thread of its own: nothing that hangs may keep it.
        let (_running, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let _ = ended.recv_timeout(HANGS);
            eprintln!("the program does not end");
            std::process::exit(2);
        });
        let failed = format!("{:?}", main()) != format!("{:?}", ExitCode::SUCCESS);
        std::process::exit(i32::from(failed));
    }
}

/// Runs until a signal, and says when it listens for them, and where its webhook does.
pub(crate) async fn until_signal(runtime: &Runtime, webhook: &str) -> Result {
    let address = runtime.local_addr(webhook).map(|address| address.to_string());
    // Listening for signals begins with the first poll, before which nothing else may say that it has.
    let until = runtime.run_until_signal();
    tokio::pin!(until);
    tokio::select! {
        biased;
        ended = &mut until => ended,
        () = async { eprintln!("ready {}", address.unwrap_or_default()) } => until.await,
    }
}
