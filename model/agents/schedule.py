"""The order of a month, as ``Twin.step`` keeps it; a test holds the two together."""

from __future__ import annotations

# What is called on the twin, what happens then, and the module that does it.
SCHEDULE: tuple[tuple[str, str, str], ...] = (
    (
        "crowd.start_month",
        "counts of people by state and stratum become the state that hazards are read from; in"
        " January the caps of the year are set from the reference",
        "crowd",
    ),
    (
        "records.add_start",
        "everybody's time in their state is counted as if they stayed",
        "records",
    ),
    (
        "trade.month",
        "prices: the shared equations, or actors who come, go, are stopped and, once a quarter,"
        " decide; units of police and customs spread their effort once a quarter",
        "trade",
    ),
    (
        "crowd.set_hazards",
        "every hazard, by the functions of the compartments, constant until the month ends",
        "month, model.kernel",
    ),
    (
        "trade.visit",
        "outreach teams choose whom they visit; hazards of seeking care move between regions",
        "outreach",
    ),
    (
        "reception.open",
        "in the first month only: who is found in care gets a centre, and a wait drawn backwards",
        "joining",
    ),
    (
        "crowd.thin",
        "everybody outside care: candidates of each block and product, in the order of time",
        "sweep",
    ),
    (
        "reception.month",
        "everybody in care, and who has just asked for it, event by event",
        "centres",
    ),
    ("records.add", "what moved is added up", "records"),
    ("crowd.share_deaths", "in docking, the dead are anybody for other products", "calendar"),
    ("reception.bury", "who died in care leaves all products", "reception"),
    (
        "crowd.end_month",
        "use of the month becomes visible to others; who died outside care leaves all products; all"
        " other deaths and departures; whom newcomers will be like",
        "calendar",
    ),
    ("reception.purge", "who has died or left is taken off the lists of care", "reception"),
    ("crowd.newcomers", "newcomers move into free slots, with all states of their like", "crowd"),
    ("reception.settle", "newcomers in care join the lists", "joining"),
    (
        "records.look",
        "31 December: what only persons can tell (joint use, waits, clusters, burden)",
        "records",
    ),
    ("records.close_year", "31 December: totals of the year, as persons", "records"),
    (
        "crowd.new_year",
        "1 January: everybody is a year older; those who reach the youngest age get their states",
        "years",
    ),
    (
        "reception.new_year",
        "1 January: centres ask for places and give up others; who came of age in care joins",
        "institutions",
    ),
    ("datacollector.collect", "a row of the month's numbers, after all of this", "twin"),
)
