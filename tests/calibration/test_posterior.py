"""The posterior on disk: read as written, refused when it is not right, in place of the priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from calibration.posterior import (
    VARIABLES,
    Posterior,
    check_fresh,
    drawn,
    load,
    load_draws,
    save,
)
from calibration.priors import draw_priors
from model.catalogue import TABLES, Catalogue, load_catalogue
from model.compartments import assemble
from model.errors import InputError
from model.strata import build_strata
from tests.posteriors import CALIBRATED, DRAWS, SEED, stand_in, write_stand_in


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stand_in(tmp_path_factory.mktemp("posterior"))


def test_what_is_written_is_read(path: Path) -> None:
    made, read = stand_in(), load(path)
    for field in fields(Posterior):
        one, two = getattr(made, field.name), getattr(read, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one.astype(np.float32), two, err_msg=field.name)
        elif field.name not in ("file", "digest"):
            assert one == two, field.name
    assert (read.draws, read.calibrated, read.file) == (DRAWS, CALIBRATED, str(path))
    assert read.contractions["cannabis/ever_start[,,,,]"] == pytest.approx(0.71)
    check_fresh(read)


def test_equal_posteriors_give_equal_bytes_and_loads(path: Path, tmp_path: Path) -> None:
    again = write_stand_in(tmp_path)
    assert again.read_bytes() == path.read_bytes()
    one, two = load(path), load(again)
    assert one.digest == two.digest
    assert len(one.digest) == 64
    np.testing.assert_array_equal(one.values, two.values)
    assert [child.name for child in tmp_path.iterdir()] == ["posterior.nc"]


def test_500_draws_fit_into_4_megabytes(tmp_path: Path) -> None:
    made = stand_in(draws=500)
    many = 700
    values = np.random.default_rng(3).lognormal(size=(500, many))
    whole = np.ones(many)
    keys = tuple(f"cannabis/a_quantity_with_a_long_name_{k}[,,,,]" for k in range(many))
    wide = replace(made, keys=keys, values=values, block=("cannabis",) * many)
    wide = replace(wide, contraction=whole, rhat=whole, ess_bulk=whole, ess_tail=whole)
    save(wide, tmp_path / "wide.nc")
    assert (tmp_path / "wide.nc").stat().st_size < 4e6


def test_draw_i_is_that_of_the_posterior_and_all_else_of_the_prior(
    catalogue: Catalogue, path: Path
) -> None:
    posterior, prior = load(path), draw_priors(catalogue, 4, SEED)
    found, origin = drawn(catalogue, 4, SEED, path=path)
    assert (origin.mode, origin.own, origin.digest) == ("posterior", (), posterior.digest)
    for column, key in enumerate(posterior.keys):
        np.testing.assert_allclose(found.values[key], posterior.values[:4, column], rtol=1e-6)
    for key in prior.values.keys() - set(posterior.keys):
        np.testing.assert_array_equal(found.values[key], prior.values[key])
    np.testing.assert_array_equal(found.innovations, posterior.innovations[:4])
    assert (found.size, found.seed) == (4, SEED)


def test_two_loads_give_equal_bits_and_fewer_draws_are_the_first(
    catalogue: Catalogue, path: Path
) -> None:
    one, two, few = (load_draws(catalogue, n, SEED, path=path) for n in (DRAWS, DRAWS, 2))
    for key, value in one.values.items():
        np.testing.assert_array_equal(value, two.values[key])
        np.testing.assert_array_equal(value[:2], few.values[key])
    np.testing.assert_array_equal(one.innovations[:2], few.innovations)


def test_a_product_reads_its_own_copies_and_others_the_shared_rows(
    catalogue: Catalogue, path: Path
) -> None:
    found, prior = load_draws(catalogue, 3, SEED, path=path), draw_priors(catalogue, 3, SEED)
    (damping,) = found.find("cannabis", "illegal", "damping")
    assert damping.product == "cannabis"
    assert not np.array_equal(found.values[damping.key], prior.values["*/damping[,,,,]"])
    (shared,) = found.find("mdma", "illegal", "damping")
    assert shared.product == "*"
    np.testing.assert_array_equal(found.values[shared.key], prior.values["*/damping[,,,,]"])


def test_a_profile_is_copied_whole(catalogue: Catalogue, path: Path) -> None:
    found = load_draws(catalogue, 3, SEED, path=path)
    rows = found.find("cannabis", "illegal", "mental_health_prevalence")
    assert [row.key for row in rows] == [
        "cannabis/mental_health_prevalence[male,,,,]",
        "cannabis/mental_health_prevalence[female,,,,]",
    ]
    women = found.values["*/mental_health_prevalence[female,,,,]"]
    np.testing.assert_array_equal(found.values[rows[1].key], women)


def test_copies_that_equal_the_shared_rows_change_nothing(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    """The model cannot tell a shared row from a product's own copy with the same values."""
    prior = draw_priors(catalogue, 2, SEED)
    kinds = {row.id: row.kind for row in catalogue.products}
    keys, columns = [], []
    for product in ("cannabis", "alcohol", "gambling_online"):
        for name in sorted(prior.names(product, kinds[product])):
            for row in prior.find(product, kinds[product], name):
                if row.product != product and row.distribution != "fixed":
                    keys.append(row.model_copy(update={"product": product}).key)
                    columns.append(prior.values[row.key])
    whole = np.ones(len(keys))
    made = replace(
        stand_in(catalogue, 2),
        keys=tuple(keys),
        values=np.stack(columns, axis=1),
        innovations=prior.innovations,
        block=("all",) * len(keys),
        contraction=whole,
        rhat=whole,
        ess_bulk=whole,
        ess_tail=whole,
    )
    save(made, tmp_path / "copies.nc")
    strata = build_strata([10, 18, 25, 65], by_region=False, by_deprivation=False)
    copied = load_draws(catalogue, 2, SEED, path=tmp_path / "copies.nc")
    one, two = (assemble(catalogue, draws, strata).rates._asdict() for draws in (prior, copied))
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(value, two[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_prior_needs_no_posterior(catalogue: Catalogue, tmp_path: Path) -> None:
    found, origin = drawn(catalogue, 3, 5, prior=True, path=tmp_path / "none.nc")
    assert (origin.mode, origin.digest, found.size, found.seed) == ("prior", "", 3, 5)
    prior = draw_priors(catalogue, 3, 5)
    assert found.values.keys() == prior.values.keys()


@pytest.mark.parametrize(("draws", "seed", "key"), [(DRAWS + 1, SEED, "--draws"), (1, 2, "--seed")])
def test_what_the_posterior_does_not_have_is_refused(
    catalogue: Catalogue, path: Path, draws: int, seed: int, key: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_draws(catalogue, draws, seed, path=path)
    assert caught.value.key == key
    assert "--prior" in str(caught.value)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3000])


def _foul(path: Path) -> None:
    path.write_bytes(b"not a file of numbers")


def _turned(path: Path) -> None:
    """One bit of the stored numbers turned over."""
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        assert "value" in dataset
    import h5py

    with h5py.File(path, "r") as file:
        place = file["value"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place + 20] ^= 1
    path.write_bytes(content)


def _edited(edit: Callable[[xr.Dataset], xr.Dataset]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        dataset = xr.load_dataset(path, engine="h5netcdf")
        edit(dataset).to_netcdf(path, engine="h5netcdf")

    return change


def _with_value(number: float) -> Callable[[Path], None]:
    def edit(dataset: xr.Dataset) -> xr.Dataset:
        dataset["value"][1, 0] = number
        return dataset

    return _edited(edit)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "there is no posterior"),
    "cut": (_cut, "cannot be read"),
    "foul": (_foul, "cannot be read"),
    "turned": (_turned, "cannot be read"),
    "nan": (_with_value(np.nan), "numbers lack"),
    "infinite": (_with_value(np.inf), "finite"),
    "impossible": (_with_value(1.5), "impossible value"),
    "shape": (_edited(lambda d: d.isel(knot=slice(0, 3))), "knots"),
    "empty": (_edited(lambda d: d.isel(draw=slice(0, 0))), "no draw"),
    "turned round": (_edited(lambda d: d.transpose()), "dimensions"),
    "unknown": (
        _edited(lambda d: d.assign_coords(key=[f"heroin/{k}" for k in d["key"].values])),
        "no table",
    ),
    "twice": (_edited(lambda d: d.assign_coords(key=["a"] * d.sizes["key"])), "twice"),
    "no seed": (_edited(lambda d: d.drop_attrs().assign_attrs(made="x")), "attribute"),
    "blocks": (_edited(lambda d: d.assign_attrs(blocks="[1]")), "blocks"),
    "other tables": (_edited(lambda d: d.assign_attrs(data_hash="0" * 64)), "tables"),
    "other code": (_edited(lambda d: d.assign_attrs(code_hash="0" * 64)), "code changed"),
} | {
    f"without {name}": (_edited(lambda d, name=name: d.drop_vars(name)), "lacks")  # type: ignore[misc]
    for name in VARIABLES
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_posterior_that_is_not_right_is_refused(
    catalogue: Catalogue, tmp_path: Path, kind: str
) -> None:
    damage, message = DAMAGE[kind]
    path = write_stand_in(tmp_path)
    damage(path)
    with pytest.raises(InputError) as caught:
        load_draws(catalogue, 2, SEED, path=path)
    assert caught.value.file == str(path)
    assert message in caught.value.message
    assert "drugfutures calibrate" in str(caught.value)
    assert "--prior" in str(caught.value)


def test_what_cannot_be_loaded_is_not_saved(tmp_path: Path) -> None:
    made = stand_in()
    made.values[0, 0] = np.nan
    with pytest.raises(InputError):
        save(made, tmp_path / "bad.nc")
    assert list(tmp_path.iterdir()) == []


def _users(folder: Path, *rows: str) -> Catalogue:
    header = (TABLES / "parameters.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "parameters.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return load_catalogue(folder)


CELLS = "proportion,assumed,assumed,assumed,mine"


@pytest.mark.parametrize(
    ("row", "key"),
    [
        # The very row, a row of its own where the posterior has a copy, the shared row behind it.
        (
            "cannabis,ever_start,,,,,,0.5,0.4,0.6,logitnormal,probability,assumed,assumed,assumed,",
            "cannabis/ever_start[,,,,]",
        ),
        (f"cannabis,damping,,,,,,0.5,0.4,0.6,logitnormal,{CELLS}", "cannabis/damping[,,,,]"),
        (f"*,damping,,,,,,0.5,0.4,0.6,logitnormal,{CELLS}", "cannabis/damping[,,,,]"),
        (
            f"kind:illegal,damping,,,,,,0.5,0.4,0.6,logitnormal,{CELLS}",
            "cannabis/damping[,,,,]",
        ),
    ],
)
def test_a_users_row_keeps_its_prior(path: Path, tmp_path: Path, row: str, key: str) -> None:
    mine = _users(tmp_path, row)
    found, origin = drawn(mine, 3, SEED, path=path)
    prior = draw_priors(mine, 3, SEED)
    assert origin.own == (key,)
    name = key.partition("/")[2].partition("[")[0]
    (read,) = found.find("cannabis", "illegal", name)
    (own,) = prior.find("cannabis", "illegal", name)
    assert read.key == own.key
    np.testing.assert_array_equal(found.values[read.key], prior.values[own.key])
    # Everything else is still that of the posterior.
    posterior = load(path)
    at = posterior.keys.index("cocaine/initiation_mental_health_ratio[,,,,]")
    np.testing.assert_allclose(found.values[posterior.keys[at]], posterior.values[:3, at])


def test_a_users_product_is_drawn_from_its_priors(path: Path) -> None:
    kratom = load_catalogue(Path(__file__).parents[2] / "docs" / "examples" / "kratom")
    found, origin = drawn(kratom, 3, SEED, path=path)
    prior, posterior = draw_priors(kratom, 3, SEED), load(path)
    assert origin.own == ()
    assert "kratom" not in origin.calibrated
    ids = [row.id for row in kratom.products]
    own = ids.index("kratom")
    np.testing.assert_array_equal(found.innovations[:, own], prior.innovations[:, own])
    cannabis = posterior.products.index("cannabis")
    np.testing.assert_array_equal(
        found.innovations[:, ids.index("cannabis")], posterior.innovations[:3, cannabis]
    )
