"""What the package shows."""

import torchalloy.distributed as face


def test_the_face_is_a_sorted_list_of_what_is_there():
    assert face.__all__ == sorted(face.__all__)
    assert all(hasattr(face, name) for name in face.__all__)
