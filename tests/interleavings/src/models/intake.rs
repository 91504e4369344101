//! Pushes under the second lock, that of the quick intake. The first push of each model grants it capacity.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::task::{Context, Wake};

use super::*;
use crate::sync::AtomicUsize;

#[test]
fn worker_that_goes_idle_is_woken_for_an_event_of_the_intake() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        process.push(2);
        // No close follows before the end, so only the pushes can wake the worker.
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn woken_worker_that_is_aborted_leaves_no_event_in_the_intake() {
    model(|| {
        let (process, stop) = (Process::on_one_thread(3, 2), Arc::new(Notify::new()));
        let aborted = process
            .in_thread_with(&stop, |process, stop| drop(block_on(until(stop.notified(), process.next()))));
        let other = process.in_thread(|process| {
            for _ in 0..2 {
                block_on(process.next()).unwrap().settle(Settlement::Handled);
            }
        });
        process.push(1);
        process.push(2);
        stop.notify_one();
        aborted.join().unwrap();
        other.join().unwrap();
        assert_eq!(process.queue.snapshot().ledger.handled, 2);
    });
}

#[test]
fn each_push_wakes_an_idle_worker_at_once() {
    model(|| {
        let process = Process::new(4);
        let woken = [(); 3].map(|()| Arc::new(Woken::default()));
        let mut workers = woken.clone().map(|woken| (Box::pin(process.next()), Waker::from(woken)));
        for (worker, waker) in &mut workers {
            assert!(worker.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        }
        for number in 1..=3 {
            process.push(number);
            let count = woken.iter().filter(|woken| woken.0.load(Relaxed)).count();
            assert_eq!(count as u64, number);
        }
    });
}

/// A waker that notes its call. No thread waits for it.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn events_of_two_publishers_are_handled_once_and_in_the_order_of_each() {
    model(|| {
        let process = Process::new(5);
        process.push(1);
        let publisher = process.in_thread(|process| {
            process.push(2);
            process.push(3);
        });
        let worker = process.worker();
        process.push(4);
        process.push(5);
        publisher.join().unwrap();
        process.queue.close();
        worker.join().unwrap();
        let seen = process.seen();
        for publisher in [[1, 2, 3], [1, 4, 5]] {
            let of_publisher: Vec<_> = seen.iter().filter(|number| publisher.contains(number)).collect();
            assert!(of_publisher.is_sorted(), "{seen:?}");
        }
        process.assert_handled(&[1, 2, 3, 4, 5]);
    });
}

#[test]
fn close_leaves_an_event_of_the_intake_either_queued_or_refused() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        let closer = process.in_thread(|process| {
            process.queue.close();
            assert!(matches!(process.queue.push(item(3)), Pushed::Closed(_)));
            process.queue.ledger().accepted
        });
        let queued = matches!(process.queue.push(item(2)), Pushed::Queued);
        let accepted = closer.join().unwrap();
        worker.join().unwrap();
        assert_eq!(accepted, 1 + u64::from(queued), "the closed queue accepts nothing");
        process.assert_handled(if queued { &[1, 2] } else { &[1] });
    });
}

#[test]
fn end_waits_for_an_event_of_the_intake() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        let publisher = process.in_thread(|process| matches!(process.queue.push(item(2)), Pushed::Queued));
        block_on(process.quiescence.ended());
        let ledger = process.queue.ledger();
        assert_eq!((process.quiescence.count(), ledger.accepted), (0, ledger.handled));
        let queued = publisher.join().unwrap();
        assert_eq!(ledger.accepted, 1 + u64::from(queued), "the ended count accepts nothing");
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(if queued { &[1, 2] } else { &[1] });
    });
}

#[test]
fn last_settlement_takes_an_event_that_its_handler_has_published() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let ends = process.in_thread(|process| block_on(process.quiescence.ended()));
        // This worker takes the only event, and its handler publishes through the intake.
        let mut delivery = process.take();
        process.push(2);
        process.push(3);
        assert!(delivery.settle_and_take().is_some() && delivery.settle_and_take().is_some());
        assert_eq!((delivery.event().number(), process.quiescence.count()), (3, 1));
        delivery.settle(Settlement::Handled);
        ends.join().unwrap();
        assert_eq!(process.queue.ledger().handled, 3);
    });
}

