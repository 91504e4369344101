//! A program with 1024 open files answers every request, while more clients than that send no whole request.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the client of a separate program, on the system clock")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// More clients than the program may open files.
const CLIENTS: usize = 1100;

/// The time limit for one answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn program_with_1024_files_answers_while_1100_clients_send_slowly() {
    let files = rlimit::increase_nofile_limit(4096).expect("the system has a limit of open files");
    assert!(files >= 4096, "this test opens 4096 files, and the hard limit of the system is {files}");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 1024; exec \"$0\"", env!("CARGO_BIN_EXE_hook")]).stderr(Stdio::piped());
    let mut program = Program(command.spawn().expect("the program starts"));
    let mut log = BufReader::new(program.0.stderr.take().expect("its log"));
    let (mut address, mut line) = (None, String::new());
    while address.is_none() {
        line.clear();
        assert!(log.read_line(&mut line).expect("text") > 0, "the program has ended");
        address = line.split("address=").nth(1).and_then(|rest| rest.trim().parse::<SocketAddr>().ok());
    }
    // Otherwise the program would wait for a reader of its log.
    std::thread::spawn(move || log.read_to_string(&mut String::new()));
    let address = address.expect("an address");
    for (kind, bytes) in [
        ("slow heads", "POST /in HTTP/1.1\r\nHost: localhost\r\nX-"),
        ("slow bodies", "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"),
    ] {
        let (mut clients, mut worst) = (Vec::new(), Duration::ZERO);
        for n in 0..CLIENTS {
            let mut client = TcpStream::connect(address).expect("a connection");
            client.write_all(bytes.as_bytes()).expect("a request");
            clients.push(client);
            if n % 20 == 0 || n + 20 > CLIENTS {
                worst = worst.max(post(address, kind, n));
            }
        }
        println!("{CLIENTS} {kind}: the slowest of the other requests took {worst:?}");
    }
}

/// Posts on a new connection, and returns the time until the answer.
fn post(address: SocketAddr, kind: &str, clients: usize) -> Duration {
    let begin = Instant::now();
    let mut client = TcpStream::connect(address).expect("a connection");
    client.set_read_timeout(Some(TIME_LIMIT)).expect("a socket");
    let mut answer = [0; 12];
    let request = "POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    let answered = client.write_all(request.as_bytes()).and_then(|()| client.read_exact(&mut answer));
    assert!(answered.is_ok(), "no answer beside {clients} {kind}: {answered:?}");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 202", "beside {clients} {kind}");
    begin.elapsed()
}
