//! Where a declaration stands, and the name of a process.

use std::fmt;

use trigger_grammar::const_string::ConstString;
use trigger_grammar::setting::same;

use super::Location;

/// What a declaration is of, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The name of the fn.
    pub(super) name: &'a str,
    /// The module it is in; empty for a closure.
    pub(super) module: &'static str,
    pub(super) location: Location,
}

impl<'a> Site<'a> {
    /// The place of the caller.
    #[track_caller]
    pub const fn new(name: &'a str, module: &'static str) -> Site<'a> {
        Site { name, module, location: Location::caller() }
    }

    /// Where it belongs in a list: by its place, and by its name where a macro has made several in one place.
    pub(crate) fn order(&self) -> (Location, &'a str) {
        (self.location, self.name)
    }

    /// The handler by its full path.
    pub(super) const fn path(&self) -> ProcessName<'a> {
        ProcessName::new(self.module, self.name)
    }
}

/// The name of a process: any text, or the path of a handler.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessName<'a> {
    /// The part before the last `::`, or an empty text.
    module: &'a str,
    name: &'a str,
}

impl<'a> ProcessName<'a> {
    pub(super) const fn new(module: &'a str, name: &'a str) -> ProcessName<'a> {
        ProcessName { module, name }
    }

    pub(super) const fn read(text: &'a str) -> ProcessName<'a> {
        let mut bytes = text.as_bytes();
        while let &[ref before @ .., last] = bytes {
            if last == b':'
                && let &[ref module @ .., b':'] = before
                && !module.is_empty()
            {
                let (module, _) = text.split_at(module.len());
                return ProcessName::new(module, text.split_at(bytes.len()).1);
            }
            bytes = before;
        }
        ProcessName::new("", text)
    }

    const fn separator(&self) -> &'static str {
        if self.module.is_empty() { "" } else { "::" }
    }

    pub(super) const fn show(&self, message: &mut ConstString) {
        message.push(self.module).push(self.separator()).push(self.name);
    }

    pub(super) const fn hash(&self) -> u64 {
        hash(hash(0, self.module), self.name)
    }

    pub(super) const fn is(&self, other: &ProcessName<'_>) -> bool {
        same(self.name, other.name) && same(self.module, other.module)
    }
}

impl fmt::Display for ProcessName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.module, self.separator(), self.name)
    }
}

/// Continues a hash with a text. Const evaluation takes about a microsecond for each step. So it reads sixteen bytes at
/// a time, and the last sixteen overlap the ones before.
pub(super) const fn hash(mut hash: u64, text: &str) -> u64 {
    let mut bytes = text.as_bytes();
    while let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ref rest @ ..] = bytes {
        hash = mix(hash, u128::from_ne_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]));
        bytes = rest;
    }
    if let &[.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = text.as_bytes() {
        return mix(hash, u128::from_ne_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]));
    }
    if let &[a, b, c, d, e, f, g, h, ref rest @ ..] = bytes {
        hash = mix(hash, u64::from_ne_bytes([a, b, c, d, e, f, g, h]) as u128);
        bytes = rest;
    }
    while let &[a, ref rest @ ..] = bytes {
        hash = mix(hash, a as u128);
        bytes = rest;
    }
    hash
}

/// Mixes a word into a hash. The remainder by a prime depends on every bit, and the product spreads each of them.
const fn mix(hash: u64, word: u128) -> u64 {
    const PRIME: u128 = 0xffff_ffff_ffff_ffc5;
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15;
    let product = (word ^ (hash as u128) << 61) % PRIME * ODD;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::hash;

    #[test]
    fn hashes_of_names_that_differ_in_a_few_digits_are_spread() {
        for (before, after) in
            [("", ""), ("process-number-", ""), ("/api/v1/", "/orders/of/a/day"), ("shop_", "::")]
        {
            let slot = |number| hash(0, &format!("{before}{number:04}{after}")) % 8192;
            let taken: HashSet<u64> = (0..4096).map(slot).collect();
            // A random hash would give 3223 on average.
            assert!(taken.len() > 3000, "{before}0000{after}: {}", taken.len());
        }
    }
}
