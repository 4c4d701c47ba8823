//! A certificate authority made by openssl, one for the whole run.

use crate::place::Folder;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

/// See the module's head.
pub struct Authority {
    folder: PathBuf,
    one_at_a_time: Mutex<()>,
}

/// The run's authority. Its folder lies in the build directory, where the next run overwrites it: values in statics
/// are not dropped.
pub fn authority() -> &'static Authority {
    static ONE: OnceLock<Authority> = OnceLock::new();
    ONE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authority");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=e2e \
                     -keyout ca.key -out ca.pem";
        openssl(&folder, words);
        Authority { folder, one_at_a_time: Mutex::default() }
    })
}

impl Authority {
    /// The root's certificate.
    pub fn root(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A file with certificate and key for `name`.
    pub fn leaf(&self, name: &str) -> PathBuf {
        let _turn = self.one_at_a_time.lock().unwrap();
        let pem = self.folder.join(format!("{name}.pem"));
        if pem.exists() {
            return pem;
        }
        let work = Folder::new();
        work.file("ext", format!("subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n"));
        let request = format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout key -out csr"
        );
        openssl(work.path(), &request);
        let here = self.folder.display();
        let sign = format!(
            "x509 -req -in csr -CA {here}/ca.pem -CAkey {here}/ca.key -CAcreateserial -days 30 -extfile ext -out crt"
        );
        openssl(work.path(), &sign);
        let both = [
            std::fs::read(work.path().join("crt")).unwrap(),
            std::fs::read(work.path().join("key")).unwrap(),
        ];
        std::fs::write(&pem, both.concat()).unwrap();
        pem
    }
}

fn openssl(folder: &Path, words: &str) -> Output {
    let output = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
