//! The unpacking of a gzip body, within a limit (RFC 1952).

use std::io::Read;

use flate2::bufread::GzDecoder;
use http::StatusCode;

/// The size of the buffer between the decoder and the unpacked body, in bytes.
const BUFFER: usize = 8 * 1024;

/// The largest ratio of deflate: one byte unpacks to at most 1032 bytes.
const LARGEST_RATIO: usize = 1032;

/// The maximum number of members. The decoder clears its window of 32 KiB for each of them, so a body of empty members
/// would occupy the server for long. A member of `bgzip` has 64 KiB.
const MAX_MEMBERS: usize = 1024;

/// Why a body was not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GunzipError {
    /// The body is not gzip, is truncated, has another checksum or size, has bytes after its last member, or has more
    /// than [`MAX_MEMBERS`].
    Broken,
    /// The unpacked body is over the limit.
    TooLarge,
}

impl GunzipError {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            GunzipError::Broken => StatusCode::BAD_REQUEST,
            GunzipError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// Returns the reason under which the refusal is counted.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            GunzipError::Broken => "gzip_broken",
            GunzipError::TooLarge => "body_too_large",
        }
    }

    /// Returns the message of the answer.
    pub(crate) fn message(self) -> &'static str {
        match self {
            GunzipError::Broken => "the body is no gzip, or it is damaged",
            GunzipError::TooLarge => "the unpacked body is over the limit",
        }
    }
}

