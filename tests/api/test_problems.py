"""Every error is a problem document, every route says which it may answer with, and the rest of the doors."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from payments import checkup
from payments.database import engine, transaction
from payments.jobs import beat_heart
from tests.api.test_donations import a_body, assert_problem, post
from tests.conftest import Broker

PUBLISHED = {
    "/healthz",
    "/webhooks/mail/postmark",
    "/readyz",
    "/api/v1/funds",
    "/api/v1/newsletter",
    "/api/v1/donations",
    "/api/v1/donations/puzzle",
    "/api/v1/donations/{donation_id}",
    "/api/v1/audit/drawings",
    "/api/v1/audit/pack",
    "/api/v1/donors/doubles",
    "/api/v1/donors/large",
    "/api/v1/donors/large/report",
    "/api/v1/donors/search",
    "/api/v1/donors/{donor_id}",
    "/api/v1/donors/{donor_id}/merge",
    "/api/v1/donors/{donor_id}/unmerge",
    "/api/v1/refunds",
    "/api/v1/refunds/{refund_id}",
    "/api/v1/refunds/{refund_id}/approve",
    "/api/v1/refunds/{refund_id}/decline",
    "/api/v1/fraud-warnings/{warning_id}/refund",
    "/api/v1/offline-gifts",
    "/api/v1/offline-gifts/{donation_id}/reverse",
    "/api/v1/deposits",
    "/api/v1/monthly-gifts",
    "/api/v1/monthly-gifts/{monthly_gift_id}",
    "/api/v1/monthly-gifts/{monthly_gift_id}/stop",
    "/api/v1/monthly-gifts/{monthly_gift_id}/pause",
    "/api/v1/monthly-gifts/{monthly_gift_id}/resume",
    "/api/v1/monthly-gifts/{monthly_gift_id}/amount",
    "/api/v1/monthly-gifts/{monthly_gift_id}/day",
    "/api/v1/payouts",
    "/api/v1/payouts/{payout_id}",
    "/api/v1/payouts/{payout_id}/lines",
    "/api/v1/payouts/{payout_id}/report",
    "/api/v1/bank-accounts",
    "/api/v1/bank-accounts/{account_id}/csv-profile",
    "/api/v1/bank-accounts/{account_id}/statements",
    "/api/v1/bank-lines",
    "/api/v1/bank-lines/{line_id}/match",
    "/api/v1/bank-lines/{line_id}/ignore",
    "/api/v1/bank-lines/{line_id}/unmatch",
    "/api/v1/reconciliations",
    "/api/v1/exceptions",
    "/api/v1/exceptions/report",
    "/api/v1/exceptions/{exception_id}/assign",
    "/api/v1/exceptions/{exception_id}/accept",
    "/api/v1/stripe-reports",
    "/api/v1/months",
    "/api/v1/months/{month}",
    "/api/v1/months/{month}/fees",
    "/api/v1/months/{month}/fees/report",
    "/api/v1/months/{month}/report",
    "/api/v1/months/{month}/close",
    "/api/v1/months/{month}/reopen",
    "/api/v1/months/{month}/pack",
    "/api/v1/exports",
    "/api/v1/exports/{number}",
    "/api/v1/exports/{number}/file",
}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    """What we publish about ourselves."""
    return dict(client.get("/api/v1/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_an_address_that_is_not_ours_is_404(client: TestClient):
    assert_problem(client.get("/api/v1/nothing-here"), 404, "http-404")


def test_a_method_that_is_not_offered_is_405_with_those_that_are(client: TestClient):
    answer = client.delete("/api/v1/funds", headers={"content-type": "application/json"})

    assert_problem(answer, 405, "http-405")
    assert "GET" in answer.headers["allow"]


def test_a_body_larger_than_any_gift_is_413(client: TestClient):
    answer = post(client, a_body(source={"page": "x" * 70_000}))

    assert_problem(answer, 413, "too-large")


def test_a_bug_is_500_without_a_word_of_what_happened(client: TestClient):
    with transaction() as session:
        session.execute(text("update giving_terms set fee_basis_points = 10000"))

    answer = post(client, a_body(cover_fees=True))

    problem = assert_problem(answer, 500, "unexpected")
    assert "Division" not in json.dumps(problem)


def test_a_house_without_a_charity_says_so(bare_client: TestClient):
    assert_problem(post(bare_client, a_body()), 503, "organisation-not-loaded")
    assert bare_client.get("/api/v1/funds").json() == {"funds": [], "terms": []}


def test_a_database_that_is_away_is_503(client: TestClient, with_settings: Callable[..., None]):
    with_settings(database_url="postgresql://127.0.0.1:1/away", broker_url="memory://")
    with a_new_pool():
        answer = client.get("/api/v1/funds")
        ready = client.get("/readyz")
        alive = client.get("/healthz")

    assert_problem(answer, 503, "database-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert ready.status_code == 503
    assert alive.status_code == 200


@contextmanager
def a_new_pool():
    """Connections are made by the settings of this moment; afterwards by those of that one."""
    engine().dispose()
    engine.forget()
    yield
    engine().dispose()
    engine.forget()


def test_a_form_sent_across_origins_to_the_api_is_refused(client: TestClient):
    answer = client.post("/api/v1/donations", data={"amount": "1"}, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


def test_every_route_is_published_and_nothing_else(document: dict[str, Any]):
    assert set(document["paths"]) == PUBLISHED


def test_every_operation_has_a_summary_and_its_problems(document: dict[str, Any]):
    for name, operation in operations(document).items():
        assert operation["summary"], name
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (name, status)
                assert response["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }, (name, status)


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("POST /api/v1/donations", {"201", "400", "409", "413", "422", "429", "502", "503"}),
        ("GET /api/v1/donations/{donation_id}", {"200", "404", "503"}),
        ("GET /api/v1/funds", {"200", "503"}),
        ("GET /readyz", {"200", "503"}),
        ("GET /healthz", {"200"}),
    ],
)
def test_each_operation_names_the_statuses_it_answers_with(
    document: dict[str, Any], operation: str, statuses: set[str]
):
    assert set(operations(document)[operation]["responses"]) >= statuses


def test_the_published_example_of_a_gift_can_really_be_given(
    client: TestClient, document: dict[str, Any], stripe: Any
):
    [example] = document["components"]["schemas"]["DonationSent"]["examples"]

    assert post(client, example).status_code == 201


def test_every_field_of_what_is_sent_and_shown_has_an_example_or_a_fixed_set(document: dict[str, Any]):
    schemas = document["components"]["schemas"]
    fields = schemas["DonationSent"]["properties"]

    assert fields["amount"]["examples"] == [2500]
    assert schemas["DonorSent"]["properties"]["email"]["examples"]
    assert schemas["Problem"]["properties"]["type"]["examples"]
    assert schemas["DonationSent"]["additionalProperties"] is False


def test_a_request_id_is_taken_over_only_when_it_is_harmless(client: TestClient):
    kept = client.get("/healthz", headers={"x-request-id": "trace-0123456789"})
    replaced = client.get("/healthz", headers={"x-request-id": "ada@example.com <b>"})

    assert kept.headers["x-request-id"] == "trace-0123456789"
    assert replaced.headers["x-request-id"].startswith("req_")


def test_the_funds_are_listed_in_both_languages_with_the_terms(client: TestClient):
    listed = client.get("/api/v1/funds").json()

    assert [fund["id"] for fund in listed["funds"]] == ["general", "rescue", "education"]
    assert listed["funds"][1]["name"] == {"en": "Rescue and resettlement", "ko": "구출과 정착"}
    assert listed["terms"][1] == {
        "currency": "krw",
        "minimum": 1000,
        "maximum": 60_000_000,
        "suggested": [30000, 50000, 100000, 300000],
        "monthly_suggested": [10000, 30000, 50000, 100000],
    }


def test_the_house_is_ready_when_everything_answers(client: TestClient, broker: Broker):
    with transaction() as session:
        beat_heart(session, name="worker")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


def test_without_a_broker_or_a_worker_the_house_is_degraded_and_still_takes_gifts(
    client: TestClient, with_settings: Callable[..., None]
):
    with_settings(broker_url="redis://127.0.0.1:1/0")

    answer = client.get("/readyz")

    unwell = {check["name"] for check in answer.json()["checks"] if not check["is_well"]}
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert unwell == {"workers", "broker"}


def test_a_house_that_is_not_set_up_is_not_ready(bare_client: TestClient):
    answer = bare_client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")


def test_metrics_count_what_waits(client: TestClient, stripe: Any):
    post(client, a_body())

    told = client.get("/metrics").text

    assert 'almoner_gifts{status="pending"} 1.0' in told
    assert "almoner_events_due 0.0" in told
    for name in ("almoner_events_oldest_seconds", "almoner_receipts_due", "almoner_mails_undeliverable"):
        assert f"\n{name} " in told


def test_metrics_are_only_for_the_bearer_of_their_token(
    client: TestClient, with_settings: Callable[..., None]
):
    with_settings(metrics_token="a-token-for-metrics", broker_url="memory://")  # noqa: S106

    without = client.get("/metrics")
    wrong = client.get("/metrics", headers={"authorization": "Bearer something-else"})
    right = client.get("/metrics", headers={"authorization": "Bearer a-token-for-metrics"})

    assert_problem(without, 401, "http-401")
    assert without.headers["www-authenticate"] == "Bearer"
    assert wrong.status_code == 401
    assert right.status_code == 200


def test_the_newest_migration_is_the_one_the_database_stands_at(client: TestClient):
    checks = {check["name"]: check for check in client.get("/readyz").json()["checks"]}

    assert checks["migrations"]["is_well"]
    assert checkup.head_revision() in checks["migrations"]["finding"]
