//! Quiescence: the end of a cascade.

use super::*;

#[test]
fn queue_has_nothing_pending_at_the_end_and_accepts_nothing_after() {
    model(|| {
        let process = Process::new(2);
        let ends = process.in_thread(|process| {
            block_on(process.quiescence.ended());
            let ledger = process.queue.snapshot().ledger;
            assert_eq!((process.quiescence.count(), ledger.accepted), (0, ledger.handled));
            assert!(matches!(process.queue.push(item(3)), Pushed::Closed(_)));
        });
        if matches!(process.queue.push(item(1)), Pushed::Queued) {
            let mut first = process.take();
            // As a handler that publishes before its own event is settled.
            process.push(2);
            first.settle(Settlement::Handled);
            process.take().settle(Settlement::Handled);
        }
        ends.join().unwrap();
    });
}

#[test]
fn end_waits_for_an_event_that_a_handler_publishes_to_another_process() {
    model(|| {
        let first = Process::full();
        let second = first.beside();
        // As a handler that publishes before its worker settles its own event.
        let handler = {
            let second = second.clone();
            first.in_thread(move |first| {
                let mut delivery = first.take();
                second.push(2);
                assert!(delivery.settle_and_take().is_none());
            })
        };
        let worker = second.worker();
        block_on(first.quiescence.ended());
        assert_eq!((first.queue.snapshot().ledger.handled, second.queue.snapshot().ledger.handled), (1, 1));
        second.queue.close();
        handler.join().unwrap();
        worker.join().unwrap();
    });
}

#[test]
fn end_waits_for_an_event_that_a_worker_has_taken() {
    model(|| {
        let process = Process::new(1);
        let worker = process.worker();
        process.push(1);
        block_on(process.quiescence.ended());
        let ledger = process.queue.snapshot().ledger;
        assert_eq!((ledger.accepted, ledger.handled), (1, 1));
        process.queue.close();
        worker.join().unwrap();
        process.assert_handled(&[1]);
    });
}

#[test]
fn every_waiter_is_notified_of_the_end() {
    model(|| {
        let process = Process::full();
        let waiting = [(); 2].map(|()| process.in_thread(|process| block_on(process.quiescence.ended())));
        assert_eq!(process.pop(), Some(1));
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn end_does_not_wait_for_an_event_requeued_into_an_abandoned_inbox() {
    model(|| {
        let process = Process::full();
        let blocked = process.in_thread(Process::take_and_drop);
        process.queue.close();
        process.queue.inbox().abandon();
        blocked.join().unwrap();
        assert_eq!((process.queue.len(), process.quiescence.count()), (1, 0));
    });
}

#[test]
fn cancelled_wait_for_the_end_closes_nothing() {
    model(|| {
        let (process, stop) = (Process::full(), Arc::new(Notify::new()));
        let quitter = process.in_thread_with(&stop, |process, stop| {
            block_on(until(stop.notified(), process.quiescence.ended())).is_some()
        });
        stop.notify_one();
        assert_eq!(process.pop(), Some(1));
        let ended = quitter.join().unwrap();
        assert_eq!(matches!(process.queue.push(item(2)), Pushed::Closed(_)), ended);
    });
}
