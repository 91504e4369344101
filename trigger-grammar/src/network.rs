//! The grammar of a network of IP addresses: an address, or an address with the length of its prefix, such as
//! `"10.0.0.0/8"` or `"2001:db8::/32"`.

use core::net::IpAddr;

use crate::{Fault, FaultKind};

const FORM: &str = "use an address such as `192.0.2.7`, or a network such as `10.0.0.0/8` or `2001:db8::/32`";
const HOST_BITS_FORM: &str = "write the first address of the network";
const MAPPED_FORM: &str = "write it as IPv4, such as `10.0.0.0/8`";

/// Checks a network.
///
/// ```
/// # use trigger_grammar::network::check_network;
/// assert_eq!(check_network("2001:db8::/32"), Ok(()));
/// let fault = check_network("192.30.252.5/22").unwrap_err();
/// assert!(fault.point_at("192.30.252.5/22").ends_with("write the first address of the network: `192.30.252.0/22`"));
/// ```
///
/// # Errors
///
/// Returns the [`Fault`] of [`parse_network`].
pub fn check_network(text: &str) -> Result<(), Fault> {
    parse_network(text).map(drop)
}

/// Parses a network into its first address and the length of its prefix in bits. An address without a prefix is a
/// network of its own, with 32 or 128 bits.
///
/// # Errors
///
/// Returns a [`Fault`] if the address or the prefix is invalid, or if bits of the address after the prefix are set. An IPv4
/// address in IPv6 form (`::ffff:10.0.0.1`) is refused too, so that a network has one form.
pub fn parse_network(text: &str) -> Result<(IpAddr, u8), Fault> {
    if text.is_empty() {
        return Err(Fault::new(FaultKind::Empty, 0, 0, "the network is empty", FORM));
    }
    let (address, prefix) = split(text);
    let Ok(first) = address.parse::<IpAddr>() else {
        return Err(Fault::new(FaultKind::BadNumber, 0, address.len(), "not an IP address", FORM));
    };
    if matches!(first, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        let rule = "an IPv4 address in IPv6 form";
        return Err(Fault::new(FaultKind::BadNumber, 0, address.len(), rule, MAPPED_FORM));
    }
    let (bits, over) = match first {
        IpAddr::V4(_) => (32, "the prefix is over 32 bits"),
        IpAddr::V6(_) => (128, "the prefix is over 128 bits"),
    };
    let Some(prefix) = prefix else { return Ok((first, bits)) };
    let refused = |rule| {
        let at = address.len() + 1;
        Err(Fault::new(FaultKind::BadNumber, at, prefix.len(), rule, FORM))
    };
    let is_number = prefix == "0" || (!prefix.starts_with('0') && prefix.bytes().all(|b| b.is_ascii_digit()));
    if prefix.is_empty() || !is_number {
        return refused("the prefix is a whole number of bits");
    }
    match prefix.parse::<u8>() {
        Ok(length) if length > bits => refused(over),
        Err(_) => refused(over),
        Ok(length) if masked(first, length) != first => {
            let rule = "bits of the address after the prefix are set";
            Err(Fault::new(FaultKind::HostBits, 0, text.len(), rule, HOST_BITS_FORM))
        }
        Ok(length) => Ok((first, length)),
    }
}

/// Returns the network that contains the address of a text with [`FaultKind::HostBits`].
pub(crate) fn around(text: &str) -> Option<String> {
    let (address, prefix) = split(text);
    let prefix = prefix?;
    Some(format!("{}/{prefix}", masked(address.parse().ok()?, prefix.parse().ok()?)))
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)))
}

/// Returns the address with all bits after the prefix cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & !u32::MAX.checked_shr(prefix).unwrap_or(0)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::MAX.checked_shr(prefix).unwrap_or(0)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_is_an_address_with_or_without_a_prefix() {
        for (text, address, prefix) in [
            ("192.0.2.7", "192.0.2.7", 32),
            ("192.0.2.7/32", "192.0.2.7", 32),
            ("192.30.252.0/22", "192.30.252.0", 22),
            ("0.0.0.0/0", "0.0.0.0", 0),
            ("128.0.0.0/1", "128.0.0.0", 1),
            ("::1", "::1", 128),
            ("2001:db8::/32", "2001:db8::", 32),
            ("2001:DB8:0::/33", "2001:db8::", 33),
            ("::/0", "::", 0),
            ("ffff::/16", "ffff::", 16),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(parse_network(text), Ok((address, prefix)), "{text}");
            assert_eq!(check_network(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn refused_network_has_the_position_and_the_rule() {
        use FaultKind::{BadNumber, Empty};
        let (address, number) = ("not an IP address", "the prefix is a whole number of bits");
        for (text, kind, at, len, rule) in [
            ("", Empty, 0, 0, "the network is empty"),
            ("not-an-ip", BadNumber, 0, 9, address),
            ("/8", BadNumber, 0, 0, address),
            ("10.0.0/8", BadNumber, 0, 6, address),
            ("010.0.0.0/8", BadNumber, 0, 9, address),
            ("[::1]", BadNumber, 0, 5, address),
            ("fe80::1%eth0", BadNumber, 0, 12, address),
            (" 10.0.0.0/8", BadNumber, 0, 9, address),
            ("10.0.0.1:80", BadNumber, 0, 11, address),
            ("10.0.0.0/", BadNumber, 9, 0, number),
            ("10.0.0.0/8 ", BadNumber, 9, 2, number),
            ("10.0.0.0/+8", BadNumber, 9, 2, number),
            ("10.0.0.0/08", BadNumber, 9, 2, number),
            ("10.0.0.0/8/8", BadNumber, 9, 3, number),
            ("10.0.0.0/255.0.0.0", BadNumber, 9, 9, number),
            ("10.0.0.0/é", BadNumber, 9, 2, number),
            ("10.0.0.0/33", BadNumber, 9, 2, "the prefix is over 32 bits"),
            ("2001:db8::/129", BadNumber, 11, 3, "the prefix is over 128 bits"),
            ("::/99999999999999999999", BadNumber, 3, 20, "the prefix is over 128 bits"),
            ("::ffff:10.0.0.0", BadNumber, 0, 15, "an IPv4 address in IPv6 form"),
            ("::ffff:10.0.0.0/104", BadNumber, 0, 15, "an IPv4 address in IPv6 form"),
        ] {
            let fault = parse_network(text).expect_err(text);
            assert_eq!((fault.kind, fault.at, fault.len, fault.rule), (kind, at, len, rule), "{text}");
            assert_eq!(check_network(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn address_inside_a_network_is_refused_with_the_network() {
        for (text, network) in [
            ("192.30.252.5/22", "192.30.252.0/22"),
            ("10.0.0.1/0", "0.0.0.0/0"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("2001:db8:ffff::/33", "2001:db8:8000::/33"),
            ("::1/0", "::/0"),
        ] {
            let fault = check_network(text).expect_err(text);
            assert_eq!((fault.kind, fault.at, fault.len), (FaultKind::HostBits, 0, text.len()), "{text}");
            let shown = fault.point_at(text);
            assert!(
                shown.ends_with(&format!("\n  write the first address of the network: `{network}`")),
                "{shown}"
            );
            assert_eq!(check_network(network), Ok(()));
        }
    }
}
