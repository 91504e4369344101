//! Sends requests to a server at its maximum rate over kept-alive connections, and prints a tally as one line of JSON.
//!
//! `load ADDRESS CONNECTIONS DELIVERY SECONDS`, or `load ADDRESS CONNECTIONS DELIVERY hold` to keep the connections idle until
//! stdin is closed. It is a separate process with one thread, and uses two system calls for a request. So it needs less CPU time
//! than the server, and the server is the bottleneck. Each connection sends its next request when the last is answered.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::cpu::time_of;
use benches::request::{Delivery, answer};
use benches::tally::Tally;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// The maximum number of requests of a run.
const REQUESTS: u64 = 100_000_000;

/// The maximum number of connections of a run.
const CONNECTIONS: usize = 4096;

/// The maximum duration of a run.
const SECONDS: f64 = 60.0;

/// The time limit for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum length of an answer in bytes.
const ANSWER: usize = 2048;

type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("load: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Outcome {
    let usage = "load ADDRESS CONNECTIONS DELIVERY SECONDS, or load ADDRESS CONNECTIONS DELIVERY hold";
    let [address, connections, delivery, time] = arguments.as_slice() else { return Err(usage.to_owned()) };
    let address: SocketAddr = address.parse().map_err(|error| format!("{address}: {error}"))?;
    if !address.ip().is_loopback() {
        return Err(format!("{address} is not on this machine"));
    }
    let connections: usize = connections.parse().map_err(|error| format!("{connections}: {error}"))?;
    if !(1..=CONNECTIONS).contains(&connections) {
        return Err(format!("{connections} connections, not 1 to {CONNECTIONS}"));
    }
    let delivery = Delivery::named(delivery).ok_or_else(|| format!("there is no delivery `{delivery}`"))?;
    let request = delivery.bytes();
    if time == "hold" {
        return hold(address, connections, &request);
    }
    let seconds: f64 = time.parse().map_err(|error| format!("{time}: {error}"))?;
    if !(0.0..=SECONDS).contains(&seconds) {
        return Err(format!("{seconds} seconds, not 0 to {SECONDS}"));
    }
    let tally = Load::open(address, connections, request)?.run(Duration::from_secs_f64(seconds))?;
    println!("{}", serde_json::to_string(&tally).map_err(|error| error.to_string())?);
    Ok(())
}

/// Opens the connections, and prints `open` once every connection has received its answer.
fn hold(address: SocketAddr, connections: usize, request: &[u8]) -> Outcome {
    let open = (0..connections).map(|_| open(address, request)).collect::<Outcome<Vec<_>>>()?;
    println!("open");
    io::copy(&mut io::stdin(), &mut io::sink()).map_err(|error| error.to_string())?;
    drop(open);
    Ok(())
}

/// Returns a connection after its first request. Connections open one after another, so that the listen queue of the
/// server does not overflow.
fn open(address: SocketAddr, request: &[u8]) -> Outcome<Blocking> {
    let exchange = || {
        let mut stream = Blocking::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.write_all(request)?;
        let mut buffer = [0; ANSWER];
        let mut read = 0;
        loop {
            read += some(stream.read(&mut buffer[read..])?)?;
            match answer(&buffer[..read]).map_err(io::Error::other)? {
                Some((_, length)) if read >= length => return Ok(stream),
                _ => {}
            }
        }
    };
    exchange().map_err(|error: io::Error| format!("cannot open a connection to {address}: {error}"))
}

fn some(read: usize) -> io::Result<usize> {
    if read == 0 {
        Err(io::Error::new(ErrorKind::UnexpectedEof, "the server has closed the connection"))
    } else {
        Ok(read)
    }
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    read: usize,
    buffer: [u8; ANSWER],
}

struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    request: Vec<u8>,
    /// The response times in nanoseconds.
    times: Histogram<u64>,
    accepted: u64,
    full: u64,
    other: u64,
}

impl Load {
    fn open(address: SocketAddr, connections: usize, request: Vec<u8>) -> Outcome<Load> {
        let poll = Poll::new().map_err(|error| error.to_string())?;
        let most = Duration::from_secs_f64(SECONDS).as_nanos() as u64;
        let times = Histogram::new_with_max(most, 3).map_err(|error| error.to_string())?;
        let connections = (0..connections).map(|number| {
            let stream = open(address, &request)?;
            stream.set_nonblocking(true).map_err(|error| error.to_string())?;
            let mut stream = TcpStream::from_std(stream);
            let registered = poll.registry().register(&mut stream, Token(number), Interest::READABLE);
            registered.map_err(|error| error.to_string())?;
            Ok(Connection { stream, sent: Instant::now(), read: 0, buffer: [0; ANSWER] })
        });
        let connections = connections.collect::<Outcome<Vec<_>>>()?;
        Ok(Load { poll, connections, request, times, accepted: 0, full: 0, other: 0 })
    }

    fn run(mut self, time: Duration) -> Outcome<Tally> {
        let lost = |error: io::Error| format!("a connection is lost: {error}");
        let began = Instant::now();
        let before = time_of("self");
        for connection in &mut self.connections {
            connection.send(&self.request).map_err(lost)?;
        }
        let mut events = Events::with_capacity(1024);
        while began.elapsed() < time && self.times.len() < REQUESTS {
            if let Err(error) = self.poll.poll(&mut events, Some(TIMEOUT))
                && error.kind() != ErrorKind::Interrupted
            {
                return Err(error.to_string());
            }
            if events.is_empty() {
                return Err(format!("no answer in {TIMEOUT:?}"));
            }
            for event in &events {
                self.ready(event.token()).map_err(lost)?;
            }
        }
        let took = began.elapsed();
        let cpu = before.zip(time_of("self")).map(|(before, after)| after - before);
        Ok(self.tally(took, cpu))
    }

    /// Reads the available bytes, and sends the next request once the answer is complete. One read is enough: an answer
    /// is shorter than the buffer, and the next answer follows only after the next request.
    fn ready(&mut self, Token(number): Token) -> io::Result<()> {
        let connection = &mut self.connections[number];
        match connection.stream.read(&mut connection.buffer[connection.read..]) {
            Ok(read) => connection.read += some(read)?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let read = &connection.buffer[..connection.read];
        let Some((status, length)) = answer(read).map_err(io::Error::other)? else { return Ok(()) };
        if connection.read < length {
            return Ok(());
        }
        let took = connection.sent.elapsed();
        self.times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        match status {
            202 => self.accepted += 1,
            503 => self.full += 1,
            _ => self.other += 1,
        }
        connection.send(&self.request)
    }

    fn tally(&self, took: Duration, cpu: Option<Duration>) -> Tally {
        let microseconds = |quantile| self.times.value_at_quantile(quantile) as f64 / 1000.0;
        Tally {
            requests: self.times.len(),
            seconds: took.as_secs_f64(),
            per_second: self.times.len() as f64 / took.as_secs_f64(),
            p50_us: microseconds(0.5),
            p99_us: microseconds(0.99),
            p999_us: microseconds(0.999),
            load_us: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / self.times.len() as f64),
            accepted: self.accepted,
            full: self.full,
            other: self.other,
        }
    }
}

impl Connection {
    /// Sends the next request. It fits into the buffer of the socket, which is empty after an answer.
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.read = 0;
        self.sent = Instant::now();
        let written = self.stream.write(request)?;
        if written < request.len() {
            return Err(io::Error::other(format!("the socket took {written} of {} bytes", request.len())));
        }
        Ok(())
    }
}
