//! Tests of the search for clashes.

use trigger_grammar::kind;
use trigger_grammar::setting::Value;

use super::*;
use crate::declare::SourceKind;
use crate::registry::{Location, ProcessRecord, Site, TriggerRecord};
use crate::source::{self, DEAD_LETTER, MESSAGE};

const fn handler(
    site: Site<'static>,
    process: ProcessRecord,
    triggers: &'static [TriggerRecord],
) -> HandlerRecord {
    HandlerRecord { site, process, triggers, arguments: &[], call: || unreachable!() }
}

const fn site(name: &'static str, module: &'static str, line: u32) -> Site<'static> {
    Site { name, module, location: Location { file: "lib.rs", line } }
}

const UNNAMED: ProcessRecord = ProcessRecord::new();
/// A kind that claims its path and its address, as webhooks do.
static WEBHOOK: SourceKind = SourceKind::new("webhook", "a request")
    .settings(kind::WEBHOOK.settings, |_| unreachable!())
    .claims(kind::WEBHOOK.claims);

const A: TriggerRecord = TriggerRecord::new(&source::EVENT, &[("event_type", Value::Text("a"))]);
const EVENT: &[TriggerRecord] = &[A];

fn webhook(port: u64, host: &'static str) -> TriggerRecord {
    at_path("/x", port, host)
}

fn at_path(path: &'static str, port: u64, host: &'static str) -> TriggerRecord {
    let values = [
        ("webhook_path", Value::Text(path)),
        ("webhook_port", Value::Number(port)),
        ("webhook_host", Value::Text(host)),
    ];
    TriggerRecord::new(&WEBHOOK, Box::leak(Box::new(values)))
}

fn said(handlers: &[HandlerRecord]) -> String {
    let handlers: Vec<&'static HandlerRecord> =
        handlers.iter().map(|h| &*Box::leak(Box::new(handler(h.site, h.process, h.triggers)))).collect();
    let claims = Claims::<2000>::of(&handlers);
    let mut slots = [0; 4000];
    let report = report(&mut Finder::new(&claims.claims, &mut slots));
    report.map_or_else(String::new, |report| report.as_str().to_owned())
}

#[test]
fn webhooks_clash_if_both_would_get_the_same_requests() {
    let clash = |a: TriggerRecord, b: TriggerRecord| {
        let triggers = |trigger| &*Box::leak(Box::new([trigger]));
        let [a, b] = [("a", 1, a), ("b", 2, b)]
            .map(|(name, line, trigger)| handler(site(name, "m", line), UNNAMED, triggers(trigger)));
        said(&[a, b])
    };
    let same = clash(webhook(80, "localhost"), webhook(80, "localhost"));
    assert_eq!(same, "`m::b` at lib.rs:2: the path /x of localhost:80 is taken by `m::a` at lib.rs:1");
    let every = clash(webhook(80, "127.0.0.1"), webhook(80, "0.0.0.0"));
    let expected = "`m::b` at lib.rs:2: the path /x of 0.0.0.0:80 is taken by `m::a` at lib.rs:1 on 127.0.0.1:80, \
                    and 0.0.0.0 is every address";
    assert_eq!(every, expected);
    assert_ne!(clash(webhook(80, "::"), webhook(80, "localhost")), "");
    assert_ne!(clash(webhook(0, "::"), webhook(0, "::")), "", "one free port");
    let captures = clash(at_path("/a/{x}/b", 80, "::"), at_path("/a/{y}/b", 80, "::"));
    let expected = "`m::b` at lib.rs:2: the path /a/{y}/b of :::80 is taken by `m::a` at lib.rs:1 as /a/{x}/b, which \
                    matches the same requests";
    assert_eq!(captures, expected);
    for (a, b) in [
        (at_path("/a/{x}", 80, "::"), at_path("/a/b", 80, "::")),
        (at_path("/a/{x}", 80, "::"), at_path("/{x}/b", 80, "::")),
        (webhook(80, "localhost"), webhook(81, "localhost")),
        (webhook(80, "localhost"), webhook(80, "127.0.0.1")),
        (webhook(0, "::"), webhook(0, "127.0.0.1")),
        (webhook(80, "::"), at_path("/y", 80, "::")),
    ] {
        assert_eq!(clash(a, b), "", "{a:?} {b:?}");
    }
}

#[test]
fn name_is_taken_by_a_process_that_has_it_or_may_get_it() {
    let named = |name, line| handler(site("other", "shop", line), UNNAMED.name(name), EVENT);
    let unnamed = |module, line| handler(site("ship", module, line), UNNAMED, EVENT);
    assert_eq!(
        said(&[unnamed("shop", 1), named("shop::ship", 2)]),
        "`shop::other` at lib.rs:2: the process name `shop::ship` is taken by `shop::ship` at lib.rs:1; \
         give each its own with `#[process(name = \"..\")]`"
    );
    assert_eq!(
        said(&[named("a", 1), named("a", 2)]),
        "`shop::other` at lib.rs:2: the process name `a` is taken by `shop::other` at lib.rs:1"
    );
    // Two fns that are inside other fns.
    assert!(said(&[unnamed("shop", 1), unnamed("shop", 2)]).contains("the process name `shop::ship`"));
    for fine in [
        [unnamed("shop", 1), named("ship", 2)],
        [unnamed("shop", 1), unnamed("eu::shop", 2)],
        [named("::ship", 1), named("ship", 2)],
        [named("", 1), named("", 2)],
    ] {
        assert_eq!(said(&fine), "", "{fine:?}");
    }
}

