#![forbid(missing_debug_implementations, missing_copy_implementations, missing_docs, unreachable_pub, unused)]
#![forbid(unsafe_code, unnameable_types, nonstandard_style, private_interfaces, deprecated)]
#![deny(warnings)]
//! Handlers of each visibility need no exception from any of these lints, so a crate can forbid them.

use triggers::prelude::*;

/// Documented.
pub mod public {
    use triggers::prelude::*;

    /// Documented.
    #[on_event("order.paid")]
    pub async fn ship(_order: Text) {}

    #[on_message("orders.{id}")]
    #[process(concurrency = 2, key = |order: &u64| order)]
    pub(crate) async fn bill(id: u64, order: Json<Vec<u8>>) {
        drop((id, order));
    }
}

mod private {
    use triggers::prelude::*;

    #[on_event("order.paid", filter = |order: &u64| *order > 1)]
    pub(super) async fn search(_order: Text) {}

    #[on_webhook("/orders")]
    #[must_use]
    pub(in crate::private) async fn take() -> Result<()> {
        Ok(())
    }

    pub(crate) fn listed() -> usize {
        handlers![take, search].len()
    }
}

#[on_event("order.paid")]
async fn alone() {}

fn main() {
    assert_eq!(handlers![public::ship, public::bill, private::search, alone].len() + private::listed(), 6);
}
