use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship(_order: impl Clone, _more: State<impl Clone>) {}

fn main() {}
