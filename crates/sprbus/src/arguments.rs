//! Flags as Go programs take them: `-t x`, `--t x` and `-t=x` are the same.

use std::time::Duration;

use homeport_bus_client::Since;

/// What `-help` prints.
pub(crate) const USAGE: &str = "\
Shows the events of the bus, or publishes one.

Usage: sprbus [-t prefixes] [-nogui | -j]
       sprbus -t topic -p text [-v]

  -addr host[:port] the bus of another machine, through its API; port 80 if none is named
  -t list           topics to show: comma-separated beginnings of topics; all of them without it.
                    With -p: the topic to publish to
  -e list           topics to hide: comma-separated beginnings of topics (default \"nft:lan:in\")
  -j                print JSON objects: {\"Topic\": ..., \"Value\": ...}, each followed by an empty line
  -raw              no empty lines: one event a line
  -nogui            plain lines, also on a terminal; without -nogui, -j and -raw a terminal gets a full-screen view
  -f file           begin the full-screen view with the events of this file: one JSON object a line, or one array
  -since when       begin with the events since then: an age such as 90s, 10m, 2h, 1d, or the id of the last event seen
  -o file           also write the events to this file, one JSON object a line; what it held is lost
  -p text           publish this text and exit
  -v                with -p: print what is published, and refuse text that is no JSON
  -timeout seconds  exit after this time; 0 = run for ever (default 20). The full-screen view stays
  -help             this text

Environment: HOMEPORT_STATE, the state directory (default /state);
             TEST_PREFIX, put before the default path of the socket, /state/api/eventbus.sock
             SPR_API_TOKEN, the API token that -addr needs
";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag that is on or off")]
pub(crate) struct Arguments {
    /// `-addr`: the machine whose bus it is; none for this one.
    pub(crate) address: Option<String>,
    /// `-t`: beginnings of topics to show, or with `-p` the topic. Empty: everything.
    pub(crate) topics: String,
    /// `-e`: beginnings of topics to hide.
    pub(crate) hidden: String,
    /// `-j`: JSON output.
    pub(crate) json: bool,
    /// `-raw`: no empty line after an event.
    pub(crate) raw: bool,
    /// `-nogui`: plain lines on a terminal too.
    pub(crate) plain: bool,
    /// `-f`: what the full-screen view begins with.
    pub(crate) file: Option<String>,
    /// `-since`: where to begin.
    pub(crate) since: Option<Since>,
    /// `-o`: where to write the events too.
    pub(crate) log: Option<String>,
    /// `-p`: what to publish.
    pub(crate) publish: Option<String>,
    /// `-v`: print what is published, and refuse text that is no JSON.
    pub(crate) verbose: bool,
    /// `-timeout`: when to end; none for never.
    pub(crate) timeout: Option<Duration>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            address: None,
            topics: String::new(),
            hidden: "nft:lan:in".to_owned(),
            json: false,
            raw: false,
            plain: false,
            file: None,
            since: None,
            log: None,
            publish: None,
            verbose: false,
            timeout: Some(Duration::from_secs(20)),
        }
    }
}

/// Why there is nothing to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// `-help`.
    Asked,
    /// What is wrong with the command line.
    Wrong(String),
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, Usage> {
    let mut parsed = Arguments::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            return Err(Usage::Wrong(format!("{argument:?} is no flag; a topic goes after -t")));
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let mut flag = Flag { name, value, rest: &mut arguments };
        match name {
            "addr" => parsed.address = Some(flag.text()?).filter(|address| !address.is_empty()),
            "t" => parsed.topics = flag.text()?,
            "e" => parsed.hidden = flag.text()?,
            "o" => parsed.log = Some(flag.text()?).filter(|path| !path.is_empty()),
            "p" => parsed.publish = Some(flag.text()?).filter(|text| !text.is_empty()),
            "timeout" => parsed.timeout = flag.seconds()?,
            "j" => parsed.json = flag.switch()?,
            "raw" => parsed.raw = flag.switch()?,
            "v" => parsed.verbose = flag.switch()?,
            "nogui" => parsed.plain = flag.switch()?,
            "f" => parsed.file = Some(flag.text()?).filter(|path| !path.is_empty()),
            "since" => parsed.since = Some(flag.since()?),
            "help" | "h" => return Err(Usage::Asked),
            _ => return Err(Usage::Wrong(format!("there is no flag -{name}"))),
        }
    }
    if parsed.publish.is_some() && parsed.topics.is_empty() {
        return Err(Usage::Wrong("-p needs the topic to publish to; give it with -t".to_owned()));
    }
    Ok(parsed)
}

/// A flag, and where its value comes from when it is not part of it.
struct Flag<'a, I> {
    name: &'a str,
    value: Option<String>,
    rest: &'a mut I,
}

impl<I: Iterator<Item = String>> Flag<'_, I> {
    fn text(&mut self) -> Result<String, Usage> {
        self.value
            .take()
            .or_else(|| self.rest.next())
            .ok_or_else(|| Usage::Wrong(format!("-{} needs a value", self.name)))
    }

    fn seconds(&mut self) -> Result<Option<Duration>, Usage> {
        let text = self.text()?;
        let wrong = |_| Usage::Wrong(format!("-{} takes a number of seconds, not {text:?}", self.name));
        let seconds: u32 = text.parse().map_err(wrong)?;
        Ok((seconds > 0).then(|| Duration::from_secs(seconds.into())))
    }

    fn since(&mut self) -> Result<Since, Usage> {
        let text = self.text()?;
        let wrong =
            |_| Usage::Wrong(format!("-{} takes an age such as 10m, or the id of an event, not {text:?}", self.name));
        text.parse().map_err(wrong)
    }

    fn switch(&mut self) -> Result<bool, Usage> {
        match self.value.take().as_deref() {
            None | Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
            Some(other) => Err(Usage::Wrong(format!("-{} is on or off, not {other:?}", self.name))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<Arguments, Usage> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_spellings_of_a_flag_are_the_same() {
        let expected = Arguments {
            topics: "a,b".to_owned(),
            json: true,
            timeout: Some(Duration::from_secs(5)),
            ..Default::default()
        };
        for line in [
            "-t a,b -j -timeout 5",
            "--t a,b --j --timeout 5",
            "-t=a,b -j=true -timeout=5",
            "--timeout=5 --j=1 --t=a,b",
        ] {
            assert_eq!(check(line).as_ref(), Ok(&expected), "{line}");
        }
    }

    #[test]
    fn zero_seconds_are_for_ever() {
        assert_eq!(check("-timeout 0").unwrap().timeout, None);
    }

    #[test]
    fn wrong_lines_say_what_is_wrong() {
        let wrong = [
            ("-x", "there is no flag -x"),
            ("-t", "-t needs a value"),
            ("a:b", "\"a:b\" is no flag; a topic goes after -t"),
            ("-timeout soon", "-timeout takes a number of seconds, not \"soon\""),
            ("-p {}", "-p needs the topic to publish to; give it with -t"),
            ("-since yesterday", "-since takes an age such as 10m, or the id of an event, not \"yesterday\""),
            ("-j=maybe", "-j is on or off, not \"maybe\""),
        ];
        for (line, message) in wrong {
            assert_eq!(check(line), Err(Usage::Wrong(message.to_owned())), "{line}");
        }
        assert_eq!(check("-t a -help"), Err(Usage::Asked));
    }
}
