//! What does the same work cost with others? One producer sends 20,000 events of 40 bytes to one empty async handler, on one
//! thread, and everything is measured in turns beside a bare channel.
//!
//! `cargo xtask bench peers`. Each peer is used as its documentation does, in its newest release, with few features. They do
//! not promise the same, so each says here, and in the report, what it does and does not do. Where a peer has no bound, the
//! producer sends as many as the others have room for, and yields: otherwise all events would wait in memory at once.

#![allow(clippy::disallowed_methods, reason = "a measurement is on the clock of the machine")]
#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]
#![allow(missing_debug_implementations, reason = "what a macro of a peer makes has none")]

use std::hint::black_box;
use std::time::Instant;

use benches::done::Done;
use benches::side::{Side, Took};
use benches::table::{Goal, Table, What};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, yield_now};
use triggers::{Bytes, Overflow, ProcessConfig, Runtime, TriggerConfig};

const EVENTS: u32 = 20_000;
const PLACES: usize = 100;
const BODY: &[u8] = br#"{"job":"nightly","code":500,"attempt":3}"#;

static DONE: Done = Done::new();

/// The empty handler.
async fn handle(body: Bytes) {
    handled(&body);
}

fn handled(body: &[u8]) {
    black_box(body);
    DONE.one();
}

/// Sends all events, and waits until they are handled.
async fn events(mut send: impl AsyncFnMut(Bytes)) -> Took {
    DONE.expect(EVENTS);
    let began = Instant::now();
    for _ in 0..EVENTS {
        send(Bytes::from_static(BODY)).await;
    }
    DONE.all().await;
    Took(began.elapsed(), EVENTS)
}

/// The same where nothing makes the producer wait.
async fn events_without_a_bound(mut send: impl AsyncFnMut(Bytes)) -> Took {
    let mut sent = 0;
    events(async |body| {
        send(body).await;
        sent += 1;
        if sent % PLACES == 0 {
            yield_now().await;
        }
    })
    .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (channel, mut receiver) = mpsc::channel(PLACES);
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

    let mut floor = async || events(async |body| channel.send(body).await.expect("a receiver")).await;
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

    let mut table = Table::new("The same with others, on one thread", "tokio channel", "this");
    let sides: Vec<(What, _, &mut dyn Side)> = vec![
        ("triggers: `emit_raw`".into(), Some(Goal::AtMost(1.2)), &mut triggers),
        ("kameo: `tell`".into(), None, &mut kameo),
        ("actix: `do_send`".into(), None, &mut actix),
        ("apalis: memory storage".into(), None, &mut apalis),
        ("ruststream: memory broker".into(), None, &mut ruststream),
    ];
    table.compare_all(&mut floor, sides).await;
    for note in
        [NOTE, TOKIO, TRIGGERS, with_kameo::NOTE, with_actix::NOTE, with_apalis::NOTE, with_ruststream::NOTE]
    {
        table.note(note);
    }
    table.end();
}

const NOTE: &str = "\
    One producer, one empty async handler, 40 bytes an event. The channel has 100 places, and its task \
    receives and calls the handler; it finds no subscriber, guards against no panic and counts nothing. A peer \
    without a bound gets 100 events between two yields of the producer, so that no more of them wait than \
    elsewhere.";

const TOKIO: &str = "\
    tokio is built with its feature `parking_lot`, which actix-rt asks for and a program without it may not have. \
    All that runs on tokio here shares it, the channel and ours too.";

const TRIGGERS: &str = "\
    **triggers** finds the subscribers by the event's type, waits for room among 100 places, gives each event \
    an id and a time, guards against panics, keeps the account that the status shows, handles one at a time \
    and in order.";

async fn with_triggers() -> Runtime {
    let trigger = TriggerConfig::event("build.failed").queue(PLACES).overflow(Overflow::Wait);
    let config = ProcessConfig::new().trigger(trigger);
    Runtime::builder().process("hop", config, handle).start().await.expect("a sound process")
}

/// An actor: a message of a type to one address.
mod with_kameo {
    use kameo::actor::{Actor, ActorRef, Spawn};
    use kameo::error::Infallible;
    use kameo::mailbox;
    use kameo::message::{Context, Message};

    use super::{Bytes, PLACES, handle};

    pub(crate) const NOTE: &str = "\
        **kameo** sends to one actor that the producer holds, so it looks for no subscriber. It waits for room \
        among 100 places, guards against panics, and handles one at a time and in order. Built without its \
        default feature `tracing`.";

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
        Hop::spawn_with_mailbox(Hop, mailbox::bounded(PLACES))
    }
}

/// An actor on a thread of its own, as `#[actix::main]` starts one.
mod with_actix {
    use actix::{Actor, Addr, Context, Handler, Message, ResponseFuture};

    use super::{Bytes, PLACES, handle};

    pub(crate) const NOTE: &str = "\
        **actix** sends to one actor that the producer holds. `do_send` does not wait and knows no bound \
        (`send().await` would wait for the answer to each). Its async handler is a `ResponseFuture`, a task \
        for each message: they may overlap. It does not guard against panics, and its actors never leave their \
        thread.";

    pub(crate) struct Hop;

    pub(crate) struct Event(pub Bytes);

    impl Actor for Hop {
        type Context = Context<Hop>;

        fn started(&mut self, context: &mut Context<Hop>) {
            context.set_mailbox_capacity(PLACES);
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

/// A worker with a queue of tasks, made by hand from the same parts as `MemoryStorage::new`, which cannot be pushed to once a
/// worker has it.
mod with_apalis {

    use std::sync::Arc;

    use apalis::prelude::{MemorySink, MemoryStorage, MemoryStorageError, TaskBuilder, WorkerBuilder};
    use futures::channel::mpsc;
    use futures::lock::Mutex;
    use futures::{SinkExt, StreamExt};

    use super::{Bytes, handle};

    pub(crate) const NOTE: &str = "\
        **apalis** has one queue for one worker. Its memory storage has no bound, gives each task a random id, \
        counts its attempts, and may handle several at once. It guards against panics with a layer that is not \
        on here; it is built without default features.";

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

/// A service with a subscriber on a broker, which takes the payload as bytes, without a codec.
mod with_ruststream {
    use ruststream::OutgoingMessage;
    use ruststream::memory::MemoryPublisher;
    use ruststream::memory::prelude::*;
    use ruststream::runtime::RunningApp;

    use super::handled;

    pub(crate) const NOTE: &str = "\
        **ruststream** finds the subscribers by the message's name. Its memory broker has no bound; the \
        publisher hands over a buffer that it has filled, here with a copy of the 40 bytes. It guards against \
        panics, settles each delivery, and handles one at a time and in order.";

    #[derive(Deserialized)]
    pub(crate) struct Event<'a>(&'a [u8]);

    #[subscriber("build.failed")]
    async fn hop(event: &Event<'_>) -> HandlerOutcome {
        handled(event.0);
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
