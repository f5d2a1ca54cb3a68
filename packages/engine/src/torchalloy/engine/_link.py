"""From a recipe to a program: check it, and fold in everybody who wants to be called."""

from collections import Counter

from torchalloy.core import Every, Handlers, OwnedRun, Recipe, RecipeError
from torchalloy.engine._program import OpenSource, Program

__all__ = ["link"]


def link(
    recipe: Recipe, *last: Handlers, first: tuple[Handlers, ...] = (), open_source: OpenSource | None = None
) -> Program:
    """Return the program of `recipe`: at each moment `first` is called, then the recipe's own handlers, then `last`.

    `open_source` makes the batches of a stage addressable when it starts; without it, batches that are no `Source` are
    iterated over, and a resumed stage walks past those it had.

    Raises: RecipeError: naming everything that can't run: no stage, two of one name, no budget, a rhythm below 1.
    """
    handlers = (*first, *recipe.handlers, *last)
    problems = [*_work_problems(recipe), *_rhythm_problems(handlers)]
    if problems:
        raise RecipeError("this recipe can't run: " + "; ".join(problems))
    if isinstance(recipe.work, OwnedRun):
        return Program({}, recipe.work, recipe.budget, handlers, open_source)
    return Program({stage.name: stage for stage in recipe.work}, None, recipe.budget, handlers, open_source)


def _work_problems(recipe: Recipe) -> list[str]:
    budget, problems = recipe.budget, []
    for what, limit in (("epochs", budget.epochs), ("iterations", budget.iterations)):
        if limit is not None and limit < 1:
            problems.append(f"a budget of {limit} {what}; it must be at least 1")
    if isinstance(recipe.work, OwnedRun):
        return problems
    if not recipe.work:
        problems.append("no stage")
    if budget.epochs is None and budget.iterations is None:
        problems.append("no budget; give it epochs or iterations")
    names = Counter(stage.name for stage in recipe.work)
    problems += [f"{number} stages named {name!r}" for name, number in names.items() if number > 1]
    return problems


def _rhythm_problems(handlers: tuple[Handlers, ...]) -> list[str]:
    rhythms = [(h.name, every) for h in handlers for every in (h.before_step, h.after_step) if isinstance(every, Every)]
    return [f"{name} asks for every {every.num_steps} steps" for name, every in rhythms if every.num_steps < 1]
