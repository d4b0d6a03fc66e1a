"""One command on many stacks: how many at a time, what a failure does, and what a resumed run leaves out."""

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pulumi.automation import OpType

from scripts import fleet


@pytest.fixture
def folder(tmp_path):
    """A project with three stacks, at a commit."""
    for name in ("prod-eu", "prod-us", "dev"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    (tmp_path / ".gitignore").write_text("build/\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "x"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    return tmp_path


def fails_on(*names):
    def work(name):
        if name in names:
            raise fleet.WorkError("pulumi ended with exit code 255: no such cluster")
        return "+1"

    return work


def main(folder, work, *options, pattern="*"):
    return fleet.main(["up", "--stacks", pattern, "--folder", str(folder), *options], work)


def test_a_pattern_chooses_stacks_by_name(folder):
    assert fleet.stacks(folder, "prod-*") == ["prod-eu", "prod-us"]


def test_no_more_stacks_run_at_a_time_than_were_asked_for():
    running, most, lock = 0, 0, threading.Lock()
    meet = threading.Barrier(2, timeout=10)

    def work(name):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        meet.wait()
        with lock:
            running -= 1
        return ""

    results = {}
    fleet.run(["a", "b", "c", "d"], work, 2, results.__setitem__)
    assert most == 2
    assert [result.state for result in results.values()] == ["succeeded"] * 4


def test_a_failure_stops_no_other_stack_and_is_reported_again_at_the_end(folder, capsys):
    assert main(folder, fails_on("dev")) == 1
    *_, reason, count = capsys.readouterr().out.splitlines()
    assert reason == "dev did not succeed: pulumi ended with exit code 255: no such cluster"
    assert count.startswith("up: 2 of 3 succeeded.")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (RuntimeError("summary event never found"), "RuntimeError: summary event never found"),
        (AssertionError(), "AssertionError"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (KeyError("config"), "KeyError: 'config'"),
        (ValueError("several\n  lines\n"), "ValueError: several lines"),
        (RuntimeError("x" * 1000), f"RuntimeError: {'x' * 386}..."),
        (SystemExit("the program ended"), "SystemExit: the program ended"),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, BaseException) else "",
)
@pytest.mark.parametrize("parallel", ["1", "3"])
def test_any_exception_is_the_failure_of_its_stack_alone(folder, capsys, error, cause, parallel):
    seen = []

    def work(name):
        seen.append(name)
        if name == "dev":
            raise error
        return "+1"

    assert main(folder, work, "--parallel", parallel) == 1
    *_, reason, count = capsys.readouterr().out.splitlines()
    assert reason == f"dev did not succeed: {cause}"
    assert count.startswith("up: 2 of 3 succeeded.")
    assert main(folder, fails_on(), "--resume", "--parallel", parallel) == 0
    assert sorted(seen) == ["dev", "prod-eu", "prod-us"]
    assert "1 of 1 succeeded, 2 left out" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_pulumi_without_a_summary_event_fails_its_stack_with_a_log(folder, tmp_path, capsys, monkeypatch, command):
    """As in pulumi/pulumi 9269: the command ends well, and the event log lacks the summary."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n[ $1 != version ] || echo v3.259.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: yaml\n")
    assert fleet.main([command, "--stacks", "prod-*", "--folder", str(folder), "--parallel", "1"]) == 1
    *_, first, second, count = capsys.readouterr().out.splitlines()
    assert first.startswith("prod-eu did not succeed: ")
    assert second.startswith("prod-us did not succeed: ")
    assert "Traceback" not in first + second
    assert count.startswith(f"{command}: 0 of 2 succeeded.")
    log = (folder / fleet.REPORTS / "prod-eu.log").read_text()
    assert log.startswith("Traceback")
    # A traceback has the module of the exception, too.
    assert log.splitlines()[-1].endswith(first.removeprefix("prod-eu did not succeed: "))


def test_a_file_of_settings_that_cannot_be_read_is_no_obstacle_for_other_stacks(folder):
    (folder / "Pulumi.odd.yaml").mkdir()
    assert main(folder, fails_on("odd")) == 1
    seen = []
    main(folder, lambda name: seen.append(name) or "", "--resume")
    assert seen == ["odd"]


@pytest.mark.parametrize("kept", ["[]", "5", "{", "null"])
def test_a_damaged_memory_leaves_nothing_out(folder, kept):
    (folder / fleet.REPORTS).mkdir(parents=True)
    (folder / fleet.REPORTS / "up.json").write_text(kept)
    seen = []
    assert main(folder, lambda name: seen.append(name) or "", "--resume") == 0
    assert sorted(seen) == ["dev", "prod-eu", "prod-us"]


def test_a_folder_that_cannot_be_written_to_is_reported_after_the_conclusion(folder, capsys):
    (folder / "build").write_text("a file")
    assert main(folder, fails_on()) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1].startswith("up: 3 of 3 succeeded.")
    assert shown.err.startswith("build/fleet: got an error: ")


@pytest.mark.parametrize("given", ["0", "-1", "many"])
def test_a_number_of_stacks_at_a_time_that_makes_no_sense_is_refused(folder, capsys, given):
    with pytest.raises(SystemExit) as ended:
        main(folder, fails_on(), "--parallel", given)
    assert ended.value.code == 2
    assert f"--parallel: got '{given}'; expected a whole number of 1 or more" in capsys.readouterr().err


def test_after_ctrl_c_no_further_stack_begins_and_the_next_run_resumes(folder, capsys, monkeypatch):
    begun, stopped = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            if cancel_futures:
                stopped.set()
            super().shutdown(wait=wait)

    def work(name):
        begun.append(name)
        if name == "prod-eu":
            # The kernel may give a signal of the process to any thread, and only the main one wakes up by it.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert stopped.wait(10)
        return ""

    monkeypatch.setattr(fleet, "ThreadPoolExecutor", Pool)
    assert main(folder, work, "--parallel", "1") == 130
    assert begun == ["dev", "prod-eu"]
    assert "prod-us did not succeed: not started" in capsys.readouterr().out
    assert main(folder, work, "--resume") == 0
    assert begun[2:] == ["prod-us"]


def test_a_resumed_run_takes_only_what_failed(folder, capsys):
    main(folder, fails_on("prod-eu"))
    seen = []
    assert main(folder, lambda name: seen.append(name) or "", "--resume") == 0
    assert seen == ["prod-eu"]
    assert "1 of 1 succeeded, 2 left out" in capsys.readouterr().out
    assert main(folder, fails_on("dev"), "--resume") == 0


def test_a_resumed_run_takes_a_stack_whose_file_git_does_not_track_and_which_changed(folder):
    (folder / "Pulumi.secret.yaml").write_text("config: {}\n")
    main(folder, fails_on())
    (folder / "Pulumi.secret.yaml").write_text("config: {a: b}\n")
    seen = []
    main(folder, lambda name: seen.append(name) or "", "--resume")
    assert seen == ["secret"]


@pytest.mark.parametrize("command", ["preview", "up"])
def test_without_pulumi_the_reason_is_one_line(folder, capsys, monkeypatch, command):
    monkeypatch.setenv("PATH", str(folder))
    assert fleet.main([command, "--stacks", "*", "--folder", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("PATH: got no program pulumi; expected Pulumi's command line")


@pytest.mark.parametrize("change", ["uncommitted", "committed"])
def test_a_resumed_run_forgets_what_succeeded_with_other_files(folder, change):
    main(folder, fails_on())
    (folder / "Pulumi.dev.yaml").write_text("config: {a: b}\n")
    if change == "committed":
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--all"]
        subprocess.run([*git, "--message", "y"], cwd=folder, check=True)
    seen = []
    main(folder, lambda name: seen.append(name) or "", "--resume")
    assert sorted(seen) == ["dev", "prod-eu", "prod-us"]


def test_a_pattern_that_matches_nothing_is_refused_with_the_known_stacks(folder, capsys):
    assert main(folder, fails_on(), pattern="staging-*") == 2
    assert "expected one of dev, prod-eu, prod-us" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({OpType.CREATE: 2, OpType.SAME: 1}, "+2"),
        ({"same": 3}, "no change"),
        ({"create": 2, "delete": 1, "same": 9}, "+2 -1"),
        ({"replace": 1}, "±1"),
    ],
)
def test_a_summary_counts_what_changes(counts, shown):
    assert fleet._changes(counts) == shown


@pytest.mark.parametrize(
    ("output", "error"),
    [
        (
            " ~  aws:iam:Policy ca creating (0s) error: creating\n\nDiagnostics:\n"
            "  pulumi:pulumi:Stack (p):\n    error: update failed\n"
            "  aws:iam:Policy (ca):\n    error: creating Policy: taken\n\nResources:\n    1 errored\n",
            "creating Policy: taken",
        ),
        (
            "\nDiagnostics:\n  pulumi:pulumi:Stack (p):\n    error: settings: 1 error\n      region: got 'x'\n"
            "    error: an unhandled error occurred\n",
            "settings: 1 error region: got 'x'",
        ),
        ("\n code: 255\n stdout: \n stderr: error: no stack named 'a' found", "no stack named 'a' found"),
        ("killed\n\n", "killed"),
        ("", "no output"),
    ],
)
def test_the_first_error_of_pulumi_is_found_with_all_its_lines(output, error):
    assert fleet._first_error(output) == error
