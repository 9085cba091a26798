"""A run as JUnit XML, which systems for continuous integration show as tests.

The standard library writes it: it is five elements, and of the characters that XML
forbids the libraries for JUnit know nothing either.
"""

from math import isfinite
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from compare.report.cases import Case, Suite, cut_off, suite, time_suites
from compare.report.text import one_line, seen
from compare.result import Run

LONGEST = 300
"""Characters of a message; the text below it is whole."""
KINDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(run: Run, *, strict: bool = False) -> bytes:
    """One suite an example with a test for each phase, and one for its times.

    A suite fails where its example does; under `strict` so does `precision`. Written
    as https://github.com/testmoapp/junitxml says that most systems read it.
    """
    suites = [suite(example, strict=strict) for example in run.examples]
    root = Element("testsuites", name="twinnets")
    for each in (*suites, *cut_off(run), *time_suites(run)):
        _add_suite(root, each)
    _count(root)
    indent(root)
    return tostring(root, encoding="utf-8", xml_declaration=True)


def _add_suite(root: Element, found: Suite) -> None:
    name = seen(found.name, lines=False)
    element = SubElement(root, "testsuite", name=name)
    if found.seconds is not None and isfinite(found.seconds):
        element.set("time", f"{found.seconds:.3f}")
    for case in found.cases:
        _add_case(element, case, name)
    _count(element)


def _add_case(element: Element, case: Case, suite: str) -> None:
    name = seen(case.name, lines=False)
    test = SubElement(element, "testcase", classname=suite, name=name)
    if case.kind is None:
        return
    told = SubElement(test, case.kind, message=one_line(case.message, at_most=LONGEST))
    if case.type:
        told.set("type", case.type)
    if case.text:
        told.text = seen(case.text)


def _count(element: Element) -> None:
    """How many tests are in it, and how many of them did not pass."""
    element.set("tests", str(sum(1 for _ in element.iter("testcase"))))
    for counted, kind in KINDS.items():
        element.set(counted, str(sum(1 for _ in element.iter(kind))))
