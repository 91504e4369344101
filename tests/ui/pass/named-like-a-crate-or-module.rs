#![deny(warnings)]
//! A handler occupies only the name of its fn, so a module, a crate or a type may share the name.

use triggers::prelude::*;

/// Named like a crate that its body uses.
#[on_event("audit.line")]
async fn tracing(text: Text) {
    tracing::info!("{}", text.0);
}

mod billing {
    use triggers::prelude::*;

    #[derive(Deserialize)]
    pub(crate) struct Bill {
        pub(crate) total: u64,
    }

    #[on_event("order.billed")]
    pub(crate) async fn bill(Json(bill): Json<Bill>) {
        println!("{}", bill.total);
    }
}

/// Named like a module, whose type it takes.
#[on_event("order.paid")]
async fn billing(Json(bill): Json<billing::Bill>) {
    println!("{}", bill.total);
}

/// Named like a type, with a trigger that has its type under that name.
#[on_message("counts.{u64}")]
async fn u64(u64: u64) {
    println!("{u64}");
}

#[allow(non_camel_case_types)]
type ship = u8;

#[on_event("order.paid")]
async fn ship(Json(order): Json<ship>) {
    println!("{order}");
}

fn main() {
    let names = handlers![tracing, billing, billing::bill, u64, ship].map(|record| format!("{record:?}"));
    for (name, end) in
        names.iter().zip(["::tracing (", "::billing (", "::billing::bill (", "::u64 (", "::ship ("])
    {
        assert!(name.contains(end), "{name}");
    }
}
