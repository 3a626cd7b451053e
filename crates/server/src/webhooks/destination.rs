//! Where a webhook may lead: so that nobody makes this server ask what only it can reach.
//!
//! Addresses are judged where they are used: when a name is looked up for a connection, and not before, since a name may
//! mean another address a second later.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A URL that nothing is sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadDestination {
    /// It is no URL.
    #[error("expected a URL such as https://receiver.example/hook")]
    NoUrl,
    /// It is read on its way.
    #[error(
        "expected https: what is sent with http can be read on its way. http is for this machine itself only"
    )]
    NotPrivate,
    /// It holds a user.
    #[error(
        "expected a URL without a user and a password; put what the receiver knows you by into its path or query"
    )]
    User,
    /// It holds a fragment.
    #[error("expected a URL without a fragment (#…): it is never sent")]
    Fragment,
    /// It leads to where the operator of the platform lets nothing be sent.
    #[error(
        "{0} is an address of this machine or of a private network. Whoever runs the server allows those with \
         --webhooks-to-private-networks"
    )]
    PrivateNetwork(IpAddr),
    /// It leads to no machine.
    #[error("{0} is no machine's address")]
    NoMachine(IpAddr),
}

/// Where is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Whether this machine and private networks are among it.
    pub(crate) private_networks: bool,
}

impl Reach {
    /// The URL to send to. An address in it is judged here, a name when it is looked up.
    pub(crate) fn url(self, text: &str) -> Result<Url, BadDestination> {
        let url: Url = text.parse().map_err(|_| BadDestination::NoUrl)?;
        let host = url.host_str().ok_or(BadDestination::NoUrl)?;
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_here = address.map_or(host == "localhost", |it| it.to_canonical().is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(BadDestination::NotPrivate),
            _ => return Err(BadDestination::NoUrl),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadDestination::User);
        }
        if url.fragment().is_some() {
            return Err(BadDestination::Fragment);
        }
        match address {
            Some(address) => self.judge(address)?,
            None if is_here => self.judge(Ipv4Addr::LOCALHOST.into())?,
            None => {}
        }
        Ok(url)
    }

    fn judge(self, address: IpAddr) -> Result<(), BadDestination> {
        match kind(address) {
            AddressKind::Public => Ok(()),
            AddressKind::Private if self.private_networks => Ok(()),
            AddressKind::Private => Err(BadDestination::PrivateNetwork(address)),
            AddressKind::NoMachine => Err(BadDestination::NoMachine(address)),
        }
    }
}

/// Looks names up, and keeps to itself what nothing is sent to.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut refused = None;
            let mut good = Vec::new();
            for address in found {
                match reach.judge(address.ip()) {
                    Ok(()) => good.push(address),
                    Err(bad) => refused = Some(bad),
                }
            }
            match refused {
                Some(bad) if good.is_empty() => Err(io::Error::other(bad).into()),
                _ => Ok(Box::new(good.into_iter()) as Addrs),
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressKind {
    Public,
    Private,
    NoMachine,
}

/// What kind of address it is, by the registries of special addresses (RFC 6890 and its successors). An IPv6 address that
/// stands for an IPv4 one is as good as that.
fn kind(address: IpAddr) -> AddressKind {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> AddressKind {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = (a, b, c) == (192, 0, 0) || a == 198 && (18..20).contains(&b);
    if a == 0 || address.is_multicast() || a >= 240 {
        AddressKind::NoMachine
    } else if address.is_loopback() || address.is_private() || address.is_link_local() || shared || special {
        AddressKind::Private
    } else {
        AddressKind::Public
    }
}

fn kind_v6(address: Ipv6Addr) -> AddressKind {
    let segments = address.segments();
    let [.., high, low] = segments;
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        kind_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        _ if address.is_unspecified() || address.is_multicast() => AddressKind::NoMachine,
        _ if address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() => {
            AddressKind::Private
        }
        // Site-local, which nobody uses any more, and NAT64 inside a network.
        [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => AddressKind::Private,
        // IPv4 addresses in IPv6: compatible ones, NAT64 and 6to4.
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        _ => AddressKind::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_ONLY: Reach = Reach {
        private_networks: false,
    };
    const EVERYWHERE: Reach = Reach {
        private_networks: true,
    };

    #[test]
    fn nobody_makes_this_server_ask_what_only_it_can_reach() {
        for (expected, addresses) in [
            (
                AddressKind::Private,
                "127.0.0.1 127.9.9.9 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.8 \
                 198.19.0.1 ::1 fe80::1 febf::1 fc00::1 fd12::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 \
                 64:ff9b::a00:1 64:ff9b:1::1 2002:a00:1::1 2002:7f00:1::",
            ),
            (
                AddressKind::NoMachine,
                "0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 240.0.0.1 :: ff02::1 ::ffff:0.0.0.0 2002:e000:1::",
            ),
            (
                AddressKind::Public,
                "8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 198.20.0.1 192.0.1.1 2606:4700::1111 \
                 64:ff9b::808:808 2002:808:808::1",
            ),
        ] {
            for text in addresses.split_whitespace() {
                let address: IpAddr = text.parse().unwrap();
                assert_eq!(kind(address), expected, "{text}");
                assert_eq!(
                    PUBLIC_ONLY.judge(address).is_ok(),
                    expected == AddressKind::Public
                );
                assert_eq!(
                    EVERYWHERE.judge(address).is_ok(),
                    expected != AddressKind::NoMachine
                );
            }
        }
    }

    #[test]
    fn an_address_is_recognised_however_it_is_written() {
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]:8443/x",
            "https://localhost/",
            "https://LOCALHOST:1/",
            "http://localhost:8080/hook",
            "http://127.0.0.1:1/",
            "http://[::1]/",
            "https://169.254.169.254/latest/meta-data",
        ] {
            let refused = PUBLIC_ONLY.url(text);
            assert!(
                matches!(refused, Err(BadDestination::PrivateNetwork(_))),
                "{text}: {refused:?}"
            );
            EVERYWHERE.url(text).unwrap();
        }
        PUBLIC_ONLY.url("https://receiver.example/hook?token=x").unwrap();
    }

    #[test]
    fn what_could_be_read_on_its_way_is_not_sent() {
        for (text, expected) in [
            ("http://receiver.example/", BadDestination::NotPrivate),
            ("http://10.0.0.1/", BadDestination::NotPrivate),
            ("http://localhost.example/", BadDestination::NotPrivate),
            ("ftp://receiver.example/", BadDestination::NoUrl),
            ("receiver.example", BadDestination::NoUrl),
            ("", BadDestination::NoUrl),
            ("https:///", BadDestination::NoUrl),
            ("https://anna:secret@receiver.example/", BadDestination::User),
            ("https://receiver.example/#x", BadDestination::Fragment),
            (
                "https://0.0.0.0/",
                BadDestination::NoMachine(Ipv4Addr::UNSPECIFIED.into()),
            ),
        ] {
            assert_eq!(EVERYWHERE.url(text), Err(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_leads_nowhere() {
        let look_up = async |reach: Reach| {
            reach
                .resolve("localhost".parse().unwrap())
                .await
                .map(Iterator::count)
        };
        let refused = look_up(PUBLIC_ONLY).await.unwrap_err().to_string();
        assert!(refused.contains("--webhooks-to-private-networks"), "{refused}");
        assert!(look_up(EVERYWHERE).await.unwrap() > 0);
    }
}
