//! Who waits for an event, or for room, and who of them has been told of it. Kept under the lock of the inbox, so that
//! whoever queues an event, or takes one, sees those who began to wait before, and those who begin after see what it did.

#[derive(Debug)]
pub(super) struct Waiters {
    /// How many wait.
    idle: u32,
    /// How many of them were told, and have not come yet.
    told: u32,
    /// The most that are told at once.
    most: u32,
}

impl Waiters {
    /// Nobody waits yet. So many are told at once at most.
    pub(super) fn new(most: u32) -> Waiters {
        Waiters { idle: 0, told: 0, most }
    }

    pub(super) fn any_untold(&self) -> bool {
        self.told < self.idle.min(self.most)
    }

    /// Whether somebody is to be told: one who waits, was not told yet, and could run at once.
    #[inline]
    pub(super) fn tell(&mut self) -> bool {
        let more = self.any_untold();
        self.told += u32::from(more);
        more
    }

    /// Somebody waits from now on.
    pub(super) fn begin(&mut self) {
        self.idle += 1;
    }

    /// Somebody waits no more. If it was told, what it was told of is its own affair, or will be that of another one whom
    /// the wake-up is passed on to. To take one for told that was not could leave an event alone, the opposite wakes one
    /// in vain.
    pub(super) fn end(&mut self) {
        self.idle -= 1;
        self.told = self.told.saturating_sub(1).min(self.idle);
    }
}
