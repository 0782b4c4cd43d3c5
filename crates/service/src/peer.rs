//! Who may connect to a socket.

use serde::Deserialize;

/// The `[socket]` section that every service's settings have.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketConfig {
    /// Permission bits of the socket file, octal text. Default `0660`.
    pub mode: String,
    /// Id of the group that the socket file belongs to. Default: the group of the process.
    pub gid: Option<u32>,
    /// User ids that may connect besides the service's own and root. Default: none.
    pub allowed_uids: Vec<u32>,
    /// Let every user id connect that the permission bits let through. Default: no.
    pub allow_any_uid: bool,
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self { mode: "0660".to_owned(), gid: None, allowed_uids: Vec::new(), allow_any_uid: false }
    }
}

impl SocketConfig {
    /// The permission bits; what is no octal number counts as the default.
    pub fn mode_bits(&self) -> u32 {
        u32::from_str_radix(&self.mode, 8).unwrap_or(0o660) & 0o777
    }

    /// Whether a process of this user may connect.
    pub fn allows(&self, uid: u32) -> bool {
        self.allow_any_uid || uid == 0 || uid == rustix::process::geteuid().as_raw() || self.allowed_uids.contains(&uid)
    }
}
