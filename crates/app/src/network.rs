//! Where a request comes from, as far as one party can be told from another.

use std::net::{IpAddr, Ipv6Addr};

/// How many bits of an IPv6 address are the network's.
const NETWORK_BITS: u32 = 64;
/// How many are the site's.
const SITE_BITS: u32 = 48;

/// The network of a peer: whoever has one IPv6 address has 2^64 of them.
#[must_use]
pub fn network(peer: IpAddr) -> IpAddr {
    first_bits(peer, NETWORK_BITS)
}

/// The site of a peer or of its network: whoever has one IPv6 network may have 65,536 of them (RFC 6177). It is counted beside
/// the network and not in its place, since others may be neighbours by no choice of theirs. An IPv4 address is its own site.
#[must_use]
pub fn site(peer: IpAddr) -> IpAddr {
    first_bits(peer, SITE_BITS)
}

/// The network of a peer, if it is one party: this machine itself is not, since a proxy on it speaks for everybody.
#[must_use]
pub fn single_network(peer: IpAddr) -> Option<IpAddr> {
    (!peer.to_canonical().is_loopback()).then(|| network(peer))
}

fn first_bits(peer: IpAddr, count: u32) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let kept = u128::MAX << (u128::BITS - count);
            Ipv6Addr::from_bits(address.to_bits() & kept).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_changes_the_address_within_an_ipv6_network_or_site_is_still_counted_as_one() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(ip("2001:db8:1:2:3::4")), ip("2001:db8:1:2::"));
        assert_eq!(site(ip("2001:db8:1:2:3::4")), ip("2001:db8:1::"));
        assert_eq!(site(network(ip("2001:db8:1:2::"))), site(ip("2001:db8:1:ffff::")));
        for same in [network, site] {
            assert_eq!(same(ip("192.0.2.7")), ip("192.0.2.7"));
            assert_eq!(same(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
        }
        assert_eq!(single_network(ip("::ffff:127.0.0.1")), None);
        assert_eq!(single_network(ip("::1")), None);
        assert_eq!(single_network(ip("2001:db8::1")), Some(ip("2001:db8::")));
    }
}