#[test]
fn settlement_without_a_take_leaves_an_event_of_the_intake_pending() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let ends = process.in_thread(|process| {
            block_on(process.quiescence.ended());
            process.queue.ledger().handled
        });
        let mut delivery = process.take();
        process.push(2);
        process.push(3);
        assert!(delivery.settle_and_take().is_some());
        // As a worker that ends its time slice.
        delivery.settle(Settlement::Handled);
        assert_eq!(process.quiescence.count(), 1);
        process.take().settle(Settlement::Handled);
        assert_eq!(ends.join().unwrap(), 3);
    });
}

#[test]
fn cancelled_wait_behind_an_event_of_the_intake_neither_loses_nor_doubles_an_event() {
    model(|| {
        let (process, stop) = (Process::new(2), Arc::new(Notify::new()));
        process.push(1);
        process.push(2);
        let quitter = process.in_thread_with(&stop, |process, stop| {
            let mut waiting = process.waiting(3);
            block_on(until(stop.notified(), waiting.run()));
            waiting.item.is_none() && waiting.cancel()
        });
        let publisher = process.in_thread_with(&stop, |process, stop| {
            stop.notify_one();
            matches!(process.queue.push(item(4)), Pushed::Queued)
        });
        let mut delivery = process.take();
        assert_eq!(delivery.event().number(), 1);
        assert!(delivery.settle_and_take().is_some());
        assert_eq!(delivery.event().number(), 2);
        let queued = [quitter.join().unwrap(), publisher.join().unwrap()];
        let count = queued.into_iter().filter(|queued| *queued).count();
        assert_eq!((process.queue.len(), process.queue.inbox().pending()), (count, 1 + count));
        let mut others = Vec::new();
        while delivery.settle_and_take().is_some() {
            others.push(delivery.event().number());
        }
        others.sort_unstable();
        let expected = [3, 4].into_iter().zip(queued).filter_map(|(number, queued)| queued.then_some(number));
        assert_eq!((others, process.quiescence.count()), (expected.collect(), 0));
    });
}

#[test]
fn snapshot_has_every_event_of_the_intake_whose_push_has_returned() {
    model(|| {
        let (process, pushed) = (Process::new(4), Arc::new(AtomicUsize::new(1)));
        process.push(1);
        let publisher = process.in_thread_with(&pushed, |process, pushed| {
            for number in 2..=3 {
                process.push(number);
                pushed.store(number as usize, Release);
            }
        });
        for _ in 0..2 {
            let returned = pushed.load(Acquire);
            let now = process.queue.snapshot();
            let queued = now.queued;
            assert!((returned..=3).contains(&queued), "{returned} returned, {now:?}");
            assert_eq!((now.bytes, now.ledger.accepted), (queued * (queued + 1) / 2, queued as u64));
        }
        publisher.join().unwrap();
        assert_eq!((process.queue.len(), process.queue.inbox().pending()), (3, 3));
    });
}

#[test]
fn intake_never_has_more_events_than_the_queue_has_capacity_for() {
    model(|| {
        let process = Process::new(2);
        process.push(1);
        let push =
            |number| move |process: &Process| matches!(process.queue.push(item(number)), Pushed::Queued);
        let publishers = [2, 3].map(|number| process.in_thread(push(number)));
        let now = process.queue.snapshot();
        assert!(now.queued <= 2, "{now:?}");
        let queued = publishers.map(|publisher| publisher.join().unwrap());
        assert!(queued[0] ^ queued[1], "{queued:?}");
        assert_eq!((process.queue.len(), process.queue.inbox().pending()), (2, 2));
    });
}

#[test]
fn renewed_grant_has_no_more_events_than_the_queue_has_capacity_for() {
    model(|| renew_a_grant(Bounds { events: 3, bytes: None }));
}

#[test]
fn renewed_grant_has_no_more_bytes_than_the_queue_has_capacity_for() {
    model(|| renew_a_grant(Bounds { events: 9, bytes: Some(3) }));
}

/// Handles some events of one byte each while a publisher pushes, and asserts that at most 3 are ever queued.
fn renew_a_grant(bounds: Bounds) {
    let process = Process::with(bounds, None);
    process.push(1);
    let publisher = process.in_thread(|process| {
        (0..6).filter(|_| matches!(process.queue.push(item(1)), Pushed::Queued)).count()
    });
    let mut delivery = process.take();
    let mut taken = 1;
    while taken < 3 && delivery.settle_and_take().is_some() {
        taken += 1;
    }
    assert!(process.queue.len() <= 3);
    let pushed = publisher.join().unwrap();
    let now = process.queue.snapshot();
    assert!(now.queued <= 3, "{now:?}");
    assert_eq!((now.queued, now.bytes), (1 + pushed - taken, now.queued));
}

