//! How a runtime ends: after its drain, or at its deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;
use triggers::{
    Error, EventBus, Outcome, Overflow, ProcessConfig, ProcessState, Result, Runtime, Shutdown,
    TriggerConfig, TriggerEvent,
};

use crate::common::{alive_tasks, assert_balanced, config, hook, on, status};
use crate::http;
use crate::until::{block_until, until};

#[tokio::test(start_paused = true)]
async fn drain_finishes_a_running_cascade() -> Result {
    let bus = EventBus::new();
    let step = |next: Option<&'static str>| {
        move |_: TriggerEvent, bus: EventBus| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Some(next) = next {
                bus.emit(next, 1).await?;
            }
            Ok::<_, Error>(())
        }
    };
    let runtime = Runtime::builder()
        .bus(bus.clone())
        .process("a", config([TriggerConfig::event("a")]), step(Some("b")))
        .process("b", config([TriggerConfig::event("b")]), step(Some("c")))
        .process("c", config([TriggerConfig::event("c")]), step(None))
        .start()
        .await?;
    bus.emit("a", 1).await?;
    bus.emit("a", 2).await?;
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.dead_lettered, report.left), (6, 0, 0));
    assert_eq!(began.elapsed(), Duration::from_secs(4));
    assert_eq!(bus.emit("a", 3).await?.matched(), Some(0), "the runtime has left the bus");
    assert_eq!(runtime.status().processes[0].state, ProcessState::Stopped);
    assert_eq!(runtime.shutdown().await, report, "a second shutdown returns the same report");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_cancels_handlers_at_the_deadline_and_reports_what_is_left() -> Result {
    let runtime = Runtime::builder()
        .process("stuck", config([TriggerConfig::event("a")]), |_: TriggerEvent| std::future::pending::<()>())
        .process("quick", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_secs(5))
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("a", n).await?;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    assert_eq!((report.completed, report.dead_lettered, report.left), (3, 0, 3));
    let status = &runtime.status().processes[0];
    let trigger = &status.triggers[0];
    assert_eq!((status.in_flight, trigger.queue_size), (0, 3), "the cancelled event is requeued");
    assert_eq!((status.failed, status.dead_lettered), (0, 0), "a cancelled attempt is not a failure");
    Ok(())
}

