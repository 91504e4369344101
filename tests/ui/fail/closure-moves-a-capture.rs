//! A closure is called once for each event, so it cannot give away what it has captured.

use triggers::prelude::*;

fn main() {
    let (name, other) = (String::from("pager"), String::from("mail"));
    let on = |event_type| ProcessConfig::new().trigger(TriggerConfig::event(event_type));
    let _moved = Runtime::builder().process("page", on("order.paid"), move |text: Text| async move {
        println!("{name}: {text}");
    });
    let _dropped = Runtime::builder().process("tell", on("order.paid"), move || {
        drop(other);
        async {}
    });
}
