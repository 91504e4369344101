//! A program whose second argument selects what it does before it starts.

use std::time::Duration;

use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
}

#[derive(Clone)]
struct Bank;

#[on_event("order.placed", filter = |order: &Order| !order.customer.is_empty())]
#[process(concurrency = 8, timeout = "30s", retry = 5, key = |order: &Order| order.customer)]
async fn charge(Json(order): Json<Order>, _bank: State<Bank>) {
    println!("{}", order.customer);
}

#[on_event("order.placed")]
async fn note(_: TriggerEvent) {}

#[triggers::main]
async fn main(builder: Builder) -> Result<()> {
    let mut arguments = std::env::args().skip(2);
    let role = arguments.next().unwrap_or_default();
    // A port that the test has taken.
    let port = arguments.next().and_then(|port| port.parse().ok()).unwrap_or_default();
    let hook = ProcessConfig::new().trigger(TriggerConfig::webhook("/in", port).host("127.0.0.1"));
    let builder = builder.process("in", hook.clone(), |_: TriggerEvent| async {}).on_start(|| async {
        println!("on_start");
        Ok(())
    });
    match role.as_str() {
        "runs" => builder.state(Bank).run().await,
        "says something after its run" => {
            builder.state(Bank).run().await?;
            println!("after the run");
            Ok(())
        }
        "blocks every thread" => block(builder.state(Bank)).await,
        "starts" => {
            builder.state(Bank).start().await?;
            println!("started");
            Ok(())
        }
        "panics" => panic_in_a_handler(builder.state(Bank)).await,
        "has a long timeout" => builder.state(Bank).drain_deadline(Duration::from_secs(20)).run().await,
        "has problems" => builder.process("again", hook, |_: TriggerEvent| async {}).run().await,
        "lacks a secret" => builder.state(Bank).source("note", Feed).run().await,
        "fails before" => Err("no database".into()),
        _ => {
            println!("nothing started");
            Ok(())
        }
    }
}

/// Handles an event after a panic of the handler of the first one.
async fn panic_in_a_handler(builder: Builder) -> Result<()> {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("number"));
    let handler = |Json(number): Json<u32>| async move {
        assert_ne!(number, 1, "the first event");
        println!("handled {number}");
    };
    let runtime = builder.process("numbers", config, handler).start().await?;
    for number in [1, 2] {
        runtime.bus().emit("number", number).await?;
    }
    println!("{}", runtime.shutdown().await);
    Ok(())
}

/// Blocks every thread of tokio, and takes signals.
async fn block(builder: Builder) -> Result<()> {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("block")).concurrency(64);
    let handler = |_: TriggerEvent| async {
        while !std::thread::panicking() {
            std::thread::park();
        }
    };
    let runtime = builder.process("block", config, handler).drain_deadline(Duration::ZERO).start().await?;
    for _ in 0..64 {
        runtime.bus().emit("block", 1).await?;
    }
    let mut run = std::pin::pin!(runtime.run_until_signal());
    let mut is_first = true;
    std::future::poll_fn(|cx| {
        let ended = run.as_mut().poll(cx);
        // The first poll begins to listen for signals.
        if std::mem::take(&mut is_first) {
            println!("takes signals");
        }
        ended
    })
    .await
}

static FEED: triggers::SourceKind = triggers::SourceKind::new("feed", "an entry of a feed");

/// A source that needs a secret.
struct Feed;

impl triggers::TriggerSource for Feed {
    fn kind(&self) -> &'static triggers::SourceKind {
        &FEED
    }

    fn pattern(&self) -> std::borrow::Cow<'_, str> {
        "".into()
    }

    fn check(&self, secrets: &triggers::Secrets) -> Vec<String> {
        let missing = secrets.read("ROLES_FEED_KEY").is_none();
        missing
            .then(|| "the environment variable `ROLES_FEED_KEY` is not set".to_owned())
            .into_iter()
            .collect()
    }

    fn accept(&self, _: &triggers::SourceContext) {}
}