#[test]
fn trigger_repeats_only_in_its_own_process() {
    const SEVERAL: &[TriggerRecord] = &[
        A,
        TriggerRecord::new(
            &source::EVENT,
            &[("event_source", Value::Text("b")), ("event_type", Value::Text("a"))],
        ),
        TriggerRecord::new(&MESSAGE, &[("topic", Value::Text("a"))]),
        TriggerRecord::new(&DEAD_LETTER, &[]),
        TriggerRecord::new(&DEAD_LETTER, &[("process", Value::Text("a"))]),
        TriggerRecord::new(&DEAD_LETTER, &[("process", Value::Text("*"))]),
        A.filter(|_| None, "|n: &u8| *n > 1"),
        A.filter(|_| None, "|n: &u8| *n < 1"),
    ];
    const TWICE: &[TriggerRecord] =
        &[SEVERAL[1], SEVERAL[2], SEVERAL[1].queue(3), SEVERAL[2], SEVERAL[6], SEVERAL[6]];
    let [a, b, twice] = [("a", SEVERAL), ("b", SEVERAL), ("c", TWICE)]
        .map(|(name, triggers)| handler(site(name, "m", 1), UNNAMED, triggers));
    assert_eq!(
        said(&[a, b, twice]),
        "`m::c` at lib.rs:1: the event trigger `a` is declared twice, so each would arrive twice\n\
         `m::c` at lib.rs:1: the message trigger `a` is declared twice, so each would arrive twice\n\
         `m::c` at lib.rs:1: the event trigger `a` is declared twice, so each would arrive twice"
    );
}

#[test]
fn handler_in_the_list_twice_is_one_clash_unless_it_has_errors() {
    const HOOK: &[TriggerRecord] = &[TriggerRecord::new(&WEBHOOK, &[("webhook_path", Value::Text("/x"))])];
    let twice = || handler(site("a", "m", 1), UNNAMED, HOOK);
    assert_eq!(said(&[twice(), twice()]), "`m::a` at lib.rs:1: it is listed twice");
    let with_errors = || handler(site("a", "m", 1), UNNAMED, &[]);
    assert_eq!(said(&[with_errors(), with_errors()]), "");
}

#[test]
fn clashes_beyond_the_size_of_the_message_are_counted() {
    let handlers: Vec<_> = (0..1000).map(|_| handler(site("a", "m", 1), UNNAMED, EVENT)).collect();
    let said = said(&handlers);
    let shown = said.matches("listed twice").count();
    assert!(shown > 30 && said.ends_with(&format!("\nand {} more", 999 - shown)), "{said}");
}

#[test]
fn claims_with_equal_hashes_are_compared() {
    let sites = ["a", "b", "a"].map(|name| site(name, "m", 1));
    let claims = [0, 1, 2].map(|at| {
        let claim = Claim::new(at, &sites[at], Thing::Path);
        Some(Claim { hash: 5, ..claim })
    });
    let clashes: Vec<_> = clashes(&claims).iter().map(Clash::process).collect();
    assert_eq!(clashes, [2]);
}

const MANY: usize = 5000;

/// `/0000`, `/0001` and so on.
static NUMBERS: [[u8; 5]; MANY] = {
    let mut numbers = [*b"/0000"; MANY];
    let mut at = 0;
    while at < MANY {
        let digits = [at / 1000, at / 100 % 10, at / 10 % 10, at % 10];
        let mut place = 0;
        while place < digits.len() {
            numbers[at][place + 1] += digits[place] as u8;
            place += 1;
        }
        at += 1;
    }
    numbers
};

static SETTINGS: [[(&str, Value<'static>); 1]; MANY] = {
    let mut settings = [[("webhook_path", Value::Text("")); 1]; MANY];
    let mut at = 0;
    while at < MANY {
        settings[at][0].1 = Value::Text(number(at));
        at += 1;
    }
    settings
};

static WEBHOOKS: [TriggerRecord; MANY] = {
    let mut webhooks = [TriggerRecord::new(&WEBHOOK, &[]); MANY];
    let mut at = 0;
    while at < MANY {
        webhooks[at] = TriggerRecord::new(&WEBHOOK, &SETTINGS[at]);
        at += 1;
    }
    webhooks
};

static RECORDS: [HandlerRecord; MANY] = {
    let mut records = [const { handler(site("", "", 1), UNNAMED, &[]) }; MANY];
    let mut at = 0;
    while at < MANY {
        let site = site(number(at), "billing::invoices::settled", 1);
        records[at] = handler(site, UNNAMED, std::slice::from_ref(&WEBHOOKS[at]));
        at += 1;
    }
    records
};

const fn number(at: usize) -> &'static str {
    match str::from_utf8(&NUMBERS[at]) {
        Ok(number) => number,
        Err(_) => "",
    }
}

static LISTED: [&HandlerRecord; MANY] = {
    let mut listed = [&RECORDS[0]; MANY];
    let mut at = 0;
    while at < MANY {
        listed[at] = &RECORDS[at];
        at += 1;
    }
    listed
};

// The test is that this compiles. rustc refuses an evaluation with too many steps.
const _: () = Claims::<{ count(&LISTED) }>::check(&LISTED);

#[test]
fn one_clash_among_5000_handlers_is_found() {
    let mut listed = LISTED;
    listed[MANY - 1] = listed[17];
    let claims = Claims::<{ count(&LISTED) }>::of(&listed);
    let mut slots = vec![0; 2 * claims.len];
    let mut finder = Finder::new(&claims.claims, &mut slots);
    assert_eq!(finder.next().map(|clash| clash.process()), Some(MANY - 1));
    assert!(finder.next().is_none());
}
