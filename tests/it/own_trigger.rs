//! Custom triggers in a runtime.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use triggers::{Result, Runtime, Trigger, TriggerConfig, TriggerError, TriggerEvent, TriggerStatus};

use crate::common::{alive_tasks, config, on};
use crate::http;

#[tokio::test]
async fn custom_trigger_that_fails_to_start_fails_the_start_of_the_runtime() -> Result {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let started = Runtime::builder()
        .process(
            "p",
            config([TriggerConfig::webhook("/x", port).host("127.0.0.1")]),
            |_: TriggerEvent| async {},
        )
        .trigger("p", Numbers { broken: true, ..Numbers::default() })
        .start()
        .await;
    let said = started.expect_err("a start that fails").to_string();
    assert!(said.contains("`p` at tests/it/own_trigger.rs:") && said.contains("no numbers left"), "{said}");
    TcpListener::bind(("127.0.0.1", port))?;
    Ok(())
}

#[tokio::test]
async fn failed_start_stops_a_custom_trigger_that_had_started() {
    let numbers = Numbers::default();
    let started = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .process("q", config([]), |_: TriggerEvent| async {})
        .trigger("p", numbers.clone())
        .trigger("q", Numbers { broken: true, ..Numbers::default() })
        .start()
        .await;
    assert!(started.is_err());
    assert!(numbers.waiting.lock().expect("the numbers").1, "the runtime stopped the trigger");
}

/// A trigger that posts to a webhook of its runtime during the start, and then fails the start.
#[derive(Clone)]
struct PostsTooEarly(SocketAddr);

impl Trigger for PostsTooEarly {
    fn id(&self) -> &str {
        "early"
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let second = Duration::from_secs(1);
        match tokio::time::timeout(second, http::post(self.0, "/x", "1")).await {
            Ok(answer) => Err(TriggerError::failed(format!("the server answered {}", answer.status))),
            Err(_) => Err(TriggerError::failed("the server did not answer")),
        }
    }

    async fn stop(&self) {}

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        Err(TriggerError::Stopped)
    }

    fn status(&self) -> TriggerStatus {
        TriggerStatus::new("early")
    }
}

