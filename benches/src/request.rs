//! The measured requests, as a code host delivers them, and the parser of their answers.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::time::SystemTime;

use triggers::Sign;

/// The secret of [`Delivery::Signed`].
pub const SECRET: &str = "It's a Secret to Everybody";

/// A measured request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// 200 bytes of JSON, with a signature that is not valid.
    Small,
    /// 1 KiB of JSON, with the signature of [`SECRET`].
    Signed,
}

impl Delivery {
    /// Returns the name, an argument of the load.
    pub fn name(self) -> &'static str {
        match self {
            Delivery::Small => "small",
            Delivery::Signed => "signed",
        }
    }

    /// Returns the request with this name.
    pub fn named(name: &str) -> Option<Delivery> {
        [Delivery::Small, Delivery::Signed].into_iter().find(|delivery| delivery.name() == name)
    }

    /// Returns the bytes of the request.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Delivery::Small => delivery(),
            Delivery::Signed => signed(),
        }
    }
}

/// Returns the signed delivery.
fn signed() -> Vec<u8> {
    let begin = r#"{"ref":"refs/heads/main","after":""#;
    let body = format!("{begin}{}\"}}", "0d1a26e67d8f5eaf".repeat(62).split_at(1024 - begin.len() - 2).0);
    let headers = Sign::github(SECRET).and_then(|sign| {
        // GitHub signs no time.
        sign.headers(body.as_bytes(), SystemTime::UNIX_EPOCH, "72d3162e-cc78-11e3-81ab-4c9367dc0958")
    });
    let headers = headers.expect("a signature");
    let signature = headers["x-hub-signature-256"].to_str().expect("a text");
    request(&body, signature).into_bytes()
}

/// Returns a delivery of GitHub: 200 bytes of JSON with the usual headers.
fn delivery() -> Vec<u8> {
    let body = format!(
        r#"{{"ref":"refs/heads/main","repository":{{"id":186853002,"name":"nightly"}},"pusher":"octocat","after":"{}"}}"#,
        "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c0d1a26e67d8f5eaf1f"
    );
    request(&body, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17").into_bytes()
}

fn request(body: &str, signature: &str) -> String {
    let head = [
        "POST /events HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: GitHub-Hookshot/044aadd",
        "Accept: */*",
        "Content-Type: application/json",
        &format!("Content-Length: {}", body.len()),
        "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event: push",
        "X-GitHub-Hook-ID: 292430182",
        "X-GitHub-Hook-Installation-Target-ID: 79929171",
        "X-GitHub-Hook-Installation-Target-Type: repository",
        &format!("X-Hub-Signature-256: {signature}"),
    ];
    format!("{}\r\n\r\n{body}", head.join("\r\n"))
}

/// Returns the status of an answer and its length; `None` if its head is incomplete.
///
/// # Errors
///
/// The bytes are not an HTTP answer, or the answer has no length.
pub fn answer(read: &[u8]) -> Result<Option<(u16, usize)>, String> {
    let Some(head) = read.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let text =
        str::from_utf8(&read[..head]).map_err(|error| format!("an answer that is not text: {error}"))?;
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = text.lines().filter_map(|line| line.split_once(": ")).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    let both = status.zip(length).ok_or_else(|| format!("an answer without status or length: {text}"))?;
    Ok(Some((both.0, head + 4 + both.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivery_has_a_body_of_200_bytes_or_1_kib() {
        for (delivery, length) in [(Delivery::Small, 200), (Delivery::Signed, 1024)] {
            let text = String::from_utf8(delivery.bytes()).expect("text");
            let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
            assert_eq!(body, Some(length), "{text}");
            assert_eq!(Delivery::named(delivery.name()), Some(delivery));
        }
    }

    #[test]
    fn length_of_an_answer_includes_its_head() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(answer(text), Ok(Some((202, text.len()))));
        assert_eq!(answer(&text[..30]), Ok(None));
        assert!(answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
