//! The handle to a runtime: as a value of the program, and as an argument of a handler.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use triggers::{
    Context, FromTrigger, ProcessState, PublishError, RejectionKind, Result, Runtime, RuntimeHandle,
    RuntimeState, State, Text, TriggerConfig, TriggerEvent,
};

use crate::common::{alive_tasks, config, gated, hook, on};
use crate::until::until;

/// Returns the names and states of the processes.
fn states(handle: &RuntimeHandle) -> Vec<(String, ProcessState)> {
    handle.status().processes.into_iter().map(|process| (process.name, process.state)).collect()
}

#[tokio::test(start_paused = true)]
async fn handler_pauses_and_resumes_another_process_through_its_argument() -> Result {
    let switch = |Text(command): Text, runtime: RuntimeHandle| async move {
        match command.as_str() {
            "pause" => runtime.pause("mail")?,
            _ => runtime.resume("mail")?,
        }
        Ok::<_, triggers::Error>(())
    };
    let runtime = Runtime::builder()
        .process("mail", on("mail"), |_: TriggerEvent| async {})
        .process("switch", on("switch"), switch)
        .start()
        .await?;
    let mail = || runtime.status().processes.remove(0);
    runtime.bus().emit("switch", "pause").await?;
    until("the pause", || mail().state == ProcessState::Paused).await;
    runtime.bus().emit("mail", 1).await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((mail().handled, mail().triggers[0].queue_size), (0, 1));
    runtime.bus().emit("switch", "resume").await?;
    until("the handled event", || mail().handled == 1).await;
    assert_eq!(mail().state, ProcessState::Running);
    assert_eq!(runtime.status().processes[1].failed, 0);
    Ok(())
}

