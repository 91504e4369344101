//! The life of a claim: in progress, then committed or released, and what the other claims of its id get.

use std::future::Future;
use std::pin::Pin;

use super::rig::{accept, at, claim, event, first, id, is_duplicate, new, pause, repeat, waits};
use crate::{Claimed, Dedupe, EventId, Result};

pub(super) async fn accepted_id_is_a_duplicate_of_its_event(dedupe: &dyn Dedupe, _: u64) -> Result {
    let (a, b) = (event(1)?, event(2)?);
    accept(dedupe, id("a")?, at(0), a).await?;
    accept(dedupe, id("b")?, at(1), b).await?;
    for seconds in [2, 3] {
        repeat(dedupe, id("a")?, at(seconds), a).await?;
        repeat(dedupe, id("b")?, at(seconds), b).await?;
    }
    Ok(())
}

pub(super) async fn released_id_is_new_again(dedupe: &dyn Dedupe, _: u64) -> Result {
    for _ in 0..3 {
        drop(claim(dedupe, id("a")?, at(0)).await?);
    }
    accept(dedupe, id("a")?, at(0), event(1)?).await?;
    repeat(dedupe, id("a")?, at(0), event(1)?).await
}

pub(super) async fn claim_waits_for_the_end_of_another_one(dedupe: &dyn Dedupe, _: u64) -> Result {
    let held = claim(dedupe, id("a")?, at(0)).await?;
    let mut other = dedupe.claim(id("a")?, at(1));
    for _ in 0..3 {
        waits(&mut other).await?;
        pause().await;
    }
    // Another id does not wait.
    accept(dedupe, id("b")?, at(1), event(2)?).await?;
    waits(&mut other).await?;
    held.commit(event(1)?);
    is_duplicate(other.await?, event(1)?)
}

pub(super) async fn one_of_the_claims_that_wait_gets_a_released_id(dedupe: &dyn Dedupe, _: u64) -> Result {
    let mut held = claim(dedupe, id("a")?, at(0)).await?;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(dedupe.claim(id("a")?, at(1)));
    }
    for _ in 0..2 {
        for other in &mut others {
            waits(other).await?;
        }
        drop(held);
        let (position, answer) = first(&mut others).await;
        drop(others.remove(position));
        held = new(answer?)?;
    }
    for other in &mut others {
        waits(other).await?;
    }
    held.commit(event(1)?);
    for other in others {
        is_duplicate(other.await?, event(1)?)?;
    }
    Ok(())
}

/// Claims the id, and accepts the event if the id is new. Returns the id of the first event, and whether it is this one.
async fn deliver(dedupe: &dyn Dedupe, own: EventId) -> Result<(EventId, bool)> {
    Ok(match dedupe.claim(id("a")?, at(0)).await? {
        Claimed::Duplicate(event) => (event, false),
        Claimed::New(claim) => {
            pause().await;
            claim.commit(own);
            (own, true)
        }
    })
}

pub(super) async fn claims_of_one_id_at_once_make_one_event(dedupe: &dyn Dedupe, _: u64) -> Result {
    type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(EventId, bool)>> + Send + 'a>>;
    let mut deliveries: Vec<Delivering<'_>> = Vec::new();
    for number in 0..64 {
        deliveries.push(Box::pin(deliver(dedupe, event(number)?)));
    }
    let mut answers = Vec::new();
    while !deliveries.is_empty() {
        let (position, answer) = first(&mut deliveries).await;
        drop(deliveries.remove(position));
        answers.push(answer?);
    }
    let accepted: Vec<_> = answers.iter().filter(|(_, is_own)| *is_own).collect();
    let [(first, _)] = accepted[..] else {
        return Err(format!("64 claims of one id make {} events", accepted.len()).into());
    };
    match answers.iter().find(|(event, _)| event != first) {
        None => Ok(()),
        Some((other, _)) => Err(format!("a duplicate names {other}, and must name {first}").into()),
    }
}

pub(super) async fn claim_that_is_dropped_leaves_nothing_behind(dedupe: &dyn Dedupe, _: u64) -> Result {
    for _ in 0..3 {
        let mut begun = dedupe.claim(id("a")?, at(0));
        // It may be answered by the first poll or later. It is dropped in both cases.
        let _ = waits(&mut begun).await;
    }
    let held = claim(dedupe, id("a")?, at(0)).await?;
    let (mut early, mut late) = (dedupe.claim(id("a")?, at(0)), dedupe.claim(id("a")?, at(0)));
    waits(&mut early).await?;
    waits(&mut late).await?;
    drop(early);
    drop(held);
    // This one may have the id already, and is dropped before it is polled.
    drop(late);
    accept(dedupe, id("a")?, at(0), event(1)?).await?;
    repeat(dedupe, id("a")?, at(0), event(1)?).await
}
