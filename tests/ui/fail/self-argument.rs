use triggers::prelude::*;

struct Shop;

impl Shop {
    #[on_event("order.paid")]
    async fn ship(&self, _order: Text) {}
}

fn main() {
    let _ = Shop.ship(Text("1".into()));
}
