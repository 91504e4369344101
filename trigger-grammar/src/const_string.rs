//! Strings that const evaluation builds, where there is no `format!`.

/// The capacity in bytes. A text that does not fit is left out, and so is every text after it.
const BYTES_MAX: usize = 4096;

/// A growing string of at most 4096 bytes.
#[derive(Clone, Copy, Debug)]
pub struct ConstString {
    bytes: [u8; BYTES_MAX],
    len: usize,
    is_full: bool,
}

impl ConstString {
    /// Returns an empty string.
    #[expect(
        clippy::new_without_default,
        reason = "made in const evaluation, where `Default` cannot be called"
    )]
    pub const fn new() -> ConstString {
        ConstString { bytes: [0; BYTES_MAX], len: 0, is_full: false }
    }

    /// Appends a text.
    pub const fn push(&mut self, text: &str) -> &mut ConstString {
        let text = text.as_bytes();
        self.is_full = self.is_full || text.len() > BYTES_MAX - self.len;
        if !self.is_full {
            self.bytes.split_at_mut(self.len).1.split_at_mut(text.len()).0.copy_from_slice(text);
            self.len += text.len();
        }
        self
    }

    /// Appends a text `times` times.
    pub const fn repeat(&mut self, text: &str, times: usize) -> &mut ConstString {
        let mut done = 0;
        while done < times {
            self.push(text);
            done += 1;
        }
        self
    }

    /// Appends a number in decimal.
    pub const fn number(&mut self, number: u64) -> &mut ConstString {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        match str::from_utf8(digits.split_at(at).1) {
            Ok(digits) => self.push(digits),
            Err(_) => self,
        }
    }

    /// Returns the length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no caller needs it")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns the free capacity in bytes; 0 once a text was left out.
    pub const fn room(&self) -> usize {
        if self.is_full { 0 } else { BYTES_MAX - self.len }
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// Panics with the text. In const evaluation this is a compile error with the text, at the call of the outermost
    /// fn that tracks its caller.
    #[track_caller]
    pub const fn panic(&self) -> ! {
        panic!("{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_appended_in_order() {
        const TEXT: ConstString = {
            let mut text = ConstString::new();
            text.push("port ").number(70000).push(" of ").number(0).push(" ").repeat("^", 3);
            text
        };
        assert_eq!(TEXT.as_str(), "port 70000 of 0 ^^^");
        assert_eq!(ConstString::new().number(u64::MAX).as_str(), u64::MAX.to_string());
    }

    #[test]
    fn text_that_does_not_fit_is_left_out_with_all_that_follow() {
        let mut text = ConstString::new();
        text.repeat("-", BYTES_MAX - 2).push("ä").push("b");
        assert!(text.as_str().len() == BYTES_MAX && text.as_str().ends_with("-ä"));
        let mut text = ConstString::new();
        text.repeat("-", BYTES_MAX - 1).push("ä").push("b");
        assert_eq!(text.as_str().len(), BYTES_MAX - 1);
    }
}