/// The runtime is idle only between the end of one event and the next publication.
#[tokio::test(start_paused = true)]
async fn drain_ends_between_two_events_of_a_sequential_publisher() -> Result {
    let handled = Arc::new(Notify::new());
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::event("a")]), {
            let handled = handled.clone();
            move |_: TriggerEvent| {
                handled.notify_one();
                async {}
            }
        })
        .start()
        .await?;
    let bus = runtime.bus();
    let publisher = async {
        let mut published = 0;
        while bus.emit("a", 1).await.is_ok_and(|sent| sent.queued() > Some(0)) {
            handled.notified().await;
            published += 1;
            assert!(published < 1000, "the drain does not end");
        }
    };
    // The publisher is polled first, so there is another event each time that the drain checks.
    let ((), report) = tokio::join!(biased; publisher, runtime.shutdown());
    assert_eq!(report.left, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_cancels_a_handler_that_would_publish_after_the_deadline() -> Result {
    let gate = Arc::new(Notify::new());
    let runtime = Runtime::builder()
        .process("a", config([TriggerConfig::event("a")]), {
            let gate = gate.clone();
            move |_: TriggerEvent, bus: EventBus| {
                let gate = gate.clone();
                async move {
                    gate.notified().await;
                    bus.emit("b", 1).await.map(drop)
                }
            }
        })
        .process("b", config([TriggerConfig::event("b")]), |_: TriggerEvent| async {})
        .drain_deadline(Duration::from_millis(10))
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    let (report, ()) = tokio::join!(runtime.shutdown(), async {
        // Between two ticks of tokio's timers: an expired timeout fires only at the next tick.
        tokio::time::advance(Duration::from_micros(10_500)).await;
        gate.notify_one();
    });
    let [a, b] = &report.processes[..] else { panic!("two processes") };
    assert_eq!((a.completed, a.left, b.completed), (0, 1, 0), "{report}");
    Ok(())
}

/// A handler that does not await goes on after its cancellation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_stay_open_until_every_cancelled_handler_has_ended() -> Result {
    struct Cancelled(Arc<AtomicBool>);
    impl Drop for Cancelled {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (begun, cancelled) = (Arc::new(AtomicUsize::new(0)), Arc::<AtomicBool>::default());
    let runtime = Runtime::builder()
        .process("blocks", config([TriggerConfig::event("a")]), {
            let (begun, cancelled) = (begun.clone(), cancelled.clone());
            move |_: TriggerEvent, bus: EventBus| {
                let (begun, cancelled) = (begun.clone(), cancelled.clone());
                async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    block_until("a cancelled handler", || cancelled.load(Ordering::SeqCst));
                    bus.emit("b", 1).await.map(drop)
                }
            }
        })
        .process("waits", config([TriggerConfig::event("b")]), {
            let begun = begun.clone();
            move |_: TriggerEvent| {
                let held = Cancelled(cancelled.clone());
                begun.fetch_add(1, Ordering::SeqCst);
                async move {
                    let _held = held;
                    std::future::pending::<()>().await;
                }
            }
        })
        .drain_deadline(Duration::from_millis(10))
        .start()
        .await?;
    runtime.bus().emit("b", 0).await?;
    runtime.bus().emit("a", 0).await?;
    until("2 events in flight", || begun.load(Ordering::SeqCst) == 2).await;
    let report = runtime.shutdown().await;
    let [blocks, waits] = &report.processes[..] else { panic!("two processes") };
    assert_eq!((blocks.completed, waits.left), (1, 2), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_worker_starts_an_event_that_an_aborted_worker_requeued() -> Result {
    for _ in 0..50 {
        let begun = Arc::new(AtomicUsize::new(0));
        let config = config([TriggerConfig::event("a")]).concurrency(64);
        let runtime = Runtime::builder()
            .process("p", config, {
                let begun = begun.clone();
                move |_: TriggerEvent| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>()
                }
            })
            .drain_deadline(Duration::from_millis(1))
            .start()
            .await?;
        runtime.bus().emit("a", 1).await?;
        let report = runtime.shutdown().await;
        assert_eq!(report.left, 1);
        assert!(begun.load(Ordering::SeqCst) <= 1, "{report}");
        assert!(report.processes[0].stuck <= 1, "{report}");
    }
    Ok(())
}

/// Tokio aborts a task only at an await, and this handler never awaits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_take_no_event_after_the_deadline() -> Result {
    let handled = Arc::new(AtomicUsize::new(0));
    let config = ProcessConfig::new().trigger(TriggerConfig::event("a"));
    let runtime = Runtime::builder()
        .process("busy", config, {
            let handled = handled.clone();
            move |_: TriggerEvent| {
                handled.fetch_add(1, Ordering::SeqCst);
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(5) {}
                async {}
            }
        })
        .drain_deadline(Duration::from_millis(20))
        .start()
        .await?;
    for n in 0..100 {
        runtime.bus().emit("a", n).await?;
    }
    let report = runtime.shutdown().await;
    let status = runtime.status().processes.remove(0);
    assert!(report.left > 0, "the deadline came before the last event");
    until("the end of all tasks", || alive_tasks() == 0).await;
    // At most the event that was in flight when the report was made has completed since.
    let handled = handled.load(Ordering::SeqCst);
    assert!((100..=101).contains(&(report.left + handled)), "{report}, {handled} handled");
    assert!(status.handled <= handled as u64);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn second_shutdown_continues_a_cancelled_drain() -> Result {
    let runtime = Runtime::builder()
        .process("slow", config([TriggerConfig::event("a")]), |_: TriggerEvent| {
            tokio::time::sleep(Duration::from_secs(3))
        })
        .drain_deadline(Duration::from_secs(10))
        .start()
        .await?;
    for n in 0..5 {
        runtime.bus().emit("a", n).await?;
    }
    let began = Instant::now();
    assert!(tokio::time::timeout(Duration::from_secs(4), runtime.shutdown()).await.is_err());
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(10), "the deadline of the first call");
    assert_eq!((report.completed, report.left), (3, 2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_without_a_deadline_waits_for_every_handler() -> Result {
    let runtime = Runtime::builder()
        .process("slow", config([TriggerConfig::event("a")]), |_: TriggerEvent| {
            tokio::time::sleep(Duration::from_secs(86_400))
        })
        .drain_deadline(Duration::MAX)
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    assert_eq!(runtime.shutdown().await.completed, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_notifies_handlers_through_shutdown() -> Result {
    let runtime = Runtime::builder()
        .process("long", config([TriggerConfig::event("a")]), |shutdown: Shutdown| async move {
            assert!(!shutdown.is_cancelled());
            shutdown.cancelled().await;
        })
        .start()
        .await?;
    runtime.bus().emit("a", 1).await?;
    until("an event in flight", || runtime.status().processes[0].in_flight > 0).await;
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.completed, 1);
    assert_eq!(began.elapsed(), Duration::ZERO);
    Ok(())
}

#[tokio::test]
async fn webhook_answers_503_during_the_drain_and_closes_its_port_after() -> Result {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let runtime = Runtime::builder()
        .process("in", hook("/in"), {
            let (entered, gate) = (entered.clone(), gate.clone());
            move |_: TriggerEvent| {
                let (entered, gate) = (entered.clone(), gate.clone());
                async move {
                    entered.notify_one();
                    gate.notified().await;
                }
            }
        })
        .start()
        .await?;
    let address = runtime.local_addr("webhook-0/in").expect("an address");
    assert_eq!(http::post(address, "/in", "1").await.status, 202);
    entered.notified().await;
    let (report, ()) = tokio::join!(runtime.shutdown(), async {
        tokio::task::yield_now().await;
        let answer = http::post(address, "/in", "2").await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (503, json!("stopping")));
        assert!(answer.header("retry-after").is_some());
        let health = http::get(address, "/health").await;
        assert_eq!((health.status, health.json()["status"].clone()), (503, json!("stopping")));
        assert_eq!(runtime.status().processes[0].state, ProcessState::Draining);
        gate.notify_one();
    });
    assert_eq!((report.completed, report.left), (1, 0));
    assert_eq!(runtime.local_addr("webhook-0/in"), None);
    // The client of another test may have the free port by now, so this test does not bind it.
    assert!(http::Client::try_connect(address).await.is_err(), "the port is closed");
    Ok(())
}

/// The first process ends later than the second, as it has a port to close.
#[tokio::test]
async fn report_lists_processes_in_the_order_of_their_declarations() -> Result {
    let runtime = Runtime::builder()
        .process("first", hook("/in"), |_: TriggerEvent| async {})
        .process("second", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
        .start()
        .await?;
    let report = runtime.shutdown().await;
    let names: Vec<_> = report.processes.iter().map(|report| report.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    Ok(())
}

/// The drain does not wait for the retries that hold the capacity, so the queue stays full.
#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_a_publisher_behind_expired_retries() -> Result {
    let later = config([TriggerConfig::event("later").queue(1).overflow(Overflow::Wait)]).retry(1);
    let runtime = Runtime::builder()
        .process("later", later, |_: TriggerEvent| async { Outcome::Retry(Duration::from_secs(3600)) })
        .process("now", on("now"), |bus: EventBus| async move { bus.emit("later", 1).await.map(drop) })
        .start()
        .await?;
    for event_type in ["later", "now"] {
        runtime.bus().emit(event_type, 1).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((report.completed, report.dead_lettered, report.left), (1, 0, 1));
    runtime.status().processes.iter().for_each(assert_balanced);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_counts_handlers_that_end_when_the_drain_begins() -> Result {
    for _ in 0..100 {
        let config = on("e").concurrency(4);
        let runtime = Runtime::builder()
            .process("p", config, |shutdown: Shutdown| async move { shutdown.cancelled().await })
            .start()
            .await?;
        for n in 0..4 {
            runtime.bus().emit("e", n).await?;
        }
        until("4 events in flight", || status(&runtime).in_flight >= 4).await;
        assert_eq!(runtime.shutdown().await.completed, 4);
    }
    Ok(())
}

/// A program may end its runtime from a task.
#[tokio::test(start_paused = true)]
async fn shutdown_and_changes_run_in_a_spawned_task() -> Result {
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let names = vec!["p".to_owned()];
    let ended = tokio::spawn(async move {
        for name in &names {
            runtime.remove_process(name).await.expect("a process");
        }
        runtime.add_process("q", on("e"), |_: TriggerEvent| async {}).await.expect("a sound process");
        runtime.shutdown().await
    });
    assert_eq!(ended.await?.left, 0);
    Ok(())
}
