//! Those who wait for an event.

use std::mem::forget;

use super::*;

#[test]
fn a_worker_handles_every_event_and_ends_when_the_queue_is_closed() {
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
fn two_events_are_in_two_handlers_at_once() {
    model(|| {
        let process = Process::new(2);
        // None of them comes back for the second event, as if its handler waited for the other's.
        let workers = [(); 2].map(|()| process.aside(|process| forget(block_on(process.next()).unwrap())));
        process.push(1);
        process.push(2);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!((process.queue.snapshot().ledger.in_flight(), process.queue.inbox().pending()), (2, 2));
    });
}

#[test]
fn a_worker_that_is_woken_wakes_the_next_one_while_there_is_more() {
    model(|| {
        let process = Process::on_one_thread(2, 2);
        // None of them comes back, as above, and only one is woken by who pushes.
        let workers = [(); 2].map(|()| process.aside(|process| forget(block_on(process.next()).unwrap())));
        process.push(1);
        process.push(2);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        assert_eq!(process.queue.snapshot().ledger.in_flight(), 2);
    });
}

#[test]
fn a_worker_that_is_aborted_leaves_no_event_alone_where_one_is_woken_at_a_time() {
    model(|| {
        let (process, stop) = (Process::on_one_thread(1, 2), Arc::new(Notify::new()));
        let aborted = {
            let stop = Arc::clone(&stop);
            process.aside(move |process| drop(block_on(until(stop.notified(), process.next()))))
        };
        let other = process.aside(|process| block_on(process.next()).unwrap().settle(Settlement::Handled));
        process.push(1);
        stop.notify_one();
        aborted.join().unwrap();
        other.join().unwrap();
        assert_eq!(process.queue.snapshot().ledger.handled, 1);
    });
}

#[test]
fn workers_that_find_the_queue_closed_take_what_is_left_and_all_end() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let workers = [process.worker(), process.worker()];
        process.queue.close();
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        process.assert_handled(&[1]);
    });
}

#[test]
fn two_queues_wake_the_workers_in_one_place() {
    model(|| {
        let quiescence = Arc::new(Quiescence::default());
        let queue = || queue(Bounds { events: 1, bytes: None });
        let inbox = Inbox::new(vec![queue(), queue()], None, None, Arc::clone(&quiescence));
        let [first, second] = [0, 1].map(|port| Process {
            queue: Queue::of(Arc::clone(&inbox), port),
            quiescence: Arc::clone(&quiescence),
            seen: Arc::default(),
        });
        first.queue.open();
        second.queue.open();
        let worker = first.worker();
        let other = second.aside(|second| {
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
fn an_event_that_a_worker_gives_back_is_taken_by_the_other() {
    model(|| {
        let process = Process::new(1);
        let worker = process.worker();
        let quitter = process.aside(Process::take_and_drop);
        process.push(1);
        quitter.join().unwrap();
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(&[1]);
    });
}

#[test]
fn a_worker_that_is_aborted_keeps_no_wake_up_to_itself() {
    model(|| {
        let (process, stop) = (Process::new(1), Arc::new(Notify::new()));
        let aborted = {
            let stop = Arc::clone(&stop);
            process.aside(move |process| drop(block_on(until(stop.notified(), process.next()))))
        };
        let other = process.aside(|process| block_on(process.next()).unwrap().settle(Settlement::Handled));
        process.push(1);
        stop.notify_one();
        aborted.join().unwrap();
        other.join().unwrap();
        assert_eq!(process.queue.snapshot().ledger.handled, 1);
    });
}

#[test]
fn a_pause_that_ends_wakes_the_workers() {
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
fn a_close_ends_the_wait_of_everyone_who_takes_for_himself() {
    model(|| {
        let process = Process::new(1);
        let takers = [process.aside(Process::pop), process.aside(Process::pop)];
        process.push(1);
        process.queue.close();
        let taken = takers.map(|taker| taker.join().unwrap());
        // One that comes after the close still takes what is there.
        assert!(taken == [Some(1), None] || taken == [None, Some(1)], "{taken:?}");
        assert_eq!(process.quiescence.count(), 0);
    });
}

#[test]
fn each_event_wakes_one_who_takes_for_himself() {
    model(|| {
        let process = Process::new(2);
        let takers = [process.aside(Process::pop), process.aside(Process::pop)];
        process.push(1);
        process.push(2);
        let taken = takers.map(|taker| taker.join().unwrap());
        assert!(taken == [Some(1), Some(2)] || taken == [Some(2), Some(1)], "{taken:?}");
    });
}

#[test]
fn a_close_that_is_followed_by_an_open_ends_the_wait_all_the_same() {
    model(|| {
        let (process, begun) = (Process::new(1), Arc::new(Notify::new()));
        let waiting = {
            let begun = Arc::clone(&begun);
            process.aside(move |process| block_on(telling(&begun, process.queue.pop())))
        };
        block_on(begun.notified());
        process.queue.close();
        process.queue.open();
        assert!(waiting.join().unwrap().is_none());
    });
}
