"""The HLS checker finds nothing in what is legal, and each planted fault in what is not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.hls import legal
from tests.support.hls.faults.answers import LEGAL
from tests.support.hls.faults.planting import Fault, of_playlists
from tests.support.hls.faults.table import FAULTS
from tests.support.hls.legal import Record
from tests.support.hls.rules import RULES


@pytest.mark.parametrize("record", [legal.transcoded, legal.own_picture, legal.restarted])
def test_what_is_legal_breaks_no_rule(record: Callable[[], Record]) -> None:
    assert record().check().findings.texts() == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule.name)
def test_a_planted_fault_is_found(fault: Fault) -> None:
    base = replace(
        legal.transcoded() if fault.media else of_playlists(legal.transcoded()), probes=tuple(LEGAL.values())
    )
    findings = fault.plant(base).check().findings
    assert fault.rule.name in findings.rules, findings.texts()
    assert findings.rules <= {fault.rule.name} | fault.also, findings.texts()


def test_what_faults_are_planted_in_is_legal() -> None:
    base = replace(of_playlists(legal.transcoded()), probes=tuple(LEGAL.values()))
    assert base.check().findings.texts() == []


def test_sound_may_begin_a_segment_before_the_picture_does() -> None:
    assert legal.sound_first().check().findings.texts() == []


def test_there_is_a_fault_for_each_rule_and_a_rule_for_each_fault() -> None:
    assert Counter(fault.rule.name for fault in FAULTS) == Counter(rule.name for rule in RULES)
