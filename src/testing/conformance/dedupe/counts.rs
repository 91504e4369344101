//! The counts of a dedupe.

use super::rig::{accept, at, claim, event, id, is_duplicate, repeat, waits};
use crate::testing::conformance::verify::ensure;
use crate::{Dedupe, Result};

pub(super) async fn counts_are_exact(dedupe: &dyn Dedupe, _: u64) -> Result {
    let check = |entries, in_progress, duplicates| {
        let counts = dedupe.counts();
        let counted = (counts.entries, counts.in_progress, counts.duplicates, counts.evicted);
        ensure(counted == (entries, in_progress, duplicates, 0), || {
            format!(
                "{counts:?}, and {entries} are remembered, {in_progress} in progress, {duplicates} repeated"
            )
        })
    };
    check(0, 0, 0)?;
    accept(dedupe, id("a")?, at(0), event(1)?).await?;
    check(1, 0, 0)?;
    let held = claim(dedupe, id("b")?, at(0)).await?;
    check(1, 1, 0)?;
    repeat(dedupe, id("a")?, at(0), event(1)?).await?;
    let mut other = dedupe.claim(id("b")?, at(0));
    waits(&mut other).await?;
    check(1, 1, 1)?;
    held.commit(event(2)?);
    is_duplicate(other.await?, event(2)?)?;
    check(2, 0, 2)?;
    drop(claim(dedupe, id("c")?, at(0)).await?);
    check(2, 0, 2)
}
