"""Every operation of the OpenAPI document, called with what its schema allows and with what it does not."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serve.conftest import Start

from langit.serve.settings import Limits

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
ENDLESS = {"/v1/images/generations", "/v1/videos/{name}/events"}
"""These wait for a worker, and here is none."""


def call(case: schemathesis.Case) -> None:
    """Call an operation and judge the answer."""
    answer = case.call(base_url="http://127.0.0.1:8000")
    if answer.status_code != 503:
        case.validate_response(answer, checks=CHECKS)


def call_all(start: Start, examples: int) -> int:
    """Call every operation; returns how many there are."""
    generous = Limits(requests_per_minute=10**9, public_per_minute=10**9, jobs_per_day=10**9, waiting=10**9)
    client = start(limits=generous)
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    called = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDLESS or not operation.path.startswith(("/v1", "/session", "/metrics")):
            continue
        called += 1
        calm = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )
        calm(given(case=operation.as_strategy())(call))()
    return called


def test_every_operation_answers_as_it_says(start: Start) -> None:
    assert call_all(start, 1) > 20


@pytest.mark.slow
def test_every_operation_answers_as_it_says_at_length(start: Start) -> None:
    call_all(start, 30)
