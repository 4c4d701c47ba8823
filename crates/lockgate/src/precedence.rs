//! What the command line says about the configuration: it has precedence over the files (management manual,
//! section 3).

use config::Model;
use config::model::{InitAddr, Proxy};

/// Flags that change what was loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Precedence {
    /// `-n`
    pub(crate) maxconn: Option<u32>,
    /// `-N`: for frontends that name none.
    pub(crate) proxy_maxconn: Option<u32>,
    /// `-dV`: certificates of servers are not verified.
    pub(crate) no_server_verify: bool,
    /// `-dr`: servers whose name does not resolve start without an address.
    pub(crate) resolve_leniently: bool,
    /// `-dS`
    pub(crate) no_splice: bool,
}

impl Precedence {
    /// Changes `model` accordingly.
    pub(crate) fn apply(&self, model: &mut Model) {
        model.global.maxconn = self.maxconn.filter(|most| *most > 0).or(model.global.maxconn);
        if self.no_server_verify {
            model.global.ssl_server_verify = Some(false);
        }
        model.proxies.iter_mut().for_each(|proxy| self.apply_to(proxy));
    }

    fn apply_to(&self, proxy: &mut Proxy) {
        let settings = &mut proxy.settings;
        settings.maxconn = settings.maxconn.or(self.proxy_maxconn);
        if self.no_splice {
            let options = &mut settings.options;
            (options.splice_auto, options.splice_request, options.splice_response) =
                (Some(false), Some(false), Some(false));
        }
        if self.resolve_leniently {
            proxy.servers.iter_mut().for_each(|server| end_with_none(&mut server.params.init_addr));
        }
    }
}

/// `-dr` appends "none" to the methods of every server; `last,libc` are those of a server that names none.
fn end_with_none(methods: &mut Option<Vec<InitAddr>>) {
    methods.get_or_insert_with(|| vec![InitAddr::Last, InitAddr::Libc]).push(InitAddr::None);
}

#[cfg(test)]
mod tests {
    use super::*;
    fn model() -> Model {
        let text = b"global\n maxconn 5\nbackend b\n mode http\n server s 127.0.0.1:80\n".to_vec();
        let source = config::Source { name: "a.cfg".into(), text };
        config::load(vec![source], &config::LoadOptions::default()).model
    }

    #[test]
    fn flags_come_before_the_file_and_silence_leaves_it_alone() {
        let mut untouched = model();
        Precedence::default().apply(&mut untouched);
        assert_eq!((untouched.global.maxconn, untouched.proxies[0].settings.maxconn), (Some(5), None));

        let mut changed = model();
        let all = Precedence {
            maxconn: Some(9),
            proxy_maxconn: Some(7),
            no_server_verify: true,
            resolve_leniently: true,
            no_splice: true,
        };
        all.apply(&mut changed);
        let proxy = &changed.proxies[0];
        assert_eq!((changed.global.maxconn, proxy.settings.maxconn), (Some(9), Some(7)));
        assert_eq!(changed.global.ssl_server_verify, Some(false));
        assert_eq!(proxy.settings.options.splice_auto, Some(false));
        let methods = proxy.servers[0].params.init_addr.as_deref();
        assert_eq!(methods, Some(&[InitAddr::Last, InitAddr::Libc, InitAddr::None][..]));
    }
}
