//! What a run found: for people, for JSON readers and for JUnit readers.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use crate::{check::Check, harness::Scale};

/// What a run found, row by row.
///
/// Its `Display` is a table for a ticket: what failed with all details, what was not applicable and
/// why, and the counts.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was judged.
    pub store: String,
    /// How long the long rows were.
    pub scale: Scale,
    /// One row per check that was chosen, in the order of the table.
    pub rows: Vec<Row>,
    pub(crate) replay: Option<String>,
}

/// What one check found.
#[derive(Clone, Debug)]
pub struct Row {
    /// The check.
    pub check: &'static Check,
    /// What it found.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// The outcome of one check.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The store kept the promise.
    Passed,
    /// The store broke it.
    Violated(Failure),
    /// The check could not be carried out, for this reason; counts as a failure.
    Broken(String),
    /// There is nothing here the check could be asked of, for this reason.
    NotApplicable(String),
}

/// How a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What the contract asks for.
    pub expected: String,
    /// What was seen instead.
    pub observed: String,
    /// The last calls and their answers, oldest first.
    pub calls: Vec<String>,
}

impl Report {
    /// Names the command that, with the id of a check after it, runs that check again.
    #[must_use]
    pub fn replayed_by(mut self, command: impl Into<String>) -> Self {
        self.replay = Some(command.into());
        self
    }

    /// Whether no check failed and at least one passed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed().next().is_none() && self.passed() > 0
    }

    /// The rows that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.has_failed())
    }

    /// How many rows passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        let passed = |row: &&Row| matches!(row.verdict, Verdict::Passed);
        self.rows.iter().filter(passed).count()
    }

    /// The rows that were not applicable, with the reason.
    pub fn not_applicable(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::NotApplicable(reason) => Some((row, reason.as_str())),
            _ => None,
        })
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "store": self.store,
            "scale": match self.scale { Scale::Short => "short", Scale::Full => "full" },
            "success": self.is_success(),
            "passed": self.passed(),
            "failed": self.failed().count(),
            "not_applicable": self.not_applicable().count(),
            "rows": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
        })
    }

    /// The report as a JUnit XML document.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let seconds: f64 = self.rows.iter().map(|row| row.took.as_secs_f64()).sum();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">\n",
            escaped(&self.store),
            self.rows.len(),
            self.failed().count(),
            self.not_applicable().count(),
        );
        for row in &self.rows {
            let inside = match &row.verdict {
                Verdict::Passed => String::new(),
                Verdict::NotApplicable(reason) => {
                    format!("<skipped message=\"{}\"/>", escaped(reason))
                }
                Verdict::Violated(_) | Verdict::Broken(_) => format!(
                    "<failure message=\"{}\">{}</failure>",
                    escaped(&row.check.sentence()),
                    escaped(&row.told(self.replay.as_deref()))
                ),
            };
            xml.push_str(&format!(
                "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">{inside}</testcase>\n",
                row.check.id,
                row.check.name,
                row.took.as_secs_f64()
            ));
        }
        xml.push_str("</testsuite>\n");
        xml
    }
}

