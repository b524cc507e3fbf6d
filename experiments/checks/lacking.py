"""Parameters that products of a catalogue need and no row gives, all of them at once."""

from __future__ import annotations

from dataclasses import replace

from calibration.priors import draw_priors
from model.catalogue import Catalogue
from model.compartments import assemble
from model.errors import InputError, MissingParameter
from model.parameters import ParameterRow


def lacking(catalogue: Catalogue) -> list[MissingParameter]:
    """What building the model asks for in vain, in the order in which it asks.

    Rows of another product stand in for what lacks, so that the next is found. Raises InputError
    for any other mistake in the tables.
    """
    found: list[MissingParameter] = []
    while True:
        try:
            assemble(catalogue, draw_priors(catalogue, 1, median=True))
        except MissingParameter as error:
            found.append(error)
            catalogue = replace(
                catalogue, parameters=(*catalogue.parameters, *_stand_in(catalogue, error))
            )
        else:
            return found


def _stand_in(catalogue: Catalogue, error: MissingParameter) -> list[ParameterRow]:
    alike = [row for row in catalogue.parameters if row.parameter == error.parameter]
    rows = [row for row in alike if row.product == alike[0].product]
    if not rows:  # a name that no other product has: a rate or a share of its own
        rows = [next(row for row in catalogue.parameters if row.unit == "proportion")]
    named = {"product": error.owner, "parameter": error.parameter}
    return [row.model_copy(update=named) for row in rows]


def refusal(found: list[MissingParameter], folder: str) -> InputError | None:
    """One refusal that names them all; None where nothing lacks."""
    if not found:
        return None
    owners = dict.fromkeys(one.owner for one in found)
    named = [
        f"{owner}: {', '.join(one.parameter for one in found if one.owner == owner)}"
        for owner in owners
    ]
    return InputError(
        "products need parameters that no row gives",
        file=f"{folder}/parameters.csv",
        given="; ".join(named),
        allowed="a row for each, of the product, of its kind (kind:other) or of all (*)",
    )
