//! One run of a check: the keeper, the processes of its runtimes, and what is known of every event.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use super::Keeper;
use super::plan::{Attempted, Plan, Record};
use crate::{
    Attempt, Backoff, Builder, Clock, DeadLetter, DrainReport, Key, Outcome, Overflow, ProcessConfig,
    ProcessStatus, Result, Runtime, TriggerEvent,
};

/// The topic of every event.
pub(super) const TOPIC: &str = "conformance";

/// The longest drain of a runtime.
const DRAIN: Duration = Duration::from_millis(200);

/// How long a runtime runs between two looks at its status.
const STEP: Duration = Duration::from_millis(5);

/// A process of the runtimes of a check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) name: &'static str,
    pub(super) queue: usize,
    pub(super) overflow: Overflow,
    pub(super) concurrency: usize,
    pub(super) retry: u32,
    pub(super) keyed: bool,
    /// How long each attempt runs in addition to its plan.
    pub(super) slower: Duration,
}

impl Process {
    /// Returns a process with a large queue that handles one event at a time and makes up to 3 retries.
    pub(super) fn new(name: &'static str) -> Process {
        let (queue, overflow) = (100, Overflow::Wait);
        Process { name, queue, overflow, concurrency: 1, retry: 3, keyed: false, slower: Duration::ZERO }
    }
}

/// A delivery: the name of its process, and the id of its event.
type Delivered = (&'static str, u64);

/// The state of a check.
pub(super) struct Rig<'a, K> {
    pub(super) keeper: &'a mut K,
    pub(super) processes: Vec<Process>,
    pub(super) record: Arc<Record>,
    /// `None` between a runtime and the next one.
    runtime: Option<Runtime>,
    /// The number of the runtime.
    life: usize,
    /// The plans of the confirmed events, in order.
    pub(super) confirmed: Vec<Plan>,
    /// The deliveries that ended or were lost with a runtime of a keeper that does not survive.
    pub(super) over: HashSet<Delivered>,
    /// Those among them that no handler may get again, with the number of their runtime.
    pub(super) lost: Vec<(Delivered, usize)>,
}

