use triggers::prelude::*;

#[on_event("order.paid")]
#[process(name = "orders")]
async fn bill(_order: Text) {}

mod shop {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    #[process(name = "orders")]
    pub async fn ship(_order: Text) {}
}

fn main() {
    let _listed = handlers![bill, shop::ship];
}
