//! Messages put together in const evaluation, where there is no `format!`.

/// The most bytes that a message may have. A text that there is no room for is left out, with all that follows.
const BYTES_MAX: usize = 4096;

/// A message that grows.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    bytes: [u8; BYTES_MAX],
    len: usize,
    is_full: bool,
}

impl Message {
    /// An empty message.
    #[expect(
        clippy::new_without_default,
        reason = "made in const evaluation, where `Default` cannot be called"
    )]
    pub const fn new() -> Message {
        Message { bytes: [0; BYTES_MAX], len: 0, is_full: false }
    }

    /// Adds a text.
    pub const fn push(&mut self, text: &str) -> &mut Message {
        let text = text.as_bytes();
        self.is_full = self.is_full || text.len() > BYTES_MAX - self.len;
        if !self.is_full {
            self.bytes.split_at_mut(self.len).1.split_at_mut(text.len()).0.copy_from_slice(text);
            self.len += text.len();
        }
        self
    }

    /// Adds a text so many times.
    pub const fn repeat(&mut self, text: &str, times: usize) -> &mut Message {
        let mut done = 0;
        while done < times {
            self.push(text);
            done += 1;
        }
        self
    }

    /// Adds a number.
    pub const fn number(&mut self, number: u64) -> &mut Message {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut left = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        match str::from_utf8(digits.split_at(at).1) {
            Ok(digits) => self.push(digits),
            Err(_) => self,
        }
    }

    /// How many bytes it has.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes it has room for; none once a text was left out.
    pub const fn room(&self) -> usize {
        if self.is_full { 0 } else { BYTES_MAX - self.len }
    }

    /// The message so far.
    pub const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// Panics with the message: in const evaluation, that is a compile error which says it, at the call of the
    /// outermost fn that tracks its caller.
    #[track_caller]
    pub const fn panic(&self) -> ! {
        panic!("{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_follow_each_other() {
        const MESSAGE: Message = {
            let mut message = Message::new();
            message.push("port ").number(70000).push(" of ").number(0).push(" ").repeat("^", 3);
            message
        };
        assert_eq!(MESSAGE.as_str(), "port 70000 of 0 ^^^");
        assert_eq!(Message::new().number(u64::MAX).as_str(), u64::MAX.to_string());
    }

    #[test]
    fn what_has_no_room_is_left_out_whole() {
        let mut message = Message::new();
        message.repeat("-", BYTES_MAX - 2).push("ä").push("b");
        assert!(message.as_str().len() == BYTES_MAX && message.as_str().ends_with("-ä"));
        let mut message = Message::new();
        message.repeat("-", BYTES_MAX - 1).push("ä").push("b");
        assert_eq!(message.as_str().len(), BYTES_MAX - 1);
    }
}
