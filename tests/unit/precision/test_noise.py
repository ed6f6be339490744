import numpy as np

from zoo.precision.noise import Effects, decibels, noise


def test_noise_is_the_energy_of_the_error_over_that_of_the_output():
    expected = (np.full((2, 5), 10, np.float32), np.zeros((2, 1), np.float32))
    got = (expected[0] + 1, expected[1])
    np.testing.assert_allclose(noise(expected, got), [0.01, 0])
    assert decibels(noise(expected, got)) == 20


def test_what_is_not_finite_is_noise_without_end():
    expected = (np.ones((1, 3), np.float32),)
    for value in (np.nan, np.inf):
        left = noise(expected, (np.array([[1, value, 1]], np.float32),))
        assert np.isinf(left).all() and decibels(left) == -200


def test_effects_that_cancel_out_count_as_if_they_did_not():
    effects = Effects(("a", "b", "c"), (np.array([[1.0, 0], [-1, 0], [0, 2]]),))
    floor = np.array([0.5])
    now, more = effects.noises_with(["a"], floor)
    assert now.item() == 1.5
    assert more[:, 0].tolist() == [0.5 + 4, 0.5 + 2, 0.5 + 5], "a twice as a vector, b as energy, c as either"


def test_effects_that_go_together_add_up_as_vectors():
    effects = Effects(("a", "b"), (np.array([[1.0, 1], [1, 1]]), np.array([[1.0], [2.0]])))
    now, _ = effects.noises_with(["a", "b"], np.zeros(2))
    assert now.tolist() == [8, 9]
    assert effects.energies.tolist() == [[2, 1], [2, 4]]
