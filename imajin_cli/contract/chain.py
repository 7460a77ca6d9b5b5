"""The verdict chain: does a gate's word still hold for these pixels?"""

from __future__ import annotations

from collections.abc import Sequence

from imajin_cli.contract.sidecar import Record, Sidecar


def holds(sidecar: Sidecar, gate: str, sha256: str) -> bool:
    """Whether ``gate`` passed the pixels that ``sha256`` names, or the request that they were made from.

    The gate's latest record must have passed; from its output on, each record that changed the picture must have taken the
    one before as its input, and the last output must be ``sha256``. An edit by another program breaks the chain.
    """
    at = next((i for i in range(len(sidecar.stages) - 1, -1, -1) if sidecar.stages[i].stage == gate), None)
    if at is None or sidecar.stages[at].status != "passed":
        return False
    return leads_to(sidecar.stages[at:], sha256)


def leads_to(records: Sequence[Record], sha256: str) -> bool:
    """Whether the first record's output became ``sha256`` by the changes of the others alone, none left out."""
    current = records[0].output if records else None
    for record in records[1:]:
        if record.status == "changed":
            if current is None or record.input != current:
                return False
            current = record.output
    return current == sha256
