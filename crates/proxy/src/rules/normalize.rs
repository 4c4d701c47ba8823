//! `normalize-uri`: the request's target in a form that rules can compare. The transformations are `http`'s.

use config::model::Normalizer;
use http::Request;
use http::uri::normalize as n;

/// Rewrites path and query; `false` where a strict normalizer met an invalid escape: such a request is refused with
/// 400 (manual, `http-request normalize-uri`).
pub(super) fn apply(normalizer: Normalizer, request: &mut Request) -> bool {
    let target = request.path_and_query();
    let new = match normalizer {
        Normalizer::FragmentEncode => Ok(n::fragment_encode(target).into_owned()),
        Normalizer::FragmentStrip => Ok(n::fragment_strip(target).to_vec()),
        Normalizer::PathMergeSlashes => Ok(n::path_merge_slashes(target)),
        Normalizer::PathStripDot => Ok(n::path_strip_dot(target)),
        Normalizer::PathStripDotdot { full } => Ok(n::path_strip_dotdot(target, full)),
        Normalizer::QuerySortByName => Ok(n::query_sort_by_name(target).to_vec()),
        Normalizer::PercentDecodeUnreserved { strict } => n::percent_decode_unreserved(target, strict),
        Normalizer::PercentToUppercase { strict } => {
            n::percent_to_uppercase(target, strict).map(|t| t.to_vec())
        }
    };
    let Ok(new) = new else { return false };
    if *new != *target {
        request.set_path_and_query(&new);
    }
    true
}
