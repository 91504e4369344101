use triggers::prelude::*;

mod billing {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    pub(crate) async fn bills() {}

    pub(crate) async fn plain() {}
}

struct Order;

fn main() {
    let _listed = handlers![Order, billing::bills, billing::plain];
}
