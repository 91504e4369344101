use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship() {}

fn main() {
    let _listed = handlers!["ship", ship(), #[allow(unused)] ship, ship ship];
}
