//! Which certificates `acme` sections are to obtain: those of `bind ... acme`, of `load ... acme` and of
//! `ssl-f-use ... acme`. Obtaining them is somebody else's; here is only what they are called and where they will lie.

use super::host_names;
use crate::plan::{OnDemand, Wanted, lineage};
use base::{Diagnostics, FileId, Span, Word};
use config::Model;
use config::model::{Acme, Bind, CrtLoad, Proxy};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use tls::OnDemandFiles;

/// Where accounts and certificates are kept unless `storage` says otherwise: Certbot's folder.
const STORAGE: &str = "/etc/letsencrypt";

/// Those wanted so far.
#[derive(Default)]
pub(crate) struct WantedList {
    list: Vec<Wanted>,
    on_demand: Vec<OnDemand>,
    /// The certificate of a `bind` line, by the line's place.
    binds: HashMap<(FileId, u32), usize>,
    /// Places in the list, by name.
    called: HashMap<Box<str>, Vec<usize>>,
}

impl WantedList {
    pub(super) fn new(model: &Model, diags: &mut Diagnostics) -> WantedList {
        let mut wanted = WantedList::default();
        for section in &model.crt_stores {
            let base = section.crt_base.as_ref().or(model.global.crt_base.as_ref());
            section.loads.iter().for_each(|load| wanted.load(model, load, base, diags));
        }
        for proxy in model.proxies.iter().filter(|proxy| !proxy.disabled && proxy.kind.is_front()) {
            let base = model.global.crt_base.as_ref();
            proxy.ssl_f_use.iter().for_each(|load| wanted.load(model, load, base, diags));
            proxy.binds.iter().for_each(|bind| wanted.bind(model, proxy, bind, diags));
        }
        wanted
    }

    pub(super) fn all(self) -> (Vec<Wanted>, Vec<OnDemand>) {
        (self.list, self.on_demand)
    }

    /// What was obtained on demand in former lives. Reads folders.
    pub(super) fn obtained(&self) -> OnDemandFiles {
        let files = |section: &OnDemand| {
            let names = std::fs::read_dir(section.names()).into_iter().flatten().filter_map(Result::ok);
            let names = names.filter_map(|entry| entry.file_name().into_string().ok());
            let file = |name: &String| lineage(&section.storage, name);
            names.map(|name| (name.clone(), file(&name))).collect::<BTreeMap<_, _>>()
        };
        self.on_demand.iter().map(|section| (section.section.to_string(), files(section))).collect()
    }

    /// Files that may not be there yet.
    pub(super) fn files(&self) -> HashSet<PathBuf> {
        self.list.iter().map(Wanted::file).collect()
    }

    /// The file that a `bind` line's own certificate is served from.
    pub(super) fn file_of(&self, bind: &Bind) -> Option<String> {
        let wanted = self.list.get(*self.binds.get(&place(bind))?)?;
        Some(wanted.file().display().to_string())
    }

    fn load(&mut self, model: &Model, load: &CrtLoad, base: Option<&Word>, diags: &mut Diagnostics) {
        let Some(section) = &load.acme else { return };
        let file = base.map_or_else(PathBuf::new, |base| PathBuf::from(&base.text)).join(&load.crt.text);
        let file = absolute(&file);
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let name = load.alias.as_ref().map_or(stem, |alias| alias.text.clone());
        let names = names(&load.domains, &load.ips);
        self.add(model, section, (&name, load.crt.span), names, Some(file), diags);
    }

    fn bind(&mut self, model: &Model, proxy: &Proxy, bind: &Bind, diags: &mut Diagnostics) {
        let Some(section) = &bind.params.acme else { return };
        if self.binds.contains_key(&place(bind)) {
            return;
        }
        let acme = model.acmes.iter().find(|acme| acme.name.text == section.text);
        let on_demand = acme.filter(|acme| acme.on_demand);
        on_demand.iter().for_each(|acme| self.on_demand(acme));
        let mut all = names(&bind.params.domains, &bind.params.ips);
        if bind.params.domains.is_empty() {
            let found = host_names::of(proxy, diags);
            tell(proxy, section, &found, bind.span, diags);
            all.splice(0..0, found);
        }
        let Some(first) = all.first().cloned() else {
            if on_demand.is_some() {
                return;
            }
            diags.alert(bind.span, format!("which names is the certificate of 'acme {section}' for?")).help(
                "the frontend's rules name no host that an authority could sign; add: domains NAME,NAME",
            );
            return;
        };
        let name = first.trim_start_matches("*.").to_owned();
        if let Some(index) = self.add(model, section, (&name, bind.span), all, None, diags) {
            self.binds.insert(place(bind), index);
        }
    }

    fn on_demand(&mut self, acme: &Acme) {
        let section = OnDemand { section: acme.name.text.as_str().into(), storage: storage(acme) };
        if !self.on_demand.contains(&section) {
            self.on_demand.push(section);
        }
    }

    /// Adds one, or finds the same again.
    fn add(
        &mut self,
        model: &Model,
        section: &Word,
        (name, span): (&str, Span),
        names: Vec<String>,
        copy: Option<PathBuf>,
        diags: &mut Diagnostics,
    ) -> Option<usize> {
        // An unknown section was complained about.
        let acme = model.acmes.iter().find(|acme| acme.name.text == section.text)?;
        let wanted = Wanted {
            section: section.text.as_str().into(),
            name: name.replace('/', "_").into(),
            storage: storage(acme),
            names,
            copy,
        };
        let named = self.called.entry(wanted.name.clone()).or_default();
        let is_it = |at: &&usize| self.list.get(**at).is_some_and(|other| other.storage == wanted.storage);
        match named.iter().find(is_it).copied() {
            Some(index) if self.list.get(index) == Some(&wanted) => Some(index),
            Some(_) => {
                let message = format!(
                    "two certificates would be called '{}' in {}",
                    wanted.name,
                    wanted.storage.display()
                );
                diags.alert(span, message).help("begin 'domains' with another name, or give an 'alias'");
                None
            }
            None => {
                named.push(self.list.len());
                self.list.push(wanted);
                Some(self.list.len() - 1)
            }
        }
    }
}

/// Addresses of one line share their certificate.
fn place(bind: &Bind) -> (FileId, u32) {
    (bind.span.file, bind.span.line)
}

fn names(domains: &[Word], ips: &[Word]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for word in domains.iter().chain(ips) {
        let name = word.text.to_ascii_lowercase();
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn tell(proxy: &Proxy, section: &Word, found: &[String], span: Span, diags: &mut Diagnostics) {
    if !found.is_empty() {
        let list = found.join(", ");
        let text = format!("acme '{section}': the host rules of '{}' name {list}", proxy.name);
        diags.notice(span, text);
    }
}

/// Where a section keeps accounts and certificates.
fn storage(acme: &Acme) -> PathBuf {
    absolute(Path::new(acme.storage.as_ref().map_or(STORAGE, |word| word.as_str())))
}

/// The folder from which the process was started counts, as for every path of the configuration.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
