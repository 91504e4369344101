//! The measured request, as a code host delivers it, and the parser of its answer.

/// Returns a delivery of GitHub: 200 bytes of JSON with the usual headers.
pub fn delivery() -> Vec<u8> {
    let body = format!(
        r#"{{"ref":"refs/heads/main","repository":{{"id":186853002,"name":"nightly"}},"pusher":"octocat","after":"{}"}}"#,
        "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c0d1a26e67d8f5eaf1f"
    );
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
        "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ];
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
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
    fn delivery_has_a_body_of_200_bytes() {
        let delivery = String::from_utf8(delivery()).expect("text");
        let body = delivery.split_once("\r\n\r\n").map(|(_, body)| body.len());
        assert_eq!(body, Some(200), "{delivery}");
    }

    #[test]
    fn length_of_an_answer_includes_its_head() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(answer(text), Ok(Some((202, text.len()))));
        assert_eq!(answer(&text[..30]), Ok(None));
        assert!(answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
