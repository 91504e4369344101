//! Each visibility, and handlers re-exported from where they are declared.

mod handlers_of_orders {
    use triggers::prelude::*;

    #[on_event("order.paid")]
    async fn private(_event: TriggerEvent) {}

    #[on_event("order.paid")]
    pub async fn public(_event: TriggerEvent) {}

    #[on_event("order.paid")]
    pub(crate) async fn in_crate(_event: TriggerEvent) {}

    pub fn all() -> usize {
        triggers::handlers![private, public, in_crate].len()
    }
}

pub mod shop {
    pub use crate::handlers_of_orders::*;
}

use handlers_of_orders::*;

fn main() {
    assert_eq!(triggers::handlers![public, in_crate].len() + handlers_of_orders::all(), 5);
    assert_eq!(triggers::handlers![shop::public].len(), 1);
}
