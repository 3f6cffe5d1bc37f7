//! Reports: written, drawn, compared, interleaved.

use tempfile::TempDir;

use crate::standin::{Lie, Standin};
use crate::{load, program, text_of};

const SHORT: [&str; 6] = ["--in-flight", "4", "--duration", "1s", "--warmup", "0s"];

#[test]
fn a_report_names_its_machine_and_its_command_and_never_the_key() {
    let ran = load(&Standin::start(Lie::None, None), "closed", &SHORT);
    assert!(ran.number("/machine/cores") > 0.0);
    let command = ran.report["command"].as_str().unwrap();
    assert!(command.starts_with("mirabelle-loadtest closed --url http://127.0.0.1:"), "{command}");
    assert!(!ran.report.to_string().contains("secret"));
    let per_second = ran.report["figures"]["per_second"].as_array().unwrap();
    assert_eq!(per_second.len(), 1);
    assert_eq!(per_second[0].as_f64().unwrap(), ran.number("/figures/decisions"));
}

#[test]
fn a_comparison_prints_ratios_and_draws_both_runs() {
    let scratch = TempDir::new().unwrap();
    let server = Standin::start(Lie::None, None);
    let mut paths = Vec::new();
    for name in ["one", "two"] {
        let ran = load(&server, "closed", &[&SHORT[..], &["--name", name]].concat());
        let path = scratch.path().join(name);
        std::fs::write(&path, ran.report.to_string()).unwrap();
        paths.push(path);
    }
    let svg = scratch.path().join("svg");
    let output = program(&["compare", text_of(&paths[0]), text_of(&paths[1]), "--svg", text_of(&svg)]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && table.contains("| one | ") && table.contains("| 1.00 |"), "{table}");
    for file in ["latency.svg", "throughput.svg"] {
        let drawing = std::fs::read_to_string(svg.join(file)).unwrap();
        let lines = drawing.matches("<polyline").count();
        assert!(drawing.contains("one") && drawing.contains("two") && lines >= 2, "{file}: {lines} lines");
    }
}

#[test]
fn interleaving_runs_both_commands_in_turn_and_prints_their_ratio() {
    let scratch = TempDir::new().unwrap();
    let ran = load(&Standin::start(Lie::None, None), "closed", &SHORT);
    let one = scratch.path().join("one.json");
    std::fs::write(&one, ran.report.to_string()).unwrap();
    let mut double = ran.report.clone();
    double["figures"]["decisions_per_s"] = (2.0 * ran.number("/figures/decisions_per_s")).into();
    let two = scratch.path().join("two.json");
    std::fs::write(&two, double.to_string()).unwrap();
    let trace = scratch.path().join("trace");
    let command = |from: &std::path::Path, name: &str| {
        format!("cp '{}' {{json}} && echo {name} >> '{}'", text_of(from), text_of(&trace))
    };
    let (a, b) = (command(&one, "a"), command(&two, "b"));
    let output = program(&["interleave", "--a", &a, "--b", &b, "--rounds", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("decisions/s    b/a  min 2.000  median 2.000  max 2.000"), "{text}");
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "a\nb\na\nb\n");
}

#[test]
fn a_command_that_writes_no_report_ends_the_interleaving() {
    let output = program(&["interleave", "--a", "true {json}", "--b", "true {json}", "--rounds", "1"]);
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("could not read"));
}

#[test]
fn pgbench_logs_become_a_report() {
    let scratch = TempDir::new().unwrap();
    let (log, json) = (scratch.path().join("log"), scratch.path().join("report.json"));
    let lines: Vec<String> =
        (0..40).map(|n| format!("0 {n} 900 0 17000000{:02} {}", n / 10, n % 10 * 100_000)).collect();
    std::fs::write(&log, lines.join("\n")).unwrap();
    let output =
        program(&["pgbench", text_of(&log), "--warmup", "1s", "--rows", "5", "--json", text_of(&json)]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["figures"]["decisions_per_s"].as_f64(), Some(50.0));
}
