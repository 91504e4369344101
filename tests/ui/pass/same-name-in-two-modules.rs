use triggers::prelude::*;

mod eu {
    use super::*;

    #[on_event("order.paid")]
    pub async fn ship(_event: TriggerEvent) {}
}

mod us {
    use super::*;

    #[on_event("order.paid")]
    pub async fn ship(_event: TriggerEvent) {}
}

fn main() {
    let records = triggers::handlers![eu::ship, us::ship];
    assert_ne!(records[0].module, records[1].module);
}
