//! Userlists for `http_auth`.

use base::Diagnostics;
use config::model::{self, Password};
use expr::Userlist;
use expr::password::{Password as Checked, Users};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn lower(
    lists: &[model::Userlist],
    diags: &mut Diagnostics,
) -> BTreeMap<String, Arc<dyn Userlist>> {
    let mut out: BTreeMap<String, Arc<dyn Userlist>> = BTreeMap::new();
    for list in lists {
        let mut users = Users::new(&list.name.text);
        for user in &list.users {
            let password = user.password.as_ref().and_then(|p| checked(p, diags));
            let named = user.groups.iter().map(|g| g.text.as_str());
            let listed =
                list.groups.iter().filter(|(_, members)| members.iter().any(|m| m.text == user.name.text));
            users.add(&user.name.text, password, named.chain(listed.map(|(g, _)| g.text.as_str())));
        }
        out.insert(list.name.text.clone(), Arc::new(users));
    }
    out
}

fn checked(password: &Password, diags: &mut Diagnostics) -> Option<Checked> {
    match password {
        Password::Clear(text) => Some(Checked::clear(&text.bytes())),
        Password::Crypt(hash) => match Checked::crypt(&hash.text) {
            Ok(password) => Some(password),
            Err(error) => {
                diags.alert(hash.span, format!("this password cannot be checked: {error}"));
                None
            }
        },
    }
}
