//! Capture slots of a frontend: declared ones and those that rules make for themselves (`capture EXPRESSION len N`),
//! numbered in the order of their lines. Decides places only; what is captured is the rules' business.

use crate::plan::CaptureSlot;
use base::Span;
use config::model::{HttpAction, Proxy, TcpAction};

/// A slot with the line that makes it.
struct Slot {
    span: Span,
    slot: CaptureSlot,
}

/// The slots of one direction.
pub(super) fn slots(proxy: &Proxy, request: bool) -> Vec<CaptureSlot> {
    in_order(proxy, request).into_iter().map(|slot| slot.slot).collect()
}

/// The slot that the rule at `span` captures a request's sample into.
pub(super) fn slot_of(proxy: &Proxy, span: Span) -> Option<usize> {
    in_order(proxy, true).iter().position(|slot| slot.span == span)
}

fn in_order(proxy: &Proxy, request: bool) -> Vec<Slot> {
    let declared = proxy.captures.iter().filter(|c| c.request == request).map(|c| Slot {
        span: c.span,
        slot: CaptureSlot { header: c.header.as_ref().map(super::front::lower_name), len: c.len as usize },
    });
    let mut all: Vec<Slot> = declared.collect();
    if request {
        all.extend(of_rules(proxy));
    }
    all.sort_by_key(|slot| slot.span);
    all
}

/// Only rules on requests make slots: for responses they must be declared (manual, `http-response capture`).
fn of_rules(proxy: &Proxy) -> impl Iterator<Item = Slot> {
    let tcp = proxy.settings.tcp_request_content.iter().filter_map(|rule| {
        let TcpAction::Capture(_, len) = rule.action else { return None };
        Some((rule.span, len))
    });
    let http = proxy.settings.http_request.iter().filter_map(|rule| {
        let HttpAction::Capture(_, len) = rule.action else { return None };
        Some((rule.span, len))
    });
    tcp.chain(http).map(|(span, len)| Slot { span, slot: CaptureSlot { header: None, len: len as usize } })
}
