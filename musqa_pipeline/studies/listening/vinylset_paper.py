"""What paper 004 [1]_ found on Vinylset: numbers that ours stand beside.

Means and deviations over its three folds, RMSE, PCC and SRCC of table 1 and the pairwise ranking
accuracy in % of table 2; predictions mapped by a cubic that was fitted to the test tracks.

References
----------
.. [1] A. Ragano, E. Benetos and A. Hines, "Audio quality assessment of vinyl music collections
   using self-supervised learning", 2023.
"""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[float, float]
METRICS = ("rmse", "pearson", "spearman", "ranking_accuracy")
PAPER: Mapping[str, tuple[Pair, Pair, Pair, Pair]] = {
    "convmaxpool": ((0.32, 0.009), (0.36, 0.058), (0.30, 0.097), (77.19, 4.33)),
    "convmaxpool_autoencoder": ((0.32, 0.016), (0.36, 0.107), (0.31, 0.131), (79.99, 7.81)),
    "convmaxpool_degradations": ((0.31, 0.012), (0.40, 0.074), (0.38, 0.090), (82.72, 4.88)),
    "convmaxpool_dcec": ((0.32, 0.015), (0.38, 0.091), (0.34, 0.105), (84.85, 4.51)),
    "convmaxpool_dcec_mtl": ((0.31, 0.011), (0.39, 0.064), (0.34, 0.080), (85.32, 2.49)),
    "nisqa_l1": ((0.33, 0.015), (0.34, 0.035), (0.33, 0.034), (77.95, 8.77)),
    "nisqa": ((0.36, 0.020), (0.38, 0.103), (0.36, 0.007), (80.8, 10.88)),
    "random_labels": ((0.34, 0.007), (0.19, 0.068), (0.11, 0.067), (66.13, 8.32)),
    "w2v_mos": ((0.29, 0.017), (0.50, 0.079), (0.47, 0.066), (89.74, 3.69)),
}
"""By network as the registry names it, mean and SD of each of `METRICS`; ``random_labels`` is
w2vMOS trained on Gaussian labels."""


def paper_number(network: str, metric: str) -> str:
    """Write what the paper prints of a network; a dash where it has none."""
    if network not in PAPER:
        return "–"
    mean, sd = PAPER[network][METRICS.index(metric)]
    return f"{mean:g} ± {sd:g}"
