//! `cargo xtask bench`
pub(crate) fn run(_arguments: &[String]) -> Result<(), String> {
    Err("not yet".into())
}
