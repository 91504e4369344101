//! Every kind of handler argument, made by hand in unit tests: `cargo test -p examples` runs them.

use triggers::prelude::*;
use triggers::{Context, FromTrigger};

/// An argument of the program's own: who has posted.
struct Tenant(String);

impl FromTrigger for Tenant {
    fn from_trigger(cx: &Context<'_>) -> Result<Tenant, Rejection> {
        let name = Headers::from_trigger(cx)?.get("x-tenant").map(str::to_owned);
        name.map(Tenant).ok_or_else(|| Rejection::absent("no tenant"))
    }
}

#[on_event("order")]
async fn place(Json(n): Json<u64>, stock: State<u64>, by: Source, id: EventId, bus: EventBus) -> Result {
    bus.emit("order.taken", format!("{id} of {}: {n} of {}", by.0, stock.0)).await?;
    Ok(())
}

#[on_message("reports.{region}")]
async fn file(region: String, text: Text, topic: Topic, by: Option<Sender>, broker: MessageBroker) -> Result {
    broker.publish(&format!("filed.{region}"), format!("{topic}: {text}, {}", by.is_some())).await?;
    Ok(())
}

#[on_webhook("/photos", port = 0, host = "127.0.0.1")]
async fn receive(photo: Bytes, headers: Headers, query: Query<Vec<(String, u32)>>, by: Tenant) -> Outcome {
    Outcome::reject(format!("{} bytes by {}, {:?}, {:?}", photo.len(), by.0, headers.get("accept"), query.0))
}

#[on_dead_letter("place")]
async fn alarm(dead: DeadLetter, event: TriggerEvent, body: Result<Json<u64>, Rejection>) -> Outcome {
    let body = body.map_or_else(|rejection| rejection.to_string(), |Json(n)| n.to_string());
    Outcome::reject(format!("{} of {}: {}, {body}", dead.reason, event.trigger_id(), dead.error))
}

#[on_event("audit")]
async fn audit(all: DeadLetters, runtime: RuntimeHandle, shutdown: Shutdown, attempt: Attempt) -> Outcome {
    let (count, drains) = (all.len().await, shutdown.is_cancelled());
    Outcome::reject(format!("{}, {count}, {drains}, {}", runtime.state(), attempt.number()))
}

#[triggers::main]
async fn main(builder: Builder) -> Result {
    let runtime = builder.state(9_u64).start().await?;
    runtime.bus().emit("order", 2).source("shop").await?;
    runtime.broker().publish("reports.eu", "all well").await?;
    println!("{}", runtime.shutdown().await);
    Ok(())
}

#[tokio::test]
async fn arguments_are_made_by_hand() -> Result {
    let (id, source) = ("0198f0c2-5d0e-7a3b-8b1e-2f6f0c9d4e11".parse()?, Source("shop".into()));
    let (bus, broker, text) = (EventBus::new(), MessageBroker::new(), Text("all well".into()));
    place(Json(2), State(9), source, id, bus.clone()).await?;
    file("eu".into(), text, Topic::parse("reports.eu")?, Some(Sender("ann".into())), broker.clone()).await?;
    assert_eq!((bus.unmatched(), broker.unmatched()), (1, 1));

    let headers = Headers::from_iter([("x-tenant", "acme")]);
    let request = WebhookTrigger::event("/photos", headers.clone(), "a photo");
    let tenant = Tenant::from_trigger(&Context::new(&request))?;
    let outcome = receive("a photo".into(), headers, Query(vec![("width".into(), 8)]), tenant).await;
    assert_eq!(outcome, Outcome::reject(r#"7 bytes by acme, None, [("width", 8)]"#));

    let event = TriggerEvent::new("event-order", "many", Default::default());
    let dead = DeadLetter::new(event.clone(), "place", triggers::DeadLetterReason::Decode, "no number");
    let outcome = alarm(dead, event, Err(Rejection::invalid("it is a word"))).await;
    assert_eq!(outcome, Outcome::reject("decode of event-order: no number, it is a word"));

    let runtime = Runtime::builder().handlers(handlers![audit]).start().await?;
    let (begin, shutdown) = Shutdown::manual();
    begin();
    let outcome = audit(runtime.dead_letters(), runtime.handle(), shutdown, Attempt::new(2, None)).await;
    assert_eq!(outcome, Outcome::reject("running, 0, true, 2"));
    Ok(())
}
