//! Certificates and OCSP responses in the words of HAProxy and OpenSSL, for the answers that show them.

use std::fmt::Write;
use tls::{CertView, Staple, StapleView};

/// A certificate with the issuers behind it, and the response that is stapled with it. Nothing of it need be there.
pub(super) fn details<'c>(chain: impl Iterator<Item = &'c [u8]>, staple: Option<Staple>) -> String {
    let mut views = chain.filter_map(CertView::new);
    let mut out = views.next().map(|leaf| facts(&leaf)).unwrap_or_default();
    for issuer in views {
        out +=
            &format!("Chain Subject: {}\nChain Issuer: {}\n", text(issuer.subject()), text(issuer.issuer()));
    }
    let key = staple.and_then(|staple| staple.view()).map(|view| lower_hex(&view.key)).unwrap_or_default();
    out + &format!("OCSP Response Key: {key}\n")
}

/// One certificate.
pub(super) fn facts(view: &CertView<'_>) -> String {
    let (from, until) = view.validity();
    format!(
        "Serial: {}\nnotBefore: {}\nnotAfter: {}\nSubject Alternative Name: {}\nAlgorithm: {}\n\
         SHA1 FingerPrint: {}\nSubject: {}\nIssuer: {}\n",
        hex(view.serial()),
        date(&from),
        date(&until),
        view.alternative_names().join(", "),
        view.key_name(),
        hex(&view.sha1()),
        text(view.subject()),
        text(view.issuer()),
    )
}

/// A response as `openssl ocsp -text` begins to tell it.
pub(super) fn staple_text(staple: &StapleView) -> String {
    let mut out = format!(
        "OCSP Response Data:\n    OCSP Response Status: successful (0x0)\n    Response Type: Basic OCSP Response\n    \
         Version: 1 (0x0)\n    Responder Id: {}\n    Produced At: {}\n    Responses:\n    Certificate ID:\n      \
         Hash Algorithm: {}\n      Issuer Name Hash: {}\n      Issuer Key Hash: {}\n      Serial Number: {}\n    \
         Cert Status: {}\n    This Update: {}\n",
        staple.responder,
        date(&staple.produced_at),
        staple.hash_algorithm,
        hex(&staple.name_hash),
        hex(&staple.key_hash),
        hex(&staple.serial),
        staple.status,
        date(&staple.this_update),
    );
    if let Some(next) = &staple.next_update {
        // Writing into a text cannot fail.
        let _ = writeln!(out, "    Next Update: {}", date(next));
    }
    out
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `0AFF`
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// `0aff`
pub(super) fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `Nov 25 19:54:41 2026 GMT` of `261125195441Z` or `20261125195441Z`.
pub(super) fn date(compact: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const SHORT: usize = "YYMMDDhhmmssZ".len();
    let century = compact.len().saturating_sub(SHORT);
    let number = |from: usize, to: usize| compact.get(from..to).and_then(|n| n.parse::<usize>().ok());
    let part = |at: usize| number(century + at, century + at + 2).unwrap_or(0);
    let month = MONTHS.get(part(2).wrapping_sub(1)).copied().unwrap_or_default();
    let year = match number(0, century) {
        Some(hundreds) => hundreds * 100 + part(0),
        // two digits of a year count from 1950 (RFC 5280 section 4.1.2.5.1)
        None if part(0) < 50 => 2000 + part(0),
        None => 1900 + part(0),
    };
    format!("{month} {:2} {:02}:{:02}:{:02} {year} GMT", part(4), part(6), part(8), part(10))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_read_with_and_without_their_century() {
        assert_eq!(date("261125195441Z"), "Nov 25 19:54:41 2026 GMT");
        assert_eq!(date("20560305080102Z"), "Mar  5 08:01:02 2056 GMT");
        assert_eq!(date("500101000000Z"), "Jan  1 00:00:00 1950 GMT");
    }
}
