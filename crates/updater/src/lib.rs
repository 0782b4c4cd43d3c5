//! Finds what is newer, plans and carries out updates, and brings the old version back.

pub mod check;
pub mod inventory;
pub mod registry;
