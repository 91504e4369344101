//! The search for clashes among claims.
//!
//! Const evaluation is slow, and rustc refuses one with over two million steps. Each call and each iteration of a loop
//! is a step. So the claims are compared in a hash table.

use trigger_grammar::const_string::ConstString;

use super::{Claim, Clash, Thing};
use crate::registry::record::HandlerRecord;

/// The number of slots for each claim. With fewer, claims with other hashes collide too often.
const SLOTS: usize = 2;

/// An iterator over the clashes of a list of claims.
#[derive(Debug)]
struct Finder<'t, 'a> {
    claims: &'t [Option<Claim<'a>>],
    /// The position of a claim plus one, in the slot of its hash or in the next free slot; 0 is a free slot.
    slots: &'t mut [u32],
    next: usize,
    /// A process whose handler is in the list twice. Its other claims are skipped.
    skipped: Option<usize>,
}

impl<'t, 'a> Finder<'t, 'a> {
    /// Returns a finder. The first `None` ends the claims. There must be more slots than claims, and each must be 0.
    const fn new(claims: &'t [Option<Claim<'a>>], slots: &'t mut [u32]) -> Finder<'t, 'a> {
        Finder { claims, slots, next: 0, skipped: None }
    }

    const fn next(&mut self) -> Option<Clash<'a>> {
        while self.next < self.claims.len() {
            let Some(claim) = &self.claims[self.next] else { return None };
            self.next += 1;
            if matches!(self.skipped, Some(process) if process == claim.process) {
                continue;
            }
            let first = match claim.thing {
                Thing::Source(source, _) if !source.kind.claims.is_of_runtime() => {
                    self.earlier_of_process(claim)
                }
                _ => self.find_or_insert(claim),
            };
            if let Some(first) = first {
                let clash = Clash { claim: *claim, first: *first };
                if clash.is_same_handler() {
                    self.skipped = Some(claim.process);
                }
                return Some(clash);
            }
        }
        None
    }

    /// Returns an earlier claim of the same process that excludes this one. `claim` is the claim before `self.next`.
    const fn earlier_of_process(&self, claim: &Claim<'a>) -> Option<&'t Claim<'a>> {
        let mut at = self.next - 1;
        while at > 0
            && let Some(earlier) = &self.claims[at - 1]
            && earlier.process == claim.process
        {
            if claim.excludes(earlier) {
                return Some(earlier);
            }
            at -= 1;
        }
        None
    }

    /// Returns an earlier claim that excludes this one. Without one it inserts this claim, which is the claim before
    /// `self.next`.
    const fn find_or_insert(&mut self, claim: &Claim<'a>) -> Option<&'t Claim<'a>> {
        let mut at = claim.hash as usize % self.slots.len();
        while self.slots[at] != 0 {
            if let Some(other) = &self.claims[self.slots[at] as usize - 1]
                && other.hash == claim.hash
                && claim.excludes(other)
            {
                return Some(other);
            }
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = self.next as u32;
        None
    }
}

/// Returns the clashes among the declarations of a runtime.
pub(in crate::registry) fn clashes<'a>(claims: &[Option<Claim<'a>>]) -> Vec<Clash<'a>> {
    let mut slots = vec![0; claims.len() * SLOTS];
    let mut finder = Finder::new(claims, &mut slots);
    std::iter::from_fn(|| finder.next()).collect()
}

/// The claims of the handlers of one `handlers![..]`.
#[derive(Debug)]
pub struct Claims<const N: usize> {
    claims: [Option<Claim<'static>>; N],
    len: usize,
}

/// Returns the maximum number of claims of these handlers.
pub const fn count(handlers: &[&HandlerRecord]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while at < handlers.len() {
        count += 1 + handlers[at].triggers.len();
        at += 1;
    }
    count
}

impl<const N: usize> Claims<N> {
    const fn of(handlers: &[&'static HandlerRecord]) -> Claims<N> {
        let mut claims = Claims { claims: [None; N], len: 0 };
        let mut process = 0;
        while process < handlers.len() {
            let HandlerRecord { site, process: settings, triggers, .. } = handlers[process];
            // A handler with errors has no triggers. The compiler has reported the errors.
            if !triggers.is_empty() {
                match settings.name {
                    None => claims.push(Claim::new(process, site, Thing::Path)),
                    // The check at start reports an empty name.
                    Some(name) if name.is_empty() => {}
                    Some(name) => claims.push(Claim::new(process, site, Thing::Name(name))),
                }
            }
            let mut at = 0;
            while at < triggers.len() {
                // The only trigger of a process clashes with none, unless its claim is for the whole runtime.
                let source = &triggers[at].listens;
                if triggers.len() > 1 || source.kind.claims.is_of_runtime() {
                    claims.push(Claim::new(process, site, Thing::Source(source, triggers[at].takes())));
                }
                at += 1;
            }
            process += 1;
        }
        claims
    }

    const fn push(&mut self, claim: Claim<'static>) {
        self.claims[self.len] = Some(claim);
        self.len += 1;
    }

    /// Checks the handlers of one `handlers![..]`; `N` is their [`count`].
    ///
    /// # Panics
    ///
    /// If there is a clash. The message has one line for each clash. In const evaluation the panic is a compile error
    /// with this message.
    #[track_caller]
    pub const fn check(handlers: &[&'static HandlerRecord]) {
        let claims = Claims::<N>::of(handlers);
        let mut slots = [[0; SLOTS]; N];
        let mut finder = Finder::new(&claims.claims, slots.as_flattened_mut());
        if let Some(message) = report(&mut finder) {
            message.panic();
        }
    }
}

/// Returns the message, with one line for each clash. Clashes beyond the size of the message are counted.
const fn report(finder: &mut Finder<'_, '_>) -> Option<ConstString> {
    /// The size of `and N more`, in bytes.
    const REST: usize = 32;
    let mut report = ConstString::new();
    let mut shown = 0;
    let mut left = 0;
    while let Some(clash) = finder.next() {
        let mut line = ConstString::new();
        line.push(if shown == 0 { "" } else { "\n" });
        clash.claim.show(&mut line);
        line.push(": ").push(clash.message().as_str());
        if left == 0 && line.len() + REST <= report.room() {
            report.push(line.as_str());
            shown += 1;
        } else {
            left += 1;
        }
    }
    if left > 0 {
        report.push("\nand ").number(left).push(" more");
    }
    if shown + left == 0 { None } else { Some(report) }
}

#[cfg(test)]
mod tests {
    use trigger_grammar::setting::Value;

    use super::*;
    use crate::registry::{Location, ProcessRecord, Site, TriggerRecord};
    use crate::source::{self, DEAD_LETTER, MESSAGE};
    use crate::webhook::WEBHOOK;

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
        for (a, b) in [
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
        const HOOK: &[TriggerRecord] =
            &[TriggerRecord::new(&WEBHOOK, &[("webhook_path", Value::Text("/x"))])];
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
}
