//! The guide for plugin authors, done as it says: its own commands, in an empty folder, as somebody who has never seen this.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, root, until_ok};

use crate::{Program, World};

/// The guide promises ten minutes; the machine's part of them is seconds.
const LIMIT: Duration = Duration::from_secs(30);

pub fn from_an_empty_folder_to_a_url(world: &World) -> Outcome {
    let guide = std::fs::read_to_string(root().join("plugins/README.md"))?;
    let begin = Instant::now();
    let folder = world.stack.directory();
    std::fs::write(folder.join("clock.py"), block(&guide, "python", "clock.py")?)?;
    let start = block(&guide, "sh", "python3 clock.py")?;
    let _plugin = Program::start(Command::new("sh").current_dir(folder).args(["-ec", &start.replace(" &\n", "\n")]))?;
    let entry: serde_json::Value = serde_json::from_str(&block(&guide, "json", "\"clock\"")?)?;
    world.list(&entry)?;
    let ask = block(&guide, "sh", "/plugins/clock/now")?.replace("http://127.0.0.1:8080", &world.stack.url());
    let said = until_ok("the plugin answers", LIMIT, || {
        let output = Command::new("sh").args(["-ec", &ask]).env("TOKEN", world.stack.token()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success() && said.contains("\"now\""), "{said}");
        Ok(said)
    })?;
    ensure!(begin.elapsed() < LIMIT, "it took {:?}: {said}", begin.elapsed());
    Ok(())
}

/// The first block of a language that holds some words.
fn block(guide: &str, language: &str, words: &str) -> anyhow::Result<String> {
    let fence = format!("```{language}\n");
    let blocks = guide.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let found = blocks.into_iter().find(|block| block.contains(words));
    found.map(str::to_owned).with_context(|| format!("the guide has no {language} with {words:?}"))
}
