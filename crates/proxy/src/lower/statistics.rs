//! `stats ...` of a proxy: defaults and conditions.

use super::Lower;
use crate::statistics::{Look, Statistics, StatisticsRule, Verdict};
use base::Word;
use config::model::{self, Proxy, StatisticsAction};
use expr::Stage;
use std::sync::Arc;

/// The page's address where none is written.
const URI: &str = "/haproxy?stats";
/// What a browser is told where no realm is written.
const REALM: &str = "HAProxy Statistics";

impl Lower<'_> {
    pub(super) fn statistics(&mut self, proxy: &Proxy) -> Option<Box<Statistics>> {
        let written = proxy.settings.statistics.as_deref().filter(|_| Self::is_http(proxy))?;
        let uri = written.uri.as_ref().map_or(URI, |word| &word.text);
        let realm = bytes(written.realm.as_ref(), REALM);
        Some(Box::new(Statistics {
            uri: uri.as_bytes().into(),
            rules: written.rules.iter().map(|rule| self.statistics_rule(rule, &realm)).collect(),
            users: written.users.iter().map(|word| word.bytes().into()).collect(),
            admin: written.admin.iter().filter_map(|cond| self.cond(cond, Stage::Request)).collect(),
            look: Arc::new(self.statistics_look(proxy, written, uri)),
            realm,
        }))
    }

    fn statistics_rule(&mut self, rule: &model::Rule<StatisticsAction>, realm: &[u8]) -> StatisticsRule {
        let verdict = match &rule.action {
            StatisticsAction::Allow => Verdict::Allow,
            StatisticsAction::Deny => Verdict::Deny,
            StatisticsAction::Auth(None) => Verdict::Auth(realm.into()),
            StatisticsAction::Auth(Some(own)) => Verdict::Auth(own.bytes().into()),
        };
        let cond = rule.cond.as_ref().and_then(|cond| self.cond(cond, Stage::Request));
        StatisticsRule { verdict, cond }
    }

    fn statistics_look(&self, proxy: &Proxy, written: &model::Statistics, uri: &str) -> Look {
        let text = |word: &Word| Box::<str>::from(word.text.as_str());
        let global = &self.model.global;
        let node = || global.node.as_ref().map_or_else(|| net::hostname().into(), text);
        Look {
            proxy: text(&proxy.name),
            uri: uri.into(),
            refresh: written.refresh,
            version: !written.hide_version,
            legends: written.legends,
            node: written.node.as_ref().map(|own| own.as_ref().map_or_else(node, text)),
            description: written.description.as_ref().and_then(|own| own.as_ref().map(text)),
            scope: written
                .scope
                .iter()
                .map(|word| if word.text == "." { text(&proxy.name) } else { text(word) })
                .collect(),
        }
    }
}

fn bytes(word: Option<&Word>, otherwise: &str) -> Box<[u8]> {
    word.map_or(otherwise, |word| &word.text).as_bytes().into()
}
