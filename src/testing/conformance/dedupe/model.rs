//! Random operations, beside a model that says what each of them must return.

use std::time::{Duration, SystemTime};

use super::rig::{Claiming, SCOPE, at, event, first, is_duplicate, new, waits};
use crate::testing::conformance::dice::Dice;
use crate::{Dedupe, DedupeId, EventId, IdClaim, Result};

const IDS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];

/// The windows of the ids, in seconds.
const WINDOWS: [u64; 3] = [10, 15, 100];

const OPERATIONS: usize = 400;

/// What the model knows of an id.
#[derive(Default)]
struct Known<'a> {
    /// The claim in progress, with the time until which a commit remembers the id.
    held: Option<(IdClaim, SystemTime)>,
    /// The claims that wait, each with the same time of its own.
    waiting: Vec<(Claiming<'a>, SystemTime)>,
    /// The last accepted event, and until when it is remembered.
    seen: Option<(EventId, SystemTime)>,
}

impl<'a> Known<'a> {
    async fn claim(&mut self, dedupe: &'a dyn Dedupe, id: DedupeId<'a>, now: SystemTime) -> Result {
        let (mut claiming, until) = (dedupe.claim(id, now), id.until(now));
        if self.held.is_some() {
            waits(&mut claiming).await?;
            self.waiting.push((claiming, until));
            return Ok(());
        }
        let answer = claiming.await?;
        match self.seen.filter(|(_, until)| *until > now) {
            Some((event, _)) => is_duplicate(answer, event),
            None => {
                self.held = Some((new(answer)?, until));
                Ok(())
            }
        }
    }

    async fn commit(&mut self, event: EventId) -> Result {
        let Some((claim, until)) = self.held.take() else { return Ok(()) };
        claim.commit(event);
        self.seen = Some((event, until));
        for (claiming, _) in self.waiting.drain(..) {
            is_duplicate(claiming.await?, event)?;
        }
        Ok(())
    }

    async fn release(&mut self) -> Result {
        let Some(held) = self.held.take() else { return Ok(()) };
        drop(held);
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut claiming: Vec<_> = self.waiting.iter_mut().map(|(claiming, _)| claiming).collect();
        let (position, answer) = first(&mut claiming).await;
        let (_, until) = self.waiting.remove(position);
        self.held = Some((new(answer?)?, until));
        for (other, _) in &mut self.waiting {
            waits(other).await?;
        }
        Ok(())
    }
}

pub(super) async fn any_sequence_agrees_with_the_model(dedupe: &dyn Dedupe, seed: u64) -> Result {
    let mut dice = Dice(seed);
    let mut known = IDS.map(|_| Known::default());
    let (mut seconds, mut last) = (0, 0);
    for _ in 0..OPERATIONS {
        let chosen = dice.roll(IDS.len() as u64) as usize;
        let one = &mut known[chosen];
        match dice.roll(10) {
            0..5 => {
                let window = WINDOWS[dice.roll(WINDOWS.len() as u64) as usize];
                let id = DedupeId::new(SCOPE, IDS[chosen])?.window(Duration::from_secs(window));
                one.claim(dedupe, id, at(seconds)).await?;
            }
            5 | 6 => {
                last += 1;
                one.commit(event(last)?).await?;
            }
            7 => one.release().await?,
            8 => drop(one.waiting.pop()),
            _ => seconds += dice.roll(20),
        }
    }
    Ok(())
}
