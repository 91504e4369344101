//! Retries: when and how often they run, and what the handler knows about them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tokio::time::Instant;
use triggers::{
    Attempt, Backoff, DeadLetterReason, Error, EventId, Json, Outcome, ProcessConfig, Result, Runtime,
    TriggerEvent,
};

use crate::common::{assert_balanced, on, status};

/// The times of calls, since the start of a test.
#[derive(Clone)]
struct Times {
    began: Instant,
    at: Arc<Mutex<Vec<Duration>>>,
}

impl Times {
    fn new() -> Times {
        Times { began: Instant::now(), at: Arc::default() }
    }

    fn note(&self) {
        self.at.lock().expect("the times").push(self.began.elapsed());
    }

    fn all(&self) -> Vec<Duration> {
        self.at.lock().expect("the times").clone()
    }
}

pub(crate) fn retrying(retry: u32, backoff: Backoff) -> ProcessConfig {
    on("job").retry(retry).backoff(backoff)
}

#[tokio::test(start_paused = true)]
async fn process_retries_a_failing_handler_by_its_policy_and_then_stops() -> Result {
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(6));
    let (times, neighbour) = (Times::new(), Times::new());
    let runtime = Runtime::builder()
        .process("fails", retrying(5, backoff), {
            let times = times.clone();
            move |_: TriggerEvent| {
                times.note();
                async { Err::<(), _>("the database is gone") }
            }
        })
        .process("neighbour", on("job"), {
            let neighbour = neighbour.clone();
            move |_: TriggerEvent| {
                neighbour.note();
                async {}
            }
        })
        .start()
        .await?;
    runtime.bus().emit("job", 1).await?;
    tokio::time::sleep(Duration::from_secs(600)).await;

    let letters = runtime.dead_letters().list().await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::RetriesExhausted, 6));
    assert_eq!(letter.error, "the database is gone");
    let mut expected = vec![Duration::ZERO];
    for attempt in 1..=5_u32 {
        let ceiling = Duration::from_secs(1 << (attempt - 1)).min(Duration::from_secs(6));
        let delay = backoff.delay(letter.event.id(), attempt);
        assert!(delay <= ceiling, "{delay:?} after attempt {attempt}");
        expected.push(expected[expected.len() - 1] + delay);
    }
    assert_eq!(times.all(), expected);
    assert_eq!(neighbour.all(), [Duration::ZERO]);
    let now = status(&runtime);
    assert_eq!((now.handled, now.failed, now.retried, now.dead_lettered, now.waiting), (0, 6, 5, 1, 0));
    assert_balanced(&now);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn handler_chooses_the_delay_of_its_retry() -> Result {
    let times = Times::new();
    let runtime = Runtime::builder()
        .process("p", retrying(3, Backoff::default()), {
            let times = times.clone();
            move |attempt: Attempt| {
                times.note();
                async move {
                    if attempt.number() < 4 {
                        Outcome::Retry(Duration::from_secs(u64::from(attempt.number()) * 10))
                    } else {
                        Outcome::Done
                    }
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("job", 1).await?;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(times.all(), [0, 10, 30, 60].map(Duration::from_secs));
    let now = status(&runtime);
    assert_eq!((now.handled, now.failed, now.retried, now.dead_lettered), (1, 3, 3, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retry_that_is_due_earlier_runs_earlier() -> Result {
    let times = Times::new();
    let runtime = Runtime::builder()
        .process("p", retrying(1, Backoff::default()), {
            let times = times.clone();
            move |Json(after): Json<u64>, attempt: Attempt| {
                let times = times.clone();
                async move {
                    if attempt.number() == 1 {
                        return Outcome::Retry(Duration::from_secs(after));
                    }
                    times.note();
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for after in [60, 1, 30] {
        runtime.bus().emit("job", after).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(times.all(), [6, 40, 60].map(Duration::from_secs));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn retries_that_are_due_together_run_concurrently() -> Result {
    let times = Times::new();
    let config = retrying(1, Backoff::default()).concurrency(3);
    let runtime = Runtime::builder()
        .process("p", config, {
            let times = times.clone();
            move |attempt: Attempt| {
                let times = times.clone();
                async move {
                    if attempt.number() == 1 {
                        return Outcome::Retry(Duration::from_secs(60));
                    }
                    times.note();
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    Outcome::Done
                }
            }
        })
        .start()
        .await?;
    for n in 0..3 {
        runtime.bus().emit("job", n).await?;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(times.all(), [60; 3].map(Duration::from_secs));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn attempt_has_its_number_and_the_last_error() -> Result {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let config = retrying(4, Backoff::default()).timeout(Duration::from_secs(1));
    let runtime = Runtime::builder()
        .process("p", config, {
            let seen = seen.clone();
            move |attempt: Attempt| {
                let error =
                    attempt.last_error().map(|error| error.split(", at ").next().unwrap_or(error).to_owned());
                seen.lock().expect("what was seen").push((attempt.number(), error));
                async move {
                    match attempt.number() {
                        1 => Err(Error::from("no luck")),
                        2 => panic!("out of cheese"),
                        3 => std::future::pending().await,
                        4 => Ok(Outcome::Retry(Duration::ZERO)),
                        _ => Ok(Outcome::Done),
                    }
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("job", 1).await?;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let expected = [
        (1, None),
        (2, Some("no luck")),
        (3, Some("out of cheese")),
        (4, Some("the handler took longer than 1s")),
        (5, Some("the handler asked for a retry after 0ns")),
    ];
    let expected = expected.map(|(number, error)| (number, error.map(str::to_owned)));
    assert_eq!(*seen.lock().expect("what was seen"), expected);
    assert_eq!(status(&runtime).handled, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn timed_out_attempt_is_cancelled_and_counts_as_failed() -> Result {
    let times = Times::new();
    let config = retrying(1, Backoff::new(Duration::from_secs(1), Duration::from_secs(1)))
        .timeout(Duration::from_secs(30));
    let runtime = Runtime::builder()
        .process("p", config, {
            let times = times.clone();
            move |_: TriggerEvent| {
                times.note();
                let dropped = NoteOnDrop(times.clone());
                async move {
                    std::future::pending::<()>().await;
                    drop(dropped);
                }
            }
        })
        .start()
        .await?;
    runtime.bus().emit("job", 1).await?;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let letter = runtime.dead_letters().list().await.remove(0);
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::TimedOut, 2));
    assert_eq!(letter.error, "the handler took longer than 30s");
    let delay = Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).delay(letter.event.id(), 1);
    let second = Duration::from_secs(30) + delay;
    let expected = [Duration::ZERO, Duration::from_secs(30), second, second + Duration::from_secs(30)];
    assert_eq!(times.all(), expected);
    Ok(())
}

struct NoteOnDrop(Times);

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.0.note();
    }
}

/// A worker has one timer, whose deadline moves.
#[tokio::test(start_paused = true)]
async fn timeout_begins_again_with_each_event_and_each_attempt() -> Result {
    let config = on("job").retry(1).backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    let times = Times::new();
    let noted = times.clone();
    let handler = move |Json(seconds): Json<u64>, attempt: Attempt| {
        let noted = noted.clone();
        async move {
            for _ in 0..seconds {
                tokio::time::sleep(Duration::from_secs(u64::from(2 - attempt.number().min(2)))).await;
                tokio::task::yield_now().await;
            }
            noted.note();
        }
    };
    let config = config.timeout(Duration::from_millis(3500));
    let runtime = Runtime::builder().process("p", config, handler).start().await?;
    for seconds in [3, 3, 3, 4, 1] {
        runtime.bus().emit("job", seconds).await?;
    }
    runtime.shutdown().await;
    let seconds: Vec<_> = times.all().iter().map(Duration::as_secs_f64).map(f64::round).collect();
    // The fourth is over after 3.5 s. Its retry follows, behind the fifth or before it, and takes no time.
    assert_eq!(seconds[..3], [3.0, 6.0, 9.0]);
    assert_eq!((seconds.len(), status(&runtime).failed, status(&runtime).handled), (5, 1, 5));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn process_dead_letters_permanent_failures_at_once() -> Result {
    let runtime = Runtime::builder()
        .process("p", retrying(5, Backoff::default()), |Json(n): Json<u32>| async move {
            match n {
                0 => Ok(Outcome::reject("a bad order")),
                1 => Err(Error::permanent("no such customer")),
                _ => "no number".parse::<u32>().map(|_| Outcome::Done).map_err(Error::permanent),
            }
        })
        .start()
        .await?;
    for data in ["0", "1", "2", "\"three\""] {
        runtime.bus().emit_raw("job", data).await?;
    }
    let began = Instant::now();
    runtime.shutdown().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    let letters = runtime.dead_letters().list().await;
    let found: Vec<_> =
        letters.iter().map(|letter| (letter.reason, letter.attempts, letter.error.as_str())).collect();
    assert_eq!(
        found[..3],
        [
            (DeadLetterReason::Rejected, 1, "a bad order"),
            (DeadLetterReason::Rejected, 1, "no such customer"),
            (DeadLetterReason::Rejected, 1, "invalid digit found in string"),
        ]
    );
    assert_eq!((found[3].0, found[3].1), (DeadLetterReason::Decode, 0));
    let now = status(&runtime);
    assert_eq!(
        (now.failed, now.retried, now.dead_lettered),
        (2, 0, 4),
        "a rejection does not count as failed"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn cancelled_attempt_is_not_counted() -> Result {
    let runtime = Runtime::builder()
        .process("p", retrying(5, Backoff::default()), |attempt: Attempt| async move {
            if attempt.number() == 1 {
                return Outcome::Retry(Duration::from_secs(1));
            }
            std::future::pending().await
        })
        .drain_deadline(Duration::from_secs(10))
        .start()
        .await?;
    runtime.bus().emit("job", 1).await?;
    let report = runtime.shutdown().await;
    assert_eq!((report.left, report.processes[0].stuck), (1, 1));
    let now = status(&runtime);
    assert_eq!((now.failed, now.retried, now.dead_lettered), (1, 0, 0));
    assert_eq!(runtime.dead_letters().list().await[0].attempts, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn dead_letter_has_the_start_of_the_first_attempt_and_the_end_of_the_last() -> Result {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let clock = triggers::PausedClock::at(SystemTime::UNIX_EPOCH);
    let runtime = Runtime::builder()
        .clock(clock)
        .process("p", retrying(2, Backoff::default()), {
            let calls = calls.clone();
            move |Json(after): Json<u64>| {
                calls.lock().expect("the calls").push(triggers::Clock::now(&clock));
                async move { Outcome::Retry(Duration::from_secs(after)) }
            }
        })
        .start()
        .await?;
    for (after, attempts) in [(1, 3), (40, 2)] {
        calls.lock().expect("the calls").clear();
        runtime.bus().emit("job", after).await?;
        tokio::time::sleep(Duration::from_secs(45)).await;
        if attempts == 2 {
            runtime.shutdown().await;
        }
        let letter = runtime.dead_letters().list().await.remove(0);
        runtime.dead_letters().clear(|_| true).await;
        let calls = calls.lock().expect("the calls").clone();
        assert_eq!((calls.len(), letter.attempts), (attempts, attempts as u32));
        assert_eq!(letter.first_at, calls[0]);
        let ended_at = if attempts == 2 { calls[0] + Duration::from_secs(45) } else { calls[2] };
        assert_eq!(letter.last_at, ended_at);
    }
    Ok(())
}

proptest! {
    #[test]
    fn backoff_delay_doubles_up_to_its_cap_with_jitter_below(bits: u128, first in 1_u64..10_000, factor in 1_u64..1_000, attempt in 1_u32..200) {
        let id: EventId = format!("{:032x}", bits).parse().expect("an id");
        let (first, cap) = (Duration::from_millis(first), Duration::from_millis(first * factor));
        let backoff = Backoff::new(first, cap);
        let ceiling = 1_u32.checked_shl(attempt - 1).and_then(|times| first.checked_mul(times)).map_or(cap, |most| most.min(cap));
        prop_assert!(backoff.delay(id, attempt) <= ceiling);
        prop_assert_eq!(backoff.delay(id, attempt), backoff.delay(id, attempt));
        prop_assert_eq!(backoff.to_string().parse::<Backoff>().expect("its own text"), backoff);
    }
}

#[tokio::test(start_paused = true)]
async fn reason_says_whether_retries_were_made() -> Result {
    let fails = |Json(how): Json<String>| async move {
        match how.as_str() {
            "retry" => Ok(Outcome::Retry(Duration::ZERO)),
            _ => Err(Error::from("no")),
        }
    };
    for (retry, reason) in [
        (0, DeadLetterReason::Failed),
        (1, DeadLetterReason::RetriesExhausted),
        (2, DeadLetterReason::RetriesExhausted),
    ] {
        let runtime = Runtime::builder().process("p", on("e").retry(retry), fails).start().await?;
        for how in ["retry", "error"] {
            runtime.bus().emit("e", how).await?;
        }
        runtime.shutdown().await;
        let letters = runtime.dead_letters().list().await;
        let expected = [(reason, retry + 1); 2];
        assert_eq!(
            letters.iter().map(|letter| (letter.reason, letter.attempts)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(status(&runtime).dead_letters.get(reason), 2);
    }
    Ok(())
}
