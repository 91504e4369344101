//! The grammar of a host to listen on: an IP address or a DNS name.

use std::net::IpAddr;

use crate::fault::char_len;
use crate::{Fault, FaultKind};

const FORM: &str = "use an address such as `127.0.0.1`, `0.0.0.0`, `::1`, or a name such as `localhost`";

/// Checks the host that a webhook server listens on.
///
/// # Errors
///
/// Returns a [`Fault`] if the text is neither an IP address (v6 without brackets) nor a DNS name (RFC 1123 section
/// 2.1).
pub fn check_host(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new(FaultKind::Empty, 0, 0, "the host is empty", FORM));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if text.len() > 253 {
        return Err(Fault::new(FaultKind::TooLong, 253, text.len() - 253, "longer than 253 bytes", FORM));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && !host.contains([':', '/'])
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        let rule = "the port has a key of its own";
        return Err(Fault::new(FaultKind::BadCharacter, host.len(), text.len() - host.len(), rule, FORM));
    }
    let looks_numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') || text.contains(':');
    if looks_numeric {
        return Err(Fault::new(FaultKind::BadNumber, 0, text.len(), "not an IP address", FORM));
    }
    let bad = text.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
    if let Some(at) = bad {
        let len = char_len(text.as_bytes()[at]);
        return Err(Fault::new(
            FaultKind::BadCharacter,
            at,
            len,
            "this character cannot stand in a host",
            FORM,
        ));
    }
    let mut at = 0;
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            return Err(Fault::new(
                FaultKind::EmptyToken,
                at,
                label.len(),
                "not a label of a DNS name",
                FORM,
            ));
        }
        at += label.len() + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_dns_names_are_accepted() {
        for host in ["127.0.0.1", "0.0.0.0", "::", "::1", "localhost", "my-host.example"] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in
            ["", "256.0.0.1", "1.2.3", "[::1]", "localhost:80", "a b", "-a", "a..b", "http://x", "héte"]
        {
            assert!(check_host(host).is_err(), "{host}");
        }
    }
}
