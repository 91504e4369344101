//! A store in memory, whose entries are safe once the test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use triggers::{
    Commit, DeadLetter, Entry, Frame, HeldEvent, Receipt, Result, RetryState, Store, StoreError, StoredEvent,
    Target,
};

/// A store in memory. A clone is a handle to the same store, which a later runtime opens again.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Contents>>);

#[derive(Default)]
pub(super) struct Contents {
    /// The deliveries that are not settled, by their position.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    last: u64,
    /// Entries that are not safe yet.
    pub(super) waiting: Vec<(Entry, Commit)>,
    /// `true` if each entry is safe at once.
    pub(super) is_quick: bool,
    pub(super) closed: u32,
}

#[derive(Clone)]
pub(super) struct Delivery {
    frame: Frame,
    pub(super) target: Target,
    retry: Option<(RetryState, SystemTime)>,
}

impl Log {
    pub(super) fn quick() -> Log {
        let log = Log::default();
        log.contents().is_quick = true;
        log
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("the contents")
    }

    /// Returns the bodies of the events that are not settled, with the ids of their triggers.
    pub(super) fn left(&self) -> Vec<String> {
        let contents = self.contents();
        let shown = |delivery: &Delivery| {
            let body = String::from_utf8_lossy(delivery.frame.raw()).into_owned();
            format!("{body} to {}", delivery.target.trigger)
        };
        contents.deliveries.values().map(shown).collect()
    }

    /// Makes the waiting entries safe.
    pub(super) fn commit(&self) {
        let waiting = std::mem::take(&mut self.contents().waiting);
        for (entry, commit) in waiting {
            let receipts = entry.targets().iter().map(|target| self.add(entry.frame(), target)).collect();
            commit.done(receipts);
        }
    }

    fn add(&self, frame: &Frame, target: &Target) -> Box<dyn Receipt> {
        let mut contents = self.contents();
        contents.last += 1;
        let position = contents.last;
        let delivery = Delivery { frame: frame.clone(), target: target.clone(), retry: None };
        contents.deliveries.insert(position, delivery);
        Box::new(Slip(position, self.clone()))
    }
}

struct Slip(u64, Log);

impl Receipt for Slip {
    fn retry(&self, state: &RetryState, due: SystemTime) {
        if let Some(delivery) = self.1.contents().deliveries.get_mut(&self.0) {
            delivery.retry = Some((state.clone(), due));
        }
    }

    fn handled(self: Box<Self>) {
        self.1.contents().deliveries.remove(&self.0);
    }

    fn dead(self: Box<Self>, _: &DeadLetter) {
        self.1.contents().deliveries.remove(&self.0);
    }

    fn release(self: Box<Self>) {}
}

impl Store for Log {
    fn append(&self, entry: Entry, commit: Commit) {
        self.contents().waiting.push((entry, commit));
        if self.contents().is_quick {
            self.commit();
        }
    }

    fn load(&self, after: Option<u64>, most: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let contents = self.contents();
        let stored =
            contents.deliveries.iter().filter(|(position, _)| after.is_none_or(|after| **position > after));
        let stored = stored.map(|(position, delivery)| {
            let mut event = HeldEvent::new(delivery.frame.clone(), Slip(*position, self.clone()));
            if let Some((state, due)) = &delivery.retry {
                event = event.retry(state.clone()).due(*due);
            }
            StoredEvent { position: *position, target: delivery.target.clone(), event }
        });
        Ok(stored.take(most).collect())
    }

    fn close(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.contents().closed += 1;
        Box::pin(async {})
    }
}
