//! Compares the same work with other frameworks. One producer sends 20,000 events of 40 bytes to one async handler, on
//! one thread. The handler is empty, or awaits once. All are measured in turns with a bare channel.
//!
//! `cargo xtask bench peers`. Each peer is used as its documentation shows, in its newest release, with few features.
//! Peers have different guarantees, so a note for each lists them here and in the report. Some peers have no bound. For
//! these the producer yields after as many events as the others have capacity for. Otherwise all events would wait in
//! memory at once.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]
#![allow(missing_debug_implementations, reason = "the macro of a peer generates types without it")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use benches::done::Done;
use benches::side::{Side, Took};
use benches::table::{Goal, Table, What};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, yield_now};
use triggers::{Bytes, Overflow, ProcessConfig, Runtime, TriggerConfig};

const EVENTS: u32 = 20_000;
const CAPACITY: usize = 100;
const BODY: &[u8] = br#"{"job":"nightly","code":500,"attempt":3}"#;

static DONE: Done = Done::new();

/// `true` while the handler awaits once.
static AWAITS: AtomicBool = AtomicBool::new(false);

/// The handler.
async fn handle(body: Bytes) {
    handle_slice(&body).await;
}

async fn handle_slice(body: &[u8]) {
    if AWAITS.load(Ordering::Relaxed) {
        yield_now().await;
    }
    black_box(body);
    DONE.one();
}

/// Sends all events, and waits until all are handled.
async fn events(mut send: impl AsyncFnMut(Bytes)) -> Took {
    DONE.expect(EVENTS);
    let began = Instant::now();
    for _ in 0..EVENTS {
        send(Bytes::from_static(BODY)).await;
    }
    DONE.all().await;
    Took(began.elapsed(), EVENTS)
}

/// Sends all events to a peer without backpressure, and yields after each [`CAPACITY`] events.
async fn events_without_a_bound(mut send: impl AsyncFnMut(Bytes)) -> Took {
    let mut sent = 0;
    events(async |body| {
        send(body).await;
        sent += 1;
        if sent % CAPACITY == 0 {
            yield_now().await;
        }
    })
    .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (channel, mut receiver) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        while let Some(body) = receiver.recv().await {
            handle(body).await;
        }
    });
    let triggers = with_triggers().await;
    let kameo = with_kameo::start();
    let local = LocalSet::new();
    let actix = local.run_until(async { with_actix::start() }).await;
    let mut apalis = with_apalis::start();
    let (_running, ruststream) = with_ruststream::start().await;

    let mut baseline = async || events(async |body| channel.send(body).await.expect("a receiver")).await;
    let mut triggers = async || {
        let bus = triggers.bus();
        let emit = async |body| {
            bus.emit_raw("build.failed", body).await.expect("a type");
        };
        events(emit).await
    };
    let mut kameo =
        async || events(async |body| kameo.tell(with_kameo::Event(body)).await.expect("an actor")).await;
    let mut actix = async || {
        let sending = events_without_a_bound(async |body| actix.do_send(with_actix::Event(body)));
        local.run_until(sending).await
    };
    let mut apalis =
        async || events_without_a_bound(async |body| with_apalis::push(&mut apalis, body).await).await;
    let mut ruststream = async || {
        events_without_a_bound(async |body| with_ruststream::publish(&ruststream, &body).await).await
    };

    for awaits in [false, true] {
        AWAITS.store(awaits, Ordering::Relaxed);
        // As for the ready bytes of `hop.rs`.
        let (title, goal) = match awaits {
            false => ("The same with others, on one thread", Some(Goal::AtMost(1.7))),
            true => ("A handler that awaits once with others, on one thread", None),
        };
        let mut table = Table::new(title, "tokio channel", "this");
        let sides: Vec<(What, _, &mut dyn Side)> = vec![
            ("triggers: `emit_raw`".into(), goal, &mut triggers),
            ("kameo: `tell`".into(), None, &mut kameo),
            ("actix: `do_send`".into(), None, &mut actix),
            ("apalis: memory storage".into(), None, &mut apalis),
            ("ruststream: memory broker".into(), None, &mut ruststream),
        ];
        table.compare_all(&mut baseline, sides).await;
        if awaits {
            table.note(AWAITING);
        } else {
            let peers = [with_kameo::NOTE, with_actix::NOTE, with_apalis::NOTE, with_ruststream::NOTE];
            [NOTE, TOKIO, TRIGGERS].into_iter().chain(peers).for_each(|note| table.note(note));
        }
        table.end();
    }
}

const AWAITING: &str = "\
    As the table above, but the handler awaits `yield_now` before it ends. actix, and apalis as it is used here, may \
    handle several events at once, so that one switch of tasks serves several. The others handle one at a time.";

const NOTE: &str = "\
    One producer, one empty async handler, 40 bytes for each event. The channel has a capacity of 100, and its task \
    receives and calls the handler. The channel looks up no subscriber, has no panic guard and no counters. A peer \
    without a bound gets 100 events between two yields of the producer, so that no more events wait than with the \
    others.";

const TOKIO: &str = "\
    tokio is built with its feature `parking_lot`, because actix-rt enables it. A program without actix may not have \
    it. All sides that run on tokio share this build, the channel and `triggers` included.";

const TRIGGERS: &str = "\
    **triggers** looks up the subscribers by the event's type, and waits for capacity, which is 100. Each event gets \
    an id and a timestamp. It has a panic guard and counters for the status, and handles one at a time and in order.";

