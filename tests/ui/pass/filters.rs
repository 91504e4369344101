//! Filters and keys of every form, in a crate that denies warnings.
#![deny(warnings, clippy::all, unused_qualifications)]
#![forbid(unsafe_code)]

use triggers::prelude::*;

const LIMIT: u64 = 100;

#[derive(Deserialize)]
struct Order<T> {
    total: u64,
    lines: Vec<T>,
}

type Orders = Vec<Order<String>>;

fn is_large(order: &Order<String>) -> bool {
    order.total > LIMIT
}

#[on_event("order.paid", filter = |order: &Order<String>| is_large(order))]
#[on_event("orders.paid", filter = |orders: &Orders| orders.iter().any(is_large))]
#[on_message("orders.*", filter = |Order { total, .. }: &Order<u8>| -> bool { *total > LIMIT })]
#[on_webhook("/orders", filter = |_: &TriggerEvent| true)]
#[on_dead_letter(filter = |pair: &(u8, Option<String>)| {
    let (first, _) = pair;
    if *first == 0 {
        return false;
    }
    pair.1.is_some()
})]
#[process(key = |order: &Order<String>| -> u64 { order.lines.len() as u64 })]
async fn ship(event: TriggerEvent) {
    drop(event);
}

macro_rules! filtered {
    ($name:ident, $ty:ty, $filter:expr) => {
        #[on_event("number", filter = $filter)]
        #[process(key = |number: &$ty| *number)]
        async fn $name() {}
    };
}

filtered!(positive, i64, |number: &i64| *number > 0);

mod inner {
    use super::LIMIT;

    #[triggers::on_event("number", filter = |number: &u64| *number > LIMIT && *number < LIMIT * 2)]
    pub(super) async fn between() {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let runtime = Runtime::builder().handlers(handlers![positive, inner::between]).start().await?;
    let bus = runtime.bus();
    assert_eq!(bus.emit("number", 150).await?.matched(), Some(2));
    assert_eq!(bus.emit("number", 200).await?.matched(), Some(1));
    assert_eq!(bus.emit("number", -1).await?.matched(), Some(0));
    let _ = ship;
    runtime.shutdown().await;
    Ok(())
}
