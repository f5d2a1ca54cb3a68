"""An optimizer's step without its wrappers, as long as nobody looks through them.

torch wraps every optimizer's `step` in a function that calls hooks and names the step for the profiler, and most in a
second one that sets the grad mode and talks to the compiler. For a small model they cost more than the update itself.
`quick_step` calls what is inside while there are no hooks, no profiler runs and nobody has patched the step, which it
asks at every call; otherwise it calls `optimizer.step()` like everybody.

The wrappers are known by their code objects: one that isn't exactly torch's own is never passed over.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim import optimizer as internals

__all__ = ["innermost", "quick_step"]


def quick_step(optimizer: Optimizer) -> Callable[[], None]:
    """Return a callable without arguments that does what `optimizer.step()` does, at less cost where it can."""
    inner, sets_grad_mode = innermost(type(optimizer))
    if inner is None or (sets_grad_mode and optimizer.defaults.get("differentiable")):
        return lambda: optimizer.step()  # looked up at each call, so that a later patch counts
    return _quick(optimizer, inner)


def innermost(kind: type[Optimizer]) -> tuple[Callable[[Any], Any] | None, bool]:
    """Return what is inside the wrappers of `kind.step`, and whether one of those was setting the grad mode.

    None where the outermost isn't torch's profiling wrapper, or torch isn't as we know it.
    """
    if _PROFILED is None or not _has_what_we_ask():
        return None, False
    inner = _unwrapped(kind.step, _PROFILED)
    if inner is None:
        return None, False
    deeper = _unwrapped(inner, _GRAD_MODE)
    return (inner, False) if deeper is None else (deeper, True)


def _quick(optimizer: Any, inner: Callable[[Any], Any]) -> Callable[[], None]:
    kind, own, outer = type(optimizer), optimizer.__dict__, type(optimizer).step
    before_all, after_all = internals._global_optimizer_pre_hooks, internals._global_optimizer_post_hooks
    profiling, grad_enabled, set_grad_enabled = (
        torch.autograd._profiler_enabled,  # type: ignore[attr-defined]  # there: `_has_what_we_ask` looked
        torch.is_grad_enabled,
        torch._C._set_grad_enabled,
    )

    def step() -> None:
        patch = own.get("step")
        if (
            optimizer._optimizer_step_pre_hooks
            or optimizer._optimizer_step_post_hooks
            or before_all
            or after_all
            or kind.step is not outer
            or profiling()
            or not (patch is None or _only_notes_the_call(patch, outer))
        ):
            optimizer.step()
            return
        if patch is not None:
            optimizer._opt_called = True  # all that the scheduler's patch does
        before = grad_enabled()
        set_grad_enabled(False)
        try:
            inner(optimizer)
        finally:
            set_grad_enabled(before)

    return step


def _only_notes_the_call(patch: Any, outer: Callable[..., Any]) -> bool:
    """Say whether `patch` is the one that torch's LRScheduler puts over a step to note that it is called."""
    return hasattr(patch, "_wrapped_by_lr_sched") and getattr(patch, "__wrapped__", None) is outer


def _unwrapped(function: Any, wrapper_code: Any) -> Callable[[Any], Any] | None:
    if wrapper_code is None or getattr(function, "__code__", None) is not wrapper_code:
        return None
    inner: Callable[[Any], Any] | None = getattr(function, "__wrapped__", None)
    return inner


def _code_of(wrap: Any) -> Any:
    """Return the code that every function made by the decorator `wrap` shares, or None where torch has no such one."""
    return None if wrap is None else getattr(wrap(lambda self: None), "__code__", None)


def _has_what_we_ask() -> bool:
    wanted = [
        (internals, "_global_optimizer_pre_hooks"),
        (internals, "_global_optimizer_post_hooks"),
        (torch.autograd, "_profiler_enabled"),
        (torch._C, "_set_grad_enabled"),
    ]
    return all(hasattr(module, name) for module, name in wanted)


_PROFILED = _code_of(getattr(Optimizer, "profile_hook_step", None))
_GRAD_MODE = _code_of(getattr(internals, "_use_grad_for_differentiable", None))
