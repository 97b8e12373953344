"""What a model takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torpor_runtime.protocol.datatypes import Array

DYNAMIC = -1


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output.

    Attributes
    ----------
    name
        As the model calls it.
    datatype
        The protocol's name, such as FP32.
    shape
        One entry per axis, `DYNAMIC` where any length will do; None when even the rank is open.
    converts
        Datatypes that the model takes beside its own.
    """

    name: str
    datatype: str
    shape: tuple[int, ...] | None
    converts: frozenset[str] = frozenset()


class Model(Protocol):
    """A loaded model; `predict` may run in several threads at once."""

    @property
    def platform(self) -> str:
        """`<project>_<format>`, as the V2 metadata has it."""
        ...

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, all of them required."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Every output that can be asked for."""
        ...

    @property
    def default_outputs(self) -> tuple[str, ...]:
        """The outputs of a request that names none; the first one is V1's answer."""
        ...

    def predict(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run one inference.

        Parameters
        ----------
        inputs
            One array per input, fitting its spec.
        outputs
            Names from `outputs`.

        Returns
        -------
        list
            One array per asked output, in that order.
        """
        ...
