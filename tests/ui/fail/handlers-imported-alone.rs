//! A `use` of a handler imports only the fn, so a list names the handler by its module.

mod billing {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    pub(crate) async fn bill() {}
}

use billing::bill;
use triggers::prelude::*;

fn main() {
    let _listed = handlers![bill, billing::bill];
}
