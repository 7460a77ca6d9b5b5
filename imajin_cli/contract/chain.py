"""The verdict chain: does a gate's word still hold for these pixels?"""

from __future__ import annotations

from imajin_cli.contract.sidecar import Sidecar


def holds(sidecar: Sidecar, gate: str, sha256: str) -> bool:
    """Whether ``gate`` passed the pixels that ``sha256`` names, or the request that they were made from.

    The gate's latest record must have passed; from its output on, each record that changed the picture must have taken the
    one before as its input, and the last output must be ``sha256``. An edit by another program breaks the chain.
    """
    at = next((i for i in range(len(sidecar.stages) - 1, -1, -1) if sidecar.stages[i].stage == gate), None)
    if at is None or sidecar.stages[at].status != "passed":
        return False
    current = sidecar.stages[at].output
    for record in sidecar.stages[at + 1 :]:
        if record.status == "changed":
            if current is None or record.input != current:
                return False
            current = record.output
    return current == sha256
