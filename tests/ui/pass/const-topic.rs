//! Consts instead of literals, also under the names that the expansion uses itself.
use triggers::prelude::*;

const RECORD: &str = "order.paid";
const QUEUE: usize = 10;

mod topics {
    pub const REPORTS: &str = "reports.*";
    pub const SOURCE: &str = "shop";
    pub const PATH: &str = "/orders";
    pub const PORT: u16 = 8080;
}

#[on_event(RECORD, source = topics::SOURCE, queue = QUEUE)]
#[on_message(topics::REPORTS)]
#[on_webhook(self::topics::PATH, port = topics::PORT)]
#[process(concurrency = QUEUE)]
async fn ship(_event: TriggerEvent) {}

macro_rules! handler {
    ($name:ident, $event:literal, $queue:expr) => {
        #[on_event($event, queue = $queue)]
        async fn $name(_event: TriggerEvent) {}
    };
}

handler!(from_a_macro, "order.lost", 7);

fn main() {
    let [record] = triggers::handlers![from_a_macro];
    assert!(format!("{record:?}").contains("::from_a_macro ("));
}
