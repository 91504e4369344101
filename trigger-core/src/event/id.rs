//! The id of an event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an event: a UUID version 7 (RFC 9562 section 5.7), shown with dashes.
///
/// An event keeps its id in every trigger it reaches, in its payload, and in the answer to a webhook request.
///
/// ```
/// # use trigger_core::{EventId, ParseEventIdError};
/// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// assert_eq!(id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
/// # Ok::<(), ParseEventIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub(crate) Uuid);

impl EventId {
    /// Returns the 16 bytes of the id. In the order of the bytes, ids have the order of their times.
    ///
    /// ```
    /// # use trigger_core::EventId;
    /// let id: EventId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
    /// assert_eq!(id.as_bytes()[..6], [0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96]);
    /// # Ok::<(), trigger_core::ParseEventIdError>(())
    /// ```
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the id folded into 64 bits.
    pub(crate) fn fold(self) -> u64 {
        let (high, low) = self.0.as_u64_pair();
        high ^ low
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<EventId, ParseEventIdError> {
        Uuid::try_parse(text).map(EventId).map_err(|error| ParseEventIdError(error.to_string()))
    }
}

/// The error of a text that is not a valid [`EventId`].
///
/// ```
/// # use trigger_core::EventId;
/// assert!("seven".parse::<EventId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: {0}")]
pub struct ParseEventIdError(String);
