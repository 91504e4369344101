//! Events of one key.

use std::rc::Rc;

use loom::cell::UnsafeCell;

use super::*;

/// What a handler keeps for a key, without a lock. Loom says so if two touch it at once.
type Own = Rc<UnsafeCell<()>>;

fn worker(process: &Process, own: &Own) -> JoinHandle<()> {
    let own = Rc::clone(own);
    process.aside(move |process| {
        process.work(|_| {
            own.with_mut(|_| ());
            Settlement::Handled
        });
    })
}

#[test]
fn events_of_one_key_are_handled_one_after_the_other_and_nobody_sleeps_for_ever() {
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
fn an_event_is_taken_by_another_worker_than_the_one_that_made_way_for_it() {
    model(|| {
        let (process, own) = (Process::keyed(2), Own::default());
        process.push(1);
        process.push(2);
        let worker = worker(&process, &own);
        // Ends its life with the event that it took, as one that is told to stop.
        if let Taken::Event(mut delivery) = process.queue.inbox().take() {
            own.with_mut(|_| ());
            process.seen.lock().unwrap().push(delivery.event().number());
            delivery.settle(Settlement::Handled);
        }
        // Nobody pushes and nobody closes, so the worker hears of the second event from the settlement alone.
        block_on(process.quiescence.ended());
        process.queue.close();
        worker.join().unwrap();
        assert_eq!(process.seen(), [1, 2]);
        process.assert_handled(&[1, 2]);
    });
}

#[test]
fn an_event_that_is_given_back_stays_before_those_of_its_key() {
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
fn the_last_event_of_a_closed_queue_ends_every_worker() {
    model(|| {
        let process = Process::keyed(2);
        process.push(1);
        process.push(2);
        process.queue.close();
        // Two of them may wait for the third, which tells only one of them that the second event can be taken.
        let others = [process.worker(), process.worker()];
        process.work(|_| Settlement::Handled);
        others.into_iter().for_each(|thread| thread.join().unwrap());
        process.assert_handled(&[1, 2]);
    });
}
