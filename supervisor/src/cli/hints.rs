//! PURE: commands that messages tell to type, for the lab that they are about.

/// Verbs of a lab that runs, or is to run again.
const OF_A_LAB: [&str; 18] = [
    "up", "down", "ps", "kill", "hang", "resume", "crash", "drain", "stop", "fault", "heal", "restart",
    "scale", "set", "logs", "events", "top", "page",
];

/// `text` with `--lab` in each command between back-ticks that would be about another lab without it.
pub fn of_lab(text: &str, lab: &str) -> String {
    const COMMAND: &str = "`resetlab ";
    if lab == super::DEFAULT_LAB {
        return text.to_owned();
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(COMMAND) {
        let (before, after) = rest.split_at(at + COMMAND.len());
        told += before;
        let verb = after.split([' ', '`']).next().unwrap_or_default();
        if OF_A_LAB.contains(&verb) {
            told += &format!("--lab {lab} ");
        }
        rest = after;
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_for_a_lab_names_it_unless_it_is_the_usual_one() {
        let text = "it has to be up for that; `resetlab heal router-1` ends another fault, `resetlab resume router-1` a hang";
        assert_eq!(of_lab(text, "default"), text);
        assert_eq!(
            of_lab(text, "mine"),
            "it has to be up for that; `resetlab --lab mine heal router-1` ends another fault, `resetlab --lab mine \
             resume router-1` a hang"
        );
    }

    #[test]
    fn commands_without_a_lab_and_those_that_name_one_stay_as_they_are() {
        for text in [
            "`resetlab presets` lists them",
            "`resetlab --lab NAME up` starts another, `resetlab --lab x down` ends it",
            "`resetlab run --fault kill` measures it",
            "no command",
            "`resetlab ",
        ] {
            assert_eq!(of_lab(text, "mine"), text);
        }
        assert_eq!(of_lab("`resetlab ps`", "mine"), "`resetlab --lab mine ps`");
    }
}
