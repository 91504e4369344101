//! Those who wait for room.

use super::*;

#[test]
fn one_who_waits_for_room_learns_of_it() {
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
fn two_who_wait_for_room_get_it_one_after_the_other() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let second = process.aside(|process| assert!(process.push_waiting(2)));
        let third = process.aside(|process| assert!(process.push_waiting(3)));
        assert_eq!(process.pop(), Some(1));
        assert_eq!(process.pop().unwrap() + process.pop().unwrap(), 2 + 3);
        second.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn an_event_is_said_to_be_queued_before_anyone_has_taken_it() {
    model(|| {
        let (process, queued) = (Process::new(1), Arc::new(AtomicBool::new(false)));
        process.push(1);
        let waiting = {
            let queued = Arc::clone(&queued);
            process.aside(move |process| {
                let mut slot = Some(item(2));
                block_on(process.queue.push_waiting(&mut slot, Some(&queued)));
            })
        };
        assert_eq!((process.pop(), process.pop()), (Some(1), Some(2)));
        assert!(queued.load(Ordering::Relaxed));
        waiting.join().unwrap();
    });
}

#[test]
fn each_event_that_leaves_wakes_one_who_waits_for_room() {
    model(|| {
        let process = Process::new(2);
        process.push(1);
        process.push(2);
        let waiting = [3, 4].map(|number| process.aside(move |process| process.push_waiting(number)));
        assert_eq!((process.pop(), process.pop()), (Some(1), Some(2)));
        assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        assert_eq!(process.queue.len(), 2);
    });
}

#[test]
fn one_whose_room_another_has_taken_is_told_of_the_next() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let waiting = process.aside(|process| assert!(process.push_waiting(2)));
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
fn an_event_whose_wait_a_close_ends_was_queued_or_is_given_back() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let worker = process.worker();
        let closer = process.aside(|process| process.queue.close());
        let queued = process.push_waiting(2);
        closer.join().unwrap();
        worker.join().unwrap();
        process.assert_handled(if queued { &[1, 2] } else { &[1] });
    });
}

#[test]
fn a_close_ends_the_wait_for_room_that_nobody_makes() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let waiting = process.aside(|process| process.push_waiting(2));
        process.queue.close();
        assert!(!waiting.join().unwrap());
        assert_eq!((process.queue.len(), process.quiescence.count()), (1, 1));
    });
}

#[test]
fn a_close_that_is_followed_by_an_open_ends_the_wait_for_room_all_the_same() {
    model(|| {
        let (process, begun) = (Process::new(1), Arc::new(Notify::new()));
        process.push(1);
        let waiting = {
            let begun = Arc::clone(&begun);
            process.aside(move |process| {
                let mut slot = Some(item(2));
                block_on(telling(&begun, process.queue.push_waiting(&mut slot, None)));
                slot.is_none()
            })
        };
        block_on(begun.notified());
        process.queue.close();
        process.queue.open();
        assert!(!waiting.join().unwrap());
    });
}

#[test]
fn a_close_ends_the_look_for_room() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let looks = process.aside(|process| block_on(process.queue.capacity()));
        process.queue.close();
        looks.join().unwrap();
    });
}

#[test]
fn one_who_gives_up_the_wait_keeps_no_room_to_himself() {
    model(|| {
        let (process, stop) = (Process::new(1), Arc::new(Notify::new()));
        process.push(1);
        let quitter = {
            let stop = Arc::clone(&stop);
            process.aside(move |process| {
                let mut slot = Some(item(2));
                block_on(until(stop.notified(), process.queue.push_waiting(&mut slot, None)));
                if slot.is_none() {
                    assert!(process.pop().is_some());
                }
            })
        };
        let other = process.aside(|process| assert!(process.push_waiting(3)));
        assert!(process.pop().is_some());
        stop.notify_one();
        quitter.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn one_who_only_looks_for_room_leaves_it_to_the_others() {
    model(|| {
        let process = Process::new(1);
        process.push(1);
        let looks = process.aside(|process| block_on(process.queue.capacity()));
        let pushes = process.aside(|process| assert!(process.push_waiting(2)));
        assert_eq!(process.pop(), Some(1));
        pushes.join().unwrap();
        assert_eq!(process.pop(), Some(2));
        looks.join().unwrap();
    });
}

#[test]
fn bytes_that_leave_make_room_for_another_than_the_first_who_waits() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(1);
        process.push(3);
        let large = process.aside(|process| assert!(process.push_waiting(4)));
        let small = process.aside(|process| assert!(process.push_waiting(1)));
        assert_eq!(process.pop(), Some(1));
        small.join().unwrap();
        assert_eq!((process.pop(), process.pop()), (Some(3), Some(1)));
        large.join().unwrap();
    });
}

#[test]
fn a_newer_event_takes_the_place_of_an_older_one_only_if_nobody_took_that() {
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
fn an_event_that_took_the_place_of_a_larger_one_leaves_the_rest_to_one_who_waits() {
    model(|| {
        let process = Process::with(Bounds { events: 4, bytes: Some(4) }, None);
        process.push(4);
        let waiting = process.aside(|process| process.push_waiting(1));
        assert!(matches!(process.queue.push_evicting(item(2)), Pushed::Evicted(..)));
        assert!(waiting.join().unwrap());
        assert_eq!((process.queue.len(), process.queue.inbox().pending()), (2, 2));
    });
}
