"""What this installation is, without a worker: the machine and the versions."""

from importlib.metadata import version

import pytest

from compare import doctor
from compare.pool import NEEDS

PACKAGES = [name for needed in NEEDS.values() for name in needed]


def test_every_package_that_a_framework_needs_is_listed():
    assert {*PACKAGES} <= {*doctor.PACKAGES}
    assert len(PACKAGES) > 4


@pytest.mark.parametrize("package", PACKAGES)
def test_the_version_of_what_is_installed(package):
    assert doctor.environment()["packages"][package] == version(package)


def test_every_package_is_told_of_whether_it_is_there_or_not(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    assert doctor.environment()["packages"] == {
        "numpy": version("numpy"),
        "no-such-package": "not installed",
    }


@pytest.mark.parametrize("package", ["altair", "vl-convert-python"])
def test_what_draws_is_listed(package):
    assert package in doctor.environment()["packages"]
