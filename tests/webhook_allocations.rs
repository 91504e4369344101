//! The allocations of a webhook request, from its socket to the end of its handler, and the memory that it keeps. A
//! separate binary, as its allocator counts.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test ends where it fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot::{self, Sender};
use triggers::prelude::*;

const REQUESTS: usize = 1000;

/// The most allocations of one request. Six are names of headers that the crate `http` does not know, one is hyper's.
const MOST: f64 = 12.5;

/// The requests before the count, after which every buffer has its final size.
const BEFORE: usize = 100;

/// A request of a code host. Its signature does not reach the handler.
const REQUEST: &[u8] = b"POST /events HTTP/1.1\r\n\
    Host: 127.0.0.1\r\n\
    User-Agent: GitHub-Hookshot/044aadd\r\n\
    Accept: */*\r\n\
    Content-Type: application/json\r\n\
    Content-Length: 40\r\n\
    X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\n\
    X-GitHub-Event: push\r\n\
    X-GitHub-Hook-ID: 292430182\r\n\
    X-GitHub-Hook-Installation-Target-ID: 79929171\r\n\
    X-GitHub-Hook-Installation-Target-Type: repository\r\n\
    X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17\r\n\
    \r\n\
    {\"job\":\"nightly\",\"code\":500,\"attempt\":3}";

/// Sends a request, and reads its answer up to the end of the JSON in it.
fn exchange(stream: &mut TcpStream) {
    stream.write_all(REQUEST).expect("a connection");
    let mut answer = [0; 1024];
    let mut read = 0;
    while !answer[..read].ends_with(b"}") {
        let more = stream.read(&mut answer[read..]).expect("an answer");
        assert!(more > 0, "the answer ends in the middle");
        read += more;
    }
    assert!(answer.starts_with(b"HTTP/1.1 202 "), "{}", String::from_utf8_lossy(&answer[..read]));
}

/// Runs a client on another thread, until its last answer has arrived. Returns the bytes that the thread of the server
/// keeps for each of `many` requests.
fn bytes_kept_for_each(
    many: usize,
    threads: &tokio::runtime::Runtime,
    client: impl FnOnce() + Send + 'static,
) -> i64 {
    let (done, is_done) = oneshot::channel();
    let counted = allocation_counter::measure(|| {
        thread::spawn(move || {
            client();
            done.send(()).expect("a test that waits");
        });
        threads.block_on(is_done).expect("a running client");
    });
    counted.bytes_current / many as i64
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// Runs on another thread, as the test counts only the allocations of the server's thread.
fn client(address: SocketAddr, warm: Sender<()>, counting: &Barrier, done: Sender<()>) {
    let mut stream = connect(address);
    (0..BEFORE).for_each(|_| exchange(&mut stream));
    warm.send(()).expect("a test that waits");
    counting.wait();
    (0..REQUESTS).for_each(|_| exchange(&mut stream));
    done.send(()).expect("a test that waits");
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn webhook_request_takes_at_most_12_allocations() {
    let threads = current_thread();
    let trigger = TriggerConfig::webhook("/events", 0).host("127.0.0.1");
    let config = ProcessConfig::new().trigger(trigger);
    let start = Runtime::builder().process("counts", config, |_: Bytes| async {}).start();
    let runtime = threads.block_on(start).expect("a valid process");
    let address = runtime.local_addr("webhook-0/events").expect("it listens");
    let (warm, is_warm) = oneshot::channel();
    let (done, is_done) = oneshot::channel();
    let counting = Arc::new(Barrier::new(2));
    let client = thread::spawn({
        let counting = Arc::clone(&counting);
        move || client(address, warm, &counting, done)
    });
    threads.block_on(is_warm).expect("a running client");
    let counted = allocation_counter::measure(|| {
        counting.wait();
        threads.block_on(is_done).expect("a running client");
    });
    client.join().expect("a client that ends");
    let (each, bytes) = (counted.count_total as f64 / REQUESTS as f64, counted.bytes_total / REQUESTS as u64);
    assert!(each <= MOST, "{each} allocations, of {bytes} bytes together, for a request");
    let report = threads.block_on(runtime.shutdown());
    let status = runtime.status();
    assert_eq!((status.processes[0].handled, report.left), ((BEFORE + REQUESTS) as u64, 0));
}

/// The size of the buffers that hyper reads into and writes from. A slice that is kept keeps its whole buffer.
const BUFFER: i64 = 8 * 1024;

#[test]
fn queued_request_keeps_less_than_its_read_buffer() {
    let threads = current_thread();
    let trigger = WebhookTrigger::new().host("127.0.0.1").port(0).path("/events");
    threads.block_on(trigger.start()).expect("a free port");
    let mut stream = connect(trigger.local_addr().expect("it listens"));
    let kept =
        bytes_kept_for_each(REQUESTS, &threads, move || (0..REQUESTS).for_each(|_| exchange(&mut stream)));
    let waiting = trigger.drain_pending().len();
    assert!(kept < BUFFER / 4, "{kept} bytes for each of {waiting} requests");
    assert_eq!(waiting, REQUESTS);
    threads.block_on(trigger.stop());
}

/// One buffer to read into, one to write from, and less than three quarters of one for the rest: the event, the framing of the
/// heads, and the place of the connection among the others.
#[test]
fn idle_connection_keeps_two_buffers() {
    const CONNECTIONS: usize = 50;
    let threads = current_thread();
    let trigger = WebhookTrigger::new().host("127.0.0.1").port(0).path("/events");
    threads.block_on(trigger.start()).expect("a free port");
    let address = trigger.local_addr().expect("it listens");
    let (idle, are_idle) = mpsc::channel();
    let kept = bytes_kept_for_each(CONNECTIONS, &threads, move || {
        for _ in 0..CONNECTIONS {
            let mut stream = connect(address);
            exchange(&mut stream);
            idle.send(stream).expect("a test that waits");
        }
    });
    let streams: Vec<_> = are_idle.iter().collect();
    assert!(kept < 11 * BUFFER / 4, "{kept} bytes for each of {} connections", streams.len());
    threads.block_on(trigger.stop());
}
