"""Go's durations, by the one parser that flags, tags and settings share."""

import pytest

from components.pure import discovery, durations, flags, validation


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("10m", 600),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("200us", 2e-4),
        ("7ns", 7e-9),
        ("-2m", -120),
    ],
)
def test_what_go_reads_is_read_and_passes_everywhere(text, seconds):
    assert durations.seconds(text) == pytest.approx(seconds)
    assert validation.duration("path", text) == []
    assert flags.command_line_fault("scan-interval", text) is None
    assert discovery.autoscaling_option_faults({"scaledownunneededtime": text}) == []


@pytest.mark.parametrize("text", ["", "10", "soon", "5 m", "1d", "m", "1h30", "0m0"])
def test_what_go_refuses_is_refused_everywhere(text):
    assert durations.seconds(text) is None
    assert validation.duration("path", text)
    assert flags.command_line_fault("scan-interval", text)
    assert discovery.autoscaling_option_faults({"scaledownunneededtime": text})
