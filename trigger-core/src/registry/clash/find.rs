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
mod tests;
