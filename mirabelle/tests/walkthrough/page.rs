//! A page with commands and what they answer.

/// A command block and the answer that stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Line of the page on which it begins.
    pub(crate) line: usize,
    /// For `bash`.
    pub(crate) command: String,
    /// What it says, `…` for anything; `None`: the page shows nothing.
    pub(crate) answer: Option<String>,
}

/// The page's blocks in ```` ```bash ````; a block of another named language below one is its answer.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block: Option<(String, String, usize)> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => block = Some((language.to_owned(), String::new(), index + 1)),
            (None, None) => {}
            (Some((_, text, _)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (Some(_), Some(_)) => {
                let (language, text, line) = block.take().unwrap();
                match language.as_str() {
                    "bash" => steps.push(Step { line, command: text, answer: None }),
                    // A block without a language is for people: another terminal.
                    "" => {}
                    _ => {
                        let last = steps.last_mut().expect("an answer stands below its command");
                        assert_eq!(last.answer, None, "line {line}: two answers of one command");
                        last.answer = Some(text);
                    }
                }
            }
        }
    }
    assert!(block.is_none(), "a block of the page does not end");
    steps
}

/// Whether an answer is what the page says, line by line; `…` stands for anything within a line.
pub(crate) fn says(page: &str, answer: &str) -> Result<(), String> {
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    };
    let (wanted, came) = (lines(page), lines(answer));
    for (index, line) in wanted.iter().enumerate() {
        match came.get(index) {
            Some(other) if matches(line, other) => {}
            Some(other) => return Err(format!("the page says\n  {line}\nand the answer is\n  {other}")),
            None => return Err(format!("the page says\n  {line}\nand nothing more was answered")),
        }
    }
    match came.get(wanted.len()) {
        None => Ok(()),
        Some(more) => Err(format!("the page does not say\n  {more}")),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn a_page_is_read_into_commands_and_their_answers() {
    let page = "# A\n```\nin another shell\n```\n```bash\none\ntwo\n```\ntext\n```json\n{…}\n```\n```bash\nthree\n```\n";
    let step = |line, command: &str, answer: Option<&str>| Step {
        line,
        command: command.to_owned(),
        answer: answer.map(str::to_owned),
    };
    assert_eq!(steps(page), [step(5, "one\ntwo\n", Some("{…}\n")), step(13, "three\n", None)]);
}

#[test]
fn an_answer_that_differs_from_the_page_anywhere_is_found() {
    let page = "{\"id\":\"…\",\"points\":200,…}\n\n404\n";
    assert_eq!(says(page, "{\"id\":\"7f\",\"points\":200,\"x\":1}\r\n404"), Ok(()));
    for wrong in [
        "{\"id\":\"7f\",\"points\":2000,\"x\":1}\n404",
        "{\"id\":\"7f\",\"points\":200,\"x\":1}\n4040",
        "{\"id\":\"7f\",\"points\":200,\"x\":1}",
        "{\"id\":\"7f\",\"points\":200,\"x\":1}\n404\nmore",
        "",
    ] {
        assert!(says(page, wrong).is_err(), "{wrong}");
    }
    assert!(!matches("a…b…b", "ab"), "one text does not stand for two");
}