impl<'a, K: Keeper> Rig<'a, K> {
    /// Starts the first runtime.
    pub(super) async fn start(keeper: &'a mut K, processes: impl Into<Vec<Process>>) -> Result<Rig<'a, K>> {
        let (processes, record) = (processes.into(), Arc::default());
        let (confirmed, over, lost) = (Vec::new(), HashSet::new(), Vec::new());
        let mut rig = Rig { keeper, processes, record, runtime: None, life: 0, confirmed, over, lost };
        rig.restart().await?;
        Ok(rig)
    }

    /// Starts the next runtime.
    pub(super) async fn restart(&mut self) -> Result {
        let builder = self.builder();
        self.runtime = Some(self.keeper.start(builder).await?);
        Ok(())
    }

    /// Ends the runtime as SIGKILL does, and starts the next one.
    pub(super) async fn crash(&mut self) -> Result {
        self.end_life().await?;
        if let Some(runtime) = self.runtime.take() {
            self.keeper.crash(runtime).await;
        }
        self.life += 1;
        self.restart().await
    }

    /// Drains the runtime, and returns its report. The next runtime does not start yet.
    pub(super) async fn drain(&mut self) -> Result<DrainReport> {
        let report = self.runtime()?.shutdown().await;
        self.check_balance()?;
        self.end_life().await?;
        self.runtime = None;
        self.life += 1;
        Ok(report)
    }

    /// Records which deliveries end with the runtime, if the keeper does not survive.
    async fn end_life(&mut self) -> Result {
        if !self.keeper.survives_crash() {
            let unfinished = self.unfinished().await?;
            self.lost.extend(unfinished.into_iter().map(|delivery| (delivery, self.life)));
            let all = self.deliveries();
            self.over.extend(all);
        }
        Ok(())
    }

    pub(super) fn builder(&self) -> Builder {
        let builder = Runtime::builder().clock(self.keeper.clock()).drain_deadline(DRAIN);
        self.processes.iter().fold(builder, |builder, process| {
            let trigger = self.keeper.trigger(process.name, TOPIC);
            let config = ProcessConfig::new()
                .trigger(trigger.queue(process.queue).overflow(process.overflow))
                .concurrency(process.concurrency)
                .retry(process.retry)
                .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(1)));
            let key = |event: &TriggerEvent| Plan::of_body(event.raw()).map(|plan| plan.key);
            let config = if process.keyed { config.key(Key::of(key)) } else { config };
            let handler = Handler {
                life: self.life,
                process: process.name.into(),
                slower: process.slower,
                retry: process.retry,
                record: Arc::clone(&self.record),
                clock: self.keeper.clock(),
            };
            builder.process(process.name, config, move |event: TriggerEvent, attempt: Attempt| {
                handler.clone().handle::<K>(event, attempt)
            })
        })
    }

    pub(super) fn runtime(&self) -> Result<&Runtime> {
        self.runtime.as_ref().ok_or_else(|| "no runtime runs".into())
    }

    pub(super) fn now(&self) -> SystemTime {
        self.keeper.clock().now()
    }

    /// Returns how long a check waits for a condition that a sound keeper fulfils.
    pub(super) fn patience(&self) -> Duration {
        self.keeper.redelivered_after() * 10 + Duration::from_secs(20)
    }

    /// Publishes an event.
    pub(super) async fn publish(&mut self, plan: Plan) -> Result {
        match self.publish_within(plan, self.patience()).await {
            Some(result) => result,
            None => Err(format!("the publication of event {} does not end", plan.id).into()),
        }
    }

    /// Publishes an event, and cancels the publication after this time.
    pub(super) async fn publish_within(&mut self, plan: Plan, limit: Duration) -> Option<Result> {
        let runtime = self.runtime.as_ref()?;
        let publishing = self.keeper.publish(runtime, TOPIC, plan.to_body());
        let published = before(publishing, K::sleep(limit)).await;
        if let Some(Ok(())) = published {
            self.confirmed.push(plan);
        }
        published
    }

    /// Publishes several events at once, and cancels after this time what has no confirmation.
    pub(super) async fn publish_together(&mut self, plans: &[Plan], limit: Duration) -> Result {
        let (keeper, runtime) = (&*self.keeper, self.runtime()?);
        let publish = |plan: &Plan| {
            let published = before(keeper.publish(runtime, TOPIC, plan.to_body()), K::sleep(limit));
            (*plan, Box::pin(published), None)
        };
        let mut publishing: Vec<_> = plans.iter().map(publish).collect();
        poll_fn(|task| {
            for (_, publishing, published) in &mut publishing {
                if published.is_none()
                    && let Poll::Ready(result) = publishing.as_mut().poll(task)
                {
                    *published = Some(matches!(result, Some(Ok(()))));
                }
            }
            let are_all = publishing.iter().all(|(_, _, published)| published.is_some());
            if are_all { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        let confirmed = publishing.into_iter().filter(|(_, _, published)| *published == Some(true));
        let confirmed: Vec<_> = confirmed.map(|(plan, ..)| plan).collect();
        self.confirmed.extend(confirmed);
        Ok(())
    }

    /// Lets the runtime run for this time, and checks its counts meanwhile.
    pub(super) async fn pass(&self, time: Duration) -> Result {
        let end = self.now() + time;
        self.check_balance()?;
        while let Ok(left) = end.duration_since(self.now())
            && !left.is_zero()
        {
            K::sleep(left.min(STEP.max(time / 200))).await;
            self.check_balance()?;
        }
        Ok(())
    }

    /// Waits until a condition is true of the record.
    pub(super) async fn until(&self, what: &str, condition: impl Fn(&Record) -> bool) -> Result {
        let end = self.now() + self.patience();
        while !condition(&self.record) {
            if self.now() > end {
                return Err(format!("no {what} after {:?}", self.patience()).into());
            }
            K::sleep(STEP).await;
            self.check_balance()?;
        }
        Ok(())
    }

    /// Waits until every confirmed event has ended in every process. Nothing that was lost may have been handled.
    pub(super) async fn settle(&self) -> Result {
        let (end, mut step) = (self.now() + self.patience(), STEP);
        loop {
            let unfinished = self.unfinished().await?;
            if unfinished.is_empty() {
                return self.check_lost();
            }
            if self.now() > end {
                let (count, first) = (unfinished.len(), &unfinished[..unfinished.len().min(10)]);
                let after = self.patience();
                return Err(format!("{count} events have not ended after {after:?}: {first:?}").into());
            }
            K::sleep(step).await;
            self.check_balance()?;
            // Each look reads the whole record, so the looks become rare.
            step += step / 20;
        }
    }

    /// Waits until the keeper has nothing to deliver.
    pub(super) async fn settle_all(&self) -> Result {
        self.settle().await?;
        let end = self.now() + self.patience();
        loop {
            let unsettled = self.keeper.unsettled(self.runtime()?).await;
            if unsettled == 0 {
                return Ok(());
            }
            if self.now() > end {
                return Err(format!("{unsettled} events are not settled after {:?}", self.patience()).into());
            }
            self.pass(STEP * 4).await?;
        }
    }

    fn deliveries(&self) -> Vec<Delivered> {
        let of =
            |plan: &Plan| self.processes.iter().map(|process| (process.name, plan.id)).collect::<Vec<_>>();
        self.confirmed.iter().flat_map(of).collect()
    }

    /// Returns the deliveries of confirmed events that are neither handled nor dead letters.
    pub(super) async fn unfinished(&self) -> Result<Vec<Delivered>> {
        let attempts = self.record.all();
        let done: HashSet<(&str, u64)> =
            attempts.iter().filter(|one| one.is_done()).map(|one| (&*one.process, one.plan.id)).collect();
        let letters = self.dead_letters().await?;
        let dead: HashSet<(&str, u64)> =
            letters.iter().map(|(letter, plan)| (&*letter.process, plan.id)).collect();
        let ended = |delivery: &Delivered| {
            self.over.contains(delivery) || done.contains(delivery) || dead.contains(delivery)
        };
        Ok(self.deliveries().into_iter().filter(|delivery| !ended(delivery)).collect())
    }

    /// Returns the dead letters that are kept, with the plans of their events.
    pub(super) async fn dead_letters(&self) -> Result<Vec<(DeadLetter, Plan)>> {
        let letters = self.keeper.dead_letters(self.runtime()?).await;
        let with_plan = |letter: DeadLetter| {
            let plan = Plan::of_body(letter.event.raw()).ok_or("a dead letter has another body")?;
            Ok((letter, plan))
        };
        letters.into_iter().map(with_plan).collect()
    }

    /// Returns the only process of the runtime.
    pub(super) fn status(&self) -> Result<ProcessStatus> {
        Ok(self.runtime()?.status().processes.remove(0))
    }
}

/// The handler of a process.
#[derive(Clone)]
struct Handler<C> {
    life: usize,
    process: Arc<str>,
    slower: Duration,
    retry: u32,
    record: Arc<Record>,
    clock: C,
}

impl<C: Clock> Handler<C> {
    async fn handle<K: Keeper>(self, event: TriggerEvent, attempt: Attempt) -> Outcome {
        let Some(plan) = Plan::of_body(event.raw()) else { return Outcome::reject("the body is no plan") };
        let number = attempt.number();
        let index = self.record.begin(Attempted {
            life: self.life,
            process: Arc::clone(&self.process),
            plan,
            number,
            last_error: attempt.last_error().map(str::to_owned),
            began: self.clock.now(),
            begin: 0,
            end: None,
        });
        let runs = plan.runs + self.slower;
        if !runs.is_zero() {
            K::sleep(runs).await;
        }
        let outcome = plan.outcome(number);
        let is_last = !matches!(outcome, Outcome::Retry(_)) || number > self.retry;
        self.record.end(index, self.clock.now(), outcome.clone(), is_last);
        outcome
    }
}

/// Returns the output of a future, or `None` if the other one ends before.
async fn before<T>(future: impl Future<Output = T>, limit: impl Future<Output = ()>) -> Option<T> {
    let (mut future, mut limit) = (pin!(future), pin!(limit));
    poll_fn(|task| match future.as_mut().poll(task) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => limit.as_mut().poll(task).map(|()| None),
    })
    .await
}
