//! Small settings that need a decision: CPU sets, forwarding headers.

use super::Lower;
use crate::plan::{AddressHeader, Forwarded, HeaderOptions};
use crate::splice::Splicing;
use config::model::{self, CpuMap, ExprText, Options, RestrictNames};
use expr::{Expr, Stage};
use std::net::IpAddr;

/// The CPUs of each thread.
pub(super) fn cpus(maps: &[CpuMap], threads: usize) -> Vec<Vec<u32>> {
    let mut out = vec![Vec::new(); threads];
    for map in maps {
        for (position, thread) in map.threads.iter().enumerate() {
            let Some(set) = (*thread as usize).checked_sub(1).and_then(|t| out.get_mut(t)) else { continue };
            *set = if map.auto {
                map.cpus.get(position).copied().into_iter().collect()
            } else {
                map.cpus.clone()
            };
        }
    }
    out
}

impl Lower<'_> {
    /// How bodies go in a direction that has this option of its own.
    pub(super) fn splicing(&self, options: &Options, direction: Option<bool>) -> Splicing {
        match self.model.global.nosplice {
            true => Splicing::Off,
            false => Splicing::of(options.splice_auto, direction),
        }
    }

    pub(super) fn header_options(&mut self, options: &Options) -> HeaderOptions {
        HeaderOptions {
            forwardfor: self.address_header(options.forwardfor.as_ref(), "x-forwarded-for"),
            originalto: self.address_header(options.originalto.as_ref(), "x-original-to"),
            forwarded: options.forwarded.as_ref().filter(|f| !f.off).map(|f| self.forwarded(f)),
            restrict_names: options.restrict_req_hdr_names.unwrap_or(RestrictNames::Preserve),
        }
    }

    fn address_header(&mut self, option: Option<&model::ForwardFor>, name: &str) -> Option<AddressHeader> {
        let option = option.filter(|o| !o.off)?;
        let except = option.except.as_ref().and_then(|word| {
            let network = network(&word.text);
            if network.is_none() {
                let text = format!("invalid network '{}': an address or ADDRESS/BITS is expected", word.text);
                self.env.diags.alert(word.span, text);
            }
            network
        });
        let name = option.header.as_ref().map_or(name, |w| w.text.as_str());
        Some(AddressHeader {
            name: name.to_ascii_lowercase().into_bytes().into(),
            if_none: option.if_none,
            except,
        })
    }

    fn forwarded(&mut self, option: &model::Forwarded) -> Forwarded {
        // Without any parameter the option means `proto for` (manual, "option forwarded").
        let nothing = !option.proto
            && option.host.is_none()
            && option.by.is_none()
            && option.by_port.is_none()
            && option.for_.is_none()
            && option.for_port.is_none();
        if nothing {
            return Forwarded { proto: true, for_: Some(None), ..Forwarded::default() };
        }
        Forwarded {
            proto: option.proto,
            host: self.forwarded_part(option.host.as_ref()),
            by: self.forwarded_part(option.by.as_ref()),
            by_port: self.forwarded_part(option.by_port.as_ref()),
            for_: self.forwarded_part(option.for_.as_ref()),
            for_port: self.forwarded_part(option.for_port.as_ref()),
        }
    }

    fn forwarded_part(&mut self, part: Option<&Option<ExprText>>) -> Option<Option<Expr>> {
        part.map(|expr| expr.as_ref().and_then(|e| self.expr(e, Stage::Request)))
    }
}

/// `ADDRESS` or `ADDRESS/BITS`, also with a dotted mask.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: IpAddr = address.parse().ok()?;
    let width = if ip.is_ipv4() { 32 } else { 128 };
    let bits = match mask {
        None => width,
        Some(mask) => match mask.parse::<u8>() {
            Ok(bits) => bits,
            Err(_) => u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?).leading_ones() as u8,
        },
    };
    (bits <= width).then_some((ip, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        assert_eq!(network("10.0.0.0/8"), Some(([10, 0, 0, 0].into(), 8)));
        assert_eq!(network("10.0.0.0/255.0.0.0"), Some(([10, 0, 0, 0].into(), 8)));
        assert_eq!(network("127.0.0.1"), Some(([127, 0, 0, 1].into(), 32)));
        assert_eq!(network("10.0.0.0/33"), None);
        assert_eq!(network("web"), None);
    }
}
