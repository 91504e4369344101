//! Retries.

use std::time::{Duration, SystemTime};

use super::*;
use crate::clock;
use crate::event::RetryState;

const LATER: Duration = Duration::from_millis(5);

/// Handles events, and fails the first attempt of event 1.
fn failing_once(process: &Process) {
    process.work(|delivery| {
        if delivery.event().number() != 1 || delivery.retry().is_some() {
            return Settlement::Handled;
        }
        let state =
            RetryState { failed_attempts: 1, last_error: "".into(), first_at: SystemTime::UNIX_EPOCH };
        Settlement::Retry { after: LATER, due: SystemTime::UNIX_EPOCH, state }
    });
}

/// Spawns the task that watches the clock, until `stop` is notified.
fn watcher(process: &Process, stop: &Arc<Notify>) -> JoinHandle<()> {
    process.in_thread_with(stop, |process, stop| {
        block_on(until(stop.notified(), process.queue.inbox().watch_clock()));
    })
}

#[test]
fn event_is_redelivered_after_a_failed_attempt() {
    model(|| {
        let (process, stop) = (Process::new(1), Arc::new(Notify::new()));
        let watcher = watcher(&process, &stop);
        let worker = process.in_thread(failing_once);
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
fn event_waits_behind_the_retry_of_its_key() {
    model(|| {
        let (process, stop) = (Process::keyed(2), Arc::new(Notify::new()));
        process.push(1);
        process.push(2);
        let watcher = watcher(&process, &stop);
        let worker = process.in_thread(failing_once);
        process.queue.close();
        worker.join().unwrap();
        stop.notify_one();
        watcher.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn drain_does_not_wait_for_a_retry_after_its_deadline() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        let worker = process.in_thread(failing_once);
        process.queue.inbox().drain_until(clock::instant());
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!((process.queue.len(), process.queue.snapshot().waiting), (2, 2));
    });
}

#[test]
fn workers_behind_an_expired_retry_end_when_the_queue_closes() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        process.queue.inbox().drain_until(clock::instant());
        process.queue.close();
        let workers = [process.in_thread(failing_once), process.in_thread(failing_once)];
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((process.queue.len(), process.quiescence.count()), (2, 0));
    });
}
