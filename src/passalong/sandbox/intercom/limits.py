"""The rate limit: fixed ten-second windows aligned to the epoch, as measured on live responses (§6)."""

from __future__ import annotations

import time
from dataclasses import dataclass

WINDOW = 10
DEFAULT_LIMIT = 1_666  # 10,000 a minute for one app, spread over six windows (§6)


@dataclass
class RateLimit:
    limit: int = DEFAULT_LIMIT
    window: int = -1
    used: int = 0
    refused: int = 0

    def take(self, now: float | None = None) -> tuple[bool, dict[str, str]]:
        """Count one call. The first of a window is told Remaining == Limit, and refusals of other
        kinds (400, 404, 409) have been counted too by the time they are made (§6)."""
        window = int(time.time() if now is None else now) // WINDOW
        if window != self.window:
            self.window, self.used = window, 0
        allowed = self.used < self.limit
        headers = self.headers(max(self.limit - self.used, 0))
        self.used += 1
        if not allowed:
            self.refused += 1
        return allowed, headers

    def headers(self, remaining: int, reset: int | None = None) -> dict[str, str]:
        """Reset lies two seconds behind the window's end on nearly every recorded response (§6)."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str((self.window + 1) * WINDOW + 2 if reset is None else reset),
        }
