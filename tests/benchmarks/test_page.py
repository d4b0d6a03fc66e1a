"""The committed page and plots are those of the committed figures."""

from benchmarks import figures, page
from benchmarks.page import ANSWERED, HEADINGS
from benchmarks.parts import PARTS


def test_the_page_is_that_of_the_figures(tmp_path, monkeypatch):
    committed = page.PAGE.read_text()
    drawn = {path.name: path.read_text() for path in figures.FOLDER.glob("*.svg")}
    sections = figures.load()
    monkeypatch.setattr(figures, "load", lambda: sections)
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    page.write()
    assert page.PAGE.read_text() == committed
    assert {path.name: path.read_text() for path in tmp_path.glob("*.svg")} == drawn


def test_each_part_has_a_heading_and_names_who_answered():
    assert HEADINGS.keys() == ANSWERED.keys() == PARTS.keys()


def test_figures_of_one_part_leave_the_others_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    monkeypatch.setattr(figures, "FILE", tmp_path / "figures.json")
    figures.save("sandbox", {"date": "1"}, {"warm": 1, "cold": 700})
    figures.save("preview", {"date": "2"}, {"rounds": 7})
    figures.save("sandbox", {"date": "3"}, {"warm": 2})
    assert figures.load() == {
        "sandbox": {"taken": {"date": "3"}, "figures": {"warm": 2, "cold": 700}},
        "preview": {"taken": {"date": "2"}, "figures": {"rounds": 7}},
    }


def test_figures_of_a_busy_machine_carry_a_warning():
    section = figures.load()["doctor"]
    for load, busy in ((2.0, False), (2.1, True)):
        machine = section["taken"]["machine"] | {"cores": 2, "load": load}
        text = page._part("doctor", section | {"taken": section["taken"] | {"machine": machine}})
        assert ("The machine was busy, with a load of 2.1 on 2 cores" in text) is busy
