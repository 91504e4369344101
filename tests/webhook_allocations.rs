//! How often a webhook request asks for memory, from its socket to the end of its handler. A binary of its own, as its
//! allocator counts.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test ends where it fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot::{self, Sender};
use triggers::prelude::*;

const REQUESTS: usize = 1000;

/// The most for one request. It is what is taken, not what need be.
const MOST: f64 = 17.5;

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

/// On a thread of its own, as only what is asked for on the thread of the server counts.
fn client(address: SocketAddr, warm: Sender<()>, counting: &Barrier, done: Sender<()>) {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    (0..BEFORE).for_each(|_| exchange(&mut stream));
    warm.send(()).expect("a test that waits");
    counting.wait();
    (0..REQUESTS).for_each(|_| exchange(&mut stream));
    done.send(()).expect("a test that waits");
}

#[test]
fn webhook_request_takes_at_most_17_allocations() {
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let trigger = TriggerConfig::webhook("/events", 0).host("127.0.0.1");
    let config = ProcessConfig { triggers: vec![trigger], ..ProcessConfig::default() };
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
