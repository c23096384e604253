//! A script for Slurm: printed, never submitted.

use std::fmt::Write;

/// What a queue is to do with a study.
#[derive(Clone, Debug)]
pub struct Queue {
    /// How the program is called.
    pub program: String,
    /// The study's file.
    pub study: String,
    /// The run folder.
    pub out: String,
    /// A name for the jobs.
    pub name: String,
    /// The stages in order, with how many tasks each has.
    pub stages: Vec<(&'static str, usize)>,
    /// Processors per task.
    pub cpus: usize,
    /// Memory per task, in megabytes.
    pub megabytes: usize,
    /// The time limit of a task.
    pub limit_minutes: usize,
    /// How many tasks run at a time.
    pub throttle: usize,
    /// More options of the queue, one per line.
    pub options: Vec<String>,
    /// What the work is, in words.
    pub about: Vec<String>,
}

/// In quotes, for a shell.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+=:,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

impl Queue {
    /// The stages that have anything to do.
    fn stages(&self) -> Vec<(&'static str, usize)> {
        self.stages
            .iter()
            .copied()
            .filter(|(_, tasks)| *tasks > 0)
            .collect()
    }

    /// A script for Slurm that submits one array per stage and a job that merges.
    #[must_use]
    pub fn slurm(&self) -> String {
        let mut text = String::from("#!/usr/bin/env bash\n");

        for line in &self.about {
            let _ = writeln!(text, "# {line}");
        }

        text += "#
# Nothing has been submitted. Read this, change what your site wants, then run it where sbatch works:
#   bash THIS_FILE
# Run it again after any failure: what is finished is kept, and only the rest is done.
# How far it is:  ";

        let _ = writeln!(
            text,
            "{} status {}\nset -euo pipefail\n",
            quoted(&self.program),
            quoted(&self.out)
        );

        let _ = writeln!(text, "program={}", quoted(&self.program));
        let _ = writeln!(text, "study={}", quoted(&self.study));
        let _ = writeln!(text, "out={}", quoted(&self.out));
        text += "mkdir -p \"$out-logs\"\nexport program study out\n\n";
        text += "# What every job gets; `sbatch --help` knows more (--partition, --account, --qos, ...).\ncommon=(\n";

        for option in &self.options {
            let _ = writeln!(text, "    {}", quoted(option));
        }

        text += "    --parsable              # prints the number of the job\n";
        text += "    --requeue               # a node that fails gives its tasks back\n";
        text += "    --open-mode=append      # a task that runs again goes on in its log\n)\n\n";
        text += TASK;

        let mut after = String::new();

        for (stage, tasks) in self.stages() {
            let array = format!("0-{}%{}", tasks - 1, self.throttle.min(tasks).max(1));
            let (cpus, memory, limit) = (self.cpus, self.megabytes, self.limit_minutes);

            let _ = writeln!(
                text,
                "# Stage '{stage}': {tasks} tasks, at most {} at a time.",
                self.throttle.min(tasks).max(1)
            );

            let _ = writeln!(
                text,
                "{stage}=$(stage={stage} tasks={tasks} sbatch \"${{common[@]}}\" {after}\\"
            );

            let _ = writeln!(
                text,
                "    --job-name={} --array={array} \\",
                quoted(&format!("{}-{stage}", self.name))
            );

            let _ = writeln!(
                text,
                "    --cpus-per-task={cpus} --mem={memory} --time={limit} --signal=B:TERM@60 \\"
            );
            let _ = writeln!(
                text,
                "    --output=\"$out-logs/{stage}-%a.log\" <<<\"$task\")"
            );

            let _ = writeln!(text, "echo \"{stage}: job ${stage}\"\n");
            // Not afterok: a task that fails would leave what comes after waiting for ever. What is
            // missing is found by its not being there.
            after = format!("--dependency=afterany:\"${stage}\" ");
        }

        text += "# The results. If anything is missing, this says what, and ends with code 75; then run this file again.\n";

        let _ = writeln!(
            text,
            "merge=$(sbatch \"${{common[@]}}\" {after}--job-name={} \\",
            quoted(&format!("{}-merge", self.name))
        );

        text += "    --output=\"$out-logs/merge.log\" <<<'#!/usr/bin/env bash\nexec \"$program\" merge \"$out\"')\necho \"merge: job $merge\"\n";
        text
    }
}

/// The script of one task of an array.
const TASK: &str = r#"# One task. Slurm sends TERM to this shell 60 s before the time limit; the program then finishes or drops the training in
# flight and ends with code 75, and the task goes back into the queue by itself (not the whole array: hence the two numbers).
# shellcheck disable=SC2016
task='#!/usr/bin/env bash
stopped=
"$program" run "$study" --out "$out" --stage "$stage" --shard "auto/$tasks" --jobs "$SLURM_CPUS_PER_TASK" --quiet &
child=$!
trap "stopped=1; kill -TERM $child" TERM
wait "$child"; code=$?
if [ -n "$stopped" ]; then wait "$child"; code=$?; fi
if [ "$code" = 75 ] && [ -n "$stopped" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"'

"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue {
            program: "ldnn".into(),
            study: "it's a study.toml".into(),
            out: "out/study".into(),
            name: "It's a Study".into(),
            stages: vec![("learn", 3), ("train", 40)],
            cpus: 2,
            megabytes: 300,
            limit_minutes: 65,
            throttle: 20,
            options: vec!["--partition=short".into()],
            about: vec!["about".into()],
        }
    }

    #[test]
    fn the_slurm_script_is_one_for_bash_and_has_every_part() {
        let script = queue().slurm();

        for word in [
            "--array=0-2%3",
            "--array=0-39%20",
            "--requeue",
            "--signal=B:TERM@60",
            "afterany:\"$learn\"",
            "afterany:\"$train\"",
            "--partition=short",
            "study='it'\\''s a study.toml'",
            "--time=65",
            "--cpus-per-task=2",
            "merge \"$out\"",
        ] {
            assert!(script.contains(word), "{word} is not in\n{script}");
        }

        assert!(!script.contains("afterok:"));

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.sh");
        std::fs::write(&file, &script).unwrap();

        let checked = std::process::Command::new("bash")
            .arg("-n")
            .arg(&file)
            .status();

        assert!(checked.is_ok_and(|s| s.success()));

        let without = Queue {
            stages: vec![("learn", 0), ("train", 40)],
            ..queue()
        }
        .slurm();

        assert!(!without.contains("stage=learn") && without.contains("afterany:\"$train\""));
    }
}
