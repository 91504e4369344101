//! The binary form of a frame, for stores and engines.
//!
//! ```text
//! version   u8 = 1
//! id        16 bytes
//! seconds   i64, nanoseconds u32     since 1970; nanoseconds count upwards
//! kind      u8 length, text
//! name      u16 length, text
//! count     u16, then for each attribute:
//!           key u8 length, text; form u8 (0 text, 1 bytes, 2 JSON); value u32 length, bytes
//! body      u32 length, bytes
//! checksum  u32                      CRC-32 of the bytes before it
//! ```
//!
//! Numbers are big-endian. A later version of the form has another first byte.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use smol_str::SmolStr;
use uuid::Uuid;

use super::attributes::{Attribute, Attributes};
use super::frame::Frame;
use super::id::EventId;
use super::kind::TriggerKind;
use super::kinds::form_of;

const VERSION: u8 = 1;

/// The error of bytes that are not a valid [`Frame`].
///
/// ```
/// # use trigger_core::{Frame, FrameError};
/// assert!(matches!(Frame::decode(b""), Err(FrameError::Damaged { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes were written by another version of the form.
    #[error("the frame has version {version}, and this program reads version {VERSION}")]
    #[non_exhaustive]
    Version {
        /// The version of the bytes.
        version: u8,
    },
    /// No source of this kind is linked into the program.
    #[error("the frame has the kind `{kind}`, and no source of this kind is linked into the program")]
    #[non_exhaustive]
    UnknownKind {
        /// The name of the kind.
        kind: String,
    },
    /// The bytes are damaged or incomplete.
    #[error("the frame is damaged at byte {at}: {what}")]
    #[non_exhaustive]
    Damaged {
        /// The position of the damage, in bytes.
        at: usize,
        /// The fault at this position.
        what: &'static str,
    },
}

impl Frame {
    /// Writes the frame in its binary form.
    ///
    /// A key or a kind over 255 bytes is cut, and so is a name over 65,535 bytes. No source of this crate has one.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.name.len() + self.raw.len());
        out.push(VERSION);
        out.extend_from_slice(self.id.0.as_bytes());
        let (seconds, nanoseconds) = since_1970(self.timestamp);
        out.extend_from_slice(&seconds.to_be_bytes());
        out.extend_from_slice(&nanoseconds.to_be_bytes());
        put_short(&mut out, self.kind().as_str());
        let name = cut(&self.name, usize::from(u16::MAX));
        out.extend_from_slice(&(name.len() as u16).to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        let attributes: Vec<_> = self.attributes().into_iter().flat_map(Attributes::iter).collect();
        let count = u16::try_from(attributes.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for (key, value) in attributes.into_iter().take(usize::from(count)) {
            put_short(&mut out, key);
            match value {
                Attribute::Text(text) => put_long(&mut out, Some(0), text.as_bytes()),
                Attribute::Bytes(bytes) => put_long(&mut out, Some(1), bytes),
                Attribute::Json(value) => put_long(&mut out, Some(2), value.as_bytes()),
            }
        }
        put_long(&mut out, None, &self.raw);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        out
    }

    /// Reads a frame from its binary form.
    ///
    /// # Errors
    ///
    /// [`FrameError`] for bytes of another version, of a kind that is not linked into the program, and for damaged
    /// bytes.
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        let Some((frame, checksum)) = bytes.split_last_chunk() else {
            return Err(FrameError::Damaged { at: 0, what: "it is too short" });
        };
        match frame.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(FrameError::Version { version }),
            None => return Err(FrameError::Damaged { at: 0, what: "it is too short" }),
        }
        if crc32fast::hash(frame) != u32::from_be_bytes(*checksum) {
            return Err(FrameError::Damaged { at: frame.len(), what: "the checksum differs" });
        }
        let mut reader = Reader { bytes: frame, at: 1 };
        let id = EventId(Uuid::from_bytes(reader.array()?));
        let seconds = i64::from_be_bytes(reader.array()?);
        let nanoseconds = u32::from_be_bytes(reader.array()?);
        let timestamp = reader.time(seconds, nanoseconds)?;
        let kind = reader.short_text()?;
        let form = kind.parse::<TriggerKind>().ok().and_then(form_of);
        let form = form.ok_or_else(|| FrameError::UnknownKind { kind: kind.to_owned() })?;
        let name_length = usize::from(u16::from_be_bytes(reader.array()?));
        let name = SmolStr::new(reader.text(name_length)?);
        let mut read = Frame::new((id, timestamp), form, name, Bytes::new());
        for _ in 0..u16::from_be_bytes(reader.array()?) {
            let key = SmolStr::new(reader.short_text()?);
            let value = reader.attribute()?;
            read.attributes.get_or_insert_default().set(key, value);
        }
        read.raw = Bytes::copy_from_slice(reader.long()?);
        if reader.at == frame.len() { Ok(read) } else { Err(reader.damaged("bytes follow the body")) }
    }
}

fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = -i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanoseconds => (seconds - 1, 1_000_000_000 - nanoseconds),
            }
        }
    }
}

fn put_short(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, usize::from(u8::MAX));
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn put_long(out: &mut Vec<u8>, form: Option<u8>, bytes: &[u8]) {
    out.extend(form);
    // Bodies are far below 4 GiB: queues and servers bound them.
    let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn damaged(&self, what: &'static str) -> FrameError {
        FrameError::Damaged { at: self.at, what }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or_else(|| self.damaged("it ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.damaged("it ends too early"))
    }

    fn text(&mut self, length: usize) -> Result<&'a str, FrameError> {
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map_err(|_| self.damaged("a text is not UTF-8"))
    }

    fn short_text(&mut self) -> Result<&'a str, FrameError> {
        let [length] = self.array()?;
        self.text(usize::from(length))
    }

    fn long(&mut self) -> Result<&'a [u8], FrameError> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(length as usize)
    }

    fn attribute(&mut self) -> Result<Attribute, FrameError> {
        let [form] = self.array()?;
        let value = self.long()?;
        match form {
            0 | 2 => {
                let text = str::from_utf8(value).map_err(|_| self.damaged("a text is not UTF-8"))?;
                Ok(if form == 0 { Attribute::Text(text.into()) } else { Attribute::Json(text.into()) })
            }
            1 => Ok(Attribute::Bytes(Bytes::copy_from_slice(value))),
            _ => Err(self.damaged("an attribute has an unknown form")),
        }
    }

    fn time(&self, seconds: i64, nanoseconds: u32) -> Result<SystemTime, FrameError> {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        let time = time.and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds.into())));
        time.filter(|_| nanoseconds < 1_000_000_000).ok_or_else(|| self.damaged("the time is out of range"))
    }
}
