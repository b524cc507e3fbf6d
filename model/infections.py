"""People who inject, infections with hepatitis C and HIV among them, and needles.

Within a region, people who inject mix evenly and differ by infection alone. They are never
infected, infected, or cleared (cured, or cleared without treatment; they carry antibodies and can
be infected again). Their number comes from the run and infections do not act back on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.outcomes import Seen

Float = npt.NDArray[np.float64]

STEPS = 12  # within a year
PEOPLE = ("people_injecting", "injecting_prevalence")
HCV = ("hcv_prevalence", "hcv_antibody_prevalence", "hcv_infections", "hcv_treated")
HIV = ("hiv_prevalence", "hiv_infections")
NEEDLES = ("needles_distributed", "needles_discarded", "needles_recovered")
SUBSTITUTION = ("substitution_first", "substitution_later")


@dataclass(frozen=True)
class Epidemic:
    """One infection. Each field broadcasts to (D draws, Y years, R regions).

    ``transmission``: infections a year of a person who is not infected, if all others were.
    ``turnover``: share of people who inject replaced a year by people never infected, at a steady
    number. ``clearance``: share of infections that clear without treatment, taken to do so at
    once. ``treatment``: treatments a year of an infected person; ``success``: share cured.
    ``infected``, ``cleared``: shares of people who inject at the start.
    """

    transmission: Float
    turnover: Float
    clearance: Float
    treatment: Float
    success: Float
    infected: Float
    cleared: Float


@dataclass(frozen=True)
class Course:
    """What an epidemic does, each (D, Y, R).

    ``never``, ``infected``, ``cleared``: shares of people who inject, mean over the year; their
    sum is 1. ``infections``, ``treated``: persons per year.
    """

    never: Float
    infected: Float
    cleared: Float
    infections: Float
    treated: Float


def run_infections(people: Float, epidemic: Epidemic, steps: int = STEPS) -> Course:
    """Carry an infection through the years by region; no random numbers.

    ``people`` (D, Y, R): people who inject, mean over each year. Steps of 1/``steps`` year with
    the force of infection of their start, exact within a step, so that shares stay in 0 to 1.
    """
    shape = people.shape
    size = (shape[1], steps, shape[0], shape[2])
    clears, success = (_by_year(x, shape) for x in (epidemic.clearance, epidemic.success))
    pace = -_by_year(epidemic.transmission, shape)
    renewal = np.maximum(epidemic.turnover + growth(people), 0.0)
    stay = np.exp(-_by_year(renewal, shape) / steps)
    treats = -np.expm1(-_by_year(epidemic.treatment, shape) / steps)
    infected, cleared, new, treated = (np.empty(size) for _ in range(4))  # at the start of a step
    now = _by_year(epidemic.infected, shape)[0].copy()
    rest = _by_year(epidemic.cleared, shape)[0].copy()
    ends = np.empty((shape[1], 2, shape[0], shape[2]))  # of the last step of a year
    for year in range(shape[1]):
        year_of = pace[year], clears[year], success[year], stay[year], treats[year]
        for step in range(steps):
            at = year, step
            infected[at], cleared[at] = now, rest
            now, rest = _step(now, rest, year_of, steps, (new[at], treated[at]))
        ends[year] = now, rest
    means = [
        _over_years(_added((values + _next(values, end)) / (2 * steps)))
        for values, end in ((infected, ends[:, 0]), (cleared, ends[:, 1]))
    ]
    return Course(
        never=1.0 - means[0] - means[1],
        infected=means[0],
        cleared=means[1],
        infections=_over_years(_added(new)) * people,
        treated=_over_years(_added(treated)) * people,
    )


def _step(
    infected: Float,
    cleared: Float,
    year: tuple[Float, Float, Float, Float, Float],
    steps: int,
    counts: tuple[Float, Float],
) -> tuple[Float, Float]:
    """Shares (D, R) a step later; who was infected and treated in it is written to ``counts``."""
    pace, clears, success, stay, treats = year
    new, treated = counts
    caught = np.expm1(pace * infected / steps)
    np.negative(caught, out=caught)
    again = cleared * caught
    np.multiply(infected, treats, out=treated)
    cured = treated * success
    np.multiply(1.0 - infected - cleared, caught, out=new)
    new += again
    after = (infected + new * (1.0 - clears) - cured) * stay
    rest = (cleared - again + new * clears + cured) * stay
    return after, rest


def _by_year(values: Float, shape: tuple[int, ...]) -> Float:
    """Values that broadcast to (D, Y, R) as (Y, D, R), each year close together in memory."""
    return np.ascontiguousarray(np.moveaxis(np.broadcast_to(values, shape), 1, 0))


def _next(starts: Float, ends: Float) -> Float:
    """Ends of steps from their starts (Y, steps, D, R) and the ends of years (Y, D, R)."""
    return np.concatenate([starts[:, 1:], ends[:, None]], axis=1)


def _added(values: Float) -> Float:
    """Sums over the steps of a year, one after the other."""
    return np.asarray(values.sum(axis=1))


def _over_years(values: Float) -> Float:
    """(Y, D, R) to (D, Y, R)."""
    return np.moveaxis(values, 0, 1)


def growth(people: Float) -> Float:
    """Growth per year against the year before, (D, Y, R); 0 in the first and where nobody is."""
    anyone = people != 0.0
    logs = np.log(people, out=np.zeros_like(people), where=anyone)
    change = np.where(anyone[:, 1:] & anyone[:, :-1], np.diff(logs, axis=1), 0.0)
    return np.concatenate([np.zeros_like(people[:, :1]), change], axis=1)


def jointly(people: list[Float], overlap: Float) -> Float:
    """People who inject any of several products, from those who inject each, (D, Y, S).

    ``overlap`` (0 to 1): share of the people who inject a product other than the most injected one
    who inject that one too.
    """
    total, largest = np.sum(people, axis=0), np.max(people, axis=0)
    return np.asarray(largest + (1.0 - overlap) * (total - largest))


def protection(coverage: Float, effect: Float) -> Float:
    """Factor on a rate when a share ``coverage`` has the rate ratio ``effect``; both broadcast."""
    return np.asarray(1.0 - coverage * (1.0 - effect))


def taken_up(years: Float, ceiling: Float, midpoint: Float, scale: Float) -> Float:
    """Logistic rise over calendar years to ``ceiling``, in its unit; half of it at ``midpoint``.

    ``scale`` is in years. All broadcast.
    """
    return np.asarray(ceiling / (1.0 + np.exp(-(years - midpoint) / scale)))


def observe(seen: Seen) -> None:
    """Put people who inject, for products and unions, and infections and needles for unions."""
    if seen.wants(*PEOPLE, *HCV, *HIV, *NEEDLES):
        whole = seen.over_all_years()
        _observe(whole)
        seen.take(whole)


def _observe(seen: Seen) -> None:
    people = {product: _injecting(seen, product) for product in seen.products("injecting_share")}
    for product, injecting in people.items():
        _put_people(seen, product, injecting)
    for row in seen.catalogue.unions:
        own = {p: people[p] for p in row.members.split() if p in people}
        if own and seen.has(row.id, "injecting_overlap"):
            together = jointly(list(own.values()), seen.scalar(row.id, "injecting_overlap"))
            _put_people(seen, row.id, together)
            pool = _Pool(seen, row.id, own, together)
            for names, put in ((HCV, _put_hcv), (HIV, _put_hiv), (NEEDLES, _put_needles)):
                if seen.wants(*names):
                    put(pool)


class _Pool:
    """People who inject any product of a union, by stratum (D, Y, S) and region (D, Y, R)."""

    def __init__(self, seen: Seen, union: str, people: dict[str, Float], together: Float) -> None:
        self.seen, self.union, self.people, self.together = seen, union, people, together
        strata = seen.prepared.strata
        self.region = strata.region
        self._member = np.eye(len(strata.regions))[strata.region]
        self.by_region = self.sums(together)

    def sums(self, values: Float) -> Float:
        """(D, Y, S) to (D, Y, R)."""
        return np.asarray(values @ self._member)

    def number(self, name: str) -> Float:
        """A parameter without a profile, (D, 1, 1)."""
        return self.seen.scalar(self.union, name)

    def regional(self, name: str) -> Float:
        """A parameter as people who inject meet it in each region, (D, Y, R)."""
        values = self.seen.parameter(self.union, name) * self.together
        return _ratio(self.sums(values), self.by_region)

    def handle(self, handle: str) -> Float:
        """A handle, mean over people who inject each product, (D, Y, R)."""
        reached = [self.sums(self.seen.handle(handle, p) * n) for p, n in self.people.items()]
        return _ratio(np.sum(reached, axis=0), self._injections())

    def substituted(self) -> Float:
        """Share of people who inject that is in substitution treatment, (D, Y, R).

        Mean over the people who inject each product; 0 for products without such treatment.
        """
        covered = np.zeros_like(self.by_region)
        for product in self.people:
            treated = self.seen.in_states(product, *SUBSTITUTION)
            covered += self.sums(_in_treatment(self.seen, product) * treated)
        return _ratio(covered, self._injections())

    def put_share(self, name: str, share: Float) -> None:
        """Put a share of people who inject, by region (D, Y, R), in every cell."""
        cases = self.seen.cells(share[:, :, self.region] * self.together)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.seen.put(name, self.union, cases / self.seen.cells(self.together))

    def put_count(self, name: str, count: Float) -> None:
        """Put a yearly number, by region (D, Y, R), shared out by people who inject."""
        each = _ratio(count, self.by_region)[:, :, self.region]
        self.seen.put(name, self.union, self.seen.cells(each * self.together))

    def _injections(self) -> Float:
        return self.sums(np.sum(list(self.people.values()), axis=0))


def _injecting(seen: Seen, product: str) -> Float:
    harmed = seen.people(product, "problematic", "waiting")
    treated = seen.people(product, "treatment")
    share = seen.parameter(product, "injecting_share")
    return np.asarray(share * harmed + _in_treatment(seen, product) * treated)


def _in_treatment(seen: Seen, product: str) -> Float:
    """Share of people in treatment who inject."""
    ratio = seen.parameter(product, "injecting_treatment_ratio")
    return np.asarray(seen.parameter(product, "injecting_share") * ratio)


def _put_people(seen: Seen, owner: str, injecting: Float) -> None:
    people = seen.cells(injecting)
    seen.put("people_injecting", owner, people)
    with np.errstate(invalid="ignore", divide="ignore"):
        seen.put("injecting_prevalence", owner, people / seen.cells(seen.lived))


def _protected(pool: _Pool, substitution_effect: str) -> Float:
    needles = protection(pool.regional("needle_coverage"), pool.number("needle_effect"))
    return protection(pool.substituted(), pool.number(substitution_effect)) * needles


def _put_hcv(pool: _Pool) -> None:
    middle = np.asarray(pool.seen.years + 0.5, dtype=np.float64)[None, :, None]
    ceiling, midpoint, scale = (
        pool.number(name)
        for name in ("hcv_treatment", "hcv_treatment_midpoint", "hcv_treatment_scale")
    )
    antibodies, clearance = pool.number("hcv_antibody_start"), pool.number("hcv_clearance")
    risk = pool.number("hcv_transmission") * pool.handle("foi_hcv")
    course = run_infections(
        pool.by_region,
        Epidemic(
            transmission=risk * _protected(pool, "substitution_hcv_effect"),
            turnover=1.0 / pool.number("injecting_career"),
            clearance=clearance,
            treatment=taken_up(middle, ceiling, midpoint, scale) * pool.handle("hcv_cure"),
            success=pool.number("hcv_treatment_success"),
            infected=antibodies * (1.0 - clearance),
            cleared=antibodies * clearance,
        ),
    )
    pool.put_share("hcv_prevalence", course.infected)
    pool.put_share("hcv_antibody_prevalence", course.infected + course.cleared)
    pool.put_count("hcv_infections", course.infections)
    pool.put_count("hcv_treated", course.treated)


def _put_hiv(pool: _Pool) -> None:
    risk = pool.number("hiv_transmission") * pool.handle("foi_hiv")
    none = np.zeros((1, 1, 1))
    course = run_infections(
        pool.by_region,
        Epidemic(
            transmission=risk * _protected(pool, "substitution_hiv_effect"),
            turnover=1.0 / pool.number("injecting_career"),
            clearance=none,
            treatment=none,
            success=none,
            infected=pool.number("hiv_start"),
            cleared=none,
        ),
    )
    pool.put_share("hiv_prevalence", course.infected)
    pool.put_count("hiv_infections", course.infections)


def _put_needles(pool: _Pool) -> None:
    each = pool.regional("needle_coverage") * pool.number("needles_per_person")
    distributed = each * pool.by_region
    discarded = distributed * (1.0 - pool.regional("needle_recovery"))
    pool.put_count("needles_distributed", distributed)
    pool.put_count("needles_discarded", discarded)
    seen, union = pool.seen, pool.union
    if not seen.wants("needles_recovered"):
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        lost = seen.get("needles_discarded", union) / seen.get("needles_distributed", union)
    seen.put("needles_recovered", union, 1.0 - lost)


def _ratio(part: Float, whole: Float) -> Float:
    """part / whole, 0 where there is nobody (NaN stays NaN)."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0.0)