impl Row {
    /// Whether the store broke its promise, or nobody could tell.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.verdict, Verdict::Violated(_) | Verdict::Broken(_))
    }

    /// The row in words: the sentence, the clause, what was expected, observed, asked and answered,
    /// and how to run it again.
    pub(crate) fn told(&self, replay: Option<&str>) -> String {
        let mut text = format!("{} {}\n", self.check.id, self.check.sentence());
        let mut line = |title: &str, what: &str| {
            text.push_str(&format!("  {title:<9} {what}\n"));
        };
        match &self.verdict {
            Verdict::Passed => line("passed", ""),
            Verdict::NotApplicable(reason) => line("not run", reason),
            Verdict::Broken(reason) => line("broken", reason),
            Verdict::Violated(failure) => {
                line("clause", &self.check.clause.to_string());
                line("expected", &failure.expected);
                line("observed", &failure.observed);
                for (place, call) in failure.calls.iter().enumerate() {
                    line(if place == 0 { "calls" } else { "" }, call);
                }
            }
        }
        if let (Some(command), true) = (replay, self.has_failed()) {
            line("replay", &format!("{command} {}", self.check.id));
        }
        text
    }

    fn to_json(&self) -> Value {
        let mut row = json!({
            "id": self.check.id,
            "name": self.check.name,
            "clause": format!("{:?}", self.check.clause),
            "seconds": self.took.as_secs_f64(),
        });
        match &self.verdict {
            Verdict::Passed => row["verdict"] = json!("passed"),
            Verdict::NotApplicable(reason) => {
                row["verdict"] = json!("not applicable");
                row["reason"] = json!(reason);
            }
            Verdict::Broken(reason) => {
                row["verdict"] = json!("broken");
                row["reason"] = json!(reason);
            }
            Verdict::Violated(failure) => {
                row["verdict"] = json!("violated");
                row["expected"] = json!(failure.expected);
                row["observed"] = json!(failure.observed);
                row["calls"] = json!(failure.calls);
            }
        }
        row
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "store    {}", self.store)?;
        writeln!(f, "scale    {}", self.scale)?;
        let failed = self.failed().count();
        for row in self.failed() {
            writeln!(f, "\n{}", row.told(self.replay.as_deref()).trim_end())?;
        }
        if self.not_applicable().next().is_some() {
            writeln!(f, "\nnot applicable:")?;
        }
        for (row, reason) in self.not_applicable() {
            writeln!(f, "  {} {}: {reason}", row.check.id, row.check.sentence())?;
        }
        writeln!(
            f,
            "\n{} passed, {failed} failed, {} not applicable, of {} checks",
            self.passed(),
            self.not_applicable().count(),
            self.rows.len()
        )
    }
}

/// Text as XML may hold it; what XML 1.0 cannot hold at all is replaced.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' | '\t' => c.to_string(),
        c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => '\u{fffd}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::TABLE;

    fn report() -> Report {
        let row = |check, verdict| Row {
            check,
            verdict,
            took: Duration::from_millis(5),
        };
        let failure = Failure {
            expected: "one".to_owned(),
            observed: "two & <three>\0".to_owned(),
            calls: vec!["A read".to_owned()],
        };
        Report {
            store: "test".to_owned(),
            scale: Scale::Short,
            rows: vec![
                row(&TABLE[0], Verdict::Passed),
                row(&TABLE[1], Verdict::Violated(failure)),
                row(&TABLE[2], Verdict::NotApplicable("no server".to_owned())),
            ],
            replay: None,
        }
        .replayed_by("elect conformance --only")
    }

    #[test]
    fn what_is_not_applicable_is_not_counted_as_passed() {
        let report = report();
        assert_eq!(report.passed(), 1);
        assert_eq!(report.to_json()["not_applicable"], 1);
        assert!(report.to_string().contains("X04 one contender"));
        assert!(report.to_string().contains("no server"));
    }

    #[test]
    fn a_failure_is_told_with_its_clause_and_a_command_that_repeats_it() {
        let text = report().to_string();
        assert!(text.contains("clause    C1 exclusion"), "{text}");
        assert!(
            text.contains("replay    elect conformance --only X02"),
            "{text}"
        );
    }

    #[test]
    fn junit_holds_nothing_xml_forbids() {
        let xml = report().to_junit();
        assert!(xml.contains("two &amp; &lt;three&gt;\u{fffd}"), "{xml}");
        assert!(xml.contains("failures=\"1\" skipped=\"1\""), "{xml}");
    }

    #[test]
    fn a_run_in_which_nothing_passed_is_no_success() {
        let mut report = report();
        report.rows.truncate(1);
        assert!(report.is_success());
        report.rows.clear();
        assert!(!report.is_success());
    }
}
