//! The configuration files that a command line names: files, directories of `*.cfg`, standard input.

use base::reason;
use config::Source;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The name that means standard input.
const STDIN: &str = "-";

/// A file larger than this is no configuration but a mistake (`-f /dev/zero`), bytes.
const MAX_FILE: u64 = 256 << 20;

/// What could not be read.
#[derive(Debug)]
pub(crate) struct SourceError {
    name: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Open(io::Error),
    TooLong,
    EmptyFolder,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.cause {
            Cause::Open(e) => write!(f, "Cannot open configuration file/directory {name} : {}", reason(e)),
            Cause::TooLong => write!(f, "Configuration file {name} is longer than {} MiB", MAX_FILE >> 20),
            Cause::EmptyFolder => write!(f, "Configuration directory {name} holds no *.cfg file"),
        }
    }
}

/// The sources that `names` stand for, in order.
pub(crate) fn read(names: &[String]) -> Result<Vec<Source>, SourceError> {
    let mut sources = Vec::new();
    for name in names {
        let failed = |cause| SourceError { name: name.clone(), cause };
        if name == STDIN {
            sources.push(source(STDIN, io::stdin().lock()).map_err(failed)?);
        } else if Path::new(name).is_dir() {
            let files = folder(Path::new(name)).map_err(failed)?;
            files.iter().try_for_each(|path| file(path).map(|s| sources.push(s)))?;
        } else {
            sources.push(file(Path::new(name))?);
        }
    }
    Ok(sources)
}

/// The bytes that were read from standard input, for a process that is to read them again.
pub(crate) fn stdin_of(sources: &[Source]) -> Option<&[u8]> {
    sources.iter().find(|s| s.name == STDIN).map(|s| s.text.as_slice())
}

fn file(path: &Path) -> Result<Source, SourceError> {
    let name = path.to_string_lossy();
    let opened = std::fs::File::open(path).map_err(Cause::Open);
    opened.and_then(|f| source(&name, f)).map_err(|cause| SourceError { name: name.into_owned(), cause })
}

fn source(name: &str, from: impl Read) -> Result<Source, Cause> {
    let mut text = Vec::new();
    from.take(MAX_FILE + 1).read_to_end(&mut text).map_err(Cause::Open)?;
    if text.len() as u64 > MAX_FILE {
        return Err(Cause::TooLong);
    }
    Ok(Source { name: name.to_owned(), text })
}

/// Files only, not hidden, by the order of their bytes (`LC_COLLATE=C`).
fn folder(path: &Path) -> Result<Vec<PathBuf>, Cause> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Cause::Open)? {
        let entry = entry.map_err(Cause::Open)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".cfg") && !name.starts_with('.') && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    if files.is_empty() { Err(Cause::EmptyFolder) } else { Ok(files) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_cfg_files_in_order() {
        let path = std::env::temp_dir().join(format!("lockgate-sources-{}", std::process::id()));
        std::fs::create_dir_all(path.join("dir.cfg")).unwrap();
        for name in ["b.cfg", "a.cfg", "B.cfg", ".hidden.cfg", "c.conf"] {
            std::fs::write(path.join(name), name).unwrap();
        }
        let sources = read(&[path.to_string_lossy().into_owned()]).unwrap();
        let texts: Vec<_> = sources.iter().map(|s| String::from_utf8_lossy(&s.text)).collect();
        assert_eq!(texts, ["B.cfg", "a.cfg", "b.cfg"]);
        std::fs::remove_dir_all(&path).unwrap();
        let gone = read(&[path.to_string_lossy().into_owned()]).unwrap_err();
        assert!(gone.to_string().starts_with("Cannot open configuration file/directory"), "{gone}");
    }
}