async fn with_triggers() -> Runtime {
    let trigger = TriggerConfig::event("build.failed").queue(CAPACITY).overflow(Overflow::Wait);
    let config = ProcessConfig::new().trigger(trigger);
    Runtime::builder().process("hop", config, handle).start().await.expect("a sound process")
}

/// An actor, which gets messages of one type at one address.
mod with_kameo {
    use kameo::actor::{Actor, ActorRef, Spawn};
    use kameo::error::Infallible;
    use kameo::mailbox;
    use kameo::message::{Context, Message};

    use super::{Bytes, CAPACITY, handle};

    pub(crate) const NOTE: &str = "\
        **kameo** sends to one actor that the producer holds, so it looks up no subscriber. It waits for capacity, \
        which is 100. It has a panic guard, and handles one at a time and in order. It is built without its default \
        feature `tracing`.";

    pub(crate) struct Hop;

    pub(crate) struct Event(pub Bytes);

    impl Actor for Hop {
        type Args = Hop;
        type Error = Infallible;

        async fn on_start(hop: Hop, _: ActorRef<Hop>) -> Result<Hop, Infallible> {
            Ok(hop)
        }
    }

    impl Message<Event> for Hop {
        type Reply = ();

        async fn handle(&mut self, Event(body): Event, _: &mut Context<Hop, ()>) {
            handle(body).await;
        }
    }

    pub(crate) fn start() -> ActorRef<Hop> {
        Hop::spawn_with_mailbox(Hop, mailbox::bounded(CAPACITY))
    }
}

/// An actor on a separate thread, as `#[actix::main]` starts it.
mod with_actix {
    use actix::{Actor, Addr, Context, Handler, Message, ResponseFuture};

    use super::{Bytes, CAPACITY, handle};

    pub(crate) const NOTE: &str = "\
        **actix** sends to one actor that the producer holds. `do_send` does not wait and has no bound \
        (`send().await` would wait for each answer). Its async handler is a `ResponseFuture`, which is a task for \
        each message, so handlers may overlap. It has no panic guard, and its actors never leave their thread.";

    pub(crate) struct Hop;

    pub(crate) struct Event(pub Bytes);

    impl Actor for Hop {
        type Context = Context<Hop>;

        fn started(&mut self, context: &mut Context<Hop>) {
            context.set_mailbox_capacity(CAPACITY);
        }
    }

    impl Message for Event {
        type Result = ();
    }

    impl Handler<Event> for Hop {
        type Result = ResponseFuture<()>;

        fn handle(&mut self, Event(body): Event, _: &mut Context<Hop>) -> ResponseFuture<()> {
            Box::pin(handle(body))
        }
    }

    pub(crate) fn start() -> Addr<Hop> {
        Hop.start()
    }
}

/// A worker with a queue of tasks, built from the same parts as `MemoryStorage::new`. Once a worker owns the result of
/// `new`, nothing can be pushed to it.
mod with_apalis {

    use std::sync::Arc;

    use apalis::prelude::{MemorySink, MemoryStorage, MemoryStorageError, TaskBuilder, WorkerBuilder};
    use futures::channel::mpsc;
    use futures::lock::Mutex;
    use futures::{SinkExt, StreamExt};

    use super::{Bytes, handle};

    pub(crate) const NOTE: &str = "\
        **apalis** has one queue for one worker. Its memory storage has no bound, gives each task a random id, \
        counts its attempts, and may handle several at once. Its panic guard is a layer that is not on here. It is \
        built without default features.";

    pub(crate) fn start() -> MemorySink<Bytes> {
        let (sender, receiver) = mpsc::unbounded();
        let sender = Box::new(sender.sink_map_err(MemoryStorageError::from));
        let sink = MemorySink::new(Arc::new(Mutex::new(sender)));
        let storage = MemoryStorage::new_with(sink.clone(), receiver.boxed());
        let worker = WorkerBuilder::new("hop").backend(storage).build(handle);
        tokio::spawn(worker.run());
        sink
    }

    pub(crate) async fn push(sink: &mut MemorySink<Bytes>, body: Bytes) {
        sink.send(TaskBuilder::new(body).build()).await.expect("a worker");
    }
}

/// A service with a subscriber on a broker. The subscriber takes the payload as bytes, without a codec.
mod with_ruststream {
    use ruststream::OutgoingMessage;
    use ruststream::memory::MemoryPublisher;
    use ruststream::memory::prelude::*;
    use ruststream::runtime::RunningApp;

    use super::handle_slice;

    pub(crate) const NOTE: &str = "\
        **ruststream** looks up the subscribers by the message's name. Its memory broker has no bound. The \
        publisher passes a buffer that it owns, here a copy of the 40 bytes. It has a panic guard, settles each \
        delivery, and handles one at a time and in order.";

    #[derive(Deserialized)]
    pub(crate) struct Event<'a>(&'a [u8]);

    #[subscriber("build.failed")]
    async fn hop(event: &Event<'_>) -> HandlerOutcome {
        handle_slice(event.0).await;
        HandlerOutcome::ack()
    }

    pub(crate) async fn start() -> (RunningApp, MemoryPublisher) {
        let broker = MemoryBroker::new();
        let publisher = broker.publisher();
        let app = RustStream::new(AppInfo::new("hop", "0.1.0")).with_broker(broker, |broker| {
            broker.include(hop);
        });
        (app.start().await.expect("a sound app"), publisher)
    }

    pub(crate) async fn publish(publisher: &MemoryPublisher, body: &[u8]) {
        let message = OutgoingMessage::new("build.failed", body);
        publisher.publish(message, None).await.expect("a broker");
    }
}
