"""The shipped posterior: what the figures of 2010-2023 say of each quantity, as draws in a file.

A run takes draw i of every quantity that was fitted from draw i of the file, and all else from the
prior draw of the same index that the fit went with. A file that is missing, broken or made with
other tables or another model is refused with the command that mends it. Its proof is what the model
predicted when it was made: calibration.proof compares.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from calibration.fingerprint import code_hash, data_hash
from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.errors import InputError
from model.events import HistoryRow
from model.parameters import Draws, ParameterRow
from model.trend import FIRST_YEAR, KNOT_YEARS, KNOTS

if TYPE_CHECKING:
    import xarray as xr

Float = npt.NDArray[np.float64]
Mode = Literal["posterior", "prior"]

SHIPPED = Path(__file__).with_name("posterior") / "posterior.nc"
MEND = (
    "drugfutures calibrate --ship (makes one anew, about 20 minutes on two cores), or --prior "
    "to run on the priors without it"
)
RESTAMP = "drugfutures calibrate --restamp (where the new code moves no number)"
# Below this contraction (1 - posterior variance / prior variance) the figures say too little: the
# value is labelled assumed.
LEARNT_FROM = 0.2
# A share that single precision would round to 0 or 1 has no logit.
LEAST_SHARE, MOST_SHARE = 1e-30, 1.0 - 2.0**-24

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "value": ("draw", "key"),
    "innovations": ("draw", "product", "knot"),
    "log_tau": ("draw", "group"),
    "contraction": ("key",),
    "contraction_innovation": ("product", "knot"),
    "rhat": ("key",),
    "ess_bulk": ("key",),
    "ess_tail": ("key",),
}
PROOF = ("proof_draw", "proof_series", "proof_year")  # dimensions of the variable ``proof``
WHOLE = ("value", "innovations", "log_tau", "contraction")  # may not lack a number
LABELS = {"key": "key", "product": "product", "group": "group", "block": "key"}
ATTRIBUTES = ("data_hash", "code_hash", "made", "cost", "seed", "package_version", "blocks")


@dataclass(frozen=True, eq=False)
class Proof:
    """What the model predicted with some of the draws: ``values`` (draws, series, years).

    In double precision; NaN where the model says nothing.
    """

    draws: tuple[int, ...]
    series: tuple[str, ...]
    years: tuple[int, ...]
    values: Float


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the fitted quantities: D draws, K keys, P products, G groups of waves.

    ``values`` (D, K) are in the unit of each row; ``innovations`` (D, P, KNOTS) and ``log_tau``
    (D, G) as the model and the likelihood take them. ``block`` (K) names the block that fitted each
    key; ``contraction`` (K) and ``contraction_innovation`` (P, KNOTS; NaN where none was fitted)
    are 1 - posterior variance / prior variance of the standard normal score. ``rhat``, ``ess_bulk``
    and ``ess_tail`` (K) may be NaN where none applies. ``blocks``: a summary of each block, among
    it the list of its ``products``.
    """

    keys: tuple[str, ...]
    values: Float
    products: tuple[str, ...]
    innovations: Float
    groups: tuple[str, ...]
    log_tau: Float
    block: tuple[str, ...]
    contraction: Float
    contraction_innovation: Float
    rhat: Float
    ess_bulk: Float
    ess_tail: Float
    data_hash: str
    code_hash: str
    made: str  # ISO day
    cost: str  # such as "812 s on 2 cores"
    seed: int
    package_version: str
    blocks: Mapping[str, Mapping[str, Any]]
    proof: Proof | None = None
    file: str = ""
    digest: str = ""  # SHA-256 of the draws

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.values)

    @property
    def calibrated(self) -> tuple[str, ...]:
        """Products that some block fitted, in the order of ``products``."""
        fitted = {product for block in self.blocks.values() for product in block["products"]}
        return tuple(product for product in self.products if product in fitted)

    @property
    def contractions(self) -> dict[str, float]:
        """Contraction by key: a share, 0 for nothing learnt."""
        return dict(zip(self.keys, self.contraction.tolist(), strict=True))


@dataclass(frozen=True)
class Origin:
    """Where the draws of a run come from; the defaults are those of a run on the priors.

    ``own``: keys of the posterior for which rows of a user's catalogue stand instead.
    """

    mode: Mode = "prior"
    calibrated: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    made: str = ""
    draws: int = 0
    digest: str = ""


