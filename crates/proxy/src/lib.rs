//! The data plane: serves traffic from an immutable plan. Knows neither ACME nor argv nor processes.

pub mod balance;
pub mod queue;
pub mod server;
