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
    let shown = records.map(|record| format!("{record:?}"));
    assert!(shown[0].contains("::eu::ship (") && shown[1].contains("::us::ship ("), "{shown:?}");
}
