//! How often a webhook request asks for memory, from its socket to the end of its handler, and how much is kept of it. A
//! binary of its own, as its allocator counts.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test ends where it fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot::{self, Sender};
use triggers::prelude::*;

const REQUESTS: usize = 1000;

/// The most for one request. Six are the names of headers that the crate `http` does not know, one is hyper's.
const MOST: f64 = 12.5;

/// So many that every buffer has its size.
const BEFORE: usize = 100;

/// What a code host sends, with a signature, which does not reach the handler.
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

/// What is kept for each of so many on the server's side, of what a client does on a thread of its own. It is done when its
/// last answer has come.
fn kept_of_each(
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
        threads.block_on(is_done).expect("a client that goes on");
    });
    counted.bytes_current / many as i64
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// On a thread of its own, as only what is asked for on the thread of the server counts.
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
    let runtime = threads.block_on(start).expect("a sound process");
    let address = runtime.local_addr("webhook-0/events").expect("it listens");
    let (warm, is_warm) = oneshot::channel();
    let (done, is_done) = oneshot::channel();
    let counting = Arc::new(Barrier::new(2));
    let client = thread::spawn({
        let counting = Arc::clone(&counting);
        move || client(address, warm, &counting, done)
    });
    threads.block_on(is_warm).expect("a client that goes on");
    let counted = allocation_counter::measure(|| {
        counting.wait();
        threads.block_on(is_done).expect("a client that goes on");
    });
    client.join().expect("a client that ends");
    let (each, bytes) = (counted.count_total as f64 / REQUESTS as f64, counted.bytes_total / REQUESTS as u64);
    assert!(each <= MOST, "{each} allocations, of {bytes} bytes together, for a request");
    let report = threads.block_on(runtime.shutdown());
    let status = runtime.status();
    assert_eq!((status.processes[0].handled, report.left), ((BEFORE + REQUESTS) as u64, 0));
}

/// Into so much hyper reads from a connection, and writes its answers. A piece of it that is kept keeps it all.
const BUFFER: i64 = 8 * 1024;

#[test]
fn request_that_waits_keeps_less_than_what_it_was_read_into() {
    let threads = current_thread();
    let trigger = WebhookTrigger::new().host("127.0.0.1").port(0).path("/events");
    threads.block_on(trigger.start()).expect("a free port");
    let mut stream = connect(trigger.local_addr().expect("it listens"));
    let kept = kept_of_each(REQUESTS, &threads, move || (0..REQUESTS).for_each(|_| exchange(&mut stream)));
    let waiting = trigger.drain_pending().len();
    assert!(kept < BUFFER / 4, "{kept} bytes for each of {waiting} requests");
    assert_eq!(waiting, REQUESTS);
    threads.block_on(trigger.stop());
}

/// One to read into, one to write from, and less than half a third one for all the rest, the event of its request too.
#[test]
fn idle_connection_keeps_two_buffers() {
    const CONNECTIONS: usize = 50;
    let threads = current_thread();
    let trigger = WebhookTrigger::new().host("127.0.0.1").port(0).path("/events");
    threads.block_on(trigger.start()).expect("a free port");
    let address = trigger.local_addr().expect("it listens");
    let (idle, are_idle) = mpsc::channel();
    let kept = kept_of_each(CONNECTIONS, &threads, move || {
        for _ in 0..CONNECTIONS {
            let mut stream = connect(address);
            exchange(&mut stream);
            idle.send(stream).expect("a test that waits");
        }
    });
    let streams: Vec<_> = are_idle.iter().collect();
    assert!(kept < 5 * BUFFER / 2, "{kept} bytes for each of {} connections", streams.len());
    threads.block_on(trigger.stop());
}
