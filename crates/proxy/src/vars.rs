//! Variables: `proc.` shared by all threads, the others in small lists that live as long as their scope.

use arc_swap::ArcSwap;
use expr::Sample;
use std::sync::Arc;

/// Variables a scope may hold; a rule that sets more of them is a mistake, not a need.
const MAX_VARS: usize = 256;
/// Longest text a variable keeps.
const MAX_TEXT: usize = 64 * 1024;

/// The variables of one session, transaction, request or response.
#[derive(Default)]
pub struct Vars {
    list: Vec<(u32, Sample<'static>)>,
}

impl Vars {
    /// A variable's value.
    pub fn get(&self, name: u32) -> Option<&Sample<'static>> {
        self.list.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// Sets it, or unsets it with `None`. Values beyond the limits are refused.
    pub fn set(&mut self, name: u32, value: Option<Sample<'static>>) {
        let at = self.list.iter().position(|(n, _)| *n == name);
        match (at, value) {
            (Some(at), None) => {
                self.list.swap_remove(at);
            }
            (None, None) => {}
            (_, Some(value)) if text_len(&value) > MAX_TEXT => {}
            (Some(at), Some(value)) => {
                if let Some(slot) = self.list.get_mut(at) {
                    slot.1 = value;
                }
            }
            (None, Some(value)) if self.list.len() < MAX_VARS => self.list.push((name, value)),
            (None, Some(_)) => {}
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}

fn text_len(value: &Sample<'_>) -> usize {
    match value {
        Sample::Str(t) | Sample::Bin(t) | Sample::Method(t) => t.len(),
        Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => 0,
    }
}

/// `proc.` variables. Read by pointer, written by copy: they change rarely.
#[derive(Default)]
pub struct ProcVars {
    map: ArcSwap<Vec<(u32, Sample<'static>)>>,
}

impl ProcVars {
    /// A variable's value.
    pub fn get(&self, name: u32) -> Option<Sample<'static>> {
        self.map.load().iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone())
    }

    /// Sets it, or unsets it with `None`.
    pub fn set(&self, name: u32, value: Option<Sample<'static>>) {
        if value.as_ref().is_some_and(|v| text_len(v) > MAX_TEXT) {
            return;
        }
        self.map.rcu(|old| {
            let mut new: Vec<_> = old.iter().filter(|(n, _)| *n != name).cloned().collect();
            if let Some(value) = &value
                && new.len() < MAX_VARS
            {
                new.push((name, value.clone()));
            }
            Arc::new(new)
        });
    }
}
