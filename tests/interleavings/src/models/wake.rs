//! Workers and direct consumers that wait for an event.

use std::mem::forget;

use super::*;

#[test]
fn worker_handles_every_event_and_ends_when_the_queue_closes() {
    model(|| {
        let process = Process::new(2);
        let worker = process.worker();
        process.push(1);
        process.push(2);
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn two_workers_share_the_events_and_both_end() {
    model(|| {
        let process = Process::new(2);
        let workers = [process.worker(), process.worker()];
        process.push(1);
        process.push(2);
        process.queue.close();
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn two_workers_hold_two_events_at_once() {
    model(|| {
        let process = Process::new(2);
        // Each worker takes one event and never settles it, as if its handler waited for the other handler.
        let workers =
            [(); 2].map(|()| process.in_thread(|process| forget(block_on(process.next()).unwrap())));
        process.push(1);
        process.push(2);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!((process.queue.snapshot().ledger.in_flight(), process.queue.inbox().pending()), (2, 2));
    });
}

#[test]
fn woken_worker_wakes_the_next_worker_while_events_are_queued() {
    model(|| {
        let process = Process::on_one_thread(2, 2);
        // As above, no worker takes a second event. The pushes wake only one worker.
        let workers =
            [(); 2].map(|()| process.in_thread(|process| forget(block_on(process.next()).unwrap())));
        process.push(1);
        process.push(2);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(process.queue.snapshot().ledger.in_flight(), 2);
    });
}

#[test]
fn worker_is_made_for_each_event_that_needs_one() {
    model(|| {
        let process = Process::on_one_thread(2, 2);
        let made = Arc::new(Mutex::new(Vec::new()));
        let (of_worker, list) = (process.clone(), Arc::clone(&made));
        process.queue.inbox().make_workers(move || {
            // As above, no worker takes a second event.
            let worker = of_worker.in_thread(|process| {
                process.queue.inbox().begin_worker();
                forget(block_on(process.next()).unwrap());
            });
            list.lock().unwrap().push(worker);
        });
        let other = process.in_thread(|process| process.push(1));
        process.push(2);
        other.join().unwrap();
        // The first worker makes the second one.
        for _ in 0..2 {
            let worker = made.lock().unwrap().pop().expect("a worker");
            worker.join().unwrap();
        }
        assert_eq!(process.queue.snapshot().ledger.in_flight(), 2);
    });
}

#[test]
fn aborted_worker_passes_its_wake_up_on_when_a_push_wakes_one_worker() {
    model(|| abort_one_of_two_workers(&Process::on_one_thread(1, 2)));
}

#[test]
fn workers_of_a_closed_queue_take_the_queued_event_and_all_end() {
    model(|| {
        let process = Process::full();
        let workers = [process.worker(), process.worker()];
        process.queue.close();
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        process.assert_handled(&[1]);
    });
}

#[test]
fn two_queues_of_an_inbox_wake_the_same_worker() {
    model(|| {
        let quiescence = Arc::new(Quiescence::default());
        let queue = || queue(Bounds { events: 1, bytes: None });
        let inbox = Inbox::new(vec![queue(), queue()], None, None, Arc::clone(&quiescence), None);
        let [first, second] = [0, 1].map(|port| Process {
            queue: Queue::of(Arc::clone(&inbox), port),
            quiescence: Arc::clone(&quiescence),
            seen: Arc::default(),
        });
        first.queue.open();
        second.queue.open();
        let worker = first.worker();
        let other = second.in_thread(|second| {
            second.push(2);
            second.queue.close();
        });
        first.push(1);
        first.queue.close();
        other.join().unwrap();
        worker.join().unwrap();
        let mut seen = first.seen();
        seen.sort_unstable();
        assert_eq!((seen, quiescence.count()), (vec![1, 2], 0));
    });
}

#[test]
fn another_worker_takes_a_requeued_event() {
    model(|| {
        let process = Process::new(1);
        let worker = process.worker();
        let quitter = process.in_thread(Process::take_and_drop);
        process.push(1);
        quitter.join().unwrap();
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(&[1]);
    });
}

#[test]
fn aborted_worker_passes_its_wake_up_on() {
    model(|| abort_one_of_two_workers(&Process::new(1)));
}

/// Aborts a worker that waits, and asserts that the other one handles the event.
fn abort_one_of_two_workers(process: &Process) {
    let stop = Arc::new(Notify::new());
    let aborted =
        process.in_thread_with(&stop, |process, stop| drop(block_on(until(stop.notified(), process.next()))));
    let other = process.in_thread(|process| block_on(process.next()).unwrap().settle(Settlement::Handled));
    process.push(1);
    stop.notify_one();
    aborted.join().unwrap();
    other.join().unwrap();
    assert_eq!(process.queue.snapshot().ledger.handled, 1);
}

#[test]
fn end_of_a_pause_wakes_the_worker() {
    model(|| {
        let process = Process::new(1);
        process.queue.inbox().pause(true);
        process.push(1);
        let worker = process.worker();
        process.queue.close();
        process.queue.inbox().pause(false);
        worker.join().unwrap();
        process.assert_handled(&[1]);
    });
}

#[test]
fn close_ends_the_wait_of_every_direct_consumer() {
    model(|| {
        let process = Process::new(1);
        let takers = [process.in_thread(Process::pop), process.in_thread(Process::pop)];
        process.push(1);
        process.queue.close();
        let taken = takers.map(|taker| taker.join().unwrap());
        // A consumer that comes after the close still takes the queued event.
        assert!(taken == [Some(1), None] || taken == [None, Some(1)], "{taken:?}");
        assert_eq!(process.quiescence.count(), 0);
    });
}

#[test]
fn each_event_wakes_one_direct_consumer() {
    model(|| {
        let process = Process::new(2);
        let takers = [process.in_thread(Process::pop), process.in_thread(Process::pop)];
        process.push(1);
        process.push(2);
        let taken = takers.map(|taker| taker.join().unwrap());
        assert!(taken == [Some(1), Some(2)] || taken == [Some(2), Some(1)], "{taken:?}");
    });
}

#[test]
fn consumer_notices_a_close_that_an_open_follows() {
    model(|| {
        let (process, begun) = (Process::new(1), Arc::new(Notify::new()));
        let waiting =
            process.in_thread_with(&begun, |process, begun| block_on(notifying(begun, process.queue.pop())));
        block_on(begun.notified());
        process.queue.close();
        process.queue.open();
        assert!(waiting.join().unwrap().is_none());
    });
}
