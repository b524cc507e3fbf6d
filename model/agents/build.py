"""From a draw of the compartmental model to people in their places, with ties and states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from model.agents import liability, network, start
from model.agents.calendar import recount
from model.agents.layout import Ground, band_ground, cohort_ground
from model.agents.people import CLASSES, People
from model.agents.terms import Terms, loading
from model.errors import InputError
from model.prepared import FIRST_YEAR, Prepared, State, region_starts
from model.structure import NOBODY, Structure

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Key = npt.NDArray[np.uint32]
Spread = Callable[[Callable[[int, int], None]], None]

CentreRule = Literal["queues", "pooled", "unbounded"]
MarketRule = Literal["shared", "actors"]
AgeingRule = Literal["cohorts", "bands"]
DeathRule = Literal["own", "shared"]


@dataclass(frozen=True)
class Switches:
    """Each refinement of the agents over the compartments; all are on by default.

    ``network``: ties, through which first use is influenced. ``liability``: people differ in how
    likely they use anything. ``couplings``: a person's own use of other products counts, not the
    stratum's share. ``centres``: queues at centres, pooled places as in the compartments, or no
    limit. ``markets``: the equations of the compartments, or actors who trade and units who stop
    them. ``outreach``: teams choose whom they visit. ``ageing``: birth cohorts, or the
    compartments' moves between age bands. ``deaths``: who dies of one product dies with all else
    they use, or, as in the compartments, is anybody of the stratum for the other products. Raises
    InputError for any other value.
    """

    network: bool = True
    liability: bool = True
    couplings: bool = True
    centres: CentreRule = "queues"
    markets: MarketRule = "actors"
    outreach: bool = True
    ageing: AgeingRule = "cohorts"
    deaths: DeathRule = "own"

    def __post_init__(self) -> None:
        told = {
            "centres": CentreRule,
            "markets": MarketRule,
            "ageing": AgeingRule,
            "deaths": DeathRule,
        }
        for name in ("network", "liability", "couplings", "outreach"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(
                    "a refinement of the agents is on or off",
                    key=name,
                    given=getattr(self, name),
                    allowed="True, False",
                )
        for name, allowed in told.items():
            if getattr(self, name) not in get_args(allowed):
                raise InputError(
                    "unknown setting of the agents",
                    key=name,
                    given=getattr(self, name),
                    allowed=get_args(allowed),
                )


# Nothing but chance differs from the compartments: what docking compares.
DOCKED = Switches(
    network=False,
    liability=False,
    couplings=False,
    centres="unbounded",
    markets="shared",
    outreach=False,
    ageing="bands",
    deaths="shared",
)


@dataclass(frozen=True)
class Setting:
    """What a run of agents is about: one draw, so many agents, one seed."""

    prepared: Prepared
    draw: int
    weight: float  # persons one agent stands for
    terms: Terms
    switches: Switches
    key: Key  # (2,) seed and number of the draw
    first_year: int

    @property
    def structure(self) -> Structure:
        """Products, states and flows."""
        return self.prepared.structure

    @property
    def region_start(self) -> Int:
        """First stratum of each region, and the end (R+1,)."""
        return region_starts(self.prepared.strata)


def build_ground(setting: Setting) -> Ground:
    """Slots of the run, by the rule of ageing."""
    cohorts = setting.switches.ageing == "cohorts"
    make = cohort_ground if cohorts else band_ground
    return make(setting.prepared, setting.first_year, setting.weight)


def populate(setting: Setting, ground: Ground, state: State, over_blocks: Spread) -> People:
    """Everybody of 1 January of the first year. ``state``: compartmental, of that day.

    ``over_blocks`` runs a task over ranges of blocks. Raises RuntimeError where there is no room.
    """
    structure, key = setting.structure, setting.key
    people = start.vacant_people(len(structure.products), ground.layout)
    draw_liability(setting, ground, people, over_blocks)
    _settle(setting, ground, people, state)
    if setting.switches.network:
        _tie(setting, ground, people)
    d, starts = setting.draw, setting.region_start
    ladder = start.cumulated(given_liability(setting, state.stock[d]))
    burden = burden_given_liability(setting, setting.prepared.rates.burden[d])
    layout, wiring = ground.layout, structure.wiring
    pathway = pathway_products(structure)

    def fill(first: int, last: int) -> None:
        span = first, last
        start.draw_states(people, layout, ladder, starts, span, key)
        start.draw_burden(people, layout, burden, starts, span, key)
        slots = layout.block_start[np.array(span)]
        start.read_uses(people, wiring.using, wiring.state_start, pathway, slots)

    over_blocks(fill)
    return people


def pathway_products(structure: Structure) -> npt.NDArray[np.uint8]:
    """1 for products whose first use is a step on a pathway: not those that are prescribed.

    Shape (P,).
    """
    return np.array([kind != "medicine" for kind in structure.kinds], dtype=np.uint8)


def loadings(setting: Setting) -> Float:
    """Loading of liability on ever use of each product (P,), 0 to 1; 0 where switched off."""
    if not setting.switches.liability:
        return np.zeros(len(setting.structure.products))
    return np.array([loading(setting.terms, kind) for kind in setting.structure.kinds])


def risen_states(structure: Structure) -> npt.NDArray[np.bool_]:
    """(Z,) states that come after escalation."""
    named = {"problematic", "waiting", "treatment", "recovery"}
    return np.array(
        [row.reported in named or row.state == "former_problematic" for row in structure.states]
    )


def burden_given_liability(setting: Setting, share: Float) -> Float:
    """P(mental-health burden | class), shape (..., CLASSES), where ``share`` (...) have one."""
    alike = setting.terms.burden_liability if setting.switches.liability else 0.0
    return liability.burden_probability(share, alike)


def given_liability(setting: Setting, stock: Float) -> Float:
    """Shares of the states of each product given liability, (P, S, CLASSES, most states).

    ``stock`` (Z, S): people or shares of S strata or blocks of them.
    """
    structure, rho = setting.structure, loadings(setting)
    wiring, risen = structure.wiring, risen_states(structure)
    most = int(np.diff(wiring.state_start).max())
    found = np.zeros((len(structure.products), stock.shape[1], CLASSES, most))
    tilt = setting.terms.escalation_liability if setting.switches.liability else 0.0
    for p in range(len(structure.products)):
        first, last = int(wiring.state_start[p]), int(wiring.state_start[p + 1])
        own = np.maximum(stock[first:last].T, 0.0)
        if rho[p] > 0.0:
            shares = liability.start_shares(
                own[:, 0], own[:, 1:], rho[p], tilt, risen[first + 1 : last]
            )
        else:
            shares = start.uniform_classes(own)
        found[p, :, :, : last - first] = shares
    return found


def draw_liability(setting: Setting, ground: Ground, people: People, over_blocks: Spread) -> None:
    """A class for every slot, alike along the ring as far as people choose friends like them."""
    alike = setting.terms.homophily if setting.switches.network else 0.0
    layout = ground.layout
    k0, k1 = (int(word) for word in setting.key)

    def fill(first: int, last: int) -> None:
        # A cell belongs to the part that has its first block.
        cells = np.unique(layout.block_cell[first:last])
        for cell in cells:
            if first > 0 and layout.block_cell[first - 1] == cell:
                continue
            begin, end = layout.cell_start[cell], layout.cell_start[cell + 1]
            liability.draw_liability(people.liability[begin:end], alike, k0, k1, int(begin))

    over_blocks(fill)


def _settle(setting: Setting, ground: Ground, people: People, state: State) -> None:
    strata, layout, key = setting.prepared.strata, ground.layout, setting.key
    if ground.cohorts:
        expected = ground.people[0] / setting.weight
        left = start.settle_cohorts(people, layout, expected, ground.band[0], ground.bands, key)
    else:
        population = state.population[setting.draw]
        expected = start.expected_by_band(ground, population, setting.weight)
        sexes = len(strata.sexes)
        left = start.settle_bands(people, layout, expected, sexes, ground.bands, key)
    if left < 0:
        raise RuntimeError(f"{-left} slots are missing for the people of the start")


def _tie(setting: Setting, ground: Ground, people: People) -> None:
    chances = network.Chances(
        partner=setting.terms.partner_share,
        nightlife=setting.terms.nightlife_share,
        online=setting.terms.online_share,
        homophily=setting.terms.homophily,
    )
    last_year = FIRST_YEAR + setting.prepared.demography.years - 1
    k0, k1 = (int(word) for word in setting.key)
    ties = network.draw_ties(
        ground.layout, people.liability, chances, k0, k1, setting.first_year, last_year
    )
    for name, ends in zip(("household", "nightlife", "online"), ties, strict=True):
        getattr(people, name)[:] = ends


def count(setting: Setting, ground: Ground, people: People) -> tuple[Int, Int]:
    """People by state and stratum (Z, S) and by stratum (S,)."""
    blocks = 0, len(ground.layout.block_cell)
    wiring = setting.structure.wiring
    stock, population = recount(people, ground.layout, wiring, setting.region_start, blocks)
    return stock, population


def check_flows(structure: Structure) -> None:
    """Refuse products whose people come from outside by a flow. Raises InputError."""
    for f, row in enumerate(structure.flows):
        if structure.wiring.origin[f] == NOBODY:
            raise InputError(
                "the agent engine knows nobody who comes from outside",
                key="flow",
                given=row.id,
                allowed="flows between states, or the compartmental engine",
            )
