//! Trees on disk: their shape, what a crash leaves behind, and what is said of broken ones.

use super::disk::fault;
use super::*;
use crate::Bundle;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// A folder of a test's own, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("lockgate-tree-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Folder(folder)
    }

    fn tree(&self) -> Tree {
        Tree { config_dir: self.0.join("etc"), work_dir: self.0.join("lib"), logs_dir: self.0.join("log") }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bundle(n: u32) -> Bundle {
    Bundle {
        key_pem: format!("key {n}\n"),
        cert_pem: format!("cert {n}\n"),
        chain_pem: format!("chain {n}\n"),
    }
}

fn renewal(n: u32) -> Renewal {
    let mut renewal = Renewal::default();
    renewal.set("server", &format!("https://ca/{n}"));
    renewal
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_new_certificate_has_certbots_shape() {
    let folder = Folder::new("shape");
    let tree = folder.tree();
    tree.lay_out().unwrap();
    tree.create("a.example", &bundle(1), &renewal(1)).unwrap();
    let etc = &tree.config_dir;
    for (path, expected) in [
        ("", 0o755),
        ("live", 0o700),
        ("archive", 0o700),
        ("renewal", 0o755),
        ("live/a.example", 0o755),
        ("archive/a.example/privkey1.pem", 0o600),
        ("archive/a.example/fullchain1.pem", 0o644),
        ("renewal/a.example.conf", 0o644),
    ] {
        assert_eq!(mode(etc.join(path)), expected, "{path}");
    }
    let link = fs::read_link(etc.join("live/a.example/privkey.pem")).unwrap();
    assert_eq!(link, Path::new("../../archive/a.example/privkey1.pem"));
    assert_eq!(fs::read_to_string(etc.join("live/a.example/fullchain.pem")).unwrap(), "cert 1\nchain 1\n");
    assert!(etc.join("live/README").exists() && etc.join("live/a.example/README").exists());
    let conf = fs::read_to_string(etc.join("renewal/a.example.conf")).unwrap();
    let cert = format!("cert = {}/live/a.example/cert.pem\n", etc.display());
    assert!(conf.contains(&cert) && conf.contains("[renewalparams]\nserver = https://ca/1\n"), "{conf}");
    assert_eq!(tree.lineages().unwrap(), ["a.example"]);
    assert_eq!(tree.free_name("a.example"), "a.example-0001");
}

#[test]
fn a_renewed_one_keeps_versions_rights_and_what_nobody_knows() {
    let folder = Folder::new("renewed");
    let tree = folder.tree();
    tree.create("a", &bundle(1), &renewal(1)).unwrap();
    let conf = tree.conf("a");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace("server =", "# mine\nfoo = bar\nserver =")).unwrap();
    let key = tree.archive("a").join("privkey1.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let mut lineage = tree.lineage("a").unwrap();
    let mut new = lineage.renewal().clone();
    new.set("key_type", "ecdsa");
    lineage.save(&bundle(2), &new).unwrap();
    let lineage = tree.lineage("a").unwrap();
    assert_eq!((lineage.version(), lineage.bundle().unwrap()), (2, bundle(2)));
    assert_eq!(mode(tree.live("a").join("privkey.pem")), 0o640);
    assert_eq!(lineage.versions().unwrap(), [1, 2]);
    let text = fs::read_to_string(&conf).unwrap();
    assert!(text.contains("# mine\nfoo = bar\nserver = https://ca/1\nkey_type = ecdsa\n"), "{text}");
}

/// Does `work` again and again, stopped one step later each time, and has `look` judge what is left.
fn stopped_everywhere(
    test: &str,
    before: impl Fn(&Tree),
    work: impl Fn(&Tree) -> Result<(), TreeError>,
    look: impl Fn(&Tree, u32),
) {
    for steps in 0.. {
        let folder = Folder::new(test);
        let tree = folder.tree();
        before(&tree);
        fault::allow(Some(steps));
        let outcome = work(&tree);
        fault::allow(None);
        look(&tree, steps);
        if outcome.is_ok() {
            assert!(steps > 3, "only {steps} steps");
            return;
        }
    }
}

#[test]
fn stopped_while_it_is_created_there_is_a_whole_one_or_none() {
    let look = |tree: &Tree, steps| {
        for name in tree.lineages().unwrap() {
            assert_eq!(tree.lineage(&name).unwrap().bundle().unwrap(), bundle(1), "after {steps} steps");
        }
        if !tree.has("a") {
            tree.create("a", &bundle(3), &renewal(3)).unwrap();
            assert_eq!(tree.lineage("a").unwrap().bundle().unwrap(), bundle(3), "after {steps} steps");
        }
    };
    let create = |tree: &Tree| tree.create("a", &bundle(1), &renewal(1)).map(drop);
    stopped_everywhere("create", |_| {}, create, look);
}

#[test]
fn stopped_while_it_is_renewed_the_old_or_the_new_one_counts() {
    let before = |tree: &Tree| drop(tree.create("a", &bundle(1), &renewal(1)).unwrap());
    let save = |tree: &Tree| tree.lineage("a")?.save(&bundle(2), &renewal(2));
    let look = |tree: &Tree, steps| {
        let mut lineage = tree.lineage("a").unwrap();
        let now = lineage.bundle().unwrap();
        assert!(now == bundle(1) || now == bundle(2), "after {steps} steps: {now:?}");
        tree.mend("a").unwrap();
        let live = |file: &str| fs::read_to_string(tree.live("a").join(file)).unwrap();
        assert_eq!((live("privkey.pem"), live("cert.pem")), (now.key_pem.clone(), now.cert_pem.clone()));
        lineage.save(&bundle(4), &renewal(4)).unwrap();
        assert_eq!(tree.lineage("a").unwrap().bundle().unwrap(), bundle(4), "after {steps} steps");
        assert_eq!(mode(tree.live("a").join("privkey.pem")), 0o600);
    };
    stopped_everywhere("save", before, save, look);
}

#[test]
fn stopped_while_it_is_deleted_it_can_be_deleted_again() {
    let before = |tree: &Tree| drop(tree.create("a", &bundle(1), &renewal(1)).unwrap());
    let look = |tree: &Tree, steps| {
        for name in tree.lineages().unwrap() {
            assert!(tree.lineage(&name).is_ok(), "after {steps} steps");
        }
        if tree.live("a").exists() || tree.archive("a").exists() {
            tree.delete("a").unwrap();
        }
        assert!(!tree.has("a") && !tree.live("a").exists() && !tree.archive("a").exists());
    };
    stopped_everywhere("delete", before, |tree| tree.delete("a"), look);
}

#[test]
fn of_a_broken_one_it_is_said_what_and_the_others_go_on() {
    let folder = Folder::new("broken");
    let tree = folder.tree();
    for name in ["conf", "gone", "link", "plain", "whole"] {
        tree.create(name, &bundle(1), &renewal(1)).unwrap();
    }
    fs::write(tree.conf("conf"), "cert = /x\noops\n").unwrap();
    fs::remove_dir_all(tree.archive("gone")).unwrap();
    fs::remove_file(tree.live("link").join("cert.pem")).unwrap();
    fs::remove_file(tree.live("plain").join("privkey.pem")).unwrap();
    fs::write(tree.live("plain").join("privkey.pem"), "x").unwrap();
    let said = |name: &str| tree.lineage(name).unwrap_err().to_string();
    assert!(said("conf").contains("conf.conf:2: there is no '='"), "{}", said("conf"));
    assert!(said("gone").contains("privkey.pem: what it leads to is gone"), "{}", said("gone"));
    assert!(said("link").contains("live/link/cert.pem: it cannot be found"), "{}", said("link"));
    assert!(said("plain").contains("should be a link"), "{}", said("plain"));
    assert!(said("plain").contains("delete --cert-name plain"));
    assert!(said("other").contains("No certificate found with name other"));
    assert!(said("../x").contains("cannot be a certificate's name"));
    assert!(tree.lineage("whole").is_ok());
    assert_eq!(tree.lineages().unwrap().len(), 5);
    for name in ["conf", "gone", "link", "plain"] {
        tree.delete(name).unwrap();
    }
    assert_eq!(tree.lineages().unwrap(), ["whole"]);
}

#[test]
fn accounts_are_found_again() {
    let folder = Folder::new("accounts");
    let tree = folder.tree();
    let key = rcgen::KeyPair::generate().unwrap();
    let point = key.public_key_raw();
    let (x, y) = point[1..].split_at(32);
    let account =
        Account::new(AccountKey::p256(&[7; 32], x, y), "https://ca/1".into(), std::time::UNIX_EPOCH);
    let server = "https://ca.example:14000/dir/";
    let id = tree.save_account(server, &account).unwrap();
    let place = tree.config_dir.join("accounts/ca.example:14000/dir").join(&id);
    assert_eq!((mode(&place), mode(place.join("private_key.json"))), (0o700, 0o400));
    assert_eq!(tree.account("https://ca.example:14000/dir", &id).unwrap(), account);
    assert_eq!(tree.accounts(server).unwrap().len(), 1);
    assert!(!tree.accounts_folder("https://../../etc").display().to_string().contains(".."));
    fault::allow(Some(1));
    assert!(tree.forget_account(server, &id).is_err());
    fault::allow(None);
    assert!(place.join("regr.json").exists() && tree.accounts(server).unwrap().is_empty(), "stopped at it");
    tree.forget_account(server, &id).unwrap();
    assert!(!tree.config_dir.join("accounts/ca.example:14000").exists());
}

#[test]
fn of_two_processes_one_works_at_a_time() {
    let folder = Folder::new("locks");
    let tree = folder.tree();
    let first = tree.lock_lineage("a").unwrap();
    let again = tree.lock().unwrap();
    assert!(matches!(tree.lock_lineage("a"), Err(TreeError::Locked { .. })));
    assert!(tree.lock_lineage("b").is_ok());
    let path = tree.config_dir.join(".certbot.lock");
    // Another process, with the kind of lock that Certbot takes.
    let other = || {
        let script = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX|fcntl.LOCK_NB)";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", script]).arg(&path).stderr(std::process::Stdio::null());
        python.status().unwrap().success()
    };
    assert!(!other());
    drop(first);
    assert!(!other());
    drop(again);
    assert!(!path.exists());
    assert!(other());
}

#[test]
fn ten_thousand_are_listed_without_being_read() {
    let folder = Folder::new("many");
    let tree = folder.tree();
    fs::create_dir_all(tree.renewal()).unwrap();
    for n in 0..10_000 {
        fs::write(tree.conf(&format!("n{n}.example")), "not read").unwrap();
    }
    let start = std::time::Instant::now();
    assert_eq!(tree.lineages().unwrap().len(), 10_000);
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}
