"""The wizard's pages with a large and slow CRM behind them: time of each answer, over real HTTP."""

import argparse
import os
import re
import statistics
import time
from typing import Any

import httpx2
from _bench import Watched, figure, machine, product, wait_for

EMAIL, PASSWORD = "bench@example.com", "bench's long password"
MAP_IN = {
    "rows": "2",
    "from-0": "name",
    "to-0": "first_name",
    "format-0": "first_word",
    "mode-0": "overwrite",
    "from-1": "email",
    "to-1": "email",
    "mode-1": "overwrite",
}
ANSWERS: dict[str, dict[str, str]] = {
    "contacts": {"kind": "users", "unsubscribed": "include", "bounced": "include", "spam": "skip"},
    "map-in": MAP_IN,
    "map-back": {"on": "yes", "to-referral_link": "custom_attributes.Referral Link"},
    "type": {"type": "ongoing", "every": "60", "on_leave": "keep"},
}


def main() -> None:
    """Print one line a page."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--contacts", type=int, default=100_000)
    ask.add_argument("--latency-ms", type=int, default=500)
    ask.add_argument("--times", type=int, default=20)
    ask.add_argument("--port", type=int, default=8898)
    options = ask.parse_args()
    machine()

    from tests.support.sandbox import start_sandbox

    with start_sandbox(contacts=options.contacts, latency_ms=options.latency_ms) as sandbox:
        os.environ["PASSALONG_INTERCOM_API_URL"] = sandbox.url
        with product():
            connection_id = prepare()
            parts = [Watched("web", "--port", str(options.port)), Watched("worker")]
            try:
                walk(f"http://127.0.0.1:{options.port}", connection_id, options.times)
            finally:
                for part in parts:
                    part.stop()


def prepare() -> str:
    """An owner with a password, a campaign and a connection whose fields nobody has read."""
    from passalong.accounts.scope import in_workspace
    from passalong.accounts.services import set_up
    from passalong.campaigns.services import create_campaign
    from passalong.sync import connections

    member, _ = set_up(EMAIL, "Bench", PASSWORD)
    with in_workspace(member.workspace_id):
        create_campaign("Bench", "https://example.com/")
        connection = connections.connect("intercom", "sandbox-token", "us")
        connections.create_field(connection, "Referral Link", "string")
    return str(connection.pk)


class Browser:
    """Signed in, without scripts; every answer is timed."""

    def __init__(self, base: str) -> None:
        self.http = httpx2.Client(base_url=base, timeout=60, trust_env=False)
        wait_for(self._answers, seconds=60)
        self.times: dict[str, list[float]] = {}

    def _answers(self) -> bool:
        try:
            return bool(self.http.get("/healthz").status_code == 200)
        except httpx2.HTTPError:
            return False

    def get(self, path: str, name: str = "") -> Any:
        return self._timed(name or f"GET {path}", "GET", path)

    def post(self, path: str, name: str, **form: str) -> Any:
        token = self.http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Origin": str(self.http.base_url).rstrip("/")}
        return self._timed(name, "POST", path, data=form, headers=headers)

    def _timed(self, name: str, method: str, path: str, **more: Any) -> Any:
        began = time.perf_counter()
        answer = self.http.request(method, path, **more)
        self.times.setdefault(name, []).append(1000 * (time.perf_counter() - began))
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code}"
        return answer


def walk(base: str, connection_id: str, times: int) -> None:
    """The whole wizard, again and again: the first round finds nothing read yet."""
    browser = Browser(base)
    browser.get("/accounts/login/", "sign in")
    browser.post("/accounts/login/", "sign in", login=EMAIL, password=PASSWORD)
    home = browser.get("/", "sign in").text
    campaign = re.findall(r'href="(/campaigns/camp_\w+)"', home)[0]
    for number in range(times):
        one_round(browser, campaign, connection_id, "" if number else " (nothing read yet)")
    for name, found in browser.times.items():
        if name != "sign in":
            worst = sorted(found)[max(0, round(0.95 * len(found)) - 1)]
            figure(name, f"{statistics.median(found):.0f} {worst:.0f} {max(found):.0f}", "ms p50 p95 most")


def one_round(browser: Browser, campaign: str, connection_id: str, note: str) -> None:
    """One draft from its first page to the started preview, thrown away at the end."""
    made = browser.post(f"{campaign}/syncs/new", f"POST new{note}").headers["Location"]
    browser.post(f"{made}/source", f"Next on source{note}", **_form(browser, made, "source", connection_id))
    for step, answer in ANSWERS.items():
        browser.get(f"{made}/{step}", f"{step}{note}")
        while "Reading Intercom" in browser.get(f"{made}/{step}", f"{step}{note}").text:
            time.sleep(0.5)
        version = _version(browser.get(f"{made}/{step}", step).text)
        browser.post(f"{made}/{step}", f"Next on {step}{note}", version=version, do="next", **answer)
    browser.get(f"{made}/review", f"review{note}")
    for step in ("contacts", "map-in", "map-back"):
        browser.get(f"{made}/{step}/lookup", f"{step}, lookup (fragment)")
    browser.post(f"{made}/discard", "discard")


def _form(browser: Browser, made: str, step: str, connection_id: str) -> dict[str, str]:
    version = _version(browser.get(f"{made}/{step}", step).text)
    return {"version": version, "do": "next", "connection_id": connection_id}


def _version(text: str) -> str:
    return str(re.findall(r'name="version" value="(\d+)"', text)[0])


if __name__ == "__main__":
    main()
