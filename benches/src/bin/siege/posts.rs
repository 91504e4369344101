//! The posts beside the attackers, at a steady pace, each on a new connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The time from the begin of a post to that of the next one.
const PACE: Duration = Duration::from_millis(20);

/// The time limit of a post.
const TIMEOUT: Duration = Duration::from_secs(10);

const POST: &[u8] =
    b"POST /in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

/// The posts of a siege.
pub(crate) struct Posted {
    pub(crate) posts: u64,
    /// Those that were not answered 202, with their time since the first post.
    pub(crate) others: Vec<String>,
    pub(crate) median: Duration,
    pub(crate) slowest: Duration,
}

/// Posts until the siege is over.
pub(crate) fn post(address: SocketAddr, is_over: &AtomicBool) -> Posted {
    let (begin, mut times, mut others) = (Instant::now(), Vec::new(), Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        let due = begin + PACE * times.len() as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        let answer = once(address).unwrap_or_else(|error| error.to_string());
        times.push(sent.elapsed());
        if !answer.starts_with("HTTP/1.1 202 ") {
            let first = answer.lines().next().unwrap_or("no answer");
            others.push(format!("after {} s, {first}", begin.elapsed().as_secs()));
        }
    }
    let posts = times.len() as u64;
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Posted { posts, others, median, slowest: times.last().copied().unwrap_or_default() }
}

fn once(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(POST)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