#[tokio::test(start_paused = true)]
async fn webhook_answers_no_request_before_every_trigger_has_started() -> Result {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let started = Runtime::builder()
        .process(
            "p",
            config([TriggerConfig::webhook("/x", address.port()).host("127.0.0.1")]),
            |_: TriggerEvent| async {},
        )
        .trigger("p", PostsTooEarly(address))
        .start()
        .await;
    let said = started.expect_err("a start that fails").to_string();
    assert!(said.contains("the server did not answer"), "{said}");
    TcpListener::bind(address)?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn drain_does_not_wait_for_a_custom_trigger_that_keeps_failing() -> Result {
    let runtime = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .trigger("p", Numbers { failures: Arc::new(AtomicUsize::new(usize::MAX)), ..Numbers::default() })
        .start()
        .await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let began = Instant::now();
    assert_eq!(runtime.shutdown().await.left, 0);
    assert!(began.elapsed() < Duration::from_secs(1));
    Ok(())
}

#[tokio::test]
async fn process_handles_the_events_of_a_custom_trigger() -> Result {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let numbers = Numbers::default();
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::event("a")]), move |event: TriggerEvent| {
            let sender = sender.clone();
            async move { drop(sender.send((event.trigger_id().to_owned(), event.payload().clone()))) }
        })
        .trigger("p", numbers.clone())
        .start()
        .await?;
    numbers.push(1);
    numbers.push(2);
    assert_eq!(seen.recv().await, Some(("numbers".to_owned(), json!(1))));
    for n in 3..10 {
        numbers.push(n);
    }
    let report = runtime.shutdown().await;
    assert_eq!((report.dead_lettered, report.left), (0, 0));
    for n in 2..10 {
        assert_eq!(
            seen.recv().await,
            Some(("numbers".to_owned(), json!(n))),
            "the drain takes the events that the trigger holds"
        );
    }
    let status = runtime.status().processes.remove(0);
    assert_eq!((status.handled, status.triggers[1].accepted), (9, 9));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runtime_polls_a_custom_trigger_again_a_second_after_it_failed() -> Result {
    let numbers = Numbers { failures: Arc::new(AtomicUsize::new(3)), ..Numbers::default() };
    let runtime = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .trigger("p", numbers.clone())
        .start()
        .await?;
    numbers.push(1);
    let began = Instant::now();
    while runtime.status().processes[0].handled == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "the runtime does not poll the trigger again");
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "a second after each failure");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_continues_with_its_other_triggers_when_a_custom_trigger_stops() -> Result {
    let numbers = Numbers::default();
    let runtime = Runtime::builder()
        .process("p", config([TriggerConfig::event("a")]), |_: TriggerEvent| async {})
        .trigger("p", numbers.clone())
        .start()
        .await?;
    numbers.push(1);
    numbers.stop().await;
    for handled in 2..4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        runtime.bus().emit("a", 1).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(runtime.status().processes[0].handled, handled);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn report_counts_events_in_a_custom_trigger_as_left_at_the_deadline() -> Result {
    let numbers = Numbers::default();
    let runtime = Runtime::builder()
        .process("stuck", config([]), |_: TriggerEvent| std::future::pending::<()>())
        .trigger("stuck", numbers.clone())
        .start()
        .await?;
    for n in 0..10 {
        numbers.push(n);
    }
    let began = Instant::now();
    let report = runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert_eq!(alive_tasks(), 0);
    assert_eq!(
        (report.completed, report.left),
        (0, 10),
        "one in the handler, one in its queue, eight in the trigger"
    );
    assert_eq!(numbers.waiting.lock().expect("the numbers").0.len(), 8);
    Ok(())
}

/// A custom trigger, whose numbers the test pushes.
#[derive(Clone, Default)]
pub(crate) struct Numbers {
    waiting: Arc<Mutex<(VecDeque<u32>, bool)>>,
    changed: Arc<Notify>,
    broken: bool,
    /// The number of waits that still fail.
    failures: Arc<AtomicUsize>,
}

impl Numbers {
    fn push(&self, number: u32) {
        self.waiting.lock().expect("the numbers").0.push_back(number);
        self.changed.notify_one();
    }
}

impl Trigger for Numbers {
    fn id(&self) -> &str {
        "numbers"
    }

    async fn start(&self) -> Result<(), TriggerError> {
        if self.broken { Err(TriggerError::failed("no numbers left")) } else { Ok(()) }
    }

    async fn stop(&self) {
        self.waiting.lock().expect("the numbers").1 = true;
        self.changed.notify_one();
    }

    async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
        match self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(2) => panic!("worse than a hiccup"),
            Ok(_) => return Err(TriggerError::failed("a hiccup")),
            Err(_) => {}
        }
        loop {
            let (number, stopped) = {
                let mut waiting = self.waiting.lock().expect("the numbers");
                (waiting.0.pop_front(), waiting.1)
            };
            match number {
                Some(number) => return Ok(TriggerEvent::new("numbers", number.to_string(), Map::new())),
                None if stopped => return Err(TriggerError::Stopped),
                None => self.changed.notified().await,
            }
        }
    }

    fn status(&self) -> TriggerStatus {
        let mut status = TriggerStatus::new("numbers");
        status.queue_size = self.waiting.lock().expect("the numbers").0.len();
        status
    }
}

#[tokio::test(start_paused = true)]
async fn panic_in_the_stop_of_a_custom_trigger_does_not_end_the_drain() -> Result {
    struct Own;
    impl Trigger for Own {
        fn id(&self) -> &str {
            "own"
        }

        async fn start(&self) -> Result<(), TriggerError> {
            Ok(())
        }

        async fn stop(&self) {
            panic!("it will not stop");
        }

        async fn wait_for_next(&self) -> Result<TriggerEvent, TriggerError> {
            std::future::pending().await
        }

        fn status(&self) -> TriggerStatus {
            TriggerStatus::new("own")
        }
    }
    let runtime = Runtime::builder()
        .process("p", on("e"), |_: TriggerEvent| async {})
        .trigger("p", Own)
        .drain_deadline(Duration::from_secs(5))
        .start()
        .await?;
    runtime.bus().emit("e", 1).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.completed, report.left), (1, 0));
    Ok(())
}
