//! Triggers that a program brings itself, in a runtime.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use triggers::{Result, Runtime, Trigger, TriggerConfig, TriggerError, TriggerEvent, TriggerStatus};

use crate::http;
use crate::process::on;
use crate::runtime::config;

#[tokio::test]
async fn trigger_of_the_program_that_fails_to_start_takes_everything_down() -> Result {
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
async fn trigger_of_the_program_that_has_started_is_stopped_when_another_does_not() {
    let numbers = Numbers::default();
    let started = Runtime::builder()
        .process("p", config([]), |_: TriggerEvent| async {})
        .process("q", config([]), |_: TriggerEvent| async {})
        .trigger("p", numbers.clone())
        .trigger("q", Numbers { broken: true, ..Numbers::default() })
        .start()
        .await;
    assert!(started.is_err());
    assert!(numbers.waiting.lock().expect("the numbers").1, "it was told to stop");
}

/// It posts to a webhook of its own runtime while that starts, and then keeps it from starting.
#[derive(Clone)]
struct PostsTooEarly(SocketAddr);

impl Trigger for PostsTooEarly {
    fn id(&self) -> &str {
        "early"
    }

    async fn start(&self) -> Result<(), TriggerError> {
        let second = Duration::from_secs(1);
        match tokio::time::timeout(second, http::post(self.0, "/x", "1")).await {
            Ok(answer) => Err(TriggerError::failed(format!("it was answered {}", answer.status))),
            Err(_) => Err(TriggerError::failed("nobody answered")),
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
async fn no_request_is_answered_before_everything_has_started() -> Result {
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
    assert!(said.contains("nobody answered"), "{said}");
    TcpListener::bind(address)?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn trigger_of_the_program_that_keeps_failing_does_not_hold_the_drain() -> Result {
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
async fn trigger_of_the_program_drives_a_process() -> Result {
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
            "what waits in it is drained too"
        );
    }
    let status = runtime.status().processes.remove(0);
    assert_eq!((status.handled, status.triggers[1].accepted), (9, 9));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn trigger_of_the_program_that_fails_is_asked_again() -> Result {
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
        assert!(began.elapsed() < Duration::from_secs(5), "it is never asked again");
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "a second after each failure");
    runtime.shutdown().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_goes_on_with_its_other_triggers_when_one_of_the_program_has_stopped() -> Result {
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
async fn what_a_trigger_of_the_program_still_holds_at_the_deadline_is_left() -> Result {
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
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    assert_eq!(
        (report.completed, report.left),
        (0, 10),
        "one in the handler, one in its queue, eight in the trigger"
    );
    assert_eq!(numbers.waiting.lock().expect("the numbers").0.len(), 8);
    Ok(())
}

/// A trigger as a program might bring it: numbers, pushed by hand.
#[derive(Clone, Default)]
pub(crate) struct Numbers {
    waiting: Arc<Mutex<(VecDeque<u32>, bool)>>,
    changed: Arc<Notify>,
    broken: bool,
    /// How often waiting still fails.
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
async fn trigger_whose_stop_panics_does_not_end_the_drain() -> Result {
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
