//! A program that `nohup` has started goes on when its terminal is closed.

#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn ignored_hangup_does_not_end_the_program() {
    let script = "trap '' HUP; exec \"$0\" run runs 0";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_roles")]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().expect("the program starts");
    let mut stdout = BufReader::new(program.stdout.take().expect("its stdout"));
    let mut line = String::new();
    // Signals are caught before the hook runs.
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, "on_start\n");
    for signal in ["-HUP", "-TERM"] {
        let sent = Command::new("kill").args([signal, &program.id().to_string()]).status();
        assert!(sent.expect("`kill` runs").success());
    }
    let mut log = String::new();
    program.stderr.take().expect("its log").read_to_string(&mut log).expect("text");
    assert_eq!(program.wait().expect("a status").code(), Some(0), "{log}");
    assert!(log.contains("signal=SIGTERM") && !log.contains("SIGHUP"), "{log}");
}
