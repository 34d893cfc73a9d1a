"""Numbers for SamplerOracleTests: the samplers written once more, from the papers' formulas, in float64 with numpy and scipy.

Prints the [InlineData] lines of the test: configuration, steps, timesteps, latents after the last step. The network is
0.4 x + b cos(t / 300) with x as the sampler scales it; the noise of step i is sin(1.3 (i + 1) + 0.7 k) for element k.
Run with Debian's python3-numpy and python3-scipy:  python3 sampler_oracle.py
"""
import json

import numpy as np
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

X, SLOPE, T = np.array([1.5, -0.7, 0.2]), np.array([0.3, -0.2, 0.9]), 1000
BETAS = np.linspace(np.sqrt(0.00085), np.sqrt(0.012), T, dtype=np.float32) ** 2


def signal(c):
    betas = BETAS
    if c.get("rescale_betas_zero_snr"):
        root = np.sqrt(np.cumprod(1 - betas, dtype=np.float32))
        root = (root - root[-1]) * root[0] / (root[0] - root[-1])
        share = root ** 2
    else:
        share = np.cumprod(1 - betas, dtype=np.float32)
    return share.astype(float)


def table(c):
    share = signal(c)
    if c.get("rescale_betas_zero_snr"):
        share[-1] = 2.0 ** -24
    return np.sqrt((1 - share) / share)


def network(x, t):
    return 0.4 * x + SLOPE * np.cos(t / 300)


def noise(i):
    return np.sin(1.3 * (i + 1) + 0.7 * np.arange(3))


def time_of(sigma, sigmas):
    return np.interp(np.log(sigma), np.log(sigmas), np.arange(T))


