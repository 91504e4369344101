//! Where the heads and bodies of the requests on a connection begin and end, and the forms about which parsers disagree.
//!
//! hyper accepts some of these forms: a line that ends without CR, and a length beside `Transfer-Encoding`. It does not
//! show them in the request. A proxy in front may read another request than the server, so they are refused. This sees each
//! byte before hyper does. A head begins with the connection and after the body of each request, whose length is known,
//! because every ambiguous length ends the connection.

use std::ops::ControlFlow;

use http::StatusCode;

use crate::server::chunks::Chunks;

/// The fault of a head. Its connection gets this answer, and is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: &'static str,
    pub(crate) reason: &'static str,
}

impl Fault {
    /// Returns the fault of a head that hyper has answered with this status.
    pub(crate) fn of_hyper(status: &[u8]) -> Fault {
        match status {
            b"414" => TARGET,
            b"431" => HEAD,
            _ => Fault::malformed("the head is malformed"),
        }
    }

    pub(crate) const fn malformed(message: &'static str) -> Fault {
        Fault { status: StatusCode::BAD_REQUEST, message, reason: "malformed" }
    }
}

const TARGET: Fault = Fault {
    status: StatusCode::URI_TOO_LONG,
    message: "the request target is over its limit",
    reason: "target",
};

const HEAD: Fault = Fault {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    message: "the head is over its limits",
    reason: "head_size",
};

/// The part of a request that the next byte belongs to.
#[derive(Debug)]
enum Place {
    Head,
    /// A body with this many bytes left.
    Body(u64),
    Chunks(Chunks),
    /// What follows a fault is not read.
    End,
}

/// The framing of one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    place: Place,
    /// The maximum size of a head, in bytes.
    head_limit: usize,
    /// The size of the head so far.
    size: usize,
    /// The size of its request line, or 0 before that.
    first: usize,
    /// The last line of the head, while it has no end.
    line: Vec<u8>,
    length: Option<u64>,
    codings: Codings,
}

/// The `Transfer-Encoding` of a head.
#[derive(Clone, Copy, Debug, Default)]
struct Codings {
    chunked: u32,
    others: u32,
}

impl Framing {
    /// Returns the framing of a new connection.
    pub(crate) fn new(head_limit: usize) -> Framing {
        let (line, codings) = (Vec::new(), Codings::default());
        Framing { place: Place::Head, head_limit, size: 0, first: 0, line, length: None, codings }
    }