def save(posterior: Posterior, path: Path) -> None:
    """Write the file (netCDF-4, single precision, compressed), whole or not at all.

    Equal posteriors give equal bytes. Raises InputError when it is not one that ``load`` takes.
    """
    dataset = _dataset(posterior)
    _check(dataset, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"zlib": True, "complevel": 9, "shuffle": True, "fletcher32": True}
    large = [name for name in (*VARIABLES, "proof") if name in dataset]
    part = path.with_name(f".{path.name}.part")
    try:
        dataset.to_netcdf(part, engine="h5netcdf", encoding=dict.fromkeys(large, packed))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path | None = None) -> Posterior:
    """The posterior at ``path`` (default: the one shipped). Raises InputError naming the file."""
    import xarray as xr

    path = SHIPPED if path is None else path
    if not path.is_file():
        raise InputError("there is no posterior here", file=str(path), allowed=MEND)
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    # What a damaged file makes the readers raise is open-ended.
    except Exception as error:
        what = f"the posterior cannot be read ({type(error).__name__}): it is damaged or cut short"
        raise InputError(what, file=str(path), allowed=MEND) from None
    _check(dataset, path)
    told = dataset.attrs
    labels = {name: tuple(str(x) for x in dataset[name].values) for name in LABELS}
    arrays = {name: dataset[name].values.astype(np.float64) for name in VARIABLES}
    digest = _digest(labels, arrays)
    return Posterior(
        keys=labels["key"],
        values=arrays.pop("value"),
        products=labels["product"],
        groups=labels["group"],
        block=labels["block"],
        **arrays,
        data_hash=str(told["data_hash"]),
        code_hash=str(told["code_hash"]),
        made=str(told["made"]),
        cost=str(told["cost"]),
        seed=int(told["seed"]),
        package_version=str(told["package_version"]),
        blocks=json.loads(told["blocks"]),
        proof=_proof(dataset),
        file=str(path),
        digest=digest,
    )