/// Unpacks a body, which has one member or several. It has at most `limit` bytes after the unpacking.
///
/// It allocates at most `limit` bytes besides the state of the decoder. A vector that grows would need twice that, while
/// it is copied. So the body is unpacked into exactly the size that its trailer declares. If the trailer is false, or is
/// that of the last of several members, the first pass measures the size, and a second one unpacks.
pub(crate) fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, GunzipError> {
    let mut unpacked = Vec::with_capacity(declared(body).min(limit));
    let mut size = 0;
    unpack(body, |piece| {
        size += piece.len();
        if size <= unpacked.capacity() {
            unpacked.extend_from_slice(piece);
        }
        if size > limit { Err(GunzipError::TooLarge) } else { Ok(()) }
    })?;
    if unpacked.len() == size {
        return Ok(unpacked);
    }
    drop(unpacked);
    let mut unpacked = Vec::with_capacity(size);
    unpack(body, |piece| {
        unpacked.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(unpacked)
}

/// Passes each unpacked piece to `take`, until it fails.
fn unpack(
    mut body: &[u8],
    mut take: impl FnMut(&[u8]) -> Result<(), GunzipError>,
) -> Result<(), GunzipError> {
    let mut buffer = [0; BUFFER];
    for _ in 0..MAX_MEMBERS {
        // It reads no byte behind the member.
        let mut member = GzDecoder::new(&mut body);
        loop {
            match member.read(&mut buffer).map_err(|_| GunzipError::Broken)? {
                0 => break,
                read => take(&buffer[..read])?,
            }
        }
        if body.is_empty() {
            return Ok(());
        }
    }
    Err(GunzipError::Broken)
}

/// Returns the size that the trailer of the last member declares, or the largest size that deflate can reach if that is
/// smaller. A false trailer so allocates no more than the body could unpack to.
fn declared(body: &[u8]) -> usize {
    let size = body.last_chunk().map_or(0, |size| u32::from_le_bytes(*size));
    usize::try_from(size).unwrap_or(usize::MAX).min(body.len().saturating_mul(LARGEST_RATIO))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};

    use super::*;

    const LIMIT: usize = 1024 * 1024;

    /// Returns one member.
    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().filename("body.json").write(Vec::new(), Compression::best());
        encoder.write_all(text).expect("it writes to memory");
        encoder.finish().expect("it writes to memory")
    }

    #[test]
    fn body_of_one_member_or_several_is_unpacked() {
        let (a, b) = (gzip(b"hello "), gzip(b"world"));
        assert_eq!(gunzip(&a, LIMIT), Ok(b"hello ".to_vec()));
        assert_eq!(gunzip(&[&*a, &*b].concat(), LIMIT), Ok(b"hello world".to_vec()));
        assert_eq!(
            gunzip(&[&*gzip(b""), &*a, &*gzip(b""), &*b].concat(), LIMIT),
            Ok(b"hello world".to_vec())
        );
        assert_eq!(gunzip(&gzip(b""), LIMIT), Ok(Vec::new()));
        let long: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(gunzip(&[&*gzip(&long), &*gzip(&long)].concat(), LIMIT), Ok([&*long, &*long].concat()));
    }

    #[test]
    fn limit_is_that_of_the_unpacked_body() {
        let exact = gzip(&vec![b'x'; LIMIT]);
        assert_eq!(gunzip(&exact, LIMIT).map(|body| body.len()), Ok(LIMIT));
        assert_eq!(gunzip(&exact, LIMIT - 1), Err(GunzipError::TooLarge));
        let two = [&*exact, &*gzip(b"x")].concat();
        assert_eq!(gunzip(&two, LIMIT), Err(GunzipError::TooLarge), "the sum of the members");
        assert_eq!(gunzip(&two, LIMIT + 1).map(|body| body.len()), Ok(LIMIT + 1));
        assert_eq!(gunzip(&gzip(b""), 0), Ok(Vec::new()));
        assert_eq!(gunzip(&gzip(b"x"), 0), Err(GunzipError::TooLarge));
        let refusal = GunzipError::TooLarge;
        assert_eq!((refusal.status().as_u16(), refusal.reason()), (413, "body_too_large"));
        assert_eq!(refusal.message(), "the unpacked body is over the limit");
    }

    #[test]
    fn truncated_body_is_broken_at_every_byte() {
        let body = [gzip(b"hello "), gzip(b"world")];
        let first = body[0].len();
        let body = body.concat();
        for end in (0..body.len()).filter(|end| *end != first) {
            assert_eq!(gunzip(&body[..end], LIMIT), Err(GunzipError::Broken), "the first {end} bytes");
        }
    }

    #[test]
    fn bytes_after_the_last_member_are_broken() {
        for garbage in
            [&b"\0"[..], b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", b"x", b"\x1f", b"\x1f\x8b", b"{}"]
        {
            let body = [&*gzip(b"hello"), garbage].concat();
            assert_eq!(gunzip(&body, LIMIT), Err(GunzipError::Broken), "{garbage:?}");
        }
    }

    #[test]
    fn body_with_another_checksum_or_size_is_broken() {
        let good = gzip(b"hello");
        for at in good.len() - 8..good.len() {
            let mut body = good.clone();
            body[at] ^= 1;
            assert_eq!(gunzip(&body, LIMIT), Err(GunzipError::Broken), "byte {at} of {}", good.len());
        }
        for body in [&b""[..], b"{}", b"hello", &[0; 64], b"\x1f\x8b\x08\x00"] {
            assert_eq!(gunzip(body, LIMIT), Err(GunzipError::Broken), "{body:?}");
        }
    }

    #[test]
    fn body_of_too_many_members_is_broken() {
        let empty = gzip(b"");
        assert_eq!(gunzip(&empty.repeat(MAX_MEMBERS), LIMIT), Ok(Vec::new()));
        assert_eq!(gunzip(&empty.repeat(MAX_MEMBERS + 1), LIMIT), Err(GunzipError::Broken));
    }

    /// The most bytes that were allocated at one time.
    fn allocated(body: &[u8], expected: Result<usize, GunzipError>) -> u64 {
        let measured = allocation_counter::measure(|| {
            assert_eq!(gunzip(body, LIMIT).map(|body| body.len()), expected);
        });
        measured.bytes_max
    }

    #[test]
    fn bomb_allocates_no_more_than_the_limit_and_the_decoder() {
        let decoder = 64 * 1024;
        let most = LIMIT as u64 + decoder;
        let bomb = gzip(&vec![0; 64 * LIMIT]);
        assert!(allocated(&bomb, Err(GunzipError::TooLarge)) <= most);
        let half = gzip(&vec![0; LIMIT / 2]);
        assert!(allocated(&[&*half, &*half].concat(), Ok(LIMIT)) <= most);
        assert!(allocated(&[&*half, &*half, &*half].concat(), Err(GunzipError::TooLarge)) <= most);
        // The declared size of a small body is false.
        let mut small = gzip(b"hello");
        let size = small.len() - 4;
        small[size..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(allocated(&small, Err(GunzipError::Broken)) <= decoder + small.len() as u64 * 1032);
    }
}
