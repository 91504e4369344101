//! Events that are tried again.

use std::time::{Duration, SystemTime};

use super::*;
use crate::clock;
use crate::source::queue::RetryState;

const LATER: Duration = Duration::from_millis(5);

/// Fails the first attempt at the first event.
fn failing_once(process: &Process) {
    process.work(|delivery| {
        if delivery.event().number() != 1 || delivery.retry().is_some() {
            return Settlement::Handled;
        }
        let state =
            RetryState { failed_attempts: 1, last_error: "".into(), first_at: SystemTime::UNIX_EPOCH };
        Settlement::Retry { after: LATER, state }
    });
}

/// The task that watches the clock, until it is told to stop.
fn watcher(process: &Process, stop: &Arc<Notify>) -> JoinHandle<()> {
    let stop = Arc::clone(stop);
    process.aside(move |process| {
        block_on(until(stop.notified(), process.queue.inbox().watch_clock()));
    })
}

#[test]
fn an_event_whose_attempt_failed_comes_again() {
    model(|| {
        let (process, stop) = (Process::new(1), Arc::new(Notify::new()));
        let watcher = watcher(&process, &stop);
        let worker = process.aside(failing_once);
        process.push(1);
        process.queue.close();
        worker.join().unwrap();
        stop.notify_one();
        watcher.join().unwrap();
        process.assert_handled(&[1]);
        assert_eq!(process.queue.snapshot().ledger.retried, 1);
    });
}

#[test]
fn an_event_behind_one_that_is_tried_again_waits_for_it() {
    model(|| {
        let (process, stop) = (Process::keyed(2), Arc::new(Notify::new()));
        process.push(1);
        process.push(2);
        let watcher = watcher(&process, &stop);
        let worker = process.aside(failing_once);
        process.queue.close();
        worker.join().unwrap();
        stop.notify_one();
        watcher.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn a_drain_does_not_wait_for_a_retry_that_comes_after_its_end() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        let worker = process.aside(failing_once);
        process.queue.inbox().drain_until(clock::instant());
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!((process.queue.len(), process.queue.snapshot().waiting), (2, 2));
    });
}

#[test]
fn those_who_wait_behind_a_retry_that_never_comes_end_with_the_queue() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        process.queue.inbox().drain_until(clock::instant());
        process.queue.close();
        let workers = [process.aside(failing_once), process.aside(failing_once)];
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((process.queue.len(), process.quiescence.count()), (2, 0));
    });
}
