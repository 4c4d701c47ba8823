//! `reconfigure`: another way to renew a certificate, tried in a rehearsal before it is written down.

use super::Failure;
use super::accounts;
use super::hooks::{self, Hooks};
use super::options::Options;
use super::ordering::Ordering;
use super::proxies::Proxies;
use super::saved;
use super::talk::Talk;
use certs::Outline;

pub(super) fn run(options: &Options, talk: &Talk) -> Result<(), Failure> {
    let Some(name) = &options.cert_name else {
        return Err(Failure::Failed("reconfigure expects --cert-name NAME".to_owned()));
    };
    if !options.names.is_empty() {
        return Err(Failure::Failed(
            "reconfigure changes how a certificate is renewed, not its names: those are changed by 'certonly --cert-name \
             NAME -d ...'"
                .to_owned(),
        ));
    }
    hooks::validate(options).map_err(Failure::Failed)?;
    let mut lineage = options.tree.lineage(name)?;
    let wrong = |why: String| Failure::Failed(format!("{}: {why}", options.tree.conf(name).display()));
    let mut new = saved::recall(options, lineage.renewal()).map_err(wrong)?;
    let renewal = saved::remember(&new, lineage.renewal().clone());
    if renewal == *lineage.renewal() {
        talk.say("\nNo changes were made to the renewal configuration.");
        return Ok(());
    }
    new.names = Outline::of_lineage(&lineage).map_err(|why| wrong(why.to_string()))?.names;
    new.dry_run = true;
    accounts::prepare(&mut new, talk)?;
    let (proxies, mut hooks) = (Proxies::find(), Hooks::new(talk));
    hooks.before(&new).map_err(Failure::Failed)?;
    let names = new.names.clone();
    let ordering = Ordering {
        options: &new,
        talk,
        proxies: &proxies,
        name,
        names,
        before: Some(&lineage),
        request: None,
    };
    let outcome = ordering.run(&hooks);
    hooks.after(&[], &[]);
    outcome?;
    lineage.save_renewal(&renewal)?;
    talk.say("\nSuccessfully updated configuration.\nChanges will apply when the certificate renews.");
    Ok(())
}
