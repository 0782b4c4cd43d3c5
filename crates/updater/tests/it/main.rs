//! The updater from outside.

mod check;
mod registry;
