"""Several processes on one database: one log, no fork, no entry twice."""

from concurrent.futures import ThreadPoolExecutor

from app.audit.verify import verify
from app.chain.policy import Policy
from app.chain.proof import TlogProof
from app.runtime.settings import Settings
from tests.support.builders import AUDITOR, a_pledge, money, treasury
from tests.support.service import FUND, running


def test_two_services_share_a_fund_safely(service_settings: Settings) -> None:
    with running(service_settings) as one, running(service_settings) as two:
        one.open()
        log = one.inside.notary.keys.of_log("test-fund").verifier

        def post(number: int) -> tuple[int, str]:
            service = (one, two)[number % 2]
            answer = service.raw(
                treasury("DE"),
                "POST",
                f"{FUND}/pledges",
                json=a_pledge(money(number + 1)),
                headers={"Idempotency-Key": f"number-{number // 2}"},
            )
            if answer.status_code == 201:
                line = answer.text.removeprefix('{"entry":').split(',"consequences":')[0]
                TlogProof.parse(answer.json()["receipt"]).verify(line.encode(), log)
                return answer.json()["entry"]["seq"], "recorded"
            return -1, answer.json()["code"]

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(post, range(120)))

        # Each key was used twice, with two bodies, at two services: one wins, one is told so.
        recorded = sorted(seq for seq, code in answers if code == "recorded")
        assert recorded == list(range(1, 61))
        assert {code for _, code in answers} == {"recorded", "idempotency_key_reused"}
        assert two.get(AUDITOR, "")["size"] == 61


def test_the_bundle_of_two_services_verifies(service_settings: Settings) -> None:
    with running(service_settings) as one, running(service_settings) as two:
        one.open()

        def post(number: int) -> None:
            service = (one, two)[number % 2]
            body = a_pledge(money(number + 1))
            service.client(treasury("DE")).post(f"{FUND}/pledges", body, f"number-{number}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(post, range(40)))
        bundle = two.export(service_settings.data_dir / "bundle.zip")
        trust = one.trust(service_settings.data_dir / "trust.policy")

        assert verify(bundle, Policy.parse(trust.read_bytes())).problems == []
