"""`imajin compare --dry-run`: what each cell would take, and what has to be fetched first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imajin_cli.comparing.cells import Plan
from imajin_cli.contract.errors import UsageError
from imajin_cli.contract.exits import Exit
from imajin_cli.contract.need import Need
from imajin_cli.models.policy import check_licences
from imajin_cli.models.store import state
from imajin_cli.repository.costs import Costs, read_costs
from imajin_cli.repository.forecast import Work, downloads, predicted, tell_totals, vram, work_of
from imajin_cli.repository.paths import Base
from imajin_cli.repository.recipe import Recipes
from imajin_cli.run.leasing import united
from imajin_cli.run.naming import printable
from imajin_cli.run.pipe import write_out
from imajin_cli.run.report import Report


def foretell(planned: Sequence[Plan], report: Report) -> Exit:
    """Say it; gives the exit code."""
    recipes, costs = Recipes(Base(Path())), read_costs()
    works, needs = [], list[Need]()
    for plan in planned:
        work, own = _work(plan, recipes)
        works.append(work)
        needs += own
        _tell(plan, work, own, costs, report)
    seconds, measured = predicted(works, costs, 1)
    tell_totals(report, works, seconds, 1, measured, list(downloads(works)), _on_gpu(needs))
    return report.finish()


def _work(plan: Plan, recipes: Recipes) -> tuple[Work, list[Need]]:
    recipe, stages = recipes.of(plan.job), recipes.stages(plan.job)
    backend = str(plan.contender.settings["backend"])
    work = work_of(plan.job, recipe, list(stages), recipes.asked(plan.job), backend, _why(plan, recipes))
    return work, [need for stage in stages.values() for need in stage.needs()]


def _why(plan: Plan, recipes: Recipes) -> str:
    """The licence, whether the model is here, and where the policy refuses it, that."""
    entry = plan.contender.entry
    if entry is None:
        return "drawings under free licences" if "model" not in plan.contender.settings else "licence not known"
    policy = recipes.run_params(plan.job).licence_policy
    told = f"{entry.licence}, commercial use {entry.commercial}"
    told += "; not on this machine" if state(entry.name).endswith(" absent") else ""
    try:
        check_licences([entry], policy)
    except UsageError:
        return f"{told}: refused by the licence policy"
    return told


def _tell(plan: Plan, work: Work, needs: Sequence[Need], costs: Costs, report: Report) -> None:
    seconds, measured = predicted([work], costs, 1, start=False)
    if report.as_json:
        report.event("planned", asset=work.recipe.name, place=plan.job.place, why=work.why, pictures=work.pictures)
        return
    gpu = vram(_on_gpu(needs))
    parts = [f"about {seconds:.1f} s{'' if measured else ', not measured here'}", work.why, *([f"GPU: {gpu}"] if gpu else [])]
    line = printable(f"{plan.job.place}: {'; '.join(parts)}")
    write_out(f"{line}\n".encode("utf-8", "backslashreplace"))


def _on_gpu(needs: Sequence[Need]) -> list[Need]:
    return [need for need in united([needs]) if need.device != "cpu"]