    /// Reads the next bytes of the connection. Returns the number of bytes that hyper may read.
    ///
    /// # Errors
    ///
    /// The fault of a head, with the number of bytes before it. A later call returns 0.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<usize, (usize, Fault)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.place {
                Place::Head => match self.read_head(rest) {
                    Ok(read) => at += read,
                    Err(fault) => {
                        self.place = Place::End;
                        return Err((at, fault));
                    }
                },
                Place::Body(left) => {
                    let read = (*left).min(rest.len() as u64);
                    *left -= read;
                    at += read as usize;
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                }
                Place::Chunks(chunks) => {
                    let (read, ended) = chunks.read(rest);
                    at += read;
                    match ended {
                        ControlFlow::Continue(()) => {}
                        ControlFlow::Break(true) => self.place = Place::Head,
                        // hyper refuses the body, and reads no further.
                        ControlFlow::Break(false) => self.place = Place::End,
                    }
                }
                Place::End => break,
            }
        }
        Ok(at)
    }

    /// Reads the lines of a head, up to its end. Returns the number of bytes that belong to it.
    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut begin = 0;
        while let Some(length) = line_end(&bytes[begin..]) {
            let line = &bytes[begin..begin + length];
            begin += length + 1;
            let is_end = if !self.line.is_empty() {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.read_line(&whole)?
            } else if self.first > 0
                && matches!(line, [first, .., b'\r'] if !matches!(first | 0x20, b'c' | b't'))
            {
                // Most headers are of no interest.
                false
            } else {
                self.read_line(line)?
            };
            if is_end {
                self.size += begin;
                self.check_size()?;
                self.end_head()?;
                return Ok(begin);
            }
        }
        self.line.extend_from_slice(&bytes[begin..]);
        self.size += bytes.len();
        self.check_size()?;
        Ok(bytes.len())
    }

    /// Reads a line without its LF. Returns `true` for the empty line behind a head.
    fn read_line(&mut self, line: &[u8]) -> Result<bool, Fault> {
        let Some((b'\r', line)) = line.split_last() else {
            return Err(Fault::malformed("a line of the head ends without CR"));
        };
        let [first, ..] = line else {
            // Empty lines before a request line are ignored, as RFC 9112 section 2.2 recommends.
            return Ok(self.first > 0);
        };
        if self.first == 0 {
            self.first = line.len();
            return Ok(false);
        }
        match first | 0x20 {
            b'c' if line.get(14) == Some(&b':') => self.read_length(line)?,
            b't' if line.get(17) == Some(&b':') => self.read_codings(line),
            _ => {}
        }
        Ok(false)
    }

    #[inline]
    fn check_size(&self) -> Result<(), Fault> {
        if self.size <= self.head_limit {
            return Ok(());
        }
        Err(if self.first == 0 || self.first > self.head_limit { TARGET } else { HEAD })
    }

    fn read_length(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(value) = value_of(line, b"content-length:") else { return Ok(()) };
        let digit = |number: Option<u64>, digit: &u8| match digit {
            b'0'..=b'9' => number?.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
            _ => None,
        };
        let length = if value.is_empty() { None } else { value.iter().fold(Some(0), digit) };
        let Some(length) = length else { return Err(Fault::malformed("the Content-Length is invalid")) };
        if self.length.is_some_and(|before| before != length) {
            return Err(Fault::malformed("two Content-Length headers differ"));
        }
        self.length = Some(length);
        Ok(())
    }

    fn read_codings(&mut self, line: &[u8]) {
        let Some(value) = value_of(line, b"transfer-encoding:") else { return };
        for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if coding.eq_ignore_ascii_case(b"chunked") {
                self.codings.chunked += 1;
            } else {
                self.codings.others += 1;
            }
        }
    }

    /// Ends a head, and begins its body.
    fn end_head(&mut self) -> Result<(), Fault> {
        (self.size, self.first) = (0, 0);
        let (length, codings) = (self.length.take(), std::mem::take(&mut self.codings));
        self.place = match (length, codings) {
            (None | Some(0), Codings { chunked: 0, others: 0 }) => Place::Head,
            (Some(length), Codings { chunked: 0, others: 0 }) => Place::Body(length),
            (Some(_), _) => return Err(Fault::malformed("Content-Length beside Transfer-Encoding")),
            (None, Codings { chunked: 1, others: 0 }) => Place::Chunks(Chunks::default()),
            (None, Codings { others: 0, .. }) => return Err(Fault::malformed("the body is chunked twice")),
            (None, _) => {
                let (status, message) =
                    (StatusCode::NOT_IMPLEMENTED, "send the body without a transfer coding");
                return Err(Fault { status, message, reason: "unsupported" });
            }
        };
        Ok(())
    }
}

/// Returns the value of a header line, if it has this name, which ends with a colon.
#[inline]
fn value_of<'a, const N: usize>(line: &'a [u8], name: &[u8; N]) -> Option<&'a [u8]> {
    let (start, value) = line.split_first_chunk::<N>()?;
    // The bytes that differ from the name in more than their case.
    let differ = start.iter().zip(name).fold(0, |differ: u8, (one, other)| {
        let is_letter = other.is_ascii_alphabetic();
        differ | ((one | if is_letter { 0x20 } else { 0 }) ^ other)
    });
    (differ == 0).then(|| value.trim_ascii())
}

/// Returns the position of the first LF. It compares eight bytes at once.
#[inline]
fn line_end(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // A byte is zero here where the word has LF.
        let word = u64::from_le_bytes(*word) ^ (ONES * b'\n' as u64);
        let found = word.wrapping_sub(ONES) & !word & HIGH;
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == b'\n').map(|more| words.len() * 8 + more)
}
