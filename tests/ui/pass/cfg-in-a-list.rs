#![deny(warnings)]
//! `cfg` on an entry of `handlers!`.

use triggers::prelude::*;

#[on_event("order.paid")]
async fn ship() {}

#[on_event("order.sent")]
async fn bill() {}

static LISTED: [&triggers::HandlerRecord; 1] = handlers![
    #[cfg(any())]
    no_such_module::notify,
    #[cfg(all())]
    ship,
];

macro_rules! listed {
    ($($(#[$cfg:meta])* $handler:path),*) => { handlers![$($(#[$cfg])* $handler),*] };
}

fn main() {
    assert_eq!(
        handlers![
            ship,
            #[cfg(any())]
            print
        ]
        .len(),
        1
    );
    assert_eq!(
        handlers![
            #[cfg_attr(all(), cfg(any()))]
            print,
            ship,
            #[cfg_attr(any(), cfg(any()))]
            bill
        ]
        .len(),
        2
    );
    // A list may contain a handler once for each platform.
    assert_eq!(
        handlers![
            #[cfg(any())]
            ship,
            #[cfg(not(any()))]
            ship
        ]
        .len(),
        1
    );
    assert_eq!(
        listed![
            #[cfg(any())]
            print,
            ship,
            bill
        ]
        .len()
            + LISTED.len(),
        3
    );
}
