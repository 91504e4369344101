use triggers::prelude::*;

mod billing {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    pub(crate) async fn ship() {}

    #[on_event("order.paid")]
    async fn bill() {}
}

fn main() {
    let _listed = handlers![billing::shp, bling::ship, billing::bill];
}
