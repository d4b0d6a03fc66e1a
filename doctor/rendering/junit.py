"""The report as JUnit XML, which CI systems show as tests: one test case for each finding."""

from xml.etree import ElementTree

from ..findings import FailOn, Report, Status


def render(report: Report, fail_on: FailOn) -> str:
    """Return the report as JUnit XML.

    A finding that fails the command is a failure; one that could not be judged is skipped; a warning that does not fail
    the command is a passed test case with its text as output.
    """
    failing = fail_on.statuses
    suite = ElementTree.Element(
        "testsuite",
        name=f"ca-doctor {report.cluster}",
        timestamp=report.taken_at.isoformat(timespec="seconds"),
        tests=str(len(report.findings)),
        failures=str(sum(each.status in failing for each in report.findings)),
        skipped=str(sum(each.status is Status.NOT_REACHED for each in report.findings)),
    )
    for finding in report.findings:
        case = ElementTree.SubElement(suite, "testcase", classname=finding.rule.link.value, name=finding.rule.id)
        text = f"seen: {finding.seen}\nexpected: {finding.expected}\nwhy: {finding.rule.why}\nfix: {finding.fix}"
        if finding.status in failing:
            ElementTree.SubElement(case, "failure", message=finding.seen, type=finding.status.value).text = text
        elif finding.status is Status.NOT_REACHED:
            ElementTree.SubElement(case, "skipped", message=finding.seen)
        elif finding.status is Status.WARNING:
            ElementTree.SubElement(case, "system-out").text = text
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
