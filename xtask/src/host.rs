//! The machine this runs on: which system it is, what is installed, and installing what is missing.

pub(crate) mod apt;
mod engine;
mod install;
mod release;

pub(crate) use engine::{ensure_engine, ensure_engine_installed};
pub(crate) use release::Release;