#[test]
fn paused_worker_takes_no_event_of_the_intake_until_it_resumes() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        let publisher = process.in_thread(|process| process.push(2));
        process.queue.inbox().pause(true);
        let taken = || {
            let now = process.queue.snapshot();
            now.ledger.accepted - now.queued as u64
        };
        let before = taken();
        publisher.join().unwrap();
        assert_eq!(taken(), before);
        process.queue.inbox().pause(false);
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn abandoned_inbox_has_nothing_pending_in_its_intake() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        let publisher = process.in_thread(|process| process.push(2));
        process.queue.inbox().abandon();
        assert_eq!(process.queue.inbox().pending(), 0);
        publisher.join().unwrap();
        worker.join().unwrap();
        let now = process.queue.snapshot();
        assert_eq!((now.ledger.accepted, now.queued as u64 + now.ledger.handled), (2, 2));
        assert_eq!((process.queue.inbox().left().len(), process.quiescence.count()), (now.queued, 0));
    });
}

#[test]
fn drain_ends_after_every_event_of_the_intake() {
    model(|| {
        let process = Process::new(3);
        process.push(1);
        let worker = process.worker();
        let publisher = process.in_thread(|process| matches!(process.queue.push(item(2)), Pushed::Queued));
        process.queue.inbox().drain_until(crate::clock::instant());
        block_on(process.quiescence.ended());
        process.queue.close();
        let queued = publisher.join().unwrap();
        worker.join().unwrap();
        assert!(process.queue.inbox().left().is_empty());
        process.assert_handled(if queued { &[1, 2] } else { &[1] });
    });
}

#[test]
fn eviction_removes_the_oldest_event_and_not_one_of_the_intake() {
    model(|| {
        let process = Process::new(2);
        process.push(1);
        let publisher = process.in_thread(|process| match process.queue.push_evicting(item(2)) {
            Pushed::Queued => None,
            Pushed::Evicted(evicted, _) => Some(evicted[0].frame.number),
            refused => panic!("{refused:?}"),
        });
        let evicted = match process.queue.push_evicting(item(3)) {
            Pushed::Queued => None,
            Pushed::Evicted(evicted, _) => Some(evicted[0].frame.number),
            refused => panic!("{refused:?}"),
        };
        assert_eq!(evicted.xor(publisher.join().unwrap()), Some(1));
        assert_eq!(process.pop().unwrap() + process.pop().unwrap(), 2 + 3);
    });
}

#[test]
fn eviction_grants_no_capacity_that_a_waiting_publisher_gets() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(4);
        let waiting = process.in_thread(|process| process.push_waiting(1));
        for _ in 0..2 {
            let pushed = process.queue.push_evicting(item(2));
            assert!(matches!(pushed, Pushed::Queued | Pushed::Evicted(..)), "{pushed:?}");
        }
        // A snapshot in between would revoke the grant.
        let now = process.queue.snapshot();
        assert!(now.bytes <= 4, "{now:?}");
        assert!(process.pop().is_some() && waiting.join().unwrap());
    });
}

#[test]
fn worker_takes_from_two_queues_in_turn() {
    model(|| {
        let quiescence = Arc::new(Quiescence::default());
        let queue = || queue(Bounds { events: 4, bytes: None });
        let inbox = Inbox::new(vec![queue(), queue()], None, None, Arc::clone(&quiescence), None);
        let [first, second] = [0, 1].map(|port| Queue::of(Arc::clone(&inbox), port));
        first.open();
        second.open();
        for number in [1, 3, 5, 7] {
            assert!(matches!(first.push(item(number)), Pushed::Queued));
        }
        let mut delivery = Delivery::take(&inbox).unwrap();
        // The first push grants capacity, and the others are through the intake.
        for number in [2, 4, 6] {
            assert!(matches!(second.push(item(number)), Pushed::Queued));
        }
        let mut seen = vec![delivery.event().number()];
        while delivery.settle_and_take().is_some() {
            seen.push(delivery.event().number());
        }
        assert_eq!((seen, quiescence.count()), (vec![1, 2, 3, 4, 5, 6, 7], 0));
    });
}
