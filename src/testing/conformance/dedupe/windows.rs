//! The window of an id, and what makes two ids different.

use std::time::Duration;

use super::rig::{SCOPE, accept, at, claim, event, id, is_duplicate, repeat};
use crate::{Dedupe, DedupeId, Result};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn id_is_new_after_its_window(dedupe: &dyn Dedupe, _: u64) -> Result {
    let (short, long) = (id("short")?.window(MINUTE), id("long")?.window(60 * MINUTE));
    accept(dedupe, long, at(0), event(1)?).await?;
    accept(dedupe, short, at(0), event(2)?).await?;
    repeat(dedupe, short, at(59), event(2)?).await?;
    accept(dedupe, short, at(60), event(3)?).await?;
    repeat(dedupe, short, at(119), event(3)?).await?;
    repeat(dedupe, long, at(3599), event(1)?).await?;
    accept(dedupe, long, at(3600), event(4)?).await?;
    repeat(dedupe, long, at(3600), event(4)?).await
}

pub(super) async fn duplicate_does_not_extend_the_window(dedupe: &dyn Dedupe, _: u64) -> Result {
    let id = id("a")?.window(MINUTE);
    accept(dedupe, id, at(0), event(1)?).await?;
    for seconds in [10, 30, 50, 59] {
        repeat(dedupe, id, at(seconds), event(1)?).await?;
    }
    accept(dedupe, id, at(60), event(2)?).await
}

/// Also if the claim waited for another one.
pub(super) async fn window_begins_with_the_claim(dedupe: &dyn Dedupe, _: u64) -> Result {
    let id = id("a")?.window(MINUTE);
    let held = claim(dedupe, id, at(0)).await?;
    let next = dedupe.claim(id, at(30));
    drop(held);
    super::rig::new(next.await?)?.commit(event(1)?);
    is_duplicate(dedupe.claim(id, at(89)).await?, event(1)?)?;
    accept(dedupe, id, at(90), event(2)?).await
}

pub(super) async fn ids_with_any_difference_are_different(dedupe: &dyn Dedupe, _: u64) -> Result {
    let long = [b'x'; DedupeId::MOST_BYTES];
    let mut other = long;
    other[DedupeId::MOST_BYTES - 1] = b'y';
    let ids: [(&str, &[u8]); 12] = [
        (SCOPE, b"a"),
        (SCOPE, b"A"),
        (SCOPE, b"a "),
        (SCOPE, b"a\0"),
        (SCOPE, b"\xff"),
        (SCOPE, b"\xfe"),
        (SCOPE, &long),
        (SCOPE, &other),
        ("webhook-9090/refunds", b"a"),
        ("", b"a"),
        ("ab", b"c"),
        ("a", b"bc"),
    ];
    for (number, (scope, bytes)) in (0..).zip(ids) {
        accept(dedupe, DedupeId::new(scope, bytes)?, at(0), event(number)?).await?;
    }
    for (number, (scope, bytes)) in (0..).zip(ids) {
        repeat(dedupe, DedupeId::new(scope, bytes)?, at(1), event(number)?).await?;
    }
    Ok(())
}
