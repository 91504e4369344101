#![deny(warnings)]
//! A handler may be declared where it is needed, such as in a test.
fn main() {
    use triggers::{Text, on_event, process};

    #[on_event("order.paid")]
    #[process(concurrency = 2)]
    async fn ship(_order: Text) {}

    let [record] = triggers::handlers![ship];
    assert!(format!("{record:?}").contains("::ship ("));
}