def uneven(c, low, high, n):
    low, high, ramp = c.get("sigma_min") or low, c.get("sigma_max") or high, np.linspace(0, 1, n)
    if c.get("use_karras_sigmas"):
        return (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    if c.get("use_exponential_sigmas"):
        return np.exp(np.linspace(np.log(high), np.log(low), n))
    if c.get("use_beta_sigmas"):
        return low + beta_distribution.ppf(1 - ramp, 0.6, 0.6) * (high - low)
    return None


def euler_levels(c, n):
    sigmas, spacing, offset = table(c), c.get("timestep_spacing", "linspace"), c.get("steps_offset", 0)
    if spacing == "linspace":
        times = np.linspace(0, T - 1, n)[::-1]
    elif spacing == "leading":
        times = (np.arange(n) * (T // n))[::-1] + offset
    else:
        times = np.round(np.arange(T, 0, -T / n)) - 1
    levels = np.interp(times, np.arange(T), sigmas)
    other = uneven(c, levels[-1], levels[0], n)
    if other is not None:
        levels, times = other, time_of(other, sigmas)
    if c.get("timestep_type") == "continuous":
        times = np.log(levels) / 4
    last = sigmas[0] if c.get("final_sigmas_type") == "sigma_min" else 0.0
    return times, np.append(levels, last), np.sqrt(levels[0] ** 2 + 1) if spacing == "leading" else levels[0]


def clean_ve(c, x, p, s):
    return x - s * p if c.get("prediction_type", "epsilon") == "epsilon" else x / (s * s + 1) - p * s / np.sqrt(s * s + 1)


def euler(c, n, ancestral):
    times, levels, scale = euler_levels(c, n)
    x = X * scale
    for i in range(n):
        s, to = levels[i], levels[i + 1]
        x0 = clean_ve(c, x, network(x / np.sqrt(s * s + 1), times[i]), s)
        up = to * np.sqrt(1 - (to / s) ** 2) if ancestral else 0.0
        x = x0 + (x - x0) / s * np.sqrt(to ** 2 - up ** 2) + up * noise(i)
    return times, x


def heun(c, n):
    times, levels, scale = euler_levels(c, n)
    x, calls = X * scale, []

    def slope(x, i):
        calls.append(times[i])
        s = levels[i]
        x0 = clean_ve(c, x, network(x / np.sqrt(s * s + 1), times[i]), s)
        if c.get("clip_sample"):
            x0 = np.clip(x0, -1, 1)
        return (x - x0) / s

    for i in range(n):
        first, dt = slope(x, i), levels[i + 1] - levels[i]
        x = x + dt * first if i == n - 1 else x + dt * (first + slope(x + dt * first, i + 1)) / 2
    return np.array(calls), x


def lms(c, n):
    times, levels, scale = euler_levels(c, n)
    x, slopes = X * scale, []
    for i in range(n):
        s = levels[i]
        slopes.append((x - clean_ve(c, x, network(x / np.sqrt(s * s + 1), times[i]), s)) / s)
        nodes = range(max(0, i - 3), i + 1)
        basis = lambda r, k: np.prod([(r - levels[j]) / (levels[k] - levels[j]) for j in nodes if j != k])
        x = x + sum(quad(basis, s, levels[i + 1], args=(k,), epsabs=1e-13)[0] * slopes[k] for k in nodes)
    return times, x


def lcm(c, n):
    share, teacher = signal(c), c.get("original_inference_steps", 50)
    all_times = (np.arange(1, teacher + 1) * (T // teacher) - 1)[::-1]
    times = all_times[np.floor(np.linspace(0, teacher, n, endpoint=False)).astype(int)]
    x = X
    for i, t in enumerate(times):
        a, s = np.sqrt(share[t]), np.sqrt(1 - share[t])
        p = network(x, t)
        x0 = (x - s * p) / a if c.get("prediction_type", "epsilon") == "epsilon" else a * x - s * p
        if c.get("clip_sample"):
            x0 = np.clip(x0, -1, 1)
        scaled = t * c.get("timestep_scaling", 10.0)
        x = scaled / np.sqrt(scaled ** 2 + 0.25) * x0 + 0.25 / (scaled ** 2 + 0.25) * x
        if i < n - 1:
            x = np.sqrt(share[times[i + 1]]) * x + np.sqrt(1 - share[times[i + 1]]) * noise(i)
    return times, x


def solver_levels(c, n):
    sigmas, spacing = table(c), c.get("timestep_spacing", "linspace")
    other = uneven(c, sigmas[0], sigmas[-1], n)
    if other is not None:
        times = time_of(other, sigmas)
        times, levels, end = np.round(times) if c.get("use_karras_sigmas") else np.floor(times + 1e-4), other, other[-1]
    else:
        if spacing == "linspace":
            times = np.round(np.linspace(0, T - 1, n + 1))[::-1][:-1]
        elif spacing == "leading":
            times = (np.arange(n + 1) * (T // (n + 1)))[::-1][:-1] + c.get("steps_offset", 0)
        else:
            times = np.round(np.arange(T, 0, -T / n)) - 1
        levels, end = np.interp(times, np.arange(T), sigmas), sigmas[0]
    return times, np.append(levels, 0.0 if c.get("final_sigmas_type") == "zero" else end)


def solve(c, n, step):
    """Runs a multistep solver; step(x, x0s, levels, i, order) takes the newest prediction last."""
    times, levels = solver_levels(c, n)
    x, predictions = X, []
    for i in range(n):
        a = 1 / np.sqrt(levels[i] ** 2 + 1)
        s = levels[i] * a
        p = network(x, times[i])
        predictions.append((x - s * p) / a if c.get("prediction_type", "epsilon") == "epsilon" else a * x - s * p)
        x = step(x, predictions, levels, i)
    return times, x


def split(level):
    a = 1 / np.sqrt(level ** 2 + 1)
    return a, level * a


def logs(levels):
    with np.errstate(divide="ignore"):
        return -np.log(levels)


def order_of(c, n, i, always=False):
    if i == 0 or c.get("solver_order", 2) == 1:
        return 1
    lower = c.get("lower_order_final", True) and (always or n < 15) or c.get("final_sigmas_type") == "zero" and not always
    return 1 if lower and i == n - 1 else 2


def sde(c, n):
    def step(x, x0s, levels, i):
        (a0, s0), (a, s), lam = split(levels[i]), split(levels[i + 1]), logs(levels)
        h = lam[i + 1] - lam[i]
        f = 1 - np.exp(-2 * h)
        out = s / s0 * np.exp(-h) * x + a * f * x0s[-1] + s * np.sqrt(f) * noise(i)
        if order_of(c, n, i) == 2:
            d = (x0s[-1] - x0s[-2]) * h / (lam[i] - lam[i - 1])
            out = out + (a * (f / (-2 * h) + 1) * d if c.get("solver_type") == "heun" else 0.5 * a * f * d)
        return out
    return solve(c, n, step)


def deis(c, n):
    def step(x, x0s, levels, i):
        a0, s0 = split(levels[i])
        step.eps.append((x - a0 * x0s[-1]) / s0)
        rho, to = levels[i], levels[i + 1]
        if order_of(c, n, i) == 1:
            change = (to - rho) * step.eps[-1]
        else:
            before = levels[i - 1]
            weight = lambda one, zero: quad(lambda r: (np.log(r) - np.log(zero)) / (np.log(one) - np.log(zero)), rho, to, epsabs=1e-13)[0]
            change = weight(rho, before) * step.eps[-1] + weight(before, rho) * step.eps[-2]
        return split(to)[0] * (x / a0 + change)
    step.eps = []
    return solve(c, n, step)


def unipc(c, n):
    """The general scheme of the paper (any order), used here with orders 1 and 2."""
    times, levels = solver_levels(c, n)
    lam, bh1 = logs(levels), c.get("solver_type", "bh2") == "bh1"

    def update(x, m, i, order, extra=None):
        """From level i to i + 1 with predictions m[0..i]; extra is the prediction at the end, of a corrector."""
        (a, s), s0, h = split(levels[i + 1]), split(levels[i])[1], lam[i + 1] - lam[i]
        hh = -h
        phi = np.expm1(hh)
        out = s / s0 * x - a * phi * m[i]
        ratios = [(lam[i - k] - lam[i]) / h for k in range(1, order)]
        changes = [(m[i - k] - m[i]) / r for k, r in zip(range(1, order), ratios)]
        if extra is not None:
            ratios, changes = ratios + [1.0], changes + [extra - m[i]]
        if not changes:
            return out
        scale = hh if bh1 else np.expm1(hh)
        right, factorial, value = [], 1.0, phi / hh - 1
        for k in range(1, len(ratios) + 1):
            right.append(value * factorial / scale)
            factorial *= k + 1
            value = value / hh - 1 / factorial
        # The reference fixes the weight of a lone unknown at one half.
        weights = [0.5] if len(ratios) == 1 else np.linalg.solve(np.vander(ratios, increasing=True).T, right)
        return out - a * scale * sum(w * d for w, d in zip(weights, changes))

    x, m, start, order = X, [], None, 0
    for i in range(n):
        a, s = split(levels[i])
        p = network(x, times[i])
        x0 = (x - s * p) / a if c.get("prediction_type", "epsilon") == "epsilon" else a * x - s * p
        if i > 0 and i - 1 not in c.get("disable_corrector", []):
            x = update(start, m, i - 1, order, x0)
        m.append(x0)
        start, order = x, order_of(c, n, i, always=True)
        x = update(x, m, i, order)
    return times, x


RUNS = {
    "EulerDiscreteScheduler": (lambda c, n: euler(c, n, False), [
        ({"use_exponential_sigmas": True, "timestep_spacing": "leading", "steps_offset": 1}, 4), ({"use_beta_sigmas": True}, 5),
        ({"use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 9.5}, 4), ({"final_sigmas_type": "sigma_min", "timestep_spacing": "trailing"}, 3),
        ({"timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": True}, 3)]),
    "EulerAncestralDiscreteScheduler": (lambda c, n: euler(c, n, True), [
        ({}, 1), ({"timestep_spacing": "leading", "steps_offset": 1}, 4), ({"timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}, 5)]),
    "HeunDiscreteScheduler": (heun, [
        ({}, 1), ({"timestep_spacing": "leading", "steps_offset": 1}, 4), ({"use_karras_sigmas": True, "prediction_type": "v_prediction"}, 3), ({"use_beta_sigmas": True, "clip_sample": True}, 3)]),
    "LMSDiscreteScheduler": (lms, [
        ({}, 1), ({}, 6), ({"timestep_spacing": "leading", "steps_offset": 1}, 7), ({"timestep_spacing": "trailing", "prediction_type": "v_prediction"}, 5),
        ({"use_karras_sigmas": True}, 5), ({"use_exponential_sigmas": True}, 4), ({"use_beta_sigmas": True, "prediction_type": "v_prediction"}, 4)]),
    "LCMScheduler": (lcm, [
        ({}, 1), ({}, 4), ({"original_inference_steps": 40, "timestep_scaling": 0.01, "clip_sample": True}, 7), ({"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}, 3)]),
    "DPMSolverMultistepScheduler": (sde, [
        ({"algorithm_type": "sde-dpmsolver++"}, 1), ({"algorithm_type": "sde-dpmsolver++"}, 5), ({"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"}, 16),
        ({"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True, "final_sigmas_type": "zero"}, 6),
        ({"algorithm_type": "sde-dpmsolver++", "use_exponential_sigmas": True, "solver_order": 1}, 4), ({"algorithm_type": "sde-dpmsolver++", "use_beta_sigmas": True}, 4)]),
    "DEISMultistepScheduler": (deis, [
        ({}, 1), ({}, 5), ({"timestep_spacing": "leading", "steps_offset": 1}, 16), ({"timestep_spacing": "trailing", "prediction_type": "v_prediction"}, 4), ({"solver_order": 1}, 3)]),
    "UniPCMultistepScheduler": (unipc, [
        ({}, 1), ({}, 5), ({"solver_type": "bh1"}, 5), ({"solver_type": "bh1", "final_sigmas_type": "zero", "use_karras_sigmas": True}, 6), ({"solver_order": 1, "timestep_spacing": "trailing"}, 4),
        ({"disable_corrector": [0, 2], "lower_order_final": False}, 5), ({"timestep_spacing": "leading", "steps_offset": 1, "prediction_type": "v_prediction", "final_sigmas_type": "zero"}, 16),
        ({"sigma_min": 0.05, "sigma_max": 9.0, "use_exponential_sigmas": True, "final_sigmas_type": "zero"}, 4)]),
}

for name, (run, cases) in RUNS.items():
    for config, steps in cases:
        times, latents = run(config, steps)
        number = lambda v: f"{v:.7g}"
        text = json.dumps({"_class_name": name, **config})
        print(f'    [InlineData("""{text}""", {steps}, new[] {{ {", ".join(number(float(t)) + ("d" if i == 0 else "") for i, t in enumerate(times))} }}, '
              f'new[] {{ {", ".join(number(v) + ("d" if i == 0 else "") for i, v in enumerate(latents))} }})]')
