//! Scripts that once found a bug, played again. Each says in a comment what it found.

use std::path::Path;

use seedis_sim::caught::catch;
use seedis_sim::script::Script;
use seedis_sim::{Timeline, check_script};

#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut played = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is there") {
        let path = entry.expect("an entry of the corpus").path();
        let text = std::fs::read_to_string(&path).expect("a script can be read");
        let name = path.display();
        assert!(text.contains("\n# Found: "), "{name} does not say what it found");
        let script: Script = text.parse().unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        if let Err(caught) = catch(|| check_script(script, Timeline::default())) {
            panic!("{name}: {caught}");
        }
        played += 1;
    }
    assert!(played > 0, "the corpus is empty");
}
