import numpy as np
import pulls
import pytest

from hpcpot.analysis import tension
from hpcpot.errors import ConfigError

STRAIN = np.linspace(0.0, 0.5, 5001)
TIMES = STRAIN * 1e5
"""fs, at 1e10 per second."""


def curve(strain=STRAIN, noise=0.0, seed=1) -> tension.Curve:
    stress = pulls.stress(strain) + np.random.default_rng(seed).normal(0, 1, len(strain)) * noise
    return tension.make_curve(TIMES[: len(strain)], strain, stress)


def test_a_line_is_fitted_exactly():
    fit = tension.modulus(curve(), 0.02, 0.08)
    assert fit.slope == pytest.approx(pulls.MODULUS, rel=1e-12)
    assert fit.intercept == pytest.approx(pulls.OFFSET, rel=1e-12)
    assert fit.points == 601 and fit.r_squared == pytest.approx(1.0) and fit.standard_error < 1e-10


def test_standard_error_is_the_spread_of_the_slope():
    fits = [tension.modulus(curve(noise=0.3, seed=k), 0.02, 0.08) for k in range(200)]
    spread = np.std([fit.slope for fit in fits])
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(spread, rel=0.15)
    assert np.mean([fit.correlated_error for fit in fits]) == pytest.approx(spread, rel=0.2)


def test_correlated_error_sees_correlated_noise():
    """An autoregressive noise of r = 0.9: the plain standard error is far too small."""
    rng, slopes, plain, correlated = np.random.default_rng(8), [], [], []
    for _ in range(200):
        noise = np.zeros(len(STRAIN))
        kicks = rng.normal(0, 0.1, len(STRAIN))
        for k in range(1, len(noise)):
            noise[k] = 0.9 * noise[k - 1] + kicks[k]
        fit = tension.modulus(tension.Curve(TIMES, STRAIN, pulls.stress(STRAIN) + noise, False), 0.02, 0.08)
        slopes.append(fit.slope), plain.append(fit.standard_error), correlated.append(fit.correlated_error)
    assert np.mean(correlated) == pytest.approx(np.std(slopes), rel=0.25)
    assert np.mean(plain) < 0.35 * np.std(slopes)


def test_sensitivity_to_the_window():
    fits = tension.sensitivity(curve(), 0.02, 0.08)
    assert len(fits) == 15
    assert {fit.low for fit in fits} == {0.01, 0.02, 0.03}
    assert {fit.high for fit in fits} == {0.06, 0.07, 0.08, 0.09, 0.1}
    short = tension.sensitivity(curve(STRAIN[STRAIN <= 0.0851]), 0.02, 0.08)
    assert {fit.high for fit in short} == {0.06, 0.07, 0.08}


def test_a_window_of_the_whole_curve_is_among_its_own_windows():
    """Also where round-off puts the last strain just below its end."""
    short = curve(STRAIN[STRAIN < 0.08001] * (1.0 - 1e-12))
    assert [(fit.low, fit.high) for fit in tension.sensitivity(short, 0.0, 0.08)][-1] == (0.01, 0.08)
    assert (0.0, 0.08) in {(fit.low, fit.high) for fit in tension.sensitivity(short, 0.0, 0.08)}


def test_strength_failure_and_toughness():
    found = tension.strength(curve())
    top = pulls.OFFSET + pulls.MODULUS * pulls.PEAK
    assert found.ultimate == pytest.approx(top, abs=0.06)  # the mean over 0.5 ps rounds the peak
    assert found.strain == pytest.approx(pulls.PEAK, abs=0.003)
    assert found.failure_strain == pytest.approx(pulls.PEAK + 0.8 * (pulls.FAILURE - pulls.PEAK), abs=0.004)
    upto = found.failure_strain >= STRAIN
    area = 0.5 * ((pulls.stress(STRAIN)[upto][1:] + pulls.stress(STRAIN)[upto][:-1]) @ np.diff(STRAIN[upto]))
    assert found.toughness == pytest.approx(area, rel=1e-9)


def test_what_does_not_fail():
    short = tension.strength(curve(STRAIN[STRAIN < 0.2]))
    assert np.isnan(short.failure_strain) and short.toughness > 0
    pressed = tension.strength(tension.make_curve(TIMES, STRAIN, np.full(len(STRAIN), -3.0)))
    assert pressed.ultimate == -3.0 and np.isnan(pressed.failure_strain)


def test_compression_is_turned():
    pressed = tension.make_curve(TIMES, -STRAIN, -pulls.stress(STRAIN))
    assert pressed.compressive
    assert tension.modulus(pressed, 0.02, 0.08).slope == pytest.approx(pulls.MODULUS, rel=1e-12)


@pytest.mark.parametrize("window", [(0.02, 0.6), (-0.1, 0.08)])
def test_a_window_outside_the_curve(window):
    with pytest.raises(
        ConfigError, match=r"curve.fit_window = \[.*\]: must be inside the curve, strain 0 to 0.5; give"
    ):
        tension.modulus(curve(), *window)


def test_a_window_with_too_few_samples():
    with pytest.raises(ConfigError, match="must hold at least 3 samples of the curve, and holds 1"):
        tension.modulus(curve(STRAIN[::100]), 0.015, 0.025)


def test_stress_of_particles():
    stress, volumes = np.array([1.0, 2.0]), np.array([8.0e5, 8.4e5])
    np.testing.assert_allclose(
        tension.stress_of_particle(stress, volumes, 30.0), stress * volumes / (4 / 3 * np.pi * 30.0**3), rtol=1e-14
    )
    force = 5.0 * np.pi * 30.0**2 / 160.2176634  # eV/Å, of 5 GPa on the cross-section
    np.testing.assert_allclose(tension.stress_of_grip(np.array([force]), 30.0), 5.0, rtol=1e-9)
