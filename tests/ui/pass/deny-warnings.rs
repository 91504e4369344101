#![deny(warnings, missing_docs, missing_debug_implementations, missing_copy_implementations, unreachable_pub)]
#![deny(rust_2018_idioms, unused_qualifications, unnameable_types, single_use_lifetimes)]
//! Public handlers with everything denied.
use triggers::prelude::*;

#[derive(Deserialize)]
struct Order {
    customer: String,
}

/// Runs for paid orders.
#[on_event("order.paid", filter = |order: &Order| !order.customer.is_empty())]
#[process(name = "shipping", timeout = "30s", retry = 5, backoff = "1s..5m", key = |order: &Order| order.customer)]
pub async fn ship(#[allow(unused)] order: Text, State(_count): State<u32>) -> Result<()> {
    Ok(())
}

mod inner {
    use triggers::prelude::*;

    #[on_webhook("/orders")]
    pub(crate) async fn bill(_: TriggerEvent) -> Outcome {
        Outcome::Done
    }

    #[on_dead_letter("shipping", filter = |letter: &TriggerEvent| { letter.raw().len() < 100 })]
    #[on_event("order.lost")]
    #[process(key = |event: &TriggerEvent| { event.id() })]
    pub(super) async fn search(r#type: Option<Text>) {
        drop(r#type);
    }
}

#[triggers::main]
async fn main(runtime: Builder) {
    drop(runtime);
    let _ = (inner::bill, inner::search);
}
