//! `normalize-uri`: the request's target in a form that rules can compare.

use config::model::Normalizer;
use http::Request;

pub(super) fn apply(_normalizer: Normalizer, _request: &mut Request) {}
