//! The table: what the old version does, what the new one does, and whether that is good.

/// How an update has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The new version stays.
    Stays,
    /// The old version is back.
    Back,
}

/// A version of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    /// What it runs, for `bash -c`.
    pub(crate) command: &'static str,
    /// `HEALTHCHECK`, without that word. Empty: none.
    pub(crate) check: &'static str,
}

/// A container with two versions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) old: Version,
    pub(crate) new: Version,
    /// Options of `docker run`.
    pub(crate) options: &'static [&'static str],
    /// What the container does when the update begins.
    pub(crate) until: Until,
    pub(crate) end: End,
}

/// When the update begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// As soon as it runs.
    Running,
    /// When its port answers.
    Answering,
    /// When its check has failed.
    Unhealthy,
    /// When it has ended.
    Ended,
    /// When the engine has restarted it some times.
    Restarted,
}

const SERVES: &str = "exec nginx -g 'daemon off;'";
/// Ends when it is told to, at once.
const STAYS: &str = "trap 'exit 0' TERM QUIT; sleep infinity & wait";
const WINDOW: &[&str] = &["--label", "homeport.health-window=6"];
const PORT: &[&str] = &["--label", "homeport.health-window=6", "-p", "127.0.0.1::80"];
const ALWAYS: &[&str] = &["--label", "homeport.health-window=6", "--restart", "always"];
const JOB: &[&str] = &["--label", "homeport.health-window=6", "--label", "homeport.health-job=true"];
const PAGE: &[&str] = &["--label", "homeport.health-window=4", "--label", "homeport.health-http=80/"];
const NO_PAGE: &[&str] = &["--label", "homeport.health-window=4", "--label", "homeport.health-http=80/nowhere"];

const fn runs(command: &'static str) -> Version {
    Version { command, check: "" }
}

const fn case(name: &'static str, new: &'static str, options: &'static [&'static str], end: End) -> Case {
    Case { name, old: runs(STAYS), new: runs(new), options, until: Until::Running, end }
}

const fn served(name: &'static str, new: &'static str, end: End) -> Case {
    Case { old: runs(SERVES), options: PORT, until: Until::Answering, ..case(name, new, PORT, end) }
}

const fn checked(name: &'static str, command: &'static str, check: &'static str, end: End) -> Case {
    Case { new: Version { command, check }, ..case(name, command, WINDOW, end) }
}

const fn was_unhealthy(name: &'static str, new: &'static str, end: End) -> Case {
    let check = "--interval=1s --timeout=2s --retries=2 CMD false";
    Case {
        old: Version { command: STAYS, check },
        new: Version { command: new, check },
        until: Until::Unhealthy,
        ..case(name, new, WINDOW, end)
    }
}

const fn job(name: &'static str, new: &'static str, end: End) -> Case {
    Case { old: runs("exit 0"), until: Until::Ended, ..case(name, new, JOB, end) }
}

/// `nginx` with a configuration of one server.
macro_rules! nginx {
    ($server:literal) => {
        concat!(
            "echo 'events {} http { server { ",
            $server,
            " } }' > /tmp/n.conf; exec nginx -c /tmp/n.conf -g 'daemon off;'"
        )
    };
}

/// The whole table.
pub(crate) const CASES: &[Case] = &[
    case("stays_up", STAYS, WINDOW, End::Stays),
    case("ends_at_once", "exit 1", WINDOW, End::Back),
    case("ends_well_at_once_and_is_no_job", "exit 0", WINDOW, End::Back),
    case("is_no_program", "exec /nowhere/program", WINDOW, End::Back),
    case("crashes_within_its_window", "sleep 4; exit 1", WINDOW, End::Back),
    // Without a label: the time that everyone gets.
    case("crashes_after_20_s", "sleep 20; exit 1", &[], End::Back),
    case("flaps", "exit 1", ALWAYS, End::Back),
    case("flaps_slowly", "sleep 3; exit 1", ALWAYS, End::Back),
    served("serves", SERVES, End::Stays),
    served("serves_late", concat!("sleep 4; ", "exec nginx -g 'daemon off;'"), End::Stays),
    served("serves_no_more", STAYS, End::Back),
    served("serves_the_loopback_alone", nginx!("listen 127.0.0.1:80;"), End::Back),
    served("serves_errors", nginx!("listen 80; location / { return 500; }"), End::Back),
    served("wants_a_password_now", nginx!("listen 80; location / { return 401; }"), End::Stays),
    checked("is_healthy", STAYS, "--interval=1s --timeout=2s --retries=2 CMD true", End::Stays),
    checked(
        "starts_slowly",
        "sleep 5; touch /tmp/up; exec sleep infinity",
        "--start-period=15s --interval=1s --timeout=2s --retries=2 CMD test -e /tmp/up",
        End::Stays,
    ),
    checked("is_never_healthy", STAYS, "--interval=1s --timeout=2s --retries=2 CMD false", End::Back),
    checked("is_healthy_and_dies", "sleep 4; exit 0", "--interval=1s --timeout=2s --retries=2 CMD true", End::Back),
    checked(
        "is_healthy_and_falls_ill",
        "sleep 2; touch /tmp/ill; exec sleep infinity",
        "--interval=1s --timeout=2s --retries=2 CMD test ! -e /tmp/ill",
        End::Back,
    ),
    checked("has_a_check_that_hangs", STAYS, "--interval=1s --timeout=1s --retries=2 CMD sleep 60", End::Back),
    was_unhealthy("is_as_unhealthy_as_before", STAYS, End::Stays),
    was_unhealthy("was_unhealthy_and_now_dies", "sleep 2; exit 1", End::Back),
    job("is_a_job_that_ends_well", "sleep 1; exit 0", End::Stays),
    job("is_a_job_that_fails", "sleep 1; exit 4", End::Back),
    Case {
        old: runs("sleep 1; exit 0"),
        until: Until::Restarted,
        ..case("is_restarted_all_the_time_as_before", "sleep 1; exit 0", ALWAYS, End::Stays)
    },
    Case { old: runs("exit 0"), until: Until::Ended, ..case("is_stopped_and_stays_so", "exit 1", WINDOW, End::Stays) },
    Case { old: runs(SERVES), ..case("serves_the_page", SERVES, PAGE, End::Stays) },
    Case { old: runs(SERVES), ..case("lost_the_page", SERVES, NO_PAGE, End::Back) },
];
