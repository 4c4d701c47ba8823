//! Between `Options` and what a certificate's conf remembers of them, so that `renew` goes the way that was chosen.

use super::flags::{self, Does};
use super::options::{Authenticator, Options, Records};
use certs::hatch::Challenge;
use certs::tree::{Renewal, Tree};

/// Keys of confs that are not ours to take over: where the tree lies is known already.
const PLACES: [&str; 3] = ["config_dir", "work_dir", "logs_dir"];

/// The options of one renewal: those of the command line, and for the rest what the conf remembers. The error names
/// what the conf says wrongly.
pub(super) fn recall(base: &Options, renewal: &Renewal) -> Result<Options, String> {
    let mut options = base.clone();
    for (key, value) in renewal.params() {
        let text = value.text();
        if base.given.contains(key) || PLACES.contains(&key) || matches!(text.as_str(), "" | "None") {
            continue;
        }
        if key == "server" && base.staging {
            continue;
        }
        if key == "autorenew" {
            options.autorenew = Some(renewal.is_renewed());
            continue;
        }
        if key == "authenticator" {
            options.authenticator = options.authenticator.or_else(|| Some(Authenticator::of(&text)));
            continue;
        }
        let wrong = |why: String| format!("'{key} = {text}': {why}");
        match flags::of_key(key).map(|row| &row.does) {
            Some(Does::Take(_, take)) => take(&mut options, &text).map_err(wrong)?,
            Some(Does::Switch(set)) if renewal.flag(key) => set(&mut options),
            // Keys of other programs are kept, and mean nothing here.
            Some(Does::Switch(_) | Does::Idle(..) | Does::Refuse(..)) | None => {}
        }
    }
    if !base.given.contains("webroot_path") {
        options.webroots.extend(renewal.webroots());
    }
    options.unfit.take().map_or(Ok(options), Err)
}

/// What a conf is to remember of these options. `before` is what it says already.
pub(super) fn remember(options: &Options, mut before: Renewal) -> Renewal {
    let texts = [
        ("authenticator", options.authenticator.as_ref().map(|way| way.name().to_owned())),
        ("http01_port", (options.http_port != 80).then(|| options.http_port.to_string())),
        ("http01_address", Some(options.http_address.clone()).filter(|text| !text.is_empty())),
        ("manual_auth_hook", options.manual_auth_hook.clone()),
        ("manual_cleanup_hook", options.manual_cleanup_hook.clone()),
        ("dns_rfc2136_credentials", options.rfc2136.credentials.clone()),
        ("dns_rfc2136_propagation_seconds", seconds(&options.rfc2136)),
        ("dns_cloudflare_credentials", options.cloudflare.credentials.clone()),
        ("dns_cloudflare_propagation_seconds", seconds(&options.cloudflare)),
        ("must_staple", options.must_staple.then(|| "True".to_owned())),
        ("pre_hook", options.pre_hook.clone()),
        ("post_hook", options.post_hook.clone()),
        ("renew_hook", options.deploy_hook.clone()),
        ("preferred_chain", options.preferred_chain.clone()),
        ("required_profile", options.required_profile.clone()),
        ("preferred_profile", options.preferred_profile.clone()),
        ("reuse_key", options.reuse_key.then(|| "True".to_owned())),
        ("allow_subset_of_names", options.subset.then(|| "True".to_owned())),
        ("autorenew", options.autorenew.map(|on| if on { "True" } else { "False" }.to_owned())),
    ];
    for (key, text) in texts {
        match text {
            Some(text) => before.set(key, &text),
            None => before.unset(key),
        }
    }
    places(&mut before, &options.tree);
    if options.challenges.is_empty() {
        before.unset("pref_challs");
    } else {
        let kinds: Vec<String> =
            options.challenges.iter().copied().map(Challenge::name).map(str::to_owned).collect();
        before.set_list("pref_challs", &kinds);
    }
    if options.authenticator == Some(Authenticator::Webroot) {
        before.set_list("webroot_path", &options.webroot_paths);
        before.set_webroots(&options.webroots);
    } else {
        before.unset("webroot_path");
        before.set_webroots(&[]);
    }
    before
}

fn seconds(records: &Records) -> Option<String> {
    records.seconds.map(|wait| wait.as_secs().to_string())
}

/// Where the tree lies, if it is not where everybody looks.
fn places(renewal: &mut Renewal, tree: &Tree) {
    let usual = Tree::default();
    let all = [
        ("config_dir", &tree.config_dir, &usual.config_dir),
        ("work_dir", &tree.work_dir, &usual.work_dir),
        ("logs_dir", &tree.logs_dir, &usual.logs_dir),
    ];
    for (key, folder, usual) in all {
        if folder != usual {
            renewal.set(key, &folder.display().to_string());
        }
    }
}