def _digest(labels: Mapping[str, Sequence[str]], arrays: Mapping[str, Float]) -> str:
    """SHA-256 of the draws and their labels: a new stamp for code leaves it as it was."""
    digest = hashlib.sha256()
    for name, words in sorted(labels.items()):
        digest.update(f"{name}\0{chr(0).join(words)}\n".encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _proof(dataset: xr.Dataset) -> Proof | None:
    if "proof" not in dataset:
        return None
    draws, series, years = (dataset[name].values.tolist() for name in PROOF)
    return Proof(tuple(draws), tuple(series), tuple(years), dataset["proof"].values)


def check_fresh(posterior: Posterior) -> None:
    """Refuse a posterior that was made with other tables, figures or model. Raises InputError."""
    check_data(posterior)
    if posterior.code_hash != code_hash():
        raise InputError(
            "the posterior is stale: the model's code changed since it was made "
            f"({posterior.made})",
            file=posterior.file or None,
            key="code_hash",
            given=posterior.code_hash,
            allowed=f"{code_hash()}; mend it with: {RESTAMP}; {MEND}",
        )


def check_data(posterior: Posterior) -> None:
    """Refuse a posterior that was made with other tables or figures. Raises InputError."""
    if posterior.data_hash != data_hash():
        raise InputError(
            "the posterior is stale: tables, fitted figures or error rules changed since it was "
            f"made ({posterior.made})",
            file=posterior.file or None,
            key="data_hash",
            given=posterior.data_hash,
            allowed=f"{data_hash()}; mend it with: {MEND}",
        )


def load_draws(
    catalogue: Catalogue,
    draws: int,
    seed: int = 1,
    *,
    prior: bool = False,
    path: Path | None = None,
) -> Draws:
    """Draws 0 to ``draws`` for a run: from the posterior, or with ``prior`` from the priors alone.

    Raises InputError as ``load`` and ``check_fresh``, and when more draws or another seed are asked
    for than the posterior has.
    """
    return drawn(catalogue, draws, seed, prior=prior, path=path)[0]


def drawn(
    catalogue: Catalogue,
    draws: int,
    seed: int = 1,
    *,
    prior: bool = False,
    path: Path | None = None,
) -> tuple[Draws, Origin]:
    """As ``load_draws``, and where the draws come from. Raises InputError likewise."""
    if prior:
        return draw_priors(catalogue, draws, seed), Origin()
    posterior = load(path)
    check_fresh(posterior)
    if not 1 <= draws <= posterior.draws:
        raise InputError(
            "the posterior has fewer draws",
            key="--draws",
            given=draws,
            allowed=f"1 to {posterior.draws}, or --prior to draw from the priors",
        )
    if seed != posterior.seed:
        # What was not fitted must be the very draw that the fit went with.
        raise InputError(
            "the draws of the posterior belong to another seed",
            key="--seed",
            given=seed,
            allowed=f"{posterior.seed}, or --prior to draw from the priors",
        )
    found, own = joined_draws(catalogue, draws, posterior)
    return found, Origin(
        "posterior", posterior.calibrated, own, posterior.made, posterior.draws, posterior.digest
    )


def joined_draws(
    catalogue: Catalogue, draws: int, posterior: Posterior
) -> tuple[Draws, tuple[str, ...]]:
    """Prior draws with those of the posterior in their place; keys where a user's row stands.

    A stale posterior is taken as it is.
    """
    prior = draw_priors(catalogue, draws, posterior.seed)
    copies, hidden = _copies(catalogue, prior, posterior)
    known: dict[str, ParameterRow | HistoryRow] = {row.key: row for row in prior.rows}
    known |= {event.key: event for event in catalogue.history if event.handle is not None}
    known |= {key: row for key, (row, _) in copies.items()}
    values, own = dict(prior.values), []
    for column, key in enumerate(posterior.keys):
        row = known.get(key)
        if key in hidden or (row is not None and _is_users(row, catalogue)):
            own.append(key)
        elif row is None:
            raise _broken(posterior.file, "it holds a quantity that no table has", "key", key)
        else:
            values[key] = _possible(row, posterior.values[: prior.size, column], posterior.file)
    # Last, since the posterior may hold the shared row as well.
    for key, (_, shared) in copies.items():
        values.setdefault(key, values[shared])
    innovations = prior.innovations.copy()
    for p, product in enumerate(catalogue.products):
        if product.id in posterior.products:
            at = posterior.products.index(product.id)
            innovations[:, p] = posterior.innovations[: prior.size, at]
    rows = [*prior.rows, *(row for row, _ in copies.values())]
    return Draws(rows, values, innovations, prior.seed), tuple(own)


def _copies(
    catalogue: Catalogue, prior: Draws, posterior: Posterior
) -> tuple[dict[str, tuple[ParameterRow, str]], set[str]]:
    """Products' own copies, by key, of shared rows that the posterior learnt for them.

    With each copy the key of the shared row. A parameter is copied whole, since the own rows of a
    product hide those of its kind. Second: keys without a copy, as a user's rows come before it.
    """
    found: dict[str, tuple[ParameterRow, str]] = {}
    hidden: set[str] = set()
    kinds = {row.id: row.kind for row in catalogue.products}
    for key in posterior.keys:
        product, _, rest = key.partition("/")
        if key in prior.values or key in found or product not in kinds:
            continue
        shared = prior.find(product, kinds[product], rest.partition("[")[0])
        copies = {
            copy.key: (copy, row.key)
            for row in shared
            for copy in (row.model_copy(update={"product": product}),)
        }
        if key in copies and not any(_is_users(row, catalogue) for row in shared):
            found |= copies
        elif catalogue.folder is not None:
            hidden.add(key)
    return found, hidden


def _is_users(row: ParameterRow | HistoryRow, catalogue: Catalogue) -> bool:
    return catalogue.folder is not None and Path(row.file).parent == catalogue.folder


def _possible(row: ParameterRow | HistoryRow, values: Float, file: str) -> Float:
    """Values within what the form of the row's prior can give. Raises InputError."""
    low, high = -np.inf, np.inf
    if row.distribution == "logitnormal":
        low, high = LEAST_SHARE, MOST_SHARE
    elif row.distribution == "lognormal":
        low = float(np.finfo(np.float32).tiny)
    elif row.distribution == "uniform" and row.low is not None and row.high is not None:
        low, high = row.low, row.high
    elif row.distribution == "fixed":
        low = high = row.value
    found = np.clip(values, low, high)
    # Single precision moves a bound by a little.
    off = ~np.isclose(found, values, rtol=1e-6, atol=1e-7)
    if off.any():
        raise _broken(file, "it holds an impossible value", row.key, float(values[off][0]))
    return found


def _broken(file: str, what: str, key: str, given: object) -> InputError:
    return InputError(
        f"the posterior is broken: {what}", file=file or None, key=key, given=given, allowed=MEND
    )


def _dataset(posterior: Posterior) -> xr.Dataset:
    import xarray as xr

    arrays = {name: getattr(posterior, name) for name in VARIABLES if name != "value"}
    arrays["value"] = posterior.values
    words = {
        "value": "Value of a parameter or of a change in history, in the unit of its row",
        "innovations": "Standard normal shocks of the local trend of initiation",
        "log_tau": "Log of the standard deviation of survey waves",
        "contraction": "1 - posterior variance / prior variance",
        "contraction_innovation": "As contraction; NaN where none was fitted",
        "rhat": "Rank-normalised split R-hat",
        "ess_bulk": "Effective sample size of the bulk",
        "ess_tail": "Effective sample size of the tails",
    }
    variables: dict[str, Any] = {
        name: (dims, np.asarray(arrays[name], dtype=np.float32), {"long_name": words[name]})
        for name, dims in VARIABLES.items()
    }
    knots = [FIRST_YEAR + KNOT_YEARS * (k + 1) for k in range(KNOTS)]
    coordinates: dict[str, Any] = {
        "draw": ("draw", np.arange(posterior.draws)),
        "key": ("key", np.array(posterior.keys, dtype=object)),
        "product": ("product", np.array(posterior.products, dtype=object)),
        "knot": ("knot", np.array(knots), {"long_name": "Year of the knot"}),
        "group": ("group", np.array(posterior.groups, dtype=object)),
        "block": ("key", np.array(posterior.block, dtype=object)),
    }
    proof = posterior.proof
    if proof is not None:
        told_of = {"long_name": "Fitted series as the model gave them, to compare with"}
        variables["proof"] = (PROOF, proof.values, told_of)
        coordinates |= {
            "proof_draw": ("proof_draw", np.array(proof.draws)),
            "proof_series": ("proof_series", np.array(proof.series, dtype=object)),
            "proof_year": ("proof_year", np.array(proof.years)),
        }
    told = {name: getattr(posterior, name) for name in ATTRIBUTES if name != "blocks"}
    told |= {"draws": posterior.draws, "title": "Drug Futures: the posterior"}
    told["blocks"] = json.dumps(posterior.blocks, sort_keys=True, ensure_ascii=False)
    return xr.Dataset(variables, coordinates, told)


def _check(dataset: xr.Dataset, path: Path) -> None:
    """Refuse what is not whole. Raises InputError naming the file and what is wrong."""

    def refuse(what: str, key: str, given: object = None) -> InputError:
        return _broken(str(path), what, key, given)

    wanted = {**VARIABLES, **{name: (dim,) for name, dim in LABELS.items()}}
    for name, dims in wanted.items():
        if name not in dataset.variables:
            raise refuse("a variable lacks", name)
        if dataset[name].dims != dims:
            raise refuse(f"the dimensions are not {dims}", name, dataset[name].dims)
    if "proof" in dataset and dataset["proof"].dims != PROOF:
        raise refuse(f"the dimensions are not {PROOF}", "proof", dataset["proof"].dims)
    for name in ATTRIBUTES:
        if name not in dataset.attrs:
            raise refuse("an attribute lacks", name)
    if dataset.sizes["draw"] < 1:
        raise refuse("it holds no draw", "draw", 0)
    if dataset.sizes["knot"] != KNOTS:
        raise refuse(f"the trend has {KNOTS} knots", "knot", dataset.sizes["knot"])
    for name in ("key", "product", "group"):
        if len(set(dataset[name].values)) != dataset.sizes[name]:
            raise refuse("a label stands twice", name)
    for name in VARIABLES:
        numbers = dataset[name].values
        if numbers.dtype.kind != "f" or np.isinf(numbers).any():
            raise refuse("what is not a finite number", name)
        if name in WHOLE and np.isnan(numbers).any():
            raise refuse("numbers lack (NaN)", name, int(np.isnan(numbers).sum()))
    try:
        int(dataset.attrs["seed"])
        blocks = json.loads(str(dataset.attrs["blocks"]))
        fitted = [product for block in blocks.values() for product in block["products"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise refuse("a seed, or blocks with their products, lack", "seed, blocks") from None
    unknown = sorted(set(fitted) - {str(name) for name in dataset["product"].values})
    if unknown:
        raise refuse("a block has a product without innovations", "blocks", ", ".join(unknown))
