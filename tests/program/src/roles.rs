//! A program whose second argument selects what it does before it starts.

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
        "starts" => {
            builder.state(Bank).start().await?;
            println!("started");
            Ok(())
        }
        "has problems" => builder.process("again", hook, |_: TriggerEvent| async {}).run().await,
        "fails before" => Err("no database".into()),
        _ => {
            println!("nothing started");
            Ok(())
        }
    }
}
