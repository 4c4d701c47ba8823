//! Networks: the longest one that holds an address. One sorted list for each mask in use, the longest mask first; a
//! lookup is a binary search in each of the few.

use crate::address::Network;
use crate::cast::embedded_v4;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All networks of a list, by family.
pub(super) struct Networks {
    v4: Vec<Masked<u32>>,
    v6: Vec<Masked<u128>>,
}

/// The networks of one mask: addresses (already masked) and their place in the list, sorted.
struct Masked<T> {
    mask: T,
    list: Vec<(T, usize)>,
}

impl Networks {
    pub(super) fn new(list: &[Network]) -> Networks {
        let mut networks = Networks { v4: Vec::new(), v6: Vec::new() };
        for (index, network) in list.iter().enumerate() {
            match *network {
                Network::V4 { address, mask } => add(&mut networks.v4, mask, address, index),
                Network::V6 { address, mask } => add(&mut networks.v6, mask, address, index),
            }
        }
        finish(&mut networks.v4, u32::count_ones);
        finish(&mut networks.v6, u128::count_ones);
        networks
    }

    /// The families meet as section 7.1.6 of the manual says.
    pub(super) fn find(&self, ip: IpAddr) -> Option<usize> {
        match ip {
            IpAddr::V4(ip) => self.find4(ip).or_else(|| self.find6(ip.to_ipv6_mapped())),
            IpAddr::V6(ip) => self.find6(ip).or_else(|| self.find4(embedded_v4(ip)?)),
        }
    }

    fn find4(&self, ip: Ipv4Addr) -> Option<usize> {
        let ip = u32::from(ip);
        self.v4.iter().find_map(|m| m.find(ip & m.mask))
    }

    fn find6(&self, ip: Ipv6Addr) -> Option<usize> {
        let ip = u128::from(ip);
        self.v6.iter().find_map(|m| m.find(ip & m.mask))
    }
}

impl<T: Ord> Masked<T> {
    fn find(&self, address: T) -> Option<usize> {
        let at = self.list.binary_search_by(|(a, _)| a.cmp(&address)).ok()?;
        self.list.get(at).map(|(_, index)| *index)
    }
}

fn add<T: PartialEq>(masks: &mut Vec<Masked<T>>, mask: T, address: T, index: usize) {
    match masks.iter_mut().find(|m| m.mask == mask) {
        Some(masked) => masked.list.push((address, index)),
        None => masks.push(Masked { mask, list: vec![(address, index)] }),
    }
}

fn finish<T: Ord + Copy>(masks: &mut [Masked<T>], ones: fn(T) -> u32) {
    masks.sort_by_key(|m| std::cmp::Reverse(ones(m.mask)));
    for masked in masks {
        masked.list.sort_unstable();
        masked.list.dedup_by_key(|(address, _)| *address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address;

    fn find(list: &[&str], ip: &str) -> Option<usize> {
        let list: Vec<_> = list.iter().map(|t| address::network(t).unwrap()).collect();
        Networks::new(&list).find(ip.parse().unwrap())
    }

    #[test]
    fn the_longest_wins() {
        let list = ["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.3", "10.1.2.3"];
        assert_eq!(find(&list, "10.1.2.3"), Some(3));
        assert_eq!(find(&list, "10.1.9.9"), Some(1));
        assert_eq!(find(&list, "10.9.9.9"), Some(0));
        assert_eq!(find(&list, "11.9.9.9"), Some(2));
    }

    #[test]
    fn families_meet() {
        assert_eq!(find(&["1.2.3.4"], "::ffff:1.2.3.4"), Some(0));
        assert_eq!(find(&["1.2.3.4"], "::1.2.3.4"), Some(0));
        assert_eq!(find(&["1.2.3.4"], "2002:102:304::9"), Some(0));
        assert_eq!(find(&["::ffff:0:0/96"], "1.2.3.4"), Some(0));
        assert_eq!(find(&["1.2.3.5/255.0.255.255"], "1.9.3.5"), Some(0));
        assert_eq!(find(&["::1"], "127.0.0.1"), None);
    }
}
