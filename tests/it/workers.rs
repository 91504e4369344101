//! Workers: they are made when events need them, up to the concurrency of the process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use triggers::{Result, Runtime, TriggerEvent};

use crate::common::{alive_tasks, gated, on, status};
use crate::until::until;

#[tokio::test(start_paused = true)]
async fn worker_is_made_for_an_event_that_finds_no_idle_one() -> Result {
    let before = alive_tasks();
    let gate = Arc::new(Notify::new());
    let config = on("e").concurrency(100_000);
    let runtime = Runtime::builder().process("p", config, gated(&gate)).start().await?;
    // One task of the process watches the clock.
    assert_eq!(alive_tasks(), before + 1);
    for running in 1..=5 {
        runtime.bus().emit("e", running).await?;
        until("it runs", || status(&runtime).in_flight == running).await;
        assert_eq!(alive_tasks() as u64, before as u64 + 1 + running);
    }
    for _ in 0..5 {
        gate.notify_one();
        tokio::task::yield_now().await;
    }
    until("all are handled", || status(&runtime).handled == 5).await;
    // An idle worker takes the next event.
    for handled in 6..100 {
        runtime.bus().emit("e", handled).await?;
        gate.notify_one();
        until("it is handled", || status(&runtime).handled == handled).await;
    }
    assert_eq!(alive_tasks(), before + 6);
    assert_eq!(runtime.shutdown().await.left, 0);
    assert_eq!(alive_tasks(), before);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_more_handlers_run_at_once_than_the_concurrency_allows() -> Result {
    let config = on("e").concurrency(3);
    let handler = |_: TriggerEvent| async { sleep(Duration::from_secs(1)).await };
    let runtime = Runtime::builder().process("p", config, handler).start().await?;
    let began = Instant::now();
    for n in 0..10 {
        runtime.bus().emit("e", n).await?;
    }
    runtime.shutdown().await;
    assert_eq!((status(&runtime).handled, began.elapsed()), (10, Duration::from_secs(4)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn events_that_were_queued_while_the_process_was_paused_get_workers() -> Result {
    for drains in [false, true] {
        let config = on("e").concurrency(2);
        let handler = |_: TriggerEvent| async { sleep(Duration::from_secs(1)).await };
        let runtime = Runtime::builder().process("p", config, handler).start().await?;
        runtime.pause("p")?;
        for n in 0..4 {
            runtime.bus().emit("e", n).await?;
        }
        sleep(Duration::from_secs(10)).await;
        assert_eq!(status(&runtime).triggers[0].queue_size, 4);
        let began = Instant::now();
        if !drains {
            runtime.resume("p")?;
        }
        runtime.shutdown().await;
        assert_eq!((status(&runtime).handled, began.elapsed()), (4, Duration::from_secs(2)));
    }
    Ok(())
}

/// The workers run on the tokio runtime of the start, whatever thread publishes.
#[tokio::test]
async fn publisher_without_the_tokio_runtime_of_the_process_gets_a_worker() -> Result {
    let handler = |_: TriggerEvent| async { sleep(Duration::from_millis(1)).await };
    let runtime = Runtime::builder().process("p", on("e").concurrency(2), handler).start().await?;
    let bus = runtime.bus();
    let publisher = std::thread::spawn(move || {
        let other = tokio::runtime::Builder::new_current_thread().build().expect("a tokio runtime");
        let sent = other.block_on(async { bus.emit("e", 1).await.map(drop) });
        // The other runtime ends before the event is handled.
        drop(other);
        sent
    });
    until("it is handled", || status(&runtime).handled == 1).await;
    publisher.join().expect("no panic")?;
    assert_eq!(runtime.shutdown().await.left, 0);
    Ok(())
}
