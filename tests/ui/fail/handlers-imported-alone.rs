//! A `use` of a handler imports the fn alone: a list names it by its module.

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
