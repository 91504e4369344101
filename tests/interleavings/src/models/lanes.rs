//! Lanes: the events of one key are handled in order.

use std::rc::Rc;

use loom::cell::UnsafeCell;

use super::*;

/// State that a handler keeps for a key, without a lock. Loom reports it if two handlers access it at once.
type Own = Rc<UnsafeCell<()>>;

fn worker(process: &Process, own: &Own) -> JoinHandle<()> {
    let own = Rc::clone(own);
    process.in_thread(move |process| {
        process.work(|_| {
            own.with_mut(|_| ());
            Settlement::Handled
        });
    })
}

#[test]
fn workers_handle_events_of_one_key_in_order_and_all_end() {
    model(|| {
        let (process, own) = (Process::keyed(2), Own::default());
        let workers = [worker(&process, &own), worker(&process, &own)];
        process.push(1);
        process.push(2);
        process.queue.close();
        workers.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn settlement_wakes_another_worker_for_the_next_event_of_the_key() {
    model(|| {
        let (process, own) = (Process::keyed(2), Own::default());
        process.push(1);
        process.push(2);
        let worker = worker(&process, &own);
        // This thread settles one event and takes no other, as a worker that stops.
        if let Some(mut delivery) = Delivery::take(process.queue.inbox()) {
            own.with_mut(|_| ());
            process.seen.lock().unwrap().push(delivery.event().number());
            delivery.settle(Settlement::Handled);
        }
        // No push and no close follows, so only the settlement can wake the worker for the second event.
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn requeued_event_stays_ahead_of_later_events_of_its_key() {
    model(|| {
        let (process, own) = (Process::keyed(2), Own::default());
        process.push(1);
        process.push(2);
        let worker = worker(&process, &own);
        process.take_and_drop();
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn every_worker_ends_after_the_last_event_of_a_closed_queue() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        process.queue.close();
        // Two workers may wait while the third handles the first event. Its settlement wakes only one of them.
        let others = [process.worker(), process.worker()];
        process.work(|_| Settlement::Handled);
        others.into_iter().for_each(|thread| thread.join().unwrap());
        process.assert_handled(&[1, 2]);
    });
}
