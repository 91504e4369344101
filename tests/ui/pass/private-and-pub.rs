//! Each visibility, and a handler re-exported from where it is declared.

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

pub use handlers_of_orders::public;
use handlers_of_orders::in_crate;

fn main() {
    assert_eq!(triggers::handlers![public, in_crate].len() + handlers_of_orders::all(), 5);
}
