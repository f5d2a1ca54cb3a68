"""The names that flashy's users reach."""

import pytest

import torchalloy.adapters.flashy as flashy
import torchalloy.adapters.flashy.dora as dora


@pytest.mark.parametrize("face", [flashy, dora])
def test_the_face_is_sorted_and_every_name_on_it_is_there(face):
    assert face.__all__ == sorted(face.__all__)
    assert all(getattr(face, name) is not None for name in face.__all__)


def test_submodules_resolve_without_an_import_of_their_own():
    assert flashy.state.StateDictSource and flashy.utils.write_and_rename and flashy.loggers.localfs.LocalFSLogger
    assert flashy.adversarial.AdversarialLoss and flashy.distrib.is_rank_zero()
    assert dora.distrib.get_distrib_spec()[:2] == (0, 1) and dora.git_save.to_absolute_path("a").is_absolute()
