//! Publishers that wait for capacity.

use super::*;

#[test]
fn publisher_that_waits_gets_the_next_capacity() {
    model(|| {
        let process = Process::new(1);
        let worker = process.worker();
        assert!(process.push_waiting(1));
        assert!(process.push_waiting(2));
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn two_waiting_publishers_get_capacity_one_after_the_other() {
    model(|| {
        let process = Process::full();
        let second = process.in_thread(|process| assert!(process.push_waiting(2)));
        let third = process.in_thread(|process| assert!(process.push_waiting(3)));
        assert_eq!(process.pop(), Some(1));
        assert_eq!(process.pop().unwrap() + process.pop().unwrap(), 2 + 3);
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn waiting_events_are_queued_in_the_order_of_their_arrival() {
    model(|| {
        let (process, begun) = (Process::full(), Arc::new(Notify::new()));
        let second = process.in_thread_with(&begun, |process, begun| {
            assert!(block_on(notifying(begun, process.waiting(2).run())));
        });
        block_on(begun.notified());
        let third = process.in_thread(|process| assert!(process.push_waiting(3)));
        assert_eq!([process.pop(), process.pop(), process.pop()], [Some(1), Some(2), Some(3)]);
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn push_does_not_overtake_a_waiting_event() {
    model(|| {
        let (process, begun) = (Process::full(), Arc::new(Notify::new()));
        let second = process.in_thread_with(&begun, |process, begun| {
            assert!(block_on(notifying(begun, process.waiting(2).run())));
        });
        block_on(begun.notified());
        let taker = process.in_thread(|process| assert_eq!(process.pop(), Some(1)));
        let pushed = matches!(process.queue.push(item(3)), Pushed::Queued);
        assert!(!pushed, "2 has taken the place of 1");
        taker.join().unwrap();
        assert_eq!(process.pop(), Some(2));
        second.join().unwrap();
    });
}

#[test]
fn each_take_wakes_one_waiting_publisher() {
    model(|| {
        let process = Process::new(2);
        process.push(1);
        process.push(2);
        let waiting = [3, 4].map(|number| process.in_thread(move |process| process.push_waiting(number)));
        assert_eq!((process.pop(), process.pop()), (Some(1), Some(2)));
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        assert_eq!(process.queue.len(), 2);
    });
}

#[test]
fn close_leaves_a_waiting_event_either_queued_or_with_its_publisher() {
    model(|| {
        let process = Process::full();
        let worker = process.worker();
        let closer = process.in_thread(|process| process.queue.close());
        let queued = process.push_waiting(2);
        closer.join().unwrap();
        worker.join().unwrap();
        process.assert_handled(if queued { &[1, 2] } else { &[1] });
    });
}

#[test]
fn close_ends_the_wait_of_a_publisher_without_a_consumer() {
    model(|| {
        let process = Process::full();
        let waiting = process.in_thread(|process| process.push_waiting(2));
        process.queue.close();
        assert!(!waiting.join().unwrap());
        assert_eq!((process.queue.len(), process.quiescence.count()), (1, 1));
    });
}

#[test]
fn publisher_notices_a_close_that_an_open_follows() {
    model(|| {
        let (process, begun) = (Process::full(), Arc::new(Notify::new()));
        let waiting = process
            .in_thread_with(&begun, |process, begun| block_on(notifying(begun, process.waiting(2).run())));
        block_on(begun.notified());
        process.queue.close();
        process.queue.open();
        assert!(!waiting.join().unwrap());
    });
}

#[test]
fn close_ends_a_wait_for_capacity_without_a_push() {
    model(|| {
        let process = Process::full();
        let looks = process.in_thread(|process| block_on(process.queue.capacity()));
        process.queue.close();
        looks.join().unwrap();
    });
}

#[test]
fn cancelled_publisher_passes_the_capacity_on() {
    model(|| {
        let (process, stop) = (Process::full(), Arc::new(Notify::new()));
        let quitter = process.in_thread_with(&stop, |process, stop| {
            let mut waiting = process.waiting(2);
            block_on(until(stop.notified(), waiting.run()));
            if waiting.cancel() {
                assert!(process.pop().is_some());
            }
        });
        let other = process.in_thread(|process| assert!(process.push_waiting(3)));
        assert!(process.pop().is_some());
        stop.notify_one();
        quitter.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn wait_for_capacity_without_a_push_leaves_the_capacity_to_a_publisher() {
    model(|| {
        let process = Process::full();
        let looks = process.in_thread(|process| block_on(process.queue.capacity()));
        let pushes = process.in_thread(|process| assert!(process.push_waiting(2)));
        assert_eq!(process.pop(), Some(1));
        pushes.join().unwrap();
        assert_eq!(process.pop(), Some(2));
        looks.join().unwrap();
    });
}

#[test]
fn freed_bytes_go_to_every_waiting_event_that_fits() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(4);
        let waiting = [1, 3].map(|bytes| process.in_thread(move |process| process.push_waiting(bytes)));
        assert_eq!(process.pop(), Some(4));
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        assert_eq!(process.queue.len(), 2);
    });
}

#[test]
fn large_event_keeps_its_turn_and_its_departure_lets_the_next_one_in() {
    model(|| {
        let (process, begun) = (Process::with(Bounds { events: 4, bytes: Some(4) }, None), Notify::new());
        process.push(1);
        process.push(2);
        let mut large = process.waiting(4);
        block_on(until(begun.notified(), notifying(&begun, large.run())));
        let small = process.in_thread(|process| assert!(process.push_waiting(1)));
        assert!(!large.cancel());
        small.join().unwrap();
        assert_eq!([process.pop(), process.pop(), process.pop()], [Some(1), Some(2), Some(1)]);
    });
}

#[test]
fn push_evicts_an_older_event_only_if_no_worker_took_it() {
    model(|| {
        let process = Process::new(1);
        let worker = process.worker();
        let push = |number| match process.queue.push_evicting(item(number)) {
            Pushed::Queued => 0,
            Pushed::Evicted(evicted, _) => evicted.len(),
            refused => panic!("{refused:?}"),
        };
        let evicted = push(1) + push(2);
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2][evicted..]);
        let now = process.queue.snapshot();
        assert_eq!((now.queued, now.ledger.dropped, process.quiescence.count()), (0, evicted as u64, 0));
    });
}

#[test]
fn eviction_of_a_larger_event_leaves_the_rest_to_a_waiting_publisher() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(4);
        let waiting = process.in_thread(|process| process.push_waiting(1));
        assert!(matches!(process.queue.push_evicting(item(2)), Pushed::Evicted(..)));
        assert!(waiting.join().unwrap());
        assert_eq!((process.queue.len(), process.queue.inbox().pending()), (2, 2));
    });
}
