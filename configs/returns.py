"""Simulates `returns.csv`: daily returns of a market and of a fund, in per cent, with two regimes.

In calm times the fund gains 0.05 beyond half of what the market does, with a standard deviation of
0.4; in turbulent ones it loses 0.3 beyond 1.2 of it, with 1.5. Calm ends with probability 0.02 a
day, turbulence with 0.06. No such fund exists.
"""

from pathlib import Path

import numpy as np

DAYS = 750
CHANGE = np.array([0.02, 0.06])
ALPHA, BETA, SPREAD = np.array([[0.05, -0.3], [0.5, 1.2], [0.4, 1.5]])
COLUMNS = "date,market,fund"


def simulate(seed: int = 1):
    """Dates, market and fund, each (750,), on the weekdays from 2 January 2023."""
    rng = np.random.default_rng(seed)
    regime = np.zeros(DAYS, int)
    for day in range(1, DAYS):
        changed = rng.uniform() < CHANGE[regime[day - 1]]
        regime[day] = regime[day - 1] ^ changed
    market = rng.normal(0.03, 1.0, DAYS)
    fund = ALPHA[regime] + BETA[regime] * market + SPREAD[regime] * rng.normal(size=DAYS)
    dates = np.busday_offset("2023-01-02", np.arange(DAYS))
    return dates, market.round(3), fund.round(3)


def lines(seed: int = 1) -> list[str]:
    """The lines of the CSV file."""
    rows = zip(*simulate(seed), strict=True)
    return [COLUMNS, *(f"{date},{market:.3f},{fund:.3f}" for date, market, fund in rows)]


if __name__ == "__main__":
    Path(__file__).with_suffix(".csv").write_text("\n".join(lines()) + "\n", encoding="utf-8")
