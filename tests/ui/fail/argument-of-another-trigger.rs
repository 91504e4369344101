use triggers::prelude::*;

#[derive(Deserialize)]
struct Page {
    number: u32,
}

#[on_event("order.paid")]
async fn list(_page: Query<Page>) {}

#[on_webhook("/orders")]
#[on_message("orders.*")]
async fn take(_topic: Topic, _sender: Option<Sender>) {}

fn main() {}