#[tokio::test]
async fn handle_reads_what_its_runtime_reads() -> Result {
    let runtime = Runtime::builder()
        .process("hook", hook("/x"), |_: TriggerEvent| async {})
        .process("message", config([TriggerConfig::message("m")]), |_: TriggerEvent| async {})
        .process("reject", on("e"), |_: TriggerEvent| async { triggers::Outcome::reject("no") })
        .start()
        .await?;
    let handle = runtime.handle();
    assert!(handle.local_addr("webhook-0/x").is_some());
    assert_eq!(handle.local_addr("webhook-0/x"), runtime.local_addr("webhook-0/x"));
    assert_eq!(handle.describe(), runtime.describe());
    assert_eq!(handle.broker().publish("m", 1).await?.matched(), Some(1));
    assert_eq!(handle.bus().emit("e", 1).await?.matched(), Some(1));
    until("the dead letter", || handle.status().processes[2].dead_lettered == 1).await;
    assert_eq!(handle.dead_letters().len().await, 1);
    runtime.add_process("late", on("late"), |_: TriggerEvent| async {}).await?;
    assert_eq!(states(&handle.clone())[3], ("late".to_owned(), ProcessState::Running));
    let error = handle.pause("hok").expect_err("no such process").to_string();
    assert!(error.contains("did you mean `hook`?"), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn state_follows_the_drain() -> Result {
    let gate = Arc::new(Notify::new());
    let runtime = Runtime::builder().process("p", on("e"), gated(&gate)).start().await?;
    let handle = runtime.handle();
    assert_eq!(handle.state(), RuntimeState::Running);
    handle.bus().emit("e", 1).await?;
    until("an event in flight", || handle.status().processes[0].in_flight == 1).await;
    let limit = Duration::from_secs(1);
    assert!(tokio::time::timeout(limit, runtime.shutdown()).await.is_err(), "a handler runs");
    assert_eq!(handle.state(), RuntimeState::Draining);
    handle.pause("p")?;
    assert_eq!(states(&handle), [("p".to_owned(), ProcessState::Draining)]);
    gate.notify_one();
    assert_eq!(runtime.shutdown().await.completed, 1);
    assert_eq!(handle.state(), RuntimeState::Stopped);
    handle.pause("p")?;
    handle.resume("p")?;
    assert_eq!(states(&handle), [("p".to_owned(), ProcessState::Stopped)]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn state_is_draining_while_the_handlers_are_cancelled() -> Result {
    let seen = Arc::new(std::sync::Mutex::new(None));
    struct Look(RuntimeHandle, Arc<std::sync::Mutex<Option<RuntimeState>>>);
    impl Drop for Look {
        fn drop(&mut self) {
            self.1.lock().expect("the state").replace(self.0.state());
        }
    }
    let stuck = |runtime: RuntimeHandle, State(seen): State<Arc<std::sync::Mutex<_>>>| async move {
        let _look = Look(runtime, seen);
        std::future::pending::<()>().await;
    };
    let runtime = Runtime::builder().state(seen.clone()).process("p", on("e"), stuck).start().await?;
    runtime.bus().emit("e", 1).await?;
    until("an event in flight", || runtime.status().processes[0].in_flight == 1).await;
    assert_eq!(runtime.shutdown().await.left, 1);
    assert_eq!(*seen.lock().expect("the state"), Some(RuntimeState::Draining));
    Ok(())
}

#[tokio::test]
async fn handle_does_not_keep_a_dropped_runtime_alive() -> Result {
    let before = alive_tasks();
    let runtime = Runtime::builder()
        .process("hook", hook("/x"), |_: TriggerEvent| async {})
        .process("stuck", on("e"), |_: RuntimeHandle| std::future::pending::<()>())
        .start()
        .await?;
    let handle = runtime.handle();
    handle.bus().emit("e", 1).await?;
    until("an event in flight", || handle.status().processes[1].in_flight == 1).await;
    let address = handle.local_addr("webhook-0/x").expect("it listens");
    drop(runtime);
    until("the end of all tasks", || alive_tasks() == before).await;
    until("the port to be free", || TcpListener::bind(address).is_ok()).await;
    assert_eq!((handle.state(), states(&handle)), (RuntimeState::Stopped, Vec::new()));
    assert_eq!((handle.describe().processes.len(), handle.local_addr("webhook-0/x")), (0, None));
    let expected = "there is no process `hook`: the runtime has no processes";
    assert_eq!(handle.pause("hook").expect_err("no process").to_string(), expected);
    assert_eq!(handle.resume("hook").expect_err("no process").to_string(), expected);
    assert!(matches!(handle.bus().emit("e", 1).await, Err(PublishError::Closed)));
    assert!(handle.dead_letters().is_empty().await);
    Ok(())
}

#[tokio::test]
async fn dropped_runtime_frees_its_values_although_handlers_and_the_program_hold_handles() -> Result {
    let value = Arc::new("state");
    let freed = Arc::downgrade(&value);
    let keeps = |_: State<Arc<&'static str>>, runtime: RuntimeHandle| async move {
        std::future::pending::<()>().await;
        drop(runtime);
    };
    let quick = |_: State<Arc<&'static str>>, _: RuntimeHandle| async {};
    let runtime = Runtime::builder()
        .state(value)
        .process("keeps", on("e"), keeps)
        .process("quick", on("e"), quick)
        .start()
        .await?;
    let handle = runtime.handle();
    runtime.bus().emit("e", 1).await?;
    let busy = || handle.status().processes[0].in_flight == 1 && handle.status().processes[1].handled == 1;
    until("both handlers to be called", busy).await;
    drop(runtime);
    until("the end of the state", || freed.strong_count() == 0).await;
    assert_eq!(handle.state(), RuntimeState::Stopped);
    Ok(())
}

#[tokio::test]
async fn argument_is_absent_without_a_runtime() -> Result {
    let event = TriggerEvent::new("e", "data", Default::default());
    let rejection = RuntimeHandle::from_trigger(&Context::new(&event)).expect_err("no runtime");
    assert_eq!((rejection.kind(), rejection.to_string().as_str()), (RejectionKind::Absent, "no runtime"));
    assert!(Option::<RuntimeHandle>::from_trigger(&Context::new(&event))?.is_none());
    let runtime = Runtime::builder().process("p", on("e"), |_: TriggerEvent| async {}).start().await?;
    let given = RuntimeHandle::from_trigger(&Context::new(&event).state(runtime.handle()))?;
    assert_eq!(states(&given), [("p".to_owned(), ProcessState::Running)]);
    Ok(())
}
