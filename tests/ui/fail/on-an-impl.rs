use triggers::prelude::*;

struct Shop;

#[on_event("order.paid")]
impl Shop {
    fn new() -> Shop {
        Shop
    }
}

#[process(retry = 3)]
mod orders {}

#[on_webhook("/orders")]
#[on_message("orders.*")]
trait Take {}

fn main() {
    Shop::new();
}
