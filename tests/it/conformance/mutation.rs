//! The ways in which a keeper can be broken.

/// One thing that a keeper does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    /// A keeper that loses its events in a crash claims that it does not.
    ClaimSurvival,
    /// A keeper without a backlog claims that its publishers never wait.
    ClaimBacklog,
    /// An event is acknowledged when it is delivered.
    AckEarly,
    /// The acknowledgement of a handled event is ignored.
    NeverAck,
    /// A dead letter is kept after the event is acknowledged.
    AckBeforeLetter,
    /// A publisher gets its confirmation before the event is safe.
    ConfirmEarly,
    /// The number of the failed attempts is not kept.
    ForgetAttempts,
    /// The last error is not kept.
    ForgetError,
    /// Every delivery counts as an attempt.
    CountDeliveries,
    /// The due time of a retry is not kept.
    IgnoreDue,
    /// A retry that waits in the process is delivered by the engine too.
    RetryTwice,
    /// An event that a drain gives back is acknowledged.
    DropReleased,
    /// Events are delivered in the reverse order.
    FeedBackwards,
    /// More events are delivered than the queue has capacity for.
    IgnoreRoom,
    /// After a start, the last event is not delivered.
    SkipLast,
    /// After a start, only the first events of a large backlog are delivered.
    LoadOnePage,
    /// The receipts of two processes are swapped.
    MixTargets,
    /// An event is queued again although it is held.
    PushDuplicates,
    /// A lease is not extended while the event is held.
    LeaveLeases,
    /// An event whose settlement was lost counts as held for ever.
    ForgetLostSettlements,
}
