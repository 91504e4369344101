//! The names of the other crates that a program uses.

pub use trigger_core::{
    ArgumentDescription, Attempt, Attribute, Backoff, BoxSource, Builder, Bytes, Choice, Claim, Claimed,
    ClaimedKeys, Clock, Commit, ConfigError, ConfigErrorKind, Context, DeadLetter, DeadLetterCounts,
    DeadLetterReason, DeadLetters, DeadLettersStatus, Dedupe, DedupeCounts, DedupeError, DedupeId,
    Description, Draft, DrainReport, DropReason, Emit, Ended, Entry, Error, EventBus, EventId, EventTrigger,
    FaultKind, Filter, Frame, FrameError, FromTrigger, Handler, HandlerRecord, HeldEvent, IdClaim,
    IntoOutcome, Json, Key, MemoryDedupe, MessageBroker, MessageTrigger, Needs, ObservedAttempt, ObservedEnd,
    ObservedEvent, ObservedFailure, ObservedPublication, Observer, Offered, Outcome, Overflow, Overlap,
    ParseEventIdError, PausedClock, Problem, ProblemKind, ProcessConfig, ProcessDescription, ProcessReport,
    ProcessState, ProcessStatus, Publish, PublishError, Published, Publishing, ReadMetadata, Receipt,
    Rejection, RejectionKind, RemoveError, Result, RetryState, Runtime, RuntimeHandle, RuntimeState,
    RuntimeStatus, ScopedDedupe, Secrets, Sender, Setting, Settings, Shutdown, Sink, Source, SourceContext,
    SourceDescription, SourceKind, StandaloneTrigger, StartError, State, Store, StoreError, StoredEvent,
    SystemClock, Target, Text, Topic, TopicError, TopicPattern, Trigger, TriggerConfig, TriggerDescription,
    TriggerError, TriggerEvent, TriggerKind, TriggerSource, TriggerStatus, UnknownProcess, source_kind,
};

#[cfg(feature = "webhook")]
pub use trigger_webhook::{
    CloudEvent, Form, HeaderMap, Headers, OwnVerifier, Query, Sign, SignedRequest, Verified, Verifier,
    Verify, VerifyError, WebhookRouter, WebhookRoutes, WebhookTrigger, axum,
};
