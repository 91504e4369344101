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
fn event_is_marked_as_queued_before_a_consumer_takes_it() {
    model(|| {
        let (process, queued) = (Process::full(), Arc::new(AtomicBool::new(false)));
        let waiting = process.in_thread_with(&queued, |process, queued| {
            block_on(process.queue.push_waiting(&mut Some(item(2)), Some(queued)));
        });
        assert_eq!((process.pop(), process.pop()), (Some(1), Some(2)));
        assert!(queued.load(Ordering::Relaxed));
        waiting.join().unwrap();
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
fn publisher_whose_capacity_another_took_gets_the_next_one() {
    model(|| {
        let process = Process::full();
        let waiting = process.in_thread(|process| assert!(process.push_waiting(2)));
        assert_eq!(process.pop(), Some(1));
        let left = match process.queue.push(item(3)) {
            Pushed::Queued => process.pop().unwrap() + process.pop().unwrap() - 3,
            _ => process.pop().unwrap(),
        };
        assert_eq!(left, 2);
        waiting.join().unwrap();
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
        let waiting = process.in_thread_with(&begun, |process, begun| {
            let mut slot = Some(item(2));
            block_on(notifying(begun, process.queue.push_waiting(&mut slot, None)));
            slot.is_none()
        });
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
            let mut slot = Some(item(2));
            block_on(until(stop.notified(), process.queue.push_waiting(&mut slot, None)));
            if slot.is_none() {
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
fn freed_bytes_go_to_a_later_publisher_whose_event_fits() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(1);
        process.push(3);
        let large = process.in_thread(|process| assert!(process.push_waiting(4)));
        let small = process.in_thread(|process| assert!(process.push_waiting(1)));
        assert_eq!(process.pop(), Some(1));
        small.join().unwrap();
        assert_eq!((process.pop(), process.pop()), (Some(3), Some(1)));
        large.join().unwrap();
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
