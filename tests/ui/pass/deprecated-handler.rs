#![deny(warnings)]
//! The expansion of a deprecated handler causes no warning that the fn alone does not.

use triggers::prelude::*;

#[deprecated]
#[on_event("order.paid")]
async fn ship(order: Text) {
    drop(order);
}

mod old {
    use triggers::prelude::*;

    #[deprecated = "use the new type"]
    #[derive(Deserialize)]
    pub(crate) struct Order;

    #[on_event("order.paid")]
    #[process(name = "billing")]
    #[deprecated(since = "0.1.0", note = "the shop bills itself")]
    pub(crate) async fn bill() {}

    #[allow(deprecated)]
    #[on_event("order.paid")]
    pub(crate) async fn search(_: Json<Order>) {}

    #[on_event("order.paid")]
    #[expect(deprecated, reason = "until all orders are new")]
    pub(crate) async fn sort(_: Json<Order>) {}
}

fn main() {
    assert_eq!(handlers![ship, old::bill, old::search, old::sort].len(), 4);
}
