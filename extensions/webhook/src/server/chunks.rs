//! The end of a chunked body, as hyper reads it.

use std::ops::ControlFlow;

/// The part of a chunked body that the next byte belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunks {
    /// The size of a chunk. `true` after its first digit.
    Size(u64, bool),
    /// White space or an extension behind the size.
    Extension(u64),
    /// The LF behind a size.
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// A line of a trailer. `true` for the begin of a line.
    Trailer(bool),
    TrailerLf,
    /// The LF of the last line.
    EndLf,
}

impl Default for Chunks {
    fn default() -> Chunks {
        Chunks::Size(0, false)
    }
}

impl Chunks {
    /// Reads the next bytes. Returns how many of them belong to the body, and whether it has ended: `true` with its last
    /// chunk, `false` with a fault.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> (usize, ControlFlow<bool>) {
        let mut at = 0;
        while at < bytes.len() {
            if let Chunks::Data(left) = self {
                let read = (*left).min((bytes.len() - at) as u64);
                *left -= read;
                at += read as usize;
                if *left == 0 {
                    *self = Chunks::DataCr;
                }
                continue;
            }
            at += 1;
            match self.next(bytes[at - 1]) {
                Ok(Some(next)) => *self = next,
                Ok(None) => return (at, ControlFlow::Break(true)),
                Err(()) => return (at, ControlFlow::Break(false)),
            }
        }
        (at, ControlFlow::Continue(()))
    }

    /// Returns the part after a byte that is not data, or `None` after the last byte of the body.
    fn next(self, byte: u8) -> Result<Option<Chunks>, ()> {
        Ok(Some(match (self, byte) {
            (Chunks::Size(size, _), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).ok_or(())?;
                let size = size.checked_mul(16).and_then(|size| size.checked_add(digit.into()));
                Chunks::Size(size.ok_or(())?, true)
            }
            (Chunks::Size(size, true) | Chunks::Extension(size), b'\r') => Chunks::SizeLf(size),
            (Chunks::Size(size, true), b' ' | b'\t' | b';') => Chunks::Extension(size),
            (Chunks::Extension(size), byte) if byte != b'\n' => Chunks::Extension(size),
            (Chunks::SizeLf(0), b'\n') => Chunks::Trailer(true),
            (Chunks::SizeLf(size), b'\n') => Chunks::Data(size),
            (Chunks::DataCr, b'\r') => Chunks::DataLf,
            (Chunks::DataLf, b'\n') => Chunks::default(),
            (Chunks::Trailer(true), b'\r') => Chunks::EndLf,
            (Chunks::Trailer(false), b'\r') => Chunks::TrailerLf,
            (Chunks::TrailerLf, b'\n') => Chunks::Trailer(true),
            (Chunks::Trailer(_), byte) if byte != b'\n' => Chunks::Trailer(false),
            (Chunks::EndLf, b'\n') => return Ok(None),
            _ => return Err(()),
        }))
    }
}
